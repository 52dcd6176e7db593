"""Figures of the evaluation: processor time a sample against Inspect, generation of items, and reading large results.

Runner and Inspect each ask the same items of the same mock on loopback, each in a process of its own whose processor
time is taken by the operating system; what a run of no item takes (starting, importing) is subtracted.
"""

import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.measure import Measurement, at_least, at_most

SAMPLES = int(os.environ.get("SAMPLES", "5000"))
CONNECTIONS = 8
GOAL = 0.2
ROWS = 100_000


def measurements() -> list[Measurement]:
    """All figures of this module."""
    with _mock() as url:
        own, inspect = (_seconds(kind, url, SAMPLES) - _seconds(kind, url, 1) for kind in ("own", "inspect"))
    reference = (
        f"Inspect, {1000 * inspect / SAMPLES:.1f} ms a sample; own {1000 * own / SAMPLES:.1f} ms; same {SAMPLES} items"
    )
    task, speed = _slowest()
    return [
        at_most("evaluation.cpu_per_sample", own / inspect, "x", GOAL, reference),
        at_least("evaluation.generation", speed, "items/s", 100, f"MarkBench's slowest task, {task}, one core"),
        at_most(
            "evaluation.report_100000", _report(), "ms", 300, f"what a page reads of {ROWS:,} item results, p95 of 20"
        ),
    ]


@contextmanager
def _mock() -> Iterator[str]:
    """A model that answers at once, in a process of its own."""
    with tempfile.NamedTemporaryFile("r") as port:
        process = subprocess.Popen([sys.executable, "-m", "tests.bench.evaluation", "mock", port.name])
        while not (number := Path(port.name).read_text()):
            time.sleep(0.05)
        try:
            yield f"http://127.0.0.1:{number}"
        finally:
            process.kill()
            process.wait()


def _seconds(kind: str, url: str, count: int) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with tempfile.TemporaryDirectory() as home:
        environment = {
            **os.environ,
            "HOME": home,
            "OPENAI_API_KEY": "none",
            "APPLIANCE_API_KEY": "none",
            "NO_PROXY": "*",
        }
        command = [sys.executable, "-m", "tests.bench.evaluation", kind, url, str(count)]
        subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _slowest() -> tuple[str, float]:
    from workbench.markbench.tasks import TASKS, items  # noqa: PLC0415 - the mock's process needs none of it

    speeds = {}
    for task in TASKS:
        start = time.process_time()
        items(task, 200, key=b"speed")
        speeds[task] = 200 / (time.process_time() - start)
    task = min(speeds, key=lambda name: speeds[name])
    return task, speeds[task]


def _report() -> float:
    from appliance.contract.certification import standard  # noqa: PLC0415 - as above
    from images.evaluation.app.results.summary import summarise  # noqa: PLC0415 - as above
    from images.evaluation.app.store import Store  # noqa: PLC0415 - as above
    from tests.unit.inference.test_certificate import results, suite  # noqa: PLC0415 - as above
    from workbench.evaluation.suites import standard as known  # noqa: PLC0415 - as above

    done, times = results(suites=[suite("reliability-abstain", ROWS, dimension="reliability")]), []
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        store.write(done.job, "summary.json", summarise(done, standard(), known()))
        for _ in range(20):
            start = time.perf_counter()
            store.summary(done.job)
            times.append(1000 * (time.perf_counter() - start))
    return sorted(times)[18]


def mock(port: Path) -> None:
    """Answer every question with the same words."""
    import uvicorn  # noqa: PLC0415 - as above
    from starlette.applications import Starlette  # noqa: PLC0415 - as above
    from starlette.requests import Request  # noqa: PLC0415 - as above
    from starlette.responses import Response  # noqa: PLC0415 - as above
    from starlette.routing import Route  # noqa: PLC0415 - as above

    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "SECRET//NOFORN"}}
    usage = {"prompt_tokens": 50, "completion_tokens": 5, "total_tokens": 55}
    document = {"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": usage}
    body = json.dumps(document).encode()

    async def chat(_: Request) -> Response:
        return Response(body, media_type="application/json")

    app = Starlette(routes=[Route("/{path:path}", chat, methods=["POST"])])
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, lifespan="off"))

    def tell() -> None:
        while not server.started:
            time.sleep(0.01)
        port.write_text(str(server.servers[0].sockets[0].getsockname()[1]))

    threading.Thread(target=tell, daemon=True).start()
    asyncio.run(server.serve())


async def own(url: str, count: int) -> None:
    """Ask, keep and score as a job does, and write the log."""
    import httpx  # noqa: PLC0415 - as above

    from images.evaluation.app.asking import Model  # noqa: PLC0415 - as above
    from images.evaluation.app.journal import Journal, Line  # noqa: PLC0415 - as above
    from images.evaluation.app.work import Part  # noqa: PLC0415 - as above
    from workbench.evaluation.suites import standard  # noqa: PLC0415 - as above
    from workbench.markbench.item import PUBLISHED  # noqa: PLC0415 - as above

    suite = standard()["security-rollup"]
    part = Part(suite, suite.make(count, key=PUBLISHED))
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal(Path(folder, "answers.jsonl"))
        async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
            model, queue = Model(client, "m", "v1.grant"), iter(part.items)

            async def one_after_the_other() -> None:
                for item in queue:
                    answer = await model.ask(item, suite.maximum_tokens)
                    journal.add(Line(suite=suite.name, item=item.id, text=answer.text, seconds=answer.seconds))
                    part.score(item, journal)

            await asyncio.gather(*(one_after_the_other() for _ in range(CONNECTIONS)))
        journal.close()


def inspect(url: str, count: int) -> None:
    """The same items in Inspect, with the same scorer."""
    from inspect_ai import Task  # noqa: PLC0415 - as above
    from inspect_ai import eval as evaluate  # noqa: PLC0415 - as above
    from inspect_ai.dataset import Sample  # noqa: PLC0415 - as above
    from inspect_ai.model import GenerateConfig  # noqa: PLC0415 - as above
    from inspect_ai.scorer import Score, Scorer, Target, mean, scorer  # noqa: PLC0415 - as above
    from inspect_ai.solver import TaskState, generate, system_message  # noqa: PLC0415 - as above

    from workbench.evaluation.suites import standard  # noqa: PLC0415 - as above
    from workbench.markbench.item import PUBLISHED  # noqa: PLC0415 - as above
    from workbench.markbench.score import score  # noqa: PLC0415 - as above

    made = {item.id: item for item in standard()["security-rollup"].make(count, key=PUBLISHED)}

    @scorer(metrics=[mean()])  # type: ignore[untyped-decorator]
    def banner() -> Scorer:
        async def scored(state: TaskState, _: Target) -> Score:
            return Score(value=score(made[str(state.sample_id)], state.output.completion)["correct"])

        return scored

    samples = [Sample(id=item.id, input=item.user, target=item.answer["banner"]) for item in made.values()]
    system = next(iter(made.values())).system
    config = GenerateConfig(max_tokens=48, temperature=0.0, seed=1)
    task = Task(dataset=samples, solver=[system_message(system), generate()], scorer=banner(), config=config)
    with tempfile.TemporaryDirectory() as folder:
        (log,) = evaluate(
            task,
            model="openai-api/appliance/m",
            model_base_url=f"{url}/v1",
            log_dir=folder,
            display="none",
            log_realtime=False,
            max_connections=CONNECTIONS,
        )
    if log.status != "success":
        raise RuntimeError(str(log.error))


if __name__ == "__main__":
    if sys.argv[1] == "mock":
        mock(Path(sys.argv[2]))
    elif sys.argv[1] == "own":
        asyncio.run(own(sys.argv[2], int(sys.argv[3])))
    else:
        inspect(sys.argv[2], int(sys.argv[3]))
