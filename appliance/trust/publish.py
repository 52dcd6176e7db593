"""Make the signed metadata of a repository: TUF roles with ECDSA P-384, and the second algorithm over all of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from tuf.api.metadata import (  # type: ignore[attr-defined]
    Metadata,
    MetaFile,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)

from appliance.errors import ApplianceError
from appliance.trust import hybrid
from appliance.trust.chain import RootChain
from appliance.trust.fingerprint import fingerprint
from appliance.trust.metadata import Target
from appliance.trust.root import CanonicalSerializer, Person, registered
from appliance.trust.schema import CREATED_FIELD

VALID_DAYS = 365


@dataclass(frozen=True)
class Edition:
    """Which publication of the bundle this is.

    Attributes:
        created: time of creation, UTC.
        expires: end of validity, UTC.
        version: of the metadata; None means one more than what the folder has.
    """

    created: datetime
    expires: datetime
    version: int | None = None

    @classmethod
    def today(cls) -> Self:
        """The next version, made now and valid for a year."""
        now = datetime.now(UTC)
        return cls(created=now, expires=now + timedelta(days=VALID_DAYS))


def make_metadata(
    targets: Iterable[Target],
    *,
    chain: RootChain,
    people: Sequence[Person],
    edition: Edition,
) -> dict[str, bytes]:
    """Every metadata file of a repository, by name.

    Args:
        targets: what it lists.
        chain: the roots.
        people: who signs; at least the threshold.
        edition: version, creation and expiry.

    Raises:
        ApplianceError: too few or strange people.
    """
    check_people(chain, people)
    version, expires = edition.version or 1, edition.expires
    files = chain.files | {"root.json": chain.roots[-1]}
    listed = {
        target.path: TargetFile(target.length, {"sha256": target.sha256}, target.path, {"custom": target.listed()})
        for target in targets
    }
    files["targets.json"] = sign_role(Targets(version=version, expires=expires, targets=listed), people)
    snapshot = Snapshot(version=version, expires=expires, meta={"targets.json": meta(version, files["targets.json"])})
    files["snapshot.json"] = sign_role(snapshot, people)
    timestamp = Timestamp(
        version=version,
        expires=expires,
        snapshot_meta=meta(version, files["snapshot.json"]),
        unrecognized_fields={CREATED_FIELD: edition.created.strftime("%Y-%m-%dT%H:%M:%SZ")},
    )
    files["timestamp.json"] = sign_role(timestamp, people)
    files[hybrid.FILE] = hybrid.sign(files, people)
    return files


def check_people(chain: RootChain, people: Sequence[Person]) -> None:
    """Refuse people whose signatures would not count.

    Raises:
        ApplianceError: one is not in the last root, or they are too few.
    """
    enrolled = registered(chain.current())
    for person in people:
        if enrolled.people.get(person.name) != person.public:
            raise ApplianceError(f"{person.name} is not among the people of the root", rule="root.json names who signs")
    names = {person.name for person in people}
    if len(names) < enrolled.threshold:
        raise ApplianceError(
            f"{len(names)} people sign, {enrolled.threshold} must",
            rule="root.json sets how many people sign a bundle",
            remedy=f"add keys of: {', '.join(sorted(set(enrolled.people) - names))}",
        )


def sign_role(signed: Any, people: Sequence[Person]) -> bytes:
    """The canonical bytes of a role's metadata with the ECDSA signature of each of ``people``."""
    metadata = Metadata(signed)
    for person in people:
        metadata.sign(person.classical.tuf_signer(), append=True)
    return metadata.to_bytes(CanonicalSerializer())


def meta(version: int, data: bytes) -> MetaFile:
    """How one metadata file names another: version, length and SHA-256."""
    return MetaFile(version, len(data), {"sha256": fingerprint(data)})
