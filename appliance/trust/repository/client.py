"""The ordinary TUF client workflow over the files of a folder, plus what this appliance demands beyond it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tuf.api.exceptions import (
    BadVersionNumberError,
    EqualVersionNumberError,
    ExpiredMetadataError,
    RepositoryError,
    UnsignedMetadataError,
)

from appliance.trust import furniture
from appliance.trust.files import read_limited, replace_file
from appliance.trust.fingerprint import check_fingerprint, fingerprint
from appliance.trust.repository import hybrid
from appliance.trust.repository.chain import RootChain, chain_names
from appliance.trust.repository.metadata import (
    LIMITS,
    MetadataError,
    Target,
    check_signatures,
    parse,
    role_keys,
    targets_of,
)
from appliance.trust.repository.root import Registered, registered
from appliance.trust.repository.schema import CREATED_FIELD
from appliance.trust.repository.workflow import TrustedMetadata

ROLES = ("timestamp", "snapshot", "targets")


@dataclass(frozen=True)
class Repository:
    """Metadata that proved itself.

    Attributes:
        files: every metadata file by name, exact bytes.
        registered: people, builders, threshold and DEMO mark of the root.
        targets: what the repository carries, by path.
        signers: role to the names of those who signed it.
        version: version of the timestamp role, which rises with every publication.
        created: when the repository was made, UTC, by its own signed word.
        expires: when the first of its roles expires, UTC.
        reference_time: the time against which expiry was judged, UTC.
    """

    files: dict[str, bytes]
    registered: Registered
    targets: dict[str, Target]
    signers: dict[str, tuple[str, ...]]
    version: int
    created: datetime
    expires: datetime
    reference_time: datetime

    @property
    def root(self) -> str:
        """Fingerprint of the root, as it is on paper."""
        return fingerprint(self.files["1.root.json"])


def read_repository(
    folder: Path, root_fingerprint: str, *, trusted: Path | None = None, now: datetime | None = None
) -> Repository:
    """Read and verify the metadata in ``folder``.

    Args:
        folder: the bundle's ``metadata`` folder.
        root_fingerprint: SHA-256 of ``1.root.json``, from paper.
        trusted: folder with the metadata that this host accepted last, or None on a host that has none.
        now: the latest time the host is sure of, UTC; by default its clock. The creation times of this repository and
            of the one accepted last count too, so a clock that was set back does not revive what has expired.

    Raises:
        ApplianceError: another root, unlisted or strange files, too few or wrong signatures, both algorithms not used,
            expired, or older than what the host accepted before.
    """
    return verify_metadata(
        _read_files(folder), root_fingerprint, known=_read_trusted(trusted), now=now or datetime.now(UTC)
    )


def verify_metadata(
    files: dict[str, bytes], root_fingerprint: str, *, known: dict[str, bytes], now: datetime
) -> Repository:
    """Verify metadata files; :func:`read_repository` with the files in memory.

    Args:
        files: every metadata file by name.
        root_fingerprint: SHA-256 of ``1.root.json``, from paper.
        known: the metadata files that this host accepted last; empty on a host that has none.
        now: the latest time the host is sure of, UTC.

    Raises:
        ApplianceError: as :func:`read_repository`.
    """
    offered = RootChain.pick(files)
    check_fingerprint(files["1.root.json"], root_fingerprint, "metadata/1.root.json")
    if files["root.json"] != offered.roots[-1]:
        raise MetadataError(
            f"metadata/root.json: is not a copy of {len(offered)}.root.json",
            rule="the last root stands under both names, so that every TUF client finds it",
            remedy="the medium is damaged, or somebody changed it; carry the bundle again from its source",
        )
    chain = _longer(offered, known)
    root = chain.verify()
    people = registered(root)
    names = {keys[0].keyid: name for name, keys in people.people.items()}

    signers = {}
    for role in ROLES:
        metadata = parse(files[f"{role}.json"], role, f"{role}.json")
        signed = check_signatures(metadata, role_keys(root, role), f"{role}.json")
        signers[role] = tuple(sorted(names[keyid] for keyid in signed))
        if role == "timestamp":
            created = _created(metadata.signed.unrecognized_fields.get(CREATED_FIELD))
    reference_time = max(now, created, *_known_times(known))
    accepted = _client_workflow(chain.roots, files, known, reference_time)
    signers["hybrid"] = hybrid.verify(
        files[hybrid.FILE],
        {name: data for name, data in files.items() if name != hybrid.FILE},
        people.people,
        people.threshold,
    )
    hybrid.require_one_form(files[hybrid.FILE], people.people)
    return Repository(
        files=files,
        registered=people,
        targets=targets_of(accepted.targets),
        signers=signers,
        version=accepted.timestamp.version,
        created=created,
        expires=min(signed.expires for signed in accepted),
        reference_time=reference_time,
    )


def remember(repository: Repository, trusted: Path) -> None:
    """Keep accepted metadata, so that nothing older is accepted later. Durable when it returns.

    Args:
        repository: what :func:`read_repository` returned, after everything it lists was verified too.
        trusted: the host's folder for it.
    """
    trusted.mkdir(parents=True, exist_ok=True)
    order = sorted(repository.files, key=lambda name: (name == "timestamp.json", name == "snapshot.json", name))
    for name in order:
        replace_file(trusted / name, repository.files[name])


def _read_files(folder: Path) -> dict[str, bytes]:
    """Every metadata file, read once; all later steps use these bytes."""
    try:
        names = sorted(entry.name for entry in folder.iterdir())
    except OSError as error:
        raise MetadataError(
            f"{folder}: cannot be read: {error.strerror}", remedy="name the folder that holds metadata/ and targets/"
        ) from error
    if furniture.plain_iso(names):  # before the chain of roots is looked for, whose names are cut too
        raise MetadataError(
            f"{folder}: the names on this disc are cut, as plain ISO 9660 does without Rock Ridge or UDF",
            rule="a bundle's files keep their names (ISO 9660, 7.5, has eight characters and three)",
            remedy=furniture.BURN,
        )
    limits = {f"{role}.json": limit for role, limit in LIMITS.items()} | {hybrid.FILE: hybrid.LIMIT}
    limits |= dict.fromkeys(chain_names(names), LIMITS["root"])
    for name in names:
        if name not in limits:
            raise MetadataError(
                furniture.stray(f"metadata/{name}", "not a metadata file"),
                rule="unlisted files are refused",
                remedy="remove it, or carry the bundle again: nothing else lies in metadata/",
            )
    return {name: read_limited(folder / name, limit, f"metadata/{name}") for name, limit in limits.items()}


def _read_trusted(trusted: Path | None) -> dict[str, bytes]:
    if trusted is None or not (trusted / "1.root.json").is_file():
        return {}
    return _read_files(trusted)


def _longer(offered: RootChain, known: dict[str, bytes]) -> RootChain:
    """The longer of the bundle's and the host's chains of roots; they may not differ where both have a root."""
    if not known:
        return offered
    held = RootChain.pick(known)
    for number, (one, other) in enumerate(zip(offered.roots, held.roots, strict=False), start=1):
        if one != other:
            raise MetadataError(
                f"metadata/{number}.root.json: differs from the one that this host accepted",
                rule="a root version exists once",
                remedy="ask its makers whether the keys were changed; a new root needs a new installation",
            )
    return max(offered, held, key=len)


def _client_workflow(
    roots: list[bytes], files: dict[str, bytes], known: dict[str, bytes], reference_time: datetime
) -> TrustedMetadata:
    """TUF specification 5.3 to 5.6: root chain, then timestamp, snapshot and targets, against what is known already."""
    name = "1.root.json"
    try:
        accepted = TrustedMetadata(roots[0], reference_time)
        for number, data in enumerate(roots[1:], start=2):
            name = f"{number}.root.json"
            accepted.update_root(data)
        if known:
            _load_known(accepted.update_timestamp, known["timestamp.json"])
        name = "timestamp.json"
        _update_timestamp(accepted, files, known)
        if known:
            _load_known(lambda data: accepted.update_snapshot(data, trusted=True), known["snapshot.json"])
        name = "snapshot.json"
        accepted.update_snapshot(files[name])
        name = "targets.json"
        accepted.update_targets(files[name])
    except RepositoryError as error:
        raise _explain(error, name, reference_time) from error
    return accepted


def _update_timestamp(accepted: TrustedMetadata, files: dict[str, bytes], known: dict[str, bytes]) -> None:
    try:
        accepted.update_timestamp(files["timestamp.json"])
    except EqualVersionNumberError:
        if files["timestamp.json"] != known["timestamp.json"]:
            raise MetadataError(
                "timestamp.json: has the version of the one this host accepted, but is another file",
                rule="a version exists once",
                remedy="build the bundle again with a higher version",
            ) from None


def _load_known(update: Any, data: bytes) -> None:
    """Load what the host accepted earlier; when it is expired, or its keys were rotated since, the workflow goes on."""
    try:
        update(data)
    except RepositoryError:
        return


def _known_times(known: dict[str, bytes]) -> list[datetime]:
    """When the bundle that the host accepted last was made: it is later than that now, whatever the clock says."""
    if not known:
        return []
    timestamp = parse(known["timestamp.json"], "timestamp", "trusted timestamp.json").signed
    return [_created(timestamp.unrecognized_fields[CREATED_FIELD])]


def _created(value: object) -> datetime:
    try:
        return datetime.strptime(str(value), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError as error:
        raise MetadataError(f"timestamp.json: {CREATED_FIELD} is not a time in UTC") from error


def _explain(error: RepositoryError, name: str, reference_time: datetime) -> MetadataError:
    if isinstance(error, ExpiredMetadataError):
        return MetadataError(
            f"{name}: {error}, at {reference_time:%Y-%m-%d %H:%M} UTC",
            rule="expired metadata installs nothing; what runs already goes on",
            remedy="carry a newer bundle; if the date is wrong, set the host's clock",
        )
    if isinstance(error, BadVersionNumberError):
        return MetadataError(
            f"{name}: older than what this host accepted, or not the version that was signed with it: {error}",
            rule="versions never go back (rollback and mix-and-match attacks)",
            remedy="carry the newest bundle, whole",
        )
    if isinstance(error, UnsignedMetadataError):
        return MetadataError(
            f"{name}: {error}",
            rule="enough of the people in root.json sign every role",
            remedy="have it signed by more of them",
        )
    return MetadataError(f"{name}: {error}", rule="TUF specification 5, detailed client workflow")
