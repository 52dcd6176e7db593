"""Figures of the demonstration: how long its last whole run took, and after how long a person got an answer."""

import json

from demo import stages
from demo.instance import DEMO
from tests.bench.measure import Measurement, at_most

BUILD, ANSWER = "build the bundle", "ask it in the browser"


def measurements() -> list[Measurement]:
    """Seconds of the last ``make demo`` whose caches were there.

    Raises:
        RuntimeError: there was none, or it did not reach its end.
    """
    file = DEMO.build / "demo.json"
    if not file.exists():
        raise RuntimeError("build/demo.json is missing: run `make demo` twice, the second time with caches")
    report = json.loads(file.read_text())
    names = [stage["name"] for stage in report["stages"]]
    seconds = [stage["seconds"] for stage in report["stages"]]
    if not report["passed"] or stages.LAST not in names:
        raise RuntimeError("build/demo.json is of a run that did not reach its end: run `make demo` again")
    reference = f"the last `make demo`, {seconds[names.index(BUILD)]:.0f} s of it building the bundle"
    return [
        at_most("demo.first_answer", sum(seconds[: names.index(ANSWER) + 1]), "seconds", 120, reference),
        at_most("demo.warm", report["seconds"], "seconds", 300, reference),
    ]
