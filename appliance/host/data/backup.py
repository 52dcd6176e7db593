"""Backups of one enclave: its volumes, cold, encrypted to keys that are not on this host, labelled and signed.

A backup is two files: ``<site>-<enclave>-<marking>-<time>.tar.age`` and a statement of the same name that the host
signed (``.dsse.json``): which enclave at which label, when, and the archive's SHA-256. The same facts are the archive's
first member, so that a statement cannot be put to another archive. Models are not in it: they are the bundle's.
"""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from appliance.audit.events import kinds as events
from appliance.audit.events import spool
from appliance.audit.events.kinds import Lineage, Scope
from appliance.audit.review.spill import BACKUP
from appliance.enclave.paths import HostPaths
from appliance.enclave.site import ENCLAVE_UIDS, Enclave, Site, validated
from appliance.errors import ApplianceError
from appliance.host.change import converge, stack
from appliance.host.change.rotate import HOST_KEYS
from appliance.host.data import archive
from appliance.host.enforce.podman import Podman
from appliance.host.state import copies, generation
from appliance.monitor.in_force.statements import installed_statements
from appliance.trust import age, dsse
from appliance.trust.files import read_limited, replace_file, sync
from appliance.trust.keys import PublicKey, host_key, load_public_key
from appliance.trust.officers import payload_type

KIND = "backup"
RESTORE = "enclave.restore"
SUFFIX = ".tar.age"
STAGING, RESTORED, REPLACED = ".staging", "restored", "replaced-"
MAXIMUM_SIZE = 1 << 16
Progress = Callable[[str], None]


class Head(BaseModel):
    """What a backup is of: the archive's first member, and part of what the host signs.

    Attributes:
        site: the site.
        enclave: the enclave.
        label: its encoded label.
        marking: its banner.
        taken: when its services stood still.
        generation: what ran then.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    site: str
    enclave: str
    label: str
    marking: str
    taken: AwareDatetime
    generation: int


class Backup(Head):
    """The signed statement: the head, and the archive's name, bytes and SHA-256."""

    archive: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,250}$")]
    size: Annotated[int, Field(ge=0)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]

    @property
    def head(self) -> Head:
        """What the archive's first member must say."""
        return Head.model_validate(self.model_dump(include=set(Head.model_fields)))


def back_up(paths: HostPaths, name: str, out: Path, recipients: Path, progress: Progress) -> tuple[Path, Backup]:
    """Stop an enclave for a cold copy of its volumes, start it again, and write the copy encrypted to ``out``.

    Args:
        paths: where the appliance lives.
        name: of the enclave.
        out: folder for the two files.
        recipients: file with the keys that can open it, a line each.
        progress: told what happens.

    Raises:
        ApplianceError: no such enclave, no usable key, no room; nothing of an unfinished backup stays, and the enclave
            runs again.
    """
    site = installed_statements(paths).site
    enclave, keys = site.enclave(name), age.read_recipients(recipients)
    if not out.is_dir():
        raise ApplianceError(f"{out}: not a folder", remedy="mount the medium and name a folder on it")
    with converge.exclusive(paths):
        head = _head(paths, site, enclave)
        file = out / _file_name(head)
        _record(paths, enclave, BACKUP, {"file": file.name, "keys": len(keys), "state": "begun"})
        staging = paths.root / "copies" / STAGING
        try:
            _copy(paths, enclave, staging, progress)
            progress(f"encrypting to {len(keys)} keys")
            digest = _encrypt(staging / enclave.name, enclave, head, file, keys)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    part = _part(file)
    try:
        made = Backup(**head.model_dump(), archive=file.name, size=part.stat().st_size, sha256=digest)
        lineage = Lineage(outputs=(f"sha256:{digest}",))
        _record(paths, enclave, BACKUP, {"file": file.name, "bytes": made.size, "state": "done"}, lineage)
        statement = statement_of(file)
        key = host_key(paths.root / "secrets" / "host.pem", demo=site.demo)
        replace_file(statement, dsse.sign(made.model_dump(mode="json"), payload_type(KIND), [key]))
        part.rename(file)
        sync(file.parent)
    finally:
        part.unlink(missing_ok=True)
    return statement, made


def read(paths: HostPaths, statement: Path, signer: PublicKey | None) -> Backup:
    """The statement of a backup, proven to be this host's (or ``signer``'s), and its archive proven to be the one.

    Raises:
        ApplianceError: not signed by the host, another site's, or the archive is missing or changed.
    """
    site = installed_statements(paths).site
    data = read_limited(statement, MAXIMUM_SIZE)
    value = dsse.verify(data, payload_type(KIND), _signers(paths, site, signer), 1, str(statement)).value
    found: Backup = validated(Backup, value, statement.name)
    if found.site != site.site:
        raise ApplianceError(
            f"{statement}: a backup of the site {found.site}, this is {site.site}",
            rule="a backup goes back to the site that it was taken of",
            remedy="name a backup of this site",
        )
    file = statement.with_name(found.archive)
    with file.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    if digest != found.sha256:
        raise ApplianceError(
            f"{file}: SHA-256 {digest}, the host signed {found.sha256}",
            rule="a backup is restored whole and unchanged or not at all",
            remedy="take another copy of it, or another backup",
        )
    return found


def _signers(paths: HostPaths, site: Site, signer: PublicKey | None) -> dict[str, PublicKey]:
    """Who may have made a backup: the host that is named, or this one, with the keys that it had before."""
    if signer:
        return {"host": signer}
    before = {file.stem: load_public_key(file) for file in sorted((paths.root / HOST_KEYS).glob("*.pub"))}
    return before | {"host": host_key(paths.root / "secrets" / "host.pem", demo=site.demo).public}


def restore(
    paths: HostPaths,
    name: str,
    statement: Path,
    identity: Any,
    progress: Progress,
    *,
    signer: PublicKey | None = None,
    dry_run: bool = False,
) -> Backup:
    """Put the data of a backup back into the enclave that it was taken of; what is there now is set aside.

    Everything is proven and unpacked beside the volumes before the enclave stops. If it does not become healthy on the
    restored data, it gets back what it had.

    Args:
        paths: where the appliance lives.
        name: of the enclave.
        statement: the backup's statement; the archive lies beside it.
        identity: the private key that opens it.
        progress: told what happens.
        signer: the host that made it, where that is another.
        dry_run: prove and unpack everything, change nothing.

    Raises:
        ApplianceError: another enclave's or label's, changed, cut off, another key, or not healthy.
    """
    enclave = installed_statements(paths).site.enclave(name)
    with converge.exclusive(paths):
        now = generation.required(paths)
        found = read(paths, statement, signer)
        if (found.enclave, found.label) != (name, enclave.marking.label.encode()):
            raise ApplianceError(
                f"{statement}: a backup of {found.enclave} ({found.marking}), not of {name} ({enclave.label})",
                rule="data go back to the enclave and label they came from; nothing here lowers a label",
                remedy="name a backup of this enclave, or the enclave that it was taken of",
            )
        staging = paths.root / "copies" / STAGING
        try:
            progress("decrypting and unpacking beside the volumes")
            _decrypt(statement.with_name(found.archive), staging / name, enclave, found.head, identity)
            if dry_run:
                return found
            detail = {"file": found.archive, "taken": found.taken.isoformat()}
            _record(paths, enclave, RESTORE, detail, Lineage(inputs=(f"sha256:{found.sha256}",)))
            _exchange(paths, now, enclave, staging, progress)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    return found


def undo(paths: HostPaths, name: str, progress: Progress, *, dry_run: bool = False) -> None:
    """Give an enclave back what its last restoration set aside; what is there now is set aside in turn.

    Args:
        paths: where the appliance lives.
        name: of the enclave.
        progress: told what happens.
        dry_run: say whether it can be done, change nothing.

    Raises:
        ApplianceError: nothing is set aside, or the enclave does not become healthy on it.
    """
    enclave = installed_statements(paths).site.enclave(name)
    with converge.exclusive(paths):
        now = generation.required(paths)
        aside = _aside(paths, now)
        if not (aside / name).is_dir():
            raise ApplianceError(
                f"no restoration of enclave {name} has set data aside",
                rule="a restoration can be undone once, until the next one, an update or a roll-back",
                remedy="restore a backup: appliance enclave restore",
            )
        if dry_run:
            return
        _record(paths, enclave, RESTORE, {"undone": True})
        shutil.rmtree(paths.root / "copies" / RESTORED, ignore_errors=True)
        _swap(paths, now, enclave, aside.name, RESTORED, progress)


def statement_of(file: Path) -> Path:
    """The statement that belongs to an archive."""
    return file.with_name(file.name.removesuffix(SUFFIX) + ".dsse.json")


def _head(paths: HostPaths, site: Site, enclave: Enclave) -> Head:
    return Head(
        site=site.site,
        enclave=enclave.name,
        label=enclave.marking.label.encode(),
        marking=enclave.label,
        taken=datetime.now(UTC).replace(microsecond=0),
        generation=generation.number_of(generation.required(paths)),
    )


def _file_name(head: Head) -> str:
    marking = "-".join("".join(c if c.isalnum() else " " for c in head.marking).split())
    return f"{head.site}-{head.enclave}-{marking}-{head.taken:%Y%m%dT%H%M%SZ}{SUFFIX}"


def _part(file: Path) -> Path:
    return file.with_name(f".{file.name}.part")


def _record(
    paths: HostPaths, enclave: Enclave, activity: str, detail: dict[str, Any], lineage: Lineage | None = None
) -> None:
    scope = Scope(label=enclave.marking.label.encode(), enclave=enclave.name)
    event = events.activity(scope, "host", activity, lineage, detail=detail)
    spool.record(paths.root, event)


def _volumes(paths: HostPaths, enclave: Enclave) -> list[Path]:
    return [path for path in copies.volumes(paths) if path.parent.name == enclave.name]


def _copy(paths: HostPaths, enclave: Enclave, staging: Path, progress: Progress) -> None:
    """A cold copy of the enclave's volumes in ``staging``; the enclave runs again afterwards, whatever happened."""
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    staging.parent.chmod(0o700)
    progress(f"stopping enclave {enclave.name} for a cold copy")
    stack.hold_enclave(paths, Podman(paths), enclave)
    try:
        for volume in _volumes(paths, enclave):
            copies.copy_volume(volume, staging / enclave.name)
    finally:
        converge.converge(paths, progress)


def _encrypt(source: Path, enclave: Enclave, head: Head, file: Path, keys: list[str]) -> str:
    """Write the archive of ``source`` beside its final name; returns its SHA-256."""
    part = _part(file)
    try:
        with part.open("xb") as target:
            part.chmod(0o600)

            uids, first = range(enclave.uids, enclave.uids + ENCLAVE_UIDS), head.model_dump_json().encode()
            archive.through(
                lambda stream: archive.pack(source, stream, first, uids),
                lambda stream: age.encrypt(stream, target, keys),
            )
            target.flush()
            os.fsync(target.fileno())
        with part.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _decrypt(file: Path, target: Path, enclave: Enclave, head: Head, identity: Any) -> None:
    """Unpack the archive into the new folder ``target``.

    Raises:
        ApplianceError: another key, changed, cut off, or its first member says something else than the statement.
    """
    shutil.rmtree(target.parent, ignore_errors=True)
    target.mkdir(parents=True)
    target.parent.parent.chmod(0o700)

    def unpack(stream: IO[bytes]) -> None:
        first = archive.unpack(stream, target, enclave.uids)
        if first != head.model_dump_json().encode():
            raise ApplianceError(f"{file}: what is in it is not what its statement says")

    with file.open("rb") as source:
        archive.through(lambda stream: age.decrypt(source, stream, identity, file.name), unpack)
    subprocess.run(["sync", "--file-system", str(target)], check=True)


def _exchange(paths: HostPaths, now: Path, enclave: Enclave, staging: Path, progress: Progress) -> None:
    """Swap the volumes for the unpacked ones, and swap back if the enclave does not become healthy on them."""
    aside, restored = _aside(paths, now), paths.root / "copies" / RESTORED
    for stale in (restored, *restored.parent.glob(f"{REPLACED}*")):
        shutil.rmtree(stale, ignore_errors=True)
    staging.rename(restored)
    try:
        _swap(paths, now, enclave, RESTORED, aside.name, progress)
    except ApplianceError as error:
        progress("the enclave is not healthy on the restored data; it gets back what it had")
        _swap(paths, now, enclave, aside.name, RESTORED, progress)
        raise ApplianceError(
            f"enclave {enclave.name} runs on the data it had; on the restored ones: {error.message}",
            rule="what does not become healthy does not stay",
            remedy=f"{restored} is kept for looking until the next update",
        ) from error


def _aside(paths: HostPaths, now: Path) -> Path:
    """Where a restoration sets data aside; only the generation that wrote them gets them back."""
    return paths.root / "copies" / f"{REPLACED}{now.name}"


def _swap(paths: HostPaths, now: Path, enclave: Enclave, source: str, aside: str, progress: Progress) -> None:
    stack.hold_enclave(paths, Podman(paths), enclave)
    copies.begin_exchange(paths, now, source, aside)
    converge.converge(paths, progress)
