"""A host from its backup, on new hardware: proven whole before anything is put in place, and every loss named.

The restored log ends: whatever it signed after the backup is unknown here, and a log signs one history. An anchor from
after the backup convicts it of being older, and says how many records are lost; evidence that was exported names them.
The next installation begins another log, whose first record says all this.

State: ``.restoring`` (being unpacked; means nothing), ``restored`` (whole and proven; its parts take their places one
by one), neither (done, or never begun). After a kill the same command goes on.
"""

import hashlib
import os
import shutil
import tarfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import IO, Any

from pydantic import BaseModel, ConfigDict

from appliance.audit.events import kinds as events
from appliance.audit.events import ocsf, spool
from appliance.audit.events.kinds import Scope
from appliance.audit.events.text import printable
from appliance.audit.log import anchor
from appliance.audit.log.note import Verifier, open_checkpoint
from appliance.audit.log.policy import NO_QUORUM, Policy
from appliance.audit.log.verify import verify
from appliance.audit.review import evidence
from appliance.audit.review.ingest import STATE
from appliance.enclave.paths import HostPaths
from appliance.enclave.site import validated
from appliance.errors import ApplianceError
from appliance.host.change import converge
from appliance.host.data import archive
from appliance.host.data.archive import HEAD, MAXIMUM_HEAD
from appliance.host.data.host_backup import KIND, SITE, Head, HostBackup
from appliance.host.state import clock, ended_logs
from appliance.monitor.in_force.statements import RESTORED_SITE, Statements, read_accepted
from appliance.trust import age, dsse, two_holders
from appliance.trust.files import read_limited, replace_file, replace_link, sync
from appliance.trust.fingerprint import check_fingerprint
from appliance.trust.keys import PublicKey
from appliance.trust.officers import payload_type

RESTORE = "host.restore"
STAGING, WHOLE, REPORT = ".restoring", "restored", "report.json"
MAXIMUM_SIZE = 1 << 20
NAMED = 1000
Progress = Callable[[str], None]


class Lost(BaseModel):
    """A record that the backup does not have and that exported evidence proves."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    index: int
    time: datetime
    subject: str
    activity: str
    entry: str


class Report(BaseModel):
    """What was restored, and what is known to be lost.

    Attributes:
        site: the site.
        label: encoded label of its system-high enclave.
        taken: when the backup was taken.
        bundle: the bundle that ran then: install this one, or a newer one.
        log: name of the log that ended.
        records: its records in the backup.
        root: its root over these.
        anchored: records under the newest anchor that was given.
        lost: how many records of the log are lost at least: those up to that anchor.
        named: those of them that evidence proves, one by one.
        enclaves: SHA-256 of the last backup of each enclave that the log knows of, by the archive's name.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    site: str
    label: str
    taken: datetime
    bundle: str
    log: str
    records: int
    root: str
    anchored: int
    lost: int
    named: tuple[Lost, ...] = ()
    enclaves: dict[str, str] = {}


@dataclass(frozen=True)
class Paper:
    """What is known apart from the dead host: its public key, the log's key, the officers' fingerprint, the anchors."""

    signer: PublicKey
    log_key: Verifier
    officers: str
    anchors: Sequence[tuple[str, bytes]]
    evidence: Sequence[Path] = ()


def restore(
    paths: HostPaths,
    statement: Path,
    identities: Sequence[Any],
    paper: Paper,
    progress: Progress,
    *,
    accept_loss: bool = False,
    dry_run: bool = False,
) -> Report:
    """Put a host's state back on a host that has none.

    Args:
        paths: where the appliance will live.
        statement: the backup's statement; the archive lies beside it.
        identities: private keys of two of its holders.
        paper: what vouches for it.
        progress: told what happens.
        accept_loss: go on although the newest anchor covers records that the backup does not have.
        dry_run: prove everything, change nothing.

    Raises:
        ApplianceError: something is installed here; the backup is not that host's, was changed, does not open, or its
            log is damaged, rewritten, or older than the anchor and that was not accepted.
    """
    with converge.alone(paths):
        return _restore(paths, statement, identities, paper, progress, accept_loss=accept_loss, dry_run=dry_run)


def _restore(
    paths: HostPaths,
    statement: Path,
    identities: Sequence[Any],
    paper: Paper,
    progress: Progress,
    *,
    accept_loss: bool,
    dry_run: bool,
) -> Report:
    _require_empty(paths)
    if (paths.root / WHOLE).is_dir():
        progress("a restoration was begun and is whole: going on with it")
        return complete(paths)
    found = read(statement, paper.signer)
    staging = paths.root / STAGING
    try:
        progress("decrypting and unpacking")
        identity = two_holders.open_key(found.shares, identities, found.archive)
        _unpack(statement.with_name(found.archive), staging, found.head, identity)
        progress("verifying the log and the statements")
        report = prove(staging, found, paper)
        if report.lost and not accept_loss:
            raise ApplianceError(
                f"{found.archive}: its log has {report.records} records, an anchor covers {report.anchored}:"
                f" {report.lost} records were made after the backup and are lost with the disk,"
                f" {len(report.named)} of them named by evidence",
                rule="an anchor convicts a log that is older than it; what is lost is accepted by people, not unseen",
                remedy="look for a newer backup; if there is none, give --accept-loss",
            )
        if dry_run:
            return report
        replace_file(staging / REPORT, report.model_dump_json().encode())
        _sync_all(staging)
        staging.rename(paths.root / WHOLE)
        sync(paths.root)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return complete(paths)


def read(statement: Path, signer: PublicKey) -> HostBackup:
    """The statement of a backup, proven to be that host's, and its archive proven to be the one.

    Raises:
        ApplianceError: another host's, or the archive is missing or changed.
    """
    value = dsse.verify(
        read_limited(statement, MAXIMUM_SIZE), payload_type(KIND), {"host": signer}, 1, str(statement)
    ).value
    found: HostBackup = validated(HostBackup, value, statement.name)
    file = statement.with_name(found.archive)
    try:
        with file.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise ApplianceError(f"{file}: cannot be read: {error.strerror}", remedy="carry both files together") from error
    if digest != found.sha256:
        raise ApplianceError(
            f"{file}: SHA-256 {digest}, the host signed {found.sha256}",
            rule="a backup is restored whole and unchanged or not at all",
            remedy="take another copy of it, or another backup",
        )
    return found


def prove(folder: Path, found: HostBackup, paper: Paper) -> Report:
    """Prove an unpacked backup against what is known apart from it, and say what is lost.

    Raises:
        ApplianceError: the log is damaged, is not the one that the paper names, or was rewritten; a statement does
            not hold; or the clock is behind the log.
    """
    log = folder / "log"
    checked = verify(log, paper.log_key.encode())
    if not checked.whole or checked.unsigned or (checked.size, checked.root) != (found.records, found.root):
        what = checked.findings[0].problem if checked.findings else "its size is not what the host signed"
        raise ApplianceError(
            f"{found.archive}: the log in it does not hold: {what}",
            rule="a log is restored whole, under the key on paper, or not at all",
            remedy="take another backup; keep this one for looking",
        )
    statements = _statements(folder, found, paper.officers)
    if statements.site.site != found.site:
        raise ApplianceError(
            f"{found.archive}: its statements are of the site {statements.site.site}, it is of {found.site}",
            rule="a backup is of one site",
            remedy="take another backup; keep this one for looking",
        )
    latest = clock.last_entry(log)
    (log / clock.SEEN).unlink(missing_ok=True)
    if latest and latest > datetime.now(UTC) + clock.TOLERANCE:
        raise ApplianceError(
            f"the log's last time is {latest:%Y-%m-%d %H:%M} UTC, this host's clock is behind it",
            rule="time goes on: what has expired would be valid again",
            remedy="set the host's clock right",
        )
    anchored = max((_anchored(log, name, note, paper.log_key) for name, note in paper.anchors), default=0)
    named = [record for file in paper.evidence for record in _named(file, paper.log_key, found.records)]
    return Report(
        site=found.site,
        label=statements.site.system_high.marking.label.encode(),
        taken=found.taken,
        bundle=found.bundle,
        log=found.log,
        records=found.records,
        root=found.root,
        anchored=anchored,
        lost=max(0, max([anchored, *(record.index + 1 for record in named)]) - found.records),
        named=tuple(sorted({record.index: record for record in named}.values(), key=lambda record: record.index)),
        enclaves=_enclave_backups(log),
    )


def _statements(folder: Path, found: HostBackup, officers: str) -> Statements:
    """The statements in a backup: those accepted last under the officers on paper, and the site that ran.

    Raises:
        ApplianceError: they were accepted under other officers, or one does not hold.
    """
    registries = folder / "registries" / found.registries
    check_fingerprint((registries / "officers.json").read_bytes(), officers, f"{found.archive}: officers.json")
    return read_accepted(folder / SITE, registries)


def _anchored(log: Path, name: str, note: bytes, key: Verifier) -> int:
    """Records under an anchor; those that the log has must be those that were anchored.

    Raises:
        ApplianceError: the anchor is not the log's, or the log was rewritten before it.
    """
    said = open_checkpoint(note, key)
    own = open_checkpoint((log / "checkpoint").read_bytes(), key)
    if said.size <= own.size:
        try:
            anchor.check(log, key, note)
        except ApplianceError as error:
            raise ApplianceError(f"{name}: {error.message}", rule=error.rule, remedy=error.remedy) from error
    return said.size


def _named(file: Path, key: Verifier, known: int) -> list[Lost]:
    """The records of an archive of evidence that the backup does not have."""
    policy = Policy(logs=[key], quorum=NO_QUORUM)
    lost = []
    for record in evidence.proven(file, policy):
        if record.index >= known:
            event = ocsf.read(record.body)
            when = datetime.fromtimestamp(event.time / 1000, UTC)
            lost.append(
                Lost(
                    index=record.index,
                    time=when,
                    subject=event.subject,
                    activity=event.activity,
                    entry=record.entry.hex(),
                )
            )
    return lost


def _enclave_backups(log: Path) -> dict[str, str]:
    """The last finished backup of each enclave that the log has: its archive's SHA-256, by the archive's name."""
    from appliance.audit.review.query import Filter, select  # noqa: PLC0415 - it is large
    from appliance.audit.review.spill import BACKUP  # noqa: PLC0415

    last: dict[str, tuple[str, str]] = {}
    for _, event in select(log, Filter(activity=BACKUP)):
        detail, outputs = event.unmapped.detail or {}, event.unmapped.outputs or ()
        if detail.get("state") == "done" and outputs and event.unmapped.enclave:
            last[event.unmapped.enclave] = (str(detail.get("file")), outputs[0].removeprefix("sha256:"))
    return dict(last.values())


def complete(paths: HostPaths) -> Report:
    """Put the parts of a whole restoration in their places, each by one rename; goes on after a kill.

    Returns:
        What was restored, as it was proven.
    """
    source = paths.root / WHOLE
    report = Report.model_validate_json((source / REPORT).read_bytes())
    head = Head.model_validate_json((source / HEAD).read_bytes())
    if (source / "log").is_dir():
        _end_log(paths, source / "log")
    if (source / SITE).is_dir():
        _place(source / SITE, paths.root / RESTORED_SITE)
    for part in sorted(source.iterdir()):
        if part.name == "enclaves":  # what is mounted there already stays
            for file in sorted(one for one in part.rglob("*") if one.is_file()):
                _place(file, paths.root / file.relative_to(source))
        elif part.name not in (REPORT, HEAD, "spool"):
            _place(part, paths.root / part.name)
    replace_link(paths.registries / "current", Path(head.registries))
    if (source / "spool").is_dir():
        _record_first(source / "spool", report)
        _place(source / "spool", paths.root / "spool")
    done = source.with_name(f".{WHOLE}")
    source.rename(done)
    sync(paths.root)
    shutil.rmtree(done)
    return report


def _end_log(paths: HostPaths, log: Path) -> None:
    """The restored log ends; what goes on with the spool knows how far it was taken in."""
    ended = log.parent / ended_logs.FOLDER
    ended.mkdir(mode=0o700, exist_ok=True)
    number = max((int(one.name) for one in ended.iterdir() if one.name.isdecimal()), default=0) + 1
    new = log.with_name("new-log")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(mode=0o750)
    if (log / STATE).read_bytes():
        replace_file(new / STATE, (log / STATE).read_bytes())
    _place(new, paths.root / "log")
    log.rename(ended / str(number))


def _record_first(folder: Path, report: Report) -> None:
    """Spool what was restored and lost, once: the first record of the next log."""
    before = (folder / spool.FILE).read_bytes() if (folder / spool.FILE).exists() else b""
    if RESTORE.encode() in before.rpartition(b"\n{")[2]:
        return
    detail: dict[str, Any] = {
        "log": report.log,
        "records": report.records,
        "root": report.root,
        "anchored": report.anchored,
        "lost": report.lost,
        "named": [f"{one.index} {printable(one.activity, 80)}" for one in report.named[:NAMED]],
        "taken": report.taken.isoformat(),
    }
    event = events.activity(Scope(label=report.label), "host", RESTORE, detail=detail)
    spool.append(os.fspath(folder), event.record()[1])


def _place(part: Path, target: Path) -> None:
    """Move a part to its place; what a kill left there empty or half gives way, as nothing is installed yet."""
    if not part.exists():
        return
    if target.is_dir() and not target.is_symlink():
        shutil.rmtree(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    part.replace(target)
    sync(target.parent)


def _require_empty(paths: HostPaths) -> None:
    if (paths.root / "current").is_symlink() or (paths.root / "log" / "log.vkey").exists():
        raise ApplianceError(
            f"{paths.root}: the appliance is installed here",
            rule="a host is restored on hardware that has none; a running one keeps its log",
            remedy="name another --root, or remove what is here: appliance host remove --help",
        )
    if (paths.root / ended_logs.FOLDER).exists() and not (paths.root / WHOLE).is_dir():
        raise ApplianceError(
            f"{paths.root}: was restored already",
            rule="a host is restored once",
            remedy="go on with the installation: appliance host install",
        )


def _unpack(file: Path, target: Path, head: Head, identity: Any) -> None:
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(mode=0o700)

    def unpack(stream: IO[bytes]) -> None:
        try:
            with tarfile.open(fileobj=stream, mode="r|") as tar:
                for number, member in enumerate(tar):
                    _write(tar, member, target, first=number == 0)
        except tarfile.TarError as error:
            raise ApplianceError(f"{file}: is not a whole archive: {error}") from error
        if (target / HEAD).read_bytes() != head.model_dump_json().encode():
            raise ApplianceError(f"{file}: what is in it is not what its statement says")

    with file.open("rb") as source:
        archive.through(lambda stream: age.decrypt(source, stream, identity, file.name), unpack)


def _write(tar: tarfile.TarFile, member: tarfile.TarInfo, target: Path, *, first: bool) -> None:
    name = PurePosixPath(member.name)
    if name.is_absolute() or ".." in name.parts or not name.parts or not member.isreg():
        raise ApplianceError(
            f"the archive's member {member.name!r} is no file below the host's folder",
            rule="a backup of a host holds plain files with names below its folder",
        )
    if (member.name == HEAD) != first or (first and member.size > MAXIMUM_HEAD):
        raise ApplianceError(f"the archive does not begin with {HEAD}", rule="a backup says first what it is of")
    path = target / name
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with path.open("xb") as out:
        path.chmod(0o600)
        content = tar.extractfile(member)
        while content and (data := content.read(1 << 20)):
            out.write(data)
    if member.mtime:
        os.utime(path, (member.mtime, member.mtime))


def _sync_all(folder: Path) -> None:
    for path in (*folder.rglob("*"), folder):
        sync(path)
