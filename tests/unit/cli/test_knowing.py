"""Where nobody can know, a command says so: an empty answer would be a false all-clear."""

import asyncio
import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from appliance.audit.events import kinds as events
from appliance.audit.events.ocsf import Event
from appliance.audit.log.writer import Log
from appliance.bundle.advisories.debian_tracker import read_tracker
from appliance.cli.main import app
from appliance.errors import ApplianceError
from tests.catalogue import CATALOGUE

RECORD = "3f0c9d0e-5a57-4c6e-9a55-d2b1c76a1f10"
COUNT = 5


async def append(folder: Path, made: list[Event]) -> None:
    log = Log.open(folder / "log", folder / "log.key")
    for event in made:
        await log.append([event.record()])
    await log.close()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a log of five records; the last is about ``RECORD``."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "log.vkey").write_text(Log.create(folder / "log", folder / "log.key", "test.example/log"))
    scope = events.Scope(label="U;;*")
    made = [events.activity(scope, f"user-{number}", "records.read") for number in range(COUNT - 1)]
    made.append(events.activity(scope, "last", "records.read", events.Lineage(inputs=(RECORD,))))
    asyncio.run(append(folder, made))
    (folder / "current").mkdir()
    (folder / "current/catalogue.json").write_bytes(CATALOGUE.encode())
    return folder


@pytest.fixture
def place(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "place"))


def run(*words: object) -> tuple[str, ApplianceError | None]:
    result = CliRunner().invoke(app, [str(word) for word in words])
    error = result.exception
    assert error is None or isinstance(error, ApplianceError), result.output
    return result.output, error


ANSWERS = {
    "show": ("audit", "show", "--log", "{log}"),
    "show as JSON": ("audit", "show", "--log", "{log}", "--json"),
    "export": (
        "audit",
        "export",
        "{place}/out.zip",
        "--log",
        "{log}",
        "--key",
        "{place}/log.vkey",
        "--spool",
        "{place}/spool",
    ),
    "trace": ("spill", "trace", RECORD, "--root", "{place}"),
}


def asked(place: Path, words: tuple[str, ...]) -> tuple[str, ApplianceError | None]:
    return run(*(word.format(place=place, log=place / "log") for word in words))


@pytest.mark.parametrize("words", ANSWERS.values(), ids=ANSWERS)
def test_a_whole_log_answers(place: Path, words: tuple[str, ...]) -> None:
    assert asked(place, words)[1] is None


def lose_last(log: Path) -> None:
    file = next((log / "bodies").iterdir())
    file.write_bytes(b"".join(file.read_bytes().splitlines(keepends=True)[:-1]))


def lose_all(log: Path) -> None:
    shutil.rmtree(log / "bodies")


def lose_checkpoint(log: Path) -> None:
    (log / "checkpoint").unlink()


def spoil_checkpoint(log: Path) -> None:
    (log / "checkpoint").write_bytes(b"\xff" * 99)


DAMAGES = {
    "the last record is missing": (lose_last, "4 of 5 records are there"),
    "no record is there": (lose_all, "the checkpoint is over 5 records, and none of them is there|0 of 5 records"),
    "there is no checkpoint": (lose_checkpoint, "no checkpoint|is not the checkpoint of a log"),
    "the checkpoint is damaged": (spoil_checkpoint, "is not the checkpoint of a log"),
    "the log is elsewhere": (shutil.rmtree, "there is no such file or folder"),
}


@pytest.mark.parametrize("words", ANSWERS.values(), ids=ANSWERS)
@pytest.mark.parametrize(("damage", "said"), DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_log_answers_nothing_for_certain(
    place: Path, words: tuple[str, ...], damage: object, said: str
) -> None:
    damage(place / "log")  # type: ignore[operator]
    error = asked(place, words)[1]
    assert error is not None
    assert any(one in error.message for one in said.split("|")), error.message
    assert error.rule
    assert error.remedy
    assert not (place / "out.zip").exists()
    assert not (place / "spool").exists()


def test_what_is_left_is_shown_before_the_damage_is_said(place: Path) -> None:
    lose_last(place / "log")
    output, error = run("audit", "show", "--log", place / "log", "--json")
    assert [json.loads(line)["index"] for line in output.splitlines()] == list(range(COUNT - 1))
    assert error is not None


def test_nothing_found_in_a_whole_log_is_said_with_what_was_read(place: Path) -> None:
    output, error = run("audit", "show", "--log", place / "log", "--subject", "fish")
    assert (output, error) == (f"none of the {COUNT} records under the checkpoint, or since, matches\n", None)
    _, error = run("spill", "trace", "12345678", "--root", place)
    assert error is not None
    assert f"{COUNT} records were read" in error.message


def test_a_folder_without_certificates_does_not_say_that_none_ends(tmp_path: Path) -> None:
    subjects = tmp_path / "subjects.yml"
    subjects.write_text(
        "version: 1\nsubjects:\n  - {name: ann, clearance: SECRET, nationalities: [USA], roles: [annotator], "
        "expires: 2030-01-01}\n"
    )
    _, error = run("user", "list", "--subjects", subjects, "--certificates", tmp_path)
    assert error is not None
    assert "holds no certificate of any subject" in error.message


def test_a_tracker_without_packages_makes_no_feed() -> None:
    with pytest.raises(ApplianceError, match="names no source package"):
        list(read_tracker(b"{}", "json"))
