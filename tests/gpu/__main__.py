"""The check of an accelerator: ``python -m tests.gpu --sdist FILE --out FOLDER``, at most nine minutes.

It builds the engine from the locked source distribution, makes a model with random weights, and measures at 1, 16, 64
and 256 streams: the kernels alone, the engine over HTTP with different ways of sampling, and our whole service before
it. Gate and recorder of the service are stand-ins; everything else is its own. A stage that fails leaves the others to
run, and says so; the exit status counts them.
"""

import argparse
import contextlib
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from tests.gpu import engine, load, memory, weights
from tests.gpu.stages import Stages
from tests.unit.service.support import headers_for, make_paths

Start = Callable[..., contextlib.AbstractContextManager[engine.Server]]

STREAMS = (1, 16, 64, 256)
MANY = 64
"""Streams from which on there are goals."""
ROOT = Path(__file__).parents[2]
PATCH = ROOT / "images/inference/variants/wake.patch"
LOCK = ROOT / "images/inference/requirements.lock"
ROUTE = f"/inference{load.CHAT}"
DEVICE: dict[str, Any] = {"backend_sampling": True}
SHORT: dict[str, Any] = {"samplers": ["top_k", "temperature"]}
LIKELIEST: dict[str, Any] = {"samplers": ["temperature"], "temperature": 0}
CHOSEN = ("--backend-sampling", "--samplers", "top_k;temperature")
"""How the appliance's engine samples on a device (``images/inference/app/engine.py``)."""


def main() -> int:
    """Run the check."""
    parser = argparse.ArgumentParser(prog="python -m tests.gpu", description=__doc__)
    parser.add_argument("--sdist", type=Path, required=True, help="the locked source distribution of xllamacpp")
    parser.add_argument("--out", type=Path, required=True, help="folder for figures and logs")
    parser.add_argument("--work", type=Path, default=Path("/tmp/gpu-check"))  # noqa: S108  # a machine for this alone
    parser.add_argument("--budget", type=float, default=540, help="seconds in all")
    parser.add_argument("--shape", choices=weights.SHAPES, default="8b")
    parser.add_argument("--processor", action="store_true", help="build for the processor, to try the check itself")
    parser.add_argument("--programs", type=Path, help="folder of programs that are built already")
    parser.add_argument("--build-only", action="store_true", help="build, make the model, and stop")
    parser.add_argument("--streams", type=int, nargs="+", default=STREAMS)
    given = parser.parse_args()
    for folder in (given.out, given.work):
        folder.mkdir(parents=True, exist_ok=True)
    stages = Stages(given.out, given.budget, _machine())
    print(stages.figures["machine"], flush=True)
    model = given.work / "random.gguf"
    programs = _prepared(stages, given, model)
    if not given.build_only:
        _measured(stages, given, programs, model)
        print(_table(stages.figures, given.streams))
    for reason in stages.failed:
        print(f"failed: {reason}")
    return len(stages.failed)


def _machine() -> dict[str, Any]:
    told = Path("/proc/cpuinfo").read_text()
    about: dict[str, Any] = {
        "processors": os.cpu_count(),
        "processor": (re.findall(r"model name\s*: (.*)", told) or [""])[0],
        "instructions": sorted(set(re.findall(r"\b(?:avx\w*|amx\w*|fma|f16c)\b", told))),
        "python": sys.version.split()[0],
    }
    if shutil.which("nvidia-smi"):
        query = ["nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
        about["card"] = subprocess.run(query, capture_output=True, text=True, check=True).stdout.strip()
    return about


def _prepared(stages: Stages, given: argparse.Namespace, model: Path) -> Path:
    """Build the engine while the model is written; the folder of the programs."""
    build: Path = given.programs.parent if given.programs else given.work / "build"
    source = given.work / "source"
    if not source.exists():
        stages.do("unpack", lambda: str(engine.unpack(given.sdist, LOCK, source)))
    (found,) = source.glob("*/thirdparty/llama.cpp")
    making = threading.Thread(target=lambda: stages.do("model", partial(_model, model, given.shape, found / "gguf-py")))
    if not model.exists():
        making.start()
    if not given.programs:
        stages.do("build", lambda: _build(found, build, given.out, accelerated=not given.processor))
    if making.ident:
        making.join()
    return build / "bin"


def _model(model: Path, shape: str, package: Path) -> int:
    weights.write(model, weights.SHAPES[shape], package)
    return model.stat().st_size


def _build(source: Path, build: Path, out: Path, *, accelerated: bool) -> float:
    began = time.monotonic()
    engine.cut(source)
    with (out / "build.log").open("w") as log:
        engine.configure(source, build, log, accelerated=accelerated)
        engine.build(build, log)
    return round(time.monotonic() - began, 1)


def _measured(stages: Stages, given: argparse.Namespace, programs: Path, model: Path) -> None:
    many = [streams for streams in given.streams if streams >= MANY] or given.streams[-1:]
    stages.do("kernel", partial(_kernel, programs, model, given))
    start = partial(engine.running, programs, model, given.work)
    stages.do("engine by itself", partial(_engine_alone, stages, start, given.streams, many))
    stages.do("engine as it is used", partial(_with_service, stages, start, given, many, ""))
    if not given.processor:
        stages.do("canary", memory.report)
    source = next((given.work / "source").glob("*/thirdparty/llama.cpp"))
    stages.do("processor", partial(_processor, source, programs, model, given))
    stages.do("patched build", partial(_patched, source, programs.parent, given.out))
    if "patched build" in stages.figures:
        stages.do("engine, patched", partial(_patched_engine, stages, start, many))
        stages.do("patched engine as it is used", partial(_with_service, stages, start, given, many, "patched, "))
    stages.do("two engines", partial(_two_engines, stages, start, many))


def _kernel(programs: Path, model: Path, given: argparse.Namespace) -> dict[int, list[float]]:
    """Tokens a second of generation, and of the whole with its prompts, by the number of streams."""
    size = str(max(given.streams) * 2 * load.TOKENS)
    command = [
        str(programs / "llama-batched-bench"), "-m", str(model), "-c", size, "-b", "2048", "-ub", "512", "-ngl", "99",
        "-fa", "on", "-npp", str(load.TOKENS), "-ntg", str(load.TOKENS), "-npl", ",".join(map(str, given.streams)),
    ]  # fmt: skip
    answer = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    (given.out / "kernel.log").write_text(answer.stdout + answer.stderr)
    rows = [
        [float(value) for value in line.split("|")[1:-1]]
        for line in answer.stdout.splitlines()
        if re.match(r"\| +\d", line)
    ]
    if not rows:
        raise RuntimeError(f"{answer.returncode}: {(answer.stdout + answer.stderr)[-500:]}")
    return {int(row[2]): [row[7], round(row[1] * row[2] / row[8], 1)] for row in rows}


def _processor(source: Path, programs: Path, model: Path, given: argparse.Namespace) -> dict[str, list[float]]:
    """Tokens a second of prompt and answer on the processor: this machine's instructions, and those of the wheel."""
    with (given.out / "processor.log").open("w") as log:
        kernels = engine.kernels_of_the_wheel(source, given.work / "wheel", log)
    command = [
        str(programs / "llama-batched-bench"), "-m", str(model), "-c", "1024", "-b", "512", "-ub", "512", "-ngl", "0",
        "-dev", "none", "-npp", "256", "-ntg", "16", "-npl", "1",
    ]  # fmt: skip
    found = {}
    for name, path in (("own", ""), ("wheel", str(kernels))):
        environment = os.environ | {"LD_LIBRARY_PATH": path}
        answer = subprocess.run(
            command, capture_output=True, text=True, timeout=120, check=True, env=environment
        ).stdout
        row = [line for line in answer.splitlines() if re.match(r"\| +\d", line)][-1].split("|")[1:-1]
        found[name] = [float(row[5]), float(row[7])]
    return found


def _engine_alone(stages: Stages, start: Start, streams: Sequence[int], many: Sequence[int]) -> None:
    with start("engine", max(streams)) as server:
        load.measure([server.socket], 1, load.question())
        _ask(stages, server, "engine, as it comes", streams, {})
        _ask(stages, server, "engine, sampling on the device", many, DEVICE)
        _ask(stages, server, "engine, short chain on the device", many, DEVICE | SHORT)
        _ask(stages, server, "engine, the likeliest on the device", many, DEVICE | LIKELIEST)
        _ask(stages, server, "engine, short chain", many[:1], SHORT)
        _ask(stages, server, "engine, the likeliest", many[:1], LIKELIEST)


def _with_service(stages: Stages, start: Start, given: argparse.Namespace, many: Sequence[int], before: str) -> None:
    """Our service before an engine that samples as the appliance's does, and that engine directly, in turn."""
    with start("engine", max(given.streams), *CHOSEN) as server, _service(given.work) as service:
        load.measure([service], 1, load.question(), path=ROUTE, headers=_headers)
        for turn in range(2):
            for streams in given.streams if turn == 0 else many:
                ours = partial(load.measure, [service], streams, load.question(), path=ROUTE, headers=_headers)
                stages.do(f"{before}service, {streams}, turn {turn}", lambda: vars(ours()))  # noqa: B023  # done at once
                _ask(stages, server, f"{before}engine as chosen", [streams], {}, f", turn {turn}")


def _two_engines(stages: Stages, start: Start, many: Sequence[int]) -> None:
    with start("first", max(many) // 2, *CHOSEN) as first, start("second", max(many) // 2, *CHOSEN) as second:
        for streams in many:
            both = partial(load.measure, [first.socket, second.socket], streams, load.question())
            stages.do(f"two engines, {streams}", lambda: vars(both()))  # noqa: B023  # done at once


def _patched(source: Path, build: Path, out: Path) -> str:
    engine.patched(source, PATCH)
    with (out / "patched.log").open("w") as log:
        engine.build(build, log)
    return PATCH.name


def _patched_engine(stages: Stages, start: Start, many: Sequence[int]) -> None:
    with start("patched", max(many)) as server:
        load.measure([server.socket], 1, load.question())
        for name, body in (
            ("patched, as it comes", {}),
            ("patched, short chain on the device", DEVICE | SHORT),
            ("patched, the likeliest on the device", DEVICE | LIKELIEST),
        ):
            _ask(stages, server, name, many, body)


def _ask(
    stages: Stages, server: engine.Server, name: str, streams: Sequence[int], body: dict[str, Any], more: str = ""
) -> None:
    """Measure the engine itself, with its processor time a token and where it says that its time went."""

    def work(number: int) -> dict[str, Any]:
        began, steps = server.processor(), server.times()
        rate = load.measure([server.socket], number, load.question(**body))
        ended = server.processor()
        cost = (ended - began) / (number * load.TOKENS) * 1e6
        return vars(rate) | {"processor_us": round(cost), "steps": engine.between(steps, server.times())}

    for number in streams:
        stages.do(f"{name}, {number}{more}", partial(work, number))


@contextlib.contextmanager
def _service(folder: Path) -> Iterator[Path]:
    """The inference service before the engine whose socket is in ``folder``."""
    make_paths(folder)
    command = [sys.executable, "-m", "tests.gpu.service", str(folder)]
    socket = folder / "service.sock"
    socket.unlink(missing_ok=True)
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while not socket.exists():
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the service did not start")
            time.sleep(0.1)
        yield socket
    finally:
        process.terminate()
        process.wait(10)


def _headers() -> dict[str, str]:
    return headers_for("POST", ROUTE)


def _table(figures: dict[str, Any], streams: Sequence[int]) -> str:
    """Tokens a second of each way, whole and steady, as a Markdown table."""
    names: dict[str, dict[int, str]] = {}
    for name, found in figures.items():
        if name == "kernel":
            names["kernel alone"] = {number: f"{whole:.0f} / {steady:.0f}" for number, (steady, whole) in found.items()}
        elif match := re.fullmatch(r"(.*), (\d+)(, turn \d)?", name):
            cells = names.setdefault(match[1] + (match[3] or ""), {})
            cells[int(match[2])] = f"{found['whole']:.0f} / {found['steady']:.0f}"
    head = ["| tokens a second, whole / steady |" + "".join(f" {number} |" for number in streams)]
    head += ["|---|" + "---|" * len(streams)]
    return "\n".join(head + [f"| {n} |" + "".join(f" {c.get(s, '')} |" for s in streams) for n, c in names.items()])


if __name__ == "__main__":
    sys.exit(main())
