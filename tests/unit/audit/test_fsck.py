"""fsck finds what verify finds, and what should not lie in a log's folder."""

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from appliance.audit.events import kinds as events
from appliance.audit.log import storage
from appliance.audit.log.note import COSIGNATURE, Signer, Verifier
from appliance.audit.log.witness import accept, cosign, request
from appliance.audit.log.writer import Log
from appliance.audit.review.fsck import fsck
from appliance.cli.main import app
from tests.unit.audit.conftest import Place


async def record(place: Place, count: int) -> None:
    log = place.open()
    scope = events.Scope(label="U;;*")
    await log.append([events.activity(scope, "host", "test.write", detail={"n": n}).record() for n in range(count)])
    await log.close()


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """300 events, cosigned by an officer at 300."""
    path = tmp_path_factory.mktemp("fsck")
    place = Place(path / "log", path / "key", Log.create(path / "log", path / "key", "site.example/audit"))
    asyncio.run(record(place, 300))
    officer, log_key = Signer.generate("isso", COSIGNATURE), Verifier.decode(place.vkey)
    note = cosign(request(place.path, log_key, 0), log_key, officer, path / "state", 1)
    accept(place.path, note.encode(), log_key, [officer.verifier])
    return place


DAMAGE: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "a strange file": (lambda log: (log / "notes.txt").write_text("x"), "notes.txt", "does not belong"),
    "a strange body": (lambda log: (log / "bodies" / "x").write_text("x"), "bodies/x", "does not belong"),
    "a strange tile": (lambda log: (log / "tile/0/007").write_bytes(b"x"), "tile/0/007", "nothing under"),
    "a link": (lambda log: (log / "tile/0/x").symlink_to("/etc/passwd"), "tile/0/x", "not a plain file"),
    "another key": (lambda log: (log / "log.vkey").write_text("x"), "log.vkey", "not the key"),
    "a cosigned checkpoint": (
        lambda log: (log / "cosigned" / "299").write_bytes((log / "cosigned" / "300").read_bytes()),
        "cosigned/299",
        "not a checkpoint of this log",
    ),
    "a record": (
        lambda log: (log / "bodies/000000000000.jsonl").write_bytes(
            (log / "bodies/000000000000.jsonl").read_bytes().replace(b'"n":7}', b'"n":8}')
        ),
        "bodies/000000000000.jsonl",
        "not what the log committed to",
    ),
}


def test_a_whole_log_has_no_findings(filled: Place) -> None:
    assert fsck(filled.path, filled.vkey).findings == []


@pytest.mark.parametrize("kind", DAMAGE)
def test_damage_is_found_and_named(filled: Place, tmp_path: Path, kind: str) -> None:
    damage, file, problem = DAMAGE[kind]
    shutil.copytree(filled.path, tmp_path / "log")
    damage(tmp_path / "log")
    found = fsck(tmp_path / "log", filled.vkey).findings
    assert [(one.file, problem in one.problem) for one in found] == [(file, True)]


def test_a_log_returned_to_an_old_copy_contradicts_what_the_officer_saw(place: Place, tmp_path: Path) -> None:
    asyncio.run(record(place, 100))
    shutil.copytree(place.path, tmp_path / "old")
    asyncio.run(record(place, 100))
    officer, log_key = Signer.generate("isso", COSIGNATURE), Verifier.decode(place.vkey)
    note = cosign(request(place.path, log_key, 0), log_key, officer, tmp_path / "state", 1)
    accept(place.path, note.encode(), log_key, [officer.verifier])
    shutil.copytree(place.path / "cosigned", tmp_path / "old" / "cosigned")
    problem = "an officer saw 200 records, the log now has 100"
    assert problem in [one.problem for one in fsck(tmp_path / "old", place.vkey).findings]
    other = Place(tmp_path / "old", place.key, place.vkey)
    asyncio.run(record(other, 150))
    problems = [one.problem for one in fsck(other.path, place.vkey).findings]
    assert problems == ["the first 200 records are not those an officer saw"]


def test_a_record_that_is_no_event_is_found(place: Place) -> None:
    asyncio.run(place.fill(3))
    assert [one.index for one in fsck(place.path, place.vkey).findings] == [0, 1, 2]


def test_fsck_by_command(filled: Place, tmp_path: Path) -> None:
    (tmp_path / "vkey").write_text(filled.vkey)
    arguments = ["audit", "fsck", "--key", str(tmp_path / "vkey"), "--log", str(filled.path)]
    assert CliRunner().invoke(app, arguments).exit_code == 0


@pytest.mark.parametrize(
    ("share", "free", "state"),
    [(0.1, 1 << 40, "good"), (0.75, 1 << 30, "warn"), (0.95, 1 << 30, "administration"), (0.2, 1 << 20, "halt")],
)
def test_the_fill_of_the_disk_has_three_thresholds(share: float, free: int, state: str) -> None:
    assert storage.judged(share, free) == state


def test_the_fill_of_a_real_disk_is_judged_by_its_thresholds(tmp_path: Path) -> None:
    share, free = storage.used(tmp_path)
    assert 0 < share < 1
    assert storage.storage(tmp_path) == storage.judged(share, free)
