"""The client workflow of the TUF specification (1.0.31, 5.3 to 5.6) as a state machine without input or output.

Metadata is given in the order root, timestamp, snapshot, targets. Each step either accepts it or raises; what was
accepted before is what the next is held against. A test holds every answer against python-tuf's own client, whose
state machine is private to it.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import TypeVar

from tuf.api.exceptions import (
    BadVersionNumberError,
    EqualVersionNumberError,
    ExpiredMetadataError,
    RepositoryError,
)
from tuf.api.metadata import Metadata, Root, Snapshot, Targets, Timestamp  # type: ignore[attr-defined]

Role = TypeVar("Role", Root, Timestamp, Snapshot, Targets)


class TrustedMetadata:
    """What a client has accepted so far.

    Args:
        data: the first root, trusted because its fingerprint is on paper (5.2).
        reference_time: against which expiry is judged, UTC.

    Raises:
        RepositoryError: it is no root, or not signed by its own keys.
    """

    def __init__(self, data: bytes, reference_time: datetime) -> None:
        first = _read(data, Root)
        first.signed.verify_delegate(Root.type, first.signed_bytes, first.signatures)
        self.reference_time = reference_time
        self.root: Root = first.signed
        self._timestamp: Timestamp | None = None
        self._snapshot: Snapshot | None = None
        self._targets: Targets | None = None

    @property
    def timestamp(self) -> Timestamp:
        """The timestamp that was accepted last."""
        return self._known(self._timestamp)

    @property
    def snapshot(self) -> Snapshot:
        """The snapshot that was accepted last."""
        return self._known(self._snapshot)

    @property
    def targets(self) -> Targets:
        """The targets that were accepted."""
        return self._known(self._targets)

    def __iter__(self) -> Iterator[Root | Timestamp | Snapshot | Targets]:
        """What was accepted, the root first."""
        return iter([one for one in (self.root, self._timestamp, self._snapshot, self._targets) if one is not None])

    def update_root(self, data: bytes) -> None:
        """Accept the next root, signed by the keys of the one before and by its own (5.3.4, 5.3.5).

        Raises:
            RepositoryError: it is not the next, or not signed by both.
        """
        new = self._signed(data, Root)
        if new.signed.version != self.root.version + 1:
            raise BadVersionNumberError(f"Expected root version {self.root.version + 1}, got {new.signed.version}")
        new.signed.verify_delegate(Root.type, new.signed_bytes, new.signatures)
        self.root = new.signed

    def update_timestamp(self, data: bytes) -> None:
        """Accept a timestamp that is not older than the one accepted before (5.3.10, 5.4).

        An expired one is kept, so that nothing older is accepted after it, and refused.

        Raises:
            EqualVersionNumberError: it has the version of the one accepted before, which stays.
            RepositoryError: it does not hold, is older, or has expired; or the root has.
        """
        self._require_fresh(self.root, "root.json")
        new = self._signed(data, Timestamp).signed
        if (old := self._timestamp) is not None:
            if new.version == old.version:
                raise EqualVersionNumberError
            behind = new.snapshot_meta.version < old.snapshot_meta.version
            if new.version < old.version or behind:
                raise BadVersionNumberError(f"version {new.version}, or its snapshot, is older than {old.version}")
        self._timestamp = new
        self._require_fresh(new, "timestamp.json")

    def update_snapshot(self, data: bytes, *, trusted: bool = False) -> None:
        """Accept the snapshot that the timestamp names, which takes no version back (5.5).

        Args:
            data: the metadata.
            trusted: whether this host accepted it earlier: then the newer timestamp names another one.

        Raises:
            RepositoryError: it does not hold, is not the one that is named, takes a version back, or has expired.
        """
        self._require_fresh(self.timestamp, "timestamp.json")
        if not trusted:
            self.timestamp.snapshot_meta.verify_length_and_hashes(data)
        new = self._signed(data, Snapshot).signed
        for name, listed in self._snapshot.meta.items() if self._snapshot else ():
            if name not in new.meta:
                raise RepositoryError(f"New snapshot is missing info for '{name}'")
            if new.meta[name].version < listed.version:
                raise BadVersionNumberError(f"Expected {name} version {listed.version}, got {new.meta[name].version}")
        self._snapshot = new
        self._require_final_snapshot()

    def update_targets(self, data: bytes) -> None:
        """Accept the targets that the snapshot names (5.6).

        Raises:
            RepositoryError: they do not hold, are not the ones that are named, or have expired.
        """
        self._require_final_snapshot()
        listed = self.snapshot.meta.get("targets.json")
        if listed is None:
            raise RepositoryError("Snapshot does not contain information for 'targets'")
        listed.verify_length_and_hashes(data)
        new = self._signed(data, Targets).signed
        if new.version != listed.version:
            raise BadVersionNumberError(f"Expected targets v{listed.version}, got v{new.version}")
        self._require_fresh(new, "targets.json")
        self._targets = new

    def _signed(self, data: bytes, role: type[Role]) -> Metadata[Role]:
        """Metadata of a role, signed by the keys that the root names for it."""
        read = _read(data, role)
        self.root.verify_delegate(role.type, read.signed_bytes, read.signatures)
        return read

    def _require_fresh(self, signed: Root | Timestamp | Snapshot | Targets, name: str) -> None:
        if signed.is_expired(self.reference_time):
            raise ExpiredMetadataError(f"{name} is expired")

    def _require_final_snapshot(self) -> None:
        """The snapshot has not expired and is the one that the timestamp names (5.5.4, 5.5.6)."""
        self._require_fresh(self.snapshot, "snapshot.json")
        expected = self.timestamp.snapshot_meta.version
        if self.snapshot.version != expected:
            raise BadVersionNumberError(f"Expected snapshot version {expected}, got {self.snapshot.version}")

    @staticmethod
    def _known(signed: Role | None) -> Role:
        if signed is None:
            raise RuntimeError("metadata is given in the order root, timestamp, snapshot, targets")
        return signed


def _read(data: bytes, role: type[Role]) -> Metadata[Role]:
    metadata: Metadata[Role] = Metadata.from_bytes(data)
    if metadata.signed.type != role.type:
        raise RepositoryError(f"Expected '{role.type}', got '{metadata.signed.type}'")
    return metadata
