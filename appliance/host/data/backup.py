"""Backups of one enclave: its volumes, cold, encrypted to keys that are not on this host, labelled and signed.

A backup is two files: ``<site>-<enclave>-<marking>-<time>.tar.age`` and a statement of the same name that the host
signed (``.dsse.json``): which enclave at which label, when, and the archive's SHA-256. The same facts are the archive's
first member, so that a statement cannot be put to another archive. Models are not in it: they are the bundle's.

Parts of objects, which are ciphertext already and never change, are beside it by their digests, each once for all
backups in a folder (``objects``); ``.blobs`` of the same name lists those of one backup. They are copied while the
enclave runs, so that it stands still for what is left.
"""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
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
from appliance.host.change import clusters, converge, stack
from appliance.host.change.rotate import HOST_KEYS
from appliance.host.data import archive, objects
from appliance.host.data.objects import Parts, Store
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
MAXIMUM_LIST = 1 << 30
PASSES, SMALL = 3, 256 << 20
"""How often objects are copied while the enclave runs, until so few bytes are new."""
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Source:
    """Where a backup lies.

    Attributes:
        statement: its statement; the archive lies beside it.
        signer: the host that made it, where that is another than this one.
        others: folders of other backups, whose parts of objects count too.
    """

    statement: Path
    signer: PublicKey | None = None
    others: tuple[Path, ...] = ()

    @property
    def stores(self) -> list[Store]:
        """Where parts of objects may lie."""
        return [Store(folder / objects.FOLDER) for folder in (self.statement.parent, *self.others)]


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
    """The signed statement: the head, and the archive's name, bytes and SHA-256.

    Attributes:
        archive: name of the archive.
        size: its bytes.
        sha256: of the archive.
        parts: how many parts of objects lie beside it.
        part_bytes: their bytes.
        blobs: SHA-256 of the list of these parts; nothing where there is none.
    """

    archive: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,250}$")]
    size: Annotated[int, Field(ge=0)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    parts: Annotated[int, Field(ge=0)] = 0
    part_bytes: Annotated[int, Field(ge=0)] = 0
    blobs: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")] = ""

    @property
    def head(self) -> Head:
        """What the archive's first member must say."""
        return Head.model_validate(self.model_dump(include=set(Head.model_fields)))


def back_up(paths: HostPaths, name: str, out: Path, recipients: Path, progress: Progress) -> tuple[Path, Backup]:
    """Stop an enclave for a cold copy of its volumes, start it again, and write the copy encrypted to ``out``.

    Before it stops, the parts of objects that ``out`` lacks are copied there and read back.

    Args:
        paths: where the appliance lives.
        name: of the enclave.
        out: folder for the files.
        recipients: file with the keys that can open it, a line each.
        progress: told what happens.

    Raises:
        ApplianceError: no such enclave, no usable key, no room; the enclave runs again, and of an unfinished backup
            nothing stays but parts of objects, which the next one need not copy.
    """
    site = installed_statements(paths).site
    enclave, keys = site.enclave(name), age.read_recipients(recipients)
    if not out.is_dir():
        raise ApplianceError(f"{out}: not a folder", remedy="mount the medium and name a folder on it")
    store = Store(out / objects.FOLDER)
    uids = range(enclave.uids, enclave.uids + ENCLAVE_UIDS)
    parts = Parts(paths.root / "enclaves" / name, uids, paths.root / "copies" / "parts" / name / "seen.jsonl")
    with store.locked() if parts.are_there() else nullcontext():
        _hot(paths, enclave, (parts, store), len(keys), progress)
        with converge.exclusive(paths):
            head = _head(paths, site, enclave)
            file = out / _file_name(head)
            _record(paths, enclave, BACKUP, {"file": file.name, "keys": len(keys), "state": "begun"})
            staging = paths.root / "copies" / STAGING
            try:
                _copy(paths, enclave, staging, (parts, store), progress)
                progress(f"encrypting to {len(keys)} keys")
                digest = _encrypt(staging / enclave.name, enclave, head, file, keys)
            finally:
                shutil.rmtree(staging, ignore_errors=True)
        return _state(paths, site, enclave, file, (head, digest, parts))


def _state(
    paths: HostPaths, site: Site, enclave: Enclave, file: Path, what: tuple[Head, str, Parts]
) -> tuple[Path, Backup]:
    """Sign what a backup is, give its archive its name, and record it before."""
    head, digest, parts = what
    part, statement = _part(file), statement_of(file)
    blobs = parts.blobs() if parts.found else b""
    try:
        made = Backup(
            **head.model_dump(),
            archive=file.name,
            size=part.stat().st_size,
            sha256=digest,
            parts=len(parts.found),
            part_bytes=parts.bytes,
            blobs=hashlib.sha256(blobs).hexdigest() if blobs else "",
        )
        lineage = Lineage(outputs=(f"sha256:{digest}",))
        detail = {"file": file.name, "bytes": made.size, "parts": made.parts, "state": "done"}
        _record(paths, enclave, BACKUP, detail, lineage)
        if blobs:
            replace_file(blobs_of(statement), blobs)
            parts.remember()
        key = host_key(paths.root / "secrets" / "host.pem", demo=site.demo)
        replace_file(statement, dsse.sign(made.model_dump(mode="json"), payload_type(KIND), [key]))
        part.rename(file)
        sync(file.parent)
    finally:
        part.unlink(missing_ok=True)
    return statement, made


def _hot(paths: HostPaths, enclave: Enclave, large: tuple[Parts, Store], keys: int, progress: Progress) -> None:
    """Copy the parts of objects to the medium while the enclave runs, recorded before."""
    parts, store = large
    if not parts.are_there():
        return
    _record(paths, enclave, BACKUP, {"keys": keys, "state": "objects"})
    for _ in range(PASSES):
        copied = parts.copy(store)
        progress(f"{copied.parts} new parts of objects copied and read back: {copied.bytes >> 20} MiB")
        if copied.bytes < SMALL:
            break


def read(paths: HostPaths, statement: Path, signer: PublicKey | None, *, archive: bool = True) -> Backup:
    """The statement of a backup, proven to be this host's (or ``signer``'s), and its archive proven to be the one.

    Args:
        paths: where the appliance lives.
        statement: the statement's file.
        signer: the host that made it, where that is another.
        archive: whether the archive is read too.

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
    if not archive:
        return found
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


def needed(statement: Path, found: Backup) -> dict[str, int]:
    """The sizes of the parts that a backup needs beside its archive, by digest.

    Raises:
        ApplianceError: their list is missing, or not what the host signed.
    """
    if not found.blobs:
        return {}
    file = blobs_of(statement)
    data = read_limited(file, MAXIMUM_LIST)
    if hashlib.sha256(data).hexdigest() != found.blobs:
        raise ApplianceError(
            f"{file}: is not the list that the host signed",
            rule="a backup is restored whole and unchanged or not at all",
            remedy="take another copy of it, or another backup",
        )
    return objects.read_blobs(data, str(file))


def _signers(paths: HostPaths, site: Site, signer: PublicKey | None) -> dict[str, PublicKey]:
    """Who may have made a backup: the host that is named, or this one, with the keys that it had before."""
    if signer:
        return {"host": signer}
    before = {file.stem: load_public_key(file) for file in sorted((paths.root / HOST_KEYS).glob("*.pub"))}
    return before | {"host": host_key(paths.root / "secrets" / "host.pem", demo=site.demo).public}


def restore(
    paths: HostPaths,
    name: str,
    source: Source,
    identity: Any,
    progress: Progress,
    *,
    dry_run: bool = False,
) -> Backup:
    """Put the data of a backup back into the enclave that it was taken of; what is there now is set aside.

    Everything is proven and unpacked beside the volumes before the enclave stops. If it does not become healthy on the
    restored data, it gets back what it had.

    Args:
        paths: where the appliance lives.
        name: of the enclave.
        source: the backup.
        identity: the private key that opens it.
        progress: told what happens.
        dry_run: prove and unpack everything, change nothing.

    Raises:
        ApplianceError: another enclave's or label's, changed, cut off, another key, or not healthy.
    """
    enclave, statement = installed_statements(paths).site.enclave(name), source.statement
    with converge.exclusive(paths):
        now = generation.required(paths)
        found = read(paths, statement, source.signer)
        if (found.enclave, found.label) != (name, enclave.marking.label.encode()):
            raise ApplianceError(
                f"{statement}: a backup of {found.enclave} ({found.marking}), not of {name} ({enclave.label})",
                rule="data go back to the enclave and label they came from; nothing here lowers a label",
                remedy="name a backup of this enclave, or the enclave that it was taken of",
            )
        if gone := objects.missing(needed(statement, found), source.stores):
            raise ApplianceError(
                f"{statement}: {len(gone)} parts of objects are on none of the media, the first {gone[0]}",
                rule="a backup is restored whole or not at all",
                remedy="name the folders of the backups before it too: --objects FOLDER",
            )
        staging = paths.root / "copies" / STAGING
        try:
            progress("decrypting and unpacking beside the volumes")
            _decrypt(statement.with_name(found.archive), staging / name, enclave, found.head, identity)
            if found.parts:
                progress(f"reading {found.parts} parts of objects: {found.part_bytes >> 20} MiB")
            objects.put_back(staging / name, source.stores, enclave.uids)
            subprocess.run(["sync", "--file-system", str(staging)], check=True)
            _require_major(paths, staging / name, statement)
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


def _require_major(paths: HostPaths, unpacked: Path, statement: Path) -> None:
    """Refuse a backup whose database is of another major of PostgreSQL than what runs."""
    major = clusters.running_major(paths)
    folder = unpacked / clusters.SERVICE / clusters.DATA
    found = sorted(one.name for one in folder.iterdir() if one.name.isdecimal()) if folder.is_dir() else []
    if major is not None and found and str(major) not in found:
        raise ApplianceError(
            f"{statement}: its database is of PostgreSQL {found[-1]}, and {major} runs here",
            rule="a database is restored under the major that it was backed up of",
            remedy="go back to the generation before the upgrade (appliance host rollback --restore-data), or restore"
            " it on a spare host with a bundle of that time and upgrade there",
        )


def statement_of(file: Path) -> Path:
    """The statement that belongs to an archive."""
    return file.with_name(file.name.removesuffix(SUFFIX) + ".dsse.json")


def blobs_of(statement: Path) -> Path:
    """The list of the parts of objects that belong to a backup."""
    return statement.with_name(statement.name.removesuffix(".dsse.json") + ".blobs")


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


def _copy(paths: HostPaths, enclave: Enclave, staging: Path, large: tuple[Parts, Store], progress: Progress) -> None:
    """A cold copy of the enclave's volumes in ``staging``; the enclave runs again afterwards, whatever happened.

    Of objects, which ``large`` copies to the medium, the list alone.
    """
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    staging.parent.chmod(0o700)
    progress(f"stopping enclave {enclave.name} for a cold copy")
    stack.hold_enclave(paths, Podman(paths), enclave)
    try:
        for volume in _volumes(paths, enclave):
            copies.copy_volume(volume, staging / enclave.name, without=objects.FOLDER)
        parts, store = large
        parts.copy(store)
        if parts.found:
            file = staging / enclave.name / objects.LIST
            replace_file(file, parts.lines(), mode=0o600, owner=enclave.uids)
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
