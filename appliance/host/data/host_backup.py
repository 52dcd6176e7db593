"""A backup of the host itself, for a dead system disk: log, spool, statements, registries, keys, memory of versions.

Taken while everything goes on. Two files, as for an enclave: ``<site>-host-<marking>-<time>.tar.age`` and the host's
signed statement, which also has the archive's key, sealed for each pair of its holders. Not in it: the enclaves' data
(`appliance enclave backup`), bundles and models (they come on media), and the log's key, so that nobody can go on
with a log that was restored.
"""

import hashlib
import io
import os
import tarfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from appliance.audit.events import kinds as events
from appliance.audit.events import spool
from appliance.audit.events.kinds import Lineage, Scope
from appliance.audit.log.note import Verifier
from appliance.enclave.paths import HostPaths
from appliance.enclave.site import Site
from appliance.errors import ApplianceError
from appliance.host.change import converge
from appliance.host.data import archive
from appliance.host.data.archive import HEAD
from appliance.host.data.log_cut import Cut, cut, members
from appliance.host.state import ended_logs, generation
from appliance.host.state.generation import Facts
from appliance.monitor.decide import break_glass, revocations
from appliance.monitor.in_force import registries
from appliance.monitor.in_force.statements import installed_statements
from appliance.trust import age, dsse, two_holders
from appliance.trust.files import replace_file
from appliance.trust.keys import host_key
from appliance.trust.officers import payload_type
from appliance.trust.two_holders import Share

KIND = "host-backup"
BACKUP = "host.backup"
SUFFIX = ".tar.age"
LOG_KEY = "log.key"
SITE = "site"
FOLDERS = ("registries", "trusted", "verifications", break_glass.FOLDER, revocations.FOLDER, ended_logs.FOLDER)
FILES = ("certificates-used.json", "last-use.json", "jobs.json")
Progress = Callable[[str], None]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Head(BaseModel):
    """What a backup is of: the archive's first member, and part of what the host signs.

    Attributes:
        site: the site.
        marking: banner of the system-high enclave, whose log this is.
        taken: when.
        generation: what ran then.
        bundle: name of the bundle that ran.
        log: name of the log.
        records: how many of its records are in it.
        root: the log's root over these.
        registries: name of the registries in force.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    site: str
    marking: str
    taken: AwareDatetime
    generation: int
    bundle: str
    log: str
    records: Annotated[int, Field(ge=0)]
    root: Digest
    registries: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]


class HostBackup(Head):
    """The signed statement: the head, the archive's name, bytes and SHA-256, and its key for each pair of holders."""

    archive: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,250}$")]
    size: Annotated[int, Field(ge=0)]
    sha256: Digest
    shares: tuple[Share, ...]

    @property
    def head(self) -> Head:
        """What the archive's first member must say."""
        return Head.model_validate(self.model_dump(include=set(Head.model_fields)))


def back_up(paths: HostPaths, out: Path, recipients: Path, progress: Progress) -> tuple[Path, HostBackup]:
    """Write a backup of this host to ``out``; nothing stops meanwhile.

    Args:
        paths: where the appliance lives.
        out: folder for the two files.
        recipients: file with the keys of the officers, two of whom can open it, a line each.
        progress: told what happens.

    Raises:
        ApplianceError: fewer than two keys, a damaged log, or no room; nothing of an unfinished backup stays.
    """
    site = installed_statements(paths).site
    recipient, shares = two_holders.make(age.read_recipients(recipients))
    if not out.is_dir():
        raise ApplianceError(f"{out}: not a folder", remedy="mount the medium and name a folder on it")
    with converge.exclusive(paths):
        progress("looking for a state in which log and spool agree")
        key = Verifier.decode((paths.root / "log" / "log.vkey").read_text())
        found = cut(paths.root / "log", paths.root / "spool", key)
        head = _head(paths, site, key.name, found)
        file = out / _file_name(head)
        _record(paths, site, {"file": file.name, "records": found.size, "state": "begun"})
        part = file.with_name(f".{file.name}.part")
        try:
            progress(f"encrypting {found.size} records and the host's state for two of its holders")
            digest = _write(paths, head, found, part, recipient)
            made = HostBackup(
                **head.model_dump(), archive=file.name, size=part.stat().st_size, sha256=digest, shares=shares
            )
            lineage = Lineage(outputs=(f"sha256:{digest}",))
            _record(paths, site, {"file": file.name, "bytes": made.size, "state": "done"}, lineage)
            statement = file.with_name(file.name.removesuffix(SUFFIX) + ".dsse.json")
            signer = host_key(paths.root / "secrets" / "host.pem", demo=site.demo)
            replace_file(statement, dsse.sign(made.model_dump(mode="json"), payload_type(KIND), [signer]))
            part.rename(file)
        finally:
            part.unlink(missing_ok=True)
    return statement, made


def _head(paths: HostPaths, site: Site, log: str, found: Cut) -> Head:
    now = generation.required(paths)
    in_force = registries.in_force(paths)
    return Head(
        site=site.site,
        marking=site.system_high.label,
        taken=datetime.now(UTC).replace(microsecond=0),
        generation=generation.number_of(now),
        bundle=Facts.of(now).bundle,
        log=log,
        records=found.size,
        root=found.root.hex(),
        registries=in_force.name if in_force else "",
    )


def _file_name(head: Head) -> str:
    marking = "-".join("".join(c if c.isalnum() else " " for c in head.marking).split())
    return f"{head.site}-host-{marking}-{head.taken:%Y%m%dT%H%M%SZ}{SUFFIX}"


def _write(paths: HostPaths, head: Head, found: Cut, part: Path, recipient: str) -> str:
    """Write the archive; returns its SHA-256."""

    def pack(stream: IO[bytes]) -> None:
        with tarfile.open(fileobj=stream, mode="w|", format=tarfile.PAX_FORMAT) as tar:
            _add(tar, HEAD, head.model_dump_json().encode())
            for member in members(paths.root / "log", found):
                if member.source is None:
                    _add(tar, f"log/{member.name}", member.data)
                else:
                    with member.source.open("rb") as content:
                        _add_stream(tar, f"log/{member.name}", content, member.length)
            _add(tar, f"spool/{spool.FILE}", found.spool)
            for name, file in _state(paths):
                with file.open("rb") as content:
                    _add_stream(tar, name, content, file.stat().st_size, file.stat().st_mtime)

    with part.open("xb") as target:
        part.chmod(0o600)
        archive.through(pack, lambda stream: age.encrypt(stream, target, [recipient]))
        target.flush()
        os.fsync(target.fileno())
    with part.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _state(paths: HostPaths) -> Iterator[tuple[str, Path]]:
    """The host's own files beside log and spool, by their names below the root; links are left out."""
    found = [paths.root / name for name in FILES]
    found += [file for file in sorted((paths.root / "secrets").iterdir()) if file.name != LOG_KEY]
    for name in FOLDERS:
        found += sorted((paths.root / name).rglob("*"))
    found += sorted((paths.root / "enclaves").glob("*/models/*.certificate.dsse.json"))
    for file in found:
        if file.is_file() and not file.is_symlink() and "current" not in file.relative_to(paths.root).parts:
            yield str(file.relative_to(paths.root)), file
    site = generation.required(paths) / "site"
    for file in sorted(site.rglob("*")):
        if file.is_file():
            yield f"{SITE}/{file.relative_to(site)}", file


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    _add_stream(tar, name, io.BytesIO(data), len(data))


def _add_stream(tar: tarfile.TarFile, name: str, file: IO[bytes], length: int, mtime: float = 0) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode, member.mtime = length, 0o600, int(mtime)
    tar.addfile(member, file)


def _record(paths: HostPaths, site: Site, detail: dict[str, Any], lineage: Lineage | None = None) -> None:
    event = events.activity(
        Scope(label=site.system_high.marking.label.encode()), "host", BACKUP, lineage, detail=detail
    )
    spool.record(paths.root, event)
