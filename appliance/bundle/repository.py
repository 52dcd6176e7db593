"""Write a bundle's signed metadata: a TUF repository in a folder, `consistent_snapshot: false`."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

from tuf.api.metadata import (  # type: ignore[attr-defined]
    Metadata,
    MetaFile,
    Root,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)

from appliance.bundle.hashing import HashCache, Progress, hash_files
from appliance.errors import ApplianceError
from appliance.trust import canonical, hybrid
from appliance.trust.files import read_limited, replace_file
from appliance.trust.fingerprint import fingerprint
from appliance.trust.metadata import CREATED_FIELD, LIMITS, Custom, check_path, parse
from appliance.trust.root import CanonicalSerializer, Person, registered

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


@dataclass(frozen=True)
class Written:
    """A repository that was written.

    Attributes:
        version: version of its metadata.
        root_fingerprint: SHA-256 of ``1.root.json``.
        files: number of targets.
        size: their bytes.
    """

    version: int
    root_fingerprint: str
    files: int
    size: int


def write_repository(
    bundle: Path,
    targets: Mapping[str, Custom],
    *,
    roots: Sequence[bytes],
    people: Sequence[Person],
    edition: Edition | None = None,
    cache: HashCache | None = None,
    on_target: Progress | None = None,
) -> Written:
    """Hash the files in ``bundle/targets`` once and write signed metadata beside them.

    Args:
        bundle: the bundle's folder.
        targets: for each file below ``bundle/targets``, by relative path, its kind and label; exactly the files there.
        roots: the chain of root files, ``1.root.json`` first.
        people: who signs; at least the threshold.
        edition: version, creation and expiry; by default :meth:`Edition.today`.
        cache: the builder's record of digests; who writes a file puts its digest there, and it is not read again.
        on_target: called with path and length of each file as it is hashed.

    Raises:
        ApplianceError: a file without an entry or an entry without a file, or too few or strange people.
    """
    edition = edition or Edition.today()
    root: Root = parse(roots[-1], "root", f"{len(roots)}.root.json").signed
    _check_people(root, people)
    _check_listed(bundle / "targets", targets)
    hashed = hash_files(bundle / "targets", sorted(targets), cache or HashCache(None), on_target)

    folder = bundle / "metadata"
    folder.mkdir(exist_ok=True)
    version, expires = edition.version or _previous_version(folder) + 1, edition.expires
    files = {f"{number}.root.json": data for number, data in enumerate(roots, start=1)} | {"root.json": roots[-1]}
    listed = {
        path: TargetFile(length, {"sha256": digest}, path, {"custom": targets[path].model_dump()})
        for path, (length, digest) in hashed.items()
    }
    files["targets.json"] = _signed(Targets(version=version, expires=expires, targets=listed), people)
    snapshot = Snapshot(version=version, expires=expires, meta={"targets.json": _meta(version, files["targets.json"])})
    files["snapshot.json"] = _signed(snapshot, people)
    created = {CREATED_FIELD: edition.created.strftime("%Y-%m-%dT%H:%M:%SZ")}
    timestamp = Timestamp(
        version=version,
        expires=expires,
        snapshot_meta=_meta(version, files["snapshot.json"]),
        unrecognized_fields=created,
    )
    files["timestamp.json"] = _signed(timestamp, people)
    files[hybrid.FILE] = hybrid.sign(files, people)
    for name, data in files.items():
        replace_file(folder / name, data)
    return Written(
        version=version,
        root_fingerprint=fingerprint(roots[0]),
        files=len(hashed),
        size=sum(length for length, _ in hashed.values()),
    )


def list_files(folder: Path) -> list[str]:
    """Relative paths of everything below ``folder`` that is not a folder, links and special files included."""
    found = []
    for parent, folders, names in os.walk(folder):
        base = Path(parent)
        links = [name for name in folders if (base / name).is_symlink()]
        found += [str((base / name).relative_to(folder)) for name in (*names, *links)]
    return sorted(found)


def _check_listed(folder: Path, targets: Mapping[str, Custom]) -> None:
    present = set(list_files(folder))
    for path in sorted(present ^ set(targets)):
        state = "has no kind and label" if path in present else "is missing"
        raise ApplianceError(f"targets/{path} {state}", rule="a bundle lists exactly the files it carries")
    for path in targets:
        check_path(path)


def _check_people(root: Root, people: Sequence[Person]) -> None:
    enrolled = registered(root)
    for person in people:
        if enrolled.people.get(person.name) != (person.classical.public, person.quantum_safe.public):
            raise ApplianceError(f"{person.name} is not among the people of the root", rule="root.json names who signs")
    names = {person.name for person in people}
    if len(names) < enrolled.threshold:
        raise ApplianceError(
            f"{len(names)} people sign, {enrolled.threshold} must",
            rule="root.json sets how many people sign a bundle",
            remedy=f"add keys of: {', '.join(sorted(set(enrolled.people) - names))}",
        )


def _previous_version(folder: Path) -> int:
    path = folder / "timestamp.json"
    if not path.is_file():
        return 0
    return int(canonical.decode(read_limited(path, LIMITS["timestamp"]), str(path))["signed"]["version"])


def _signed(signed: Any, people: Sequence[Person]) -> bytes:
    metadata = Metadata(signed)
    for person in people:
        metadata.sign(person.classical.tuf_signer(), append=True)
    return metadata.to_bytes(CanonicalSerializer())


def _meta(version: int, data: bytes) -> MetaFile:
    return MetaFile(version, len(data), {"sha256": fingerprint(data)})
