"""What the demonstration says: one line a stage, why one failed, and who works where."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from appliance.monitor.decide.policy import parse_policy
from appliance.monitor.decide.registry import parse_registry
from appliance.trust import canonical
from demo import browse, closing, stages
from demo.instance import DEMO, PEOPLE, REPOSITORY, SUBJECTS, Instance, StageError, require, site_files
from demo.report import Report, Say, Stage
from demo.users import HOSTNAMES


@pytest.fixture
def instance(tmp_path: Path) -> Instance:
    return Instance("none", 250, tmp_path / "build", tmp_path / "root", tmp_path / "run")


@pytest.fixture
def report(tmp_path: Path) -> Report:
    return Report(tmp_path / "demo.log", 3)


def work(_: Say) -> dict[str, Any]:
    return {"bytes": 2_500_000}


def work_in_steps(say: Say) -> dict[str, Any]:
    say("one")
    say("two")
    return {}


def fail(_: Say) -> dict[str, Any]:
    raise StageError("the disk is full", "make room")


def fall(_: Say) -> dict[str, Any]:
    raise KeyError("absent")


def test_a_stage_is_a_line_with_time_and_size(report: Report, capsys: pytest.CaptureFixture[str]) -> None:
    assert report.run([Stage("carry", work), Stage("install", work_in_steps)])
    lines = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"stage  1 of 3  carry +0\.\d s +2\.5 MB", lines[0])
    assert lines[1] == "stage  2 of 3  install"
    assert [line.strip() for line in lines[2:4]] == ["one", "two"]
    assert re.fullmatch(r" +together +0\.\d s", lines[4])
    assert report.log.read_text().splitlines() == lines


@pytest.mark.parametrize(
    ("broken", "cause", "remedy"),
    [(fail, "the disk is full", "make room"), (fall, "KeyError: 'absent'", "read the end of")],
)
def test_a_failure_says_cause_and_remedy_and_ends_the_run(
    report: Report, capsys: pytest.CaptureFixture[str], broken: Any, cause: str, remedy: str
) -> None:
    assert not report.run([Stage("carry", work), Stage("break", broken), Stage("never", work)])
    said = capsys.readouterr().out
    assert "stage  2 of 3  break" in said
    assert "FAILED after" in said
    assert f"cause: {cause}" in said
    assert f"remedy: {remedy}" in said
    assert "Traceback" not in said
    assert "Traceback" in report.log.read_text()
    assert [stage.name for stage in report.stages] == ["carry", "break"]


def test_what_was_required_and_does_not_hold_is_the_cause() -> None:
    require(1, "never")
    with pytest.raises(StageError, match="two files"):
        require(0, "two files")


def test_the_installers_lines_become_steps_with_their_seconds() -> None:
    clock = iter([0.0, 0.0, 0.0, 3.0, 3.0, 3.1, 3.1, 10.0, 10.0])
    said: list[str] = []
    steps = stages._Steps(said.append, lambda: next(clock))
    for line in ("   0.0 s verify", "   3.0 s   images: load", "noise", "   3.1 s   start " + "x" * 60, "installed: 1"):
        steps.tell(line)
    assert [step["seconds"] for step in steps.done] == [3.0, 6.9]
    assert said[0].split() == ["verify", "3.0", "s"]
    assert len({line.index(" s") for line in said}) == 1


def test_everybody_of_the_closing_screen_can_do_their_part(instance: Instance) -> None:
    assert closing.PLACES.keys() == PEOPLE.keys()
    policy = parse_policy(canonical.decode_yaml((REPOSITORY / "policies/access.yml").read_text(), "access.yml"))
    for person, (_, path, _) in closing.PLACES.items():
        service = path.split("/")[1]
        route = policy.route(service, "GET", path)
        assert route, path
        assert policy.permits(tuple(PEOPLE[person]["roles"]), service, route.action), person
    screen = closing.people_and_places(instance)
    for text in (*PEOPLE, *HOSTNAMES.values(), "10.77.250.11", "DEMO"):
        assert text in screen


def test_evaluating_certifying_and_owning_are_different_people() -> None:
    roles = {person: facts["roles"] for person, facts in PEOPLE.items()}
    assert all(len(held) == 1 for held in roles.values())
    assert len(list(filter(lambda held: held == ["officer"], roles.values()))) == 2


def test_the_subjects_are_a_valid_registry(instance: Instance) -> None:
    (instance.keys / "certifiers").mkdir(parents=True)
    (instance.keys / "certifiers" / "certifier-1.pub").write_text("key")
    text = site_files(instance)["subjects"]
    assert {subject.name for subject in parse_registry(canonical.decode_yaml(text, "subjects")).subjects} == set(
        SUBJECTS
    )


def test_a_browser_without_a_display_is_refused_with_another_way(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with pytest.raises(StageError, match="no certificate yet"):
        browse.browse(instance, "analyst", None)
    instance.subjects.mkdir(parents=True)
    (instance.subjects / "analyst.p12").touch()
    with pytest.raises(StageError, match="no display") as refusal:
        browse.browse(instance, "analyst", None)
    assert "analyst.p12" in refusal.value.remedy
    assert "10.77.250.11" in refusal.value.remedy


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["--help"], 0, "browse"),
        ([], 2, "COMMAND"),
        (["browse", "nobody"], 2, "nobody"),
        (["--instance", "test250", "show"], 2, "test250"),
    ],
)
def test_the_command_explains_itself(words: list[str], status: int, said: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "demo", *words], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert done.returncode == status
    assert said in done.stdout + done.stderr


def test_two_instances_share_no_address() -> None:
    other = Instance("other", DEMO.block + 1, Path("a"), Path("b"), Path("c"))
    assert other.address(11) != DEMO.address(11)
    assert other.inner_address(1, 1) != DEMO.inner_address(1, 1)
