"""Write a bundle's signed metadata: a TUF repository in a folder, `consistent_snapshot: false`."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from appliance.bundle.repository.hashing import CHUNK, HashCache, Progress, hash_files
from appliance.errors import ApplianceError
from appliance.trust import canonical
from appliance.trust.files import read_limited, replace_file
from appliance.trust.fingerprint import fingerprint
from appliance.trust.repository.chain import RootChain
from appliance.trust.repository.client import verify_metadata
from appliance.trust.repository.metadata import LIMITS, Target, check_path
from appliance.trust.repository.publish import Edition, check_people, prepare
from appliance.trust.repository.request import SigningRequest, sign_with_all
from appliance.trust.repository.root import Person
from appliance.trust.repository.schema import Chunks, Custom


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
    chain: RootChain,
    people: Sequence[Person],
    edition: Edition | None = None,
    cache: HashCache | None = None,
    on_target: Progress | None = None,
) -> Written:
    """Hash the files in ``bundle/targets`` once and write signed metadata beside them.

    Args:
        bundle: the bundle's folder.
        targets: for each file below ``bundle/targets``, by relative path, its kind and label; exactly the files there.
        chain: the roots, from the folder of ``appliance keys``.
        people: who signs; at least the threshold.
        edition: version, creation and expiry; by default :meth:`Edition.today`.
        cache: the builder's record of digests; who writes a file puts its digest there, and it is not read again.
        on_target: called with path and length of each file as it is hashed.

    Raises:
        ApplianceError: a file without an entry or an entry without a file, or too few or strange people.
    """
    check_people(chain, people)
    request = prepare_repository(bundle, targets, chain=chain, edition=edition, cache=cache, on_target=on_target)
    return seal(bundle, sign_with_all(request, people))


def prepare_repository(
    bundle: Path,
    targets: Mapping[str, Custom],
    *,
    chain: RootChain,
    edition: Edition | None = None,
    cache: HashCache | None = None,
    on_target: Progress | None = None,
) -> SigningRequest:
    """Hash the files in ``bundle/targets`` once and ask for signatures on their metadata; writes nothing.

    For arguments see :func:`write_repository`.

    Raises:
        ApplianceError: a file without an entry or an entry without a file.
    """
    edition = edition or Edition.today()
    _check_listed(bundle / "targets", targets)
    hashed = hash_files(bundle / "targets", sorted(targets), cache or HashCache(None), on_target)
    listed = [
        Target(path, file.length, file.sha256, targets[path], chunks=Chunks.of(CHUNK, file.chunks))
        for path, file in hashed.items()
    ]
    if edition.version is None:
        edition = replace(edition, version=previous_version(bundle / "metadata") + 1)
    return prepare(listed, chain=chain, edition=edition)


def seal(bundle: Path, request: SigningRequest) -> Written:
    """Write the metadata of a completely signed request into ``bundle``.

    Raises:
        ApplianceError: signatures are missing, or the request lists other files than the bundle has.
    """
    files = request.files()
    root = fingerprint(request.chain.roots[0])
    repository = verify_metadata(files, root, known={}, now=datetime.fromtimestamp(0, UTC))
    _check_listed(bundle / "targets", repository.targets)
    folder = bundle / "metadata"
    folder.mkdir(exist_ok=True)
    for entry in folder.iterdir():
        if entry.name not in files:
            entry.unlink()
    for name, data in files.items():
        replace_file(folder / name, data)
    return Written(
        version=repository.version,
        root_fingerprint=root,
        files=len(repository.targets),
        size=sum(target.length for target in repository.targets.values()),
    )


def list_files(folder: Path) -> list[str]:
    """Relative paths of everything below ``folder`` that is not a folder, links and special files included."""
    found = []
    for parent, folders, names in os.walk(folder):
        base = Path(parent)
        links = [name for name in folders if (base / name).is_symlink()]
        found += [str((base / name).relative_to(folder)) for name in (*names, *links)]
    return sorted(found)


def _check_listed(folder: Path, targets: Mapping[str, object]) -> None:
    present = set(list_files(folder))
    for path in sorted(present ^ set(targets)):
        state = "has no kind and label" if path in present else "is missing"
        raise ApplianceError(f"targets/{path} {state}", rule="a bundle lists exactly the files it carries")
    for path in targets:
        check_path(path)


def previous_version(folder: Path) -> int:
    """The version of the metadata in ``folder``, or 0 when there is none."""
    path = folder / "timestamp.json"
    if not path.is_file():
        return 0
    return int(canonical.decode(read_limited(path, LIMITS["timestamp"]), str(path))["signed"]["version"])
