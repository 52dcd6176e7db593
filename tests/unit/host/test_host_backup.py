"""A host comes back from its backup: whole, proven by paper and anchor, its losses named, and no log forked."""

import asyncio
import copy
import json
import shutil
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from appliance.audit.events import kinds as events
from appliance.audit.events import spool
from appliance.audit.events.kinds import Scope
from appliance.audit.log import anchor
from appliance.audit.log.note import Verifier
from appliance.audit.log.verify import verify
from appliance.audit.log.writer import Log
from appliance.audit.review import evidence
from appliance.audit.review.evidence import Selection
from appliance.audit.review.ingest import ingest
from appliance.audit.review.query import Filter, select
from appliance.enclave.paths import HostPaths
from appliance.errors import ApplianceError
from appliance.host.data import host_backup, host_restore, log_cut
from appliance.host.data.host_restore import Paper, Report
from appliance.host.state import ended_logs, places
from appliance.monitor.in_force.statements import check_not_older, known_statements, read_statements
from appliance.trust import age
from appliance.trust.keys import host_key
from tests.unit.host.installed import Host
from tests.unit.host.killed import at_each_step

PASSPHRASE = b"several random words"
HIGH = "TS;;USA"


def event(name: str) -> tuple[str, bytes]:
    return events.activity(Scope(label=HIGH), "host", "log.anchor", detail={"what": name}).record()


def logged(host: Host, names: Sequence[str], *, take_in: bool = True) -> None:
    """Records of the monitor, which has taken in the spool if it was asked to."""

    async def work() -> None:
        log = Log.open(host.paths.root / "log", host.paths.root / "secrets" / "log.key", checkpoint_interval=0.01)
        await log.append([event(name) for name in names])
        if take_in:
            await ingest(host.paths.root / "spool", log, label=HIGH)
        await log.close()

    asyncio.run(work())


@dataclass
class Kept:
    """What is kept apart from a host: its backup, and what the paper says."""

    host: Host
    folder: Path
    statement: Path
    made: host_backup.HostBackup
    identities: list[Any]
    paper: Paper

    def anchored(self) -> bytes:
        """The anchor that is taken now."""
        key = Verifier.decode((self.host.paths.root / "log" / "log.vkey").read_text())
        return anchor.take(self.host.paths.root / "log", key).note

    def restore(self, target: HostPaths, **changes: Any) -> Report:
        given: dict[str, Any] = {"identities": self.identities, "paper": self.paper} | changes
        return host_restore.restore(target, self.statement, progress=print, **given)


def back_up(host: Host, folder: Path) -> Kept:
    folder.mkdir(exist_ok=True)
    lines = [age.generate(folder / f"{name}.age", PASSPHRASE) for name in ("isso", "issm")]
    (folder / "officers.txt").write_text("\n".join(lines))
    statement, made = host_backup.back_up(host.paths, folder, folder / "officers.txt", lambda _: None)
    root = host.paths.root
    pinned = (root / "current" / "site" / "officers.sha256").read_text().strip()
    note = (root / "log" / "checkpoint").read_bytes()
    key = Verifier.decode((root / "log" / "log.vkey").read_text())
    paper = Paper(host_key(root / "secrets" / "host.pem", demo=True).public, key, pinned, [("anchor", note)])
    identities = [age.load_identity(folder / f"{name}.age", PASSPHRASE) for name in ("isso", "issm")]
    return Kept(host, folder, statement, made, identities, paper)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    folder = tmp_path_factory.mktemp("original")
    host = Host(folder / "old")
    for name in ("a", "b"):
        spool.append(str(host.paths.root / "spool"), event(f"spooled {name}")[1])
    logged(host, [f"record {n}" for n in range(300)])
    spool.append(str(host.paths.root / "spool"), event("spooled after")[1])
    return back_up(host, folder / "medium")


@pytest.fixture
def kept(original: Kept, tmp_path: Path) -> Kept:
    """The same, to spoil."""
    host = copy.copy(original.host)
    host.paths = HostPaths(tmp_path / "old", tmp_path / "run")
    shutil.copytree(original.host.paths.root, host.paths.root, symlinks=True)
    medium = shutil.copytree(original.folder, tmp_path / "medium")
    return replace(original, host=host, folder=medium, statement=medium / original.statement.name)


@pytest.fixture
def target(tmp_path: Path) -> HostPaths:
    return HostPaths(tmp_path / "new" / "root", tmp_path / "new" / "run")


def tree(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def words(log: Path) -> list[str]:
    return [str((event.unmapped.detail or {}).get("what", event.activity)) for _, event in select(log, Filter())]


def test_the_host_is_back_and_its_log_ended_whole(kept: Kept, target: HostPaths) -> None:
    old = kept.host.paths.root
    report = kept.restore(target)
    assert (report.records, report.lost, report.named) == (kept.made.records, 0, ())
    keys = tree(old / "secrets")
    assert tree(target.root / "secrets") == {name: key for name, key in keys.items() if name != "log.key"}
    for folder in ("trusted", "registries"):
        assert tree(target.root / folder) == tree(old / folder)
    assert (target.registries / "current").readlink() == (old / "registries" / "current").readlink()
    assert tree(target.root / "restored-site") == tree(old / "current" / "site")
    (log,) = ended_logs.ended(target)
    checked = verify(log, kept.paper.log_key.encode())
    assert checked.whole
    assert words(log)[:300] == [f"record {n}" for n in range(300)]
    assert anchor.check(log, kept.paper.log_key, kept.paper.anchors[0][1]).size == report.records


def test_the_next_log_has_another_key_and_name_and_begins_with_how_the_one_before_ended(
    kept: Kept, target: HostPaths
) -> None:
    report = kept.restore(target)
    site = known_statements(target)
    assert site
    places.make_log(target, site.site)
    vkey = (target.root / "log" / "log.vkey").read_text().strip()
    assert vkey.startswith(f"{kept.host.site.site}.appliance/audit/2+")

    async def begin() -> list[str]:
        log = Log.open(target.root / "log", places.log_key(target))
        taken = await ingest(target.root / "spool", log, label=HIGH)
        await log.close()
        return taken.gaps

    assert asyncio.run(begin()) == []
    assert words(target.root / "log") == ["spooled after", "host.restore"]
    last = [event for _, event in select(target.root / "log", Filter())][-1]
    assert last.unmapped.detail is not None
    assert last.unmapped.detail["root"] == report.root


def later(kept: Kept) -> tuple[bytes, Path]:
    """An anchor and evidence from after the backup."""
    logged(kept.host, ["seen by a witness", "seen by nobody else"])
    note, log = kept.anchored(), kept.host.paths.root / "log"
    first = kept.made.records
    records = [record for record, event in select(log, Filter()) if record.index == first]
    selection = Selection(wanted=Filter(text="seen by a witness"), first=first, end=first + 1)
    file = kept.folder / "evidence.zip"
    file.write_bytes(evidence.archive(log, note, records, selection))
    return note, file


def test_an_anchor_convicts_an_older_log_and_evidence_names_what_is_lost(kept: Kept, target: HostPaths) -> None:
    note, file = later(kept)
    paper = replace(kept.paper, anchors=[*kept.paper.anchors, ("newest", note)], evidence=[file])
    with pytest.raises(ApplianceError, match=r"records were made after the backup and are lost.* 1 of them named"):
        kept.restore(target, paper=paper)
    assert {file.name for file in target.root.iterdir()} <= {"lock", "step.lock"}
    report = kept.restore(target, paper=paper, accept_loss=True)
    assert report.anchored == report.records + report.lost
    assert [one.activity for one in report.named] == ["log.anchor"]
    first = (target.root / "spool" / spool.FILE).read_bytes().splitlines()[-1]
    assert json.loads(first)["event"]["unmapped"]["detail"]["lost"] == report.lost


def test_an_anchor_convicts_a_log_that_was_rewritten(kept: Kept, target: HostPaths, tmp_path: Path) -> None:
    other = tmp_path / "other"
    Log.create(other / "log", other / "log.key", "test/audit")
    (other / "log.key").write_bytes((kept.host.paths.root / "secrets" / "log.key").read_bytes())
    shutil.rmtree(other / "log")
    shutil.copytree(kept.host.paths.root / "log", other / "log")

    async def rewrite() -> bytes:
        log = Log.open(other / "log", other / "log.key")
        await log.append([event("another history")])
        await log.close()
        return (other / "log" / "checkpoint").read_bytes()

    note = asyncio.run(rewrite())
    logged(kept.host, ["the true one"], take_in=False)
    again = back_up(kept.host, tmp_path / "second")
    with pytest.raises(ApplianceError, match="the log was rewritten"):
        again.restore(target, paper=replace(again.paper, anchors=[("newest", note)]))


def altered(kept: Kept) -> dict[str, Any]:
    file = kept.statement.with_name(kept.made.archive)
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    return {}


def other_key(kept: Kept) -> dict[str, Any]:
    vkey = Log.create(kept.folder / "log", kept.folder / "log.key", "test/audit")
    return {"paper": replace(kept.paper, log_key=Verifier.decode(vkey))}


REFUSED: list[tuple[str, Callable[[Kept], dict[str, Any]]]] = [
    ("does not open with the keys of", lambda kept: {"identities": kept.identities[:1]}),
    ("the host signed", altered),
    ("dsse.json", lambda kept: {"paper": replace(kept.paper, signer=host_key(kept.folder / "other.pem").public)}),
    ("fingerprint|SHA-256", lambda kept: {"paper": replace(kept.paper, officers="0" * 64)}),
    ("does not hold", other_key),
]


@pytest.mark.parametrize(("match", "change"), REFUSED, ids=[match for match, _ in REFUSED])
def test_what_is_not_proven_changes_nothing(
    kept: Kept, target: HostPaths, match: str, change: Callable[[Kept], dict[str, Any]]
) -> None:
    with pytest.raises(ApplianceError, match=match):
        kept.restore(target, **change(kept))
    assert {file.name for file in target.root.iterdir()} <= {"lock", "step.lock"}


def test_a_rehearsal_changes_nothing_and_a_running_host_is_refused(kept: Kept, target: HostPaths) -> None:
    assert kept.restore(target, dry_run=True).records == kept.made.records
    assert {file.name for file in target.root.iterdir()} <= {"lock", "step.lock"}
    with pytest.raises(ApplianceError, match="is installed here"):
        kept.restore(kept.host.paths)
    kept.restore(target)
    with pytest.raises(ApplianceError, match="restored already"):
        kept.restore(target)


def test_killed_at_any_step_the_same_command_goes_on(
    kept: Kept, target: HostPaths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(host_restore, "complete", lambda _: None)
        kept.restore(target)
    whole = shutil.copytree(target.root, tmp_path / "whole", symlinks=True)
    host_restore.complete(target)
    expected = {name for name in tree(target.root) if not name.startswith(f".{host_restore.WHOLE}")}

    killed = 0
    shutil.rmtree(target.root)
    shutil.copytree(whole, target.root, symlinks=True)
    for _ in at_each_step(target.root, lambda: host_restore.complete(target)):
        killed += 1
        if (target.root / host_restore.WHOLE).is_dir():
            host_restore.complete(target)
        found = {name for name in tree(target.root) if not name.startswith(f".{host_restore.WHOLE}")}
        assert found == expected
        lines = (target.root / "spool" / spool.FILE).read_bytes().splitlines()
        assert sum(b"host.restore" in line for line in lines) == 1
        assert verify(ended_logs.ended(target)[0], kept.paper.log_key.encode()).whole
        shutil.rmtree(target.root)
        shutil.copytree(whole, target.root, symlinks=True)
    assert killed > 30


def test_what_was_killed_while_it_was_unpacked_means_nothing(kept: Kept, target: HostPaths) -> None:
    (target.root / host_restore.STAGING / "log").mkdir(parents=True)
    (target.root / host_restore.STAGING / "log" / "checkpoint").write_text("half")
    assert kept.restore(target).records == kept.made.records


def test_older_subjects_are_refused_after_a_restoration(kept: Kept, target: HostPaths) -> None:
    subjects = {"version": 7, "subjects": []}
    newer = kept.host.sign(kept.folder / "newer", subjects=subjects | {"subjects": [
        {"name": name, "expires": "2100-01-01"} | fields for name, fields in kept.host.subjects.items()]})  # fmt: skip
    kept.restore(target)
    known = known_statements(target)
    assert known
    fingerprint = kept.paper.officers
    check_not_older(known, read_statements(newer, fingerprint))
    with pytest.raises(ApplianceError, match="version"):
        check_not_older(read_statements(newer, fingerprint), known)


def test_a_cut_is_whole_while_the_log_goes_on(tmp_path: Path) -> None:
    log, key = tmp_path / "log", tmp_path / "secrets" / "log.key"
    vkey = Verifier.decode(Log.create(log, key, "test/audit"))
    stop = threading.Event()

    async def write() -> None:
        writer = Log.open(log, key, checkpoint_interval=0.02)
        number = 0
        while not stop.is_set():
            await writer.append([event(f"record {number + n}") for n in range(37)])
            number += 37
        await writer.close()

    thread = threading.Thread(target=lambda: asyncio.run(write()))
    thread.start()
    try:
        for turn in range(5):
            found = log_cut.cut(log, tmp_path / "spool", vkey)
            copy = tmp_path / f"copy-{turn}"
            for member in log_cut.members(log, found):
                file = copy / member.name
                file.parent.mkdir(parents=True, exist_ok=True)
                data = member.source.read_bytes()[: member.length] if member.source else member.data
                file.write_bytes(data)
            report = verify(copy, vkey.encode())
            assert (report.whole, report.size, report.unsigned) == (True, found.size, 0), report.findings[:3]
    finally:
        stop.set()
        thread.join()
