"""What `make bench` says and how it ends; its figures themselves are measured by it, not here."""

import dataclasses
import json
from pathlib import Path

import pytest

from demo.instance import DEMO
from tests.bench import demo
from tests.bench.__main__ import BENCHMARKS, main
from tests.bench.measure import alternate, at_least, at_most

STAGES = [
    {"name": "build the bundle", "seconds": 20.0},
    {"name": "ask it in the browser", "seconds": 60.0},
    {"name": "look at what runs", "seconds": 2.0},
]


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(demo, "DEMO", dataclasses.replace(DEMO, build=tmp_path))
    monkeypatch.setattr("sys.argv", ["bench", "--only", "demo", "--json"])
    return tmp_path


@pytest.mark.parametrize(("seconds", "code"), [(300.0, 0), (300.1, 1)])
def test_a_goal_that_does_not_hold_ends_with_1(
    build: Path, capsys: pytest.CaptureFixture[str], seconds: float, code: int
) -> None:
    (build / "demo.json").write_text(json.dumps({"passed": True, "seconds": seconds, "stages": STAGES}))
    assert main() == code
    first, figure = json.loads(capsys.readouterr().out)
    assert (first["name"], first["value"], first["holds"]) == ("demo.first_answer", 80.0, True)
    assert (figure["name"], figure["value"], figure["holds"]) == ("demo.warm", seconds, code == 0)


@pytest.mark.parametrize("report", [None, {"passed": False, "seconds": 9, "stages": STAGES}])
def test_what_was_not_measured_is_named_and_does_not_pass(
    build: Path, capsys: pytest.CaptureFixture[str], report: dict[str, object] | None
) -> None:
    if report:
        (build / "demo.json").write_text(json.dumps(report))
    assert main() == 1
    shown = capsys.readouterr()
    assert json.loads(shown.out) == []
    assert "NOT MEASURED demo" in shown.err
    assert "run `make demo`" in shown.err


def test_limits_belong_to_what_holds() -> None:
    assert at_most("a", 5.0, "ms", 5, "").holds
    assert not at_most("a", 5.0001, "ms", 5, "").holds  # though it is shown as 5
    assert at_least("a", 0.95, "ratio", 0.95, "").holds
    assert not at_least("a", 0.9499, "ratio", 0.95, "").holds


def test_rounds_alternate_and_keep_what_belongs_together() -> None:
    order: list[str] = []
    pairs = alternate(lambda: order.append("a") or "a", lambda: order.append("b") or "b", 3)  # type: ignore[func-returns-value]
    assert pairs == [("a", "b")] * 3
    assert "".join(order) == "abbaab"


def test_each_figure_is_measured_by_one_module_and_explained() -> None:
    names = [name for names in BENCHMARKS.values() for name in names]
    assert len(names) == len(set(names))
    text = Path("docs/benchmarks.md").read_text()
    assert [name for name in names if f"| `{name}` |" not in text] == []
