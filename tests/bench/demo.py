"""Figure of the demonstration: how long its last whole run took."""

import json

from tests.bench.measure import Measurement, at_most
from tests.demo.instance import DEMO

LAST_STAGE = "what runs"


def measurements() -> list[Measurement]:
    """Seconds of the last ``make demo``.

    Raises:
        RuntimeError: there was none, or it did not reach its end.
    """
    file = DEMO.build / "demo.json"
    if not file.exists():
        raise RuntimeError("build/demo.json is missing: run `make demo` twice, the second time with caches")
    report = json.loads(file.read_text())
    stages = {stage["name"]: stage["seconds"] for stage in report["stages"]}
    if not report["passed"] or LAST_STAGE not in stages:
        raise RuntimeError("build/demo.json is of a run that did not reach its end: run `make demo` again")
    reference = f"all stages of the last `make demo`, {stages['build the bundle']:.0f} s of it building the bundle"
    return [at_most("demo.warm", report["seconds"], "seconds", 300, reference)]
