"""Figures of a step of tuning against plain transformers and peft, and of loading an adapter into the engine."""

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from demo.instance import REPOSITORY
from images.inference.app.engine import Engine
from images.inference.app.settings import Adapter, EngineParameters
from images.inference.app.wire import Answer
from tests.bench.measure import Measurement, at_most
from tests.component.service.model import found_model
from tests.component.tuning.files import adapter_of, installed_libraries

ROUNDS = 5


def measurements() -> list[dict[str, object]]:
    """The figures, in the form of ``build/bench.json``."""
    model, libraries = found_model(), installed_libraries()
    both, ours, plain = (_steps(model, libraries, which) for which in ("both", "ours", "plain"))
    step = (
        f"plain transformers and peft, in turn: {both['second']:.2f} processor seconds"
        " a step of 4 x 64 tokens on 2 threads"
    )
    most = f"the same, a process each: {plain['memory'] / 2**20:.0f} MiB at most"
    start = f"median of {ROUNDS}: from the files to a first token with an adapter of rank 8, its header judged"
    figures: list[Measurement] = [
        at_most("tuning.step", both["first"] / both["second"], "ratio", 1.1, step),
        at_most("tuning.memory", ours["memory"] / plain["memory"], "ratio", 1.1, most),
        at_most("tuning.adapter_load", _load(model), "s", 2, start),
    ]
    return [figure.model_dump() for figure in figures]


def _steps(model: Path, libraries: Path, which: str) -> dict[str, float]:
    command = [sys.executable, "-m", "tests.bench.steps", str(model), which]
    environment = os.environ | {"PYTHONPATH": f"{REPOSITORY}:{libraries}", "OMP_WAIT_POLICY": "passive"}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment, cwd=REPOSITORY)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def _load(model: Path) -> float:
    """Seconds from the files to an engine that has answered a token."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        (folder / "base.gguf").symlink_to(model)
        sha256 = adapter_of(model, folder / "tuned.gguf")
        parameters = EngineParameters(adapter=Adapter(name="tuned", sha256=sha256))
        return statistics.median([asyncio.run(_answered(folder, parameters)) for _ in range(ROUNDS)])


async def _answered(folder: Path, parameters: EngineParameters) -> float:
    began = time.perf_counter()
    async with Engine(folder, "base", parameters, 2) as engine:
        body = json.dumps({"model": "base", "prompt": "One", "max_tokens": 1}).encode()
        await (await Answer.to(engine.socket, "/v1/completions", body)).json()
        return time.perf_counter() - began
