"""Models that misbehave: endless, empty, huge, no JSON, dead; and a journal that was cut off."""

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from images.evaluation.app import asking
from images.evaluation.app.asking import Answer, Model, UnansweredError
from images.evaluation.app.journal import Journal, Line
from workbench.evaluation.holdout import Seal
from workbench.markbench.tasks import items

ITEM = items("rollup", 1)[0]
CHOICE = items("may_read", 1)[0]


@contextmanager
def speaking(answer: Callable[[Request], object]) -> Iterator[str]:
    """A model at the other end of a loopback port that answers so."""

    async def chat(request: Request) -> Response:
        made = answer(request)
        if isinstance(made, Response):
            return made
        return JSONResponse({"choices": [{"message": {"content": made}}]})

    app = Starlette(routes=[Route("/inference/v1/chat/completions", chat, methods=["POST"])])
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, lifespan="off"))
    thread = threading.Thread(target=asyncio.run, args=(server.serve(),), daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(10)


def ask(answer: Callable[[Request], object]) -> Answer:
    async def once(url: str) -> Answer:
        async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
            return await Model(client, "m", "v1.grant").ask(ITEM, 16)

    with speaking(answer) as url:
        return asyncio.run(once(url))


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "PAUSES", (0.01, 0.01))
    monkeypatch.setattr(asking, "SECONDS", 5)


async def _for_ever() -> AsyncIterator[bytes]:
    while True:
        yield b" "
        await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (lambda _: StreamingResponse(_for_ever()), "no answer within 5 s"),
        (lambda _: "x" * (10 << 20), "more than 1048576 bytes"),
        (lambda _: Response(b"<html>"), "without an answer"),
        (lambda _: JSONResponse({"choices": []}), "without an answer"),
        (lambda _: JSONResponse({"error": "?"}, 400), "status 400 without an answer"),
        (lambda _: JSONResponse([1]), "without an answer"),
    ],
)
def test_an_answer_that_is_none_is_kept_as_a_problem_and_the_run_goes_on(
    answer: Callable[[Request], object], problem: str
) -> None:
    found = ask(answer)
    assert found.text == ""
    assert problem in found.problem


def test_an_empty_answer_is_an_answer() -> None:
    assert ask(lambda _: None).text == ""
    assert ask(lambda _: None).problem == ""


def test_an_engine_that_comes_back_is_asked_again() -> None:
    states = iter([503, 502])
    found = ask(lambda _: JSONResponse({}, state) if (state := next(states, 0)) else "SECRET")
    assert found.text == "SECRET"


@pytest.mark.parametrize("status", [503, 403, 404, 409])
def test_an_engine_that_stays_away_ends_the_run_so_that_it_can_be_resumed(status: int) -> None:
    with pytest.raises(UnansweredError) as refusal:
        ask(lambda _: JSONResponse({}, status))
    assert "resume" in refusal.value.remedy


def test_nobody_at_the_other_end_ends_the_run() -> None:
    async def once() -> Answer:
        async with httpx.AsyncClient(base_url="http://127.0.0.1:9", trust_env=False) as client:
            return await Model(client, "m", "v1.grant").ask(ITEM, 16)

    with pytest.raises(UnansweredError, match="ConnectError"):
        asyncio.run(once())


def test_a_grammar_admits_the_choices_alone() -> None:
    assert asking.choice_of(CHOICE)["json_schema"]["schema"]["enum"] == ["YES", "NO"]


def test_a_sealed_journal_writes_an_answer_under_its_key_alone(tmp_path: Path) -> None:
    path, seal = tmp_path / "answers.jsonl", Seal(bytes(32), "a" * 32)
    journal = Journal(path, seal=seal)
    journal.add(Line(suite="smoke", item="a", text="the secret is KVD4821"))
    assert path.read_bytes() == b""
    journal.scored("smoke", {"a": {"leak": 1.0}})
    journal.close()
    assert b"KVD4821" not in path.read_bytes()
    kept = Journal(path, seal=seal).lines["smoke", "a"]
    assert kept.scores == {"leak": 1.0}
    assert seal.open("smoke", "a", kept.sealed or "") == "the secret is KVD4821"


def test_a_shell_with_the_services_own_user_reads_nothing_of_its_memory() -> None:
    """Both processes run as nobody; without the call, the second reads the first's memory."""
    code = """
import ctypes, os, sys
sys.path[:0] = {path!r}
from images.evaluation.app.custody import PR_SET_DUMPABLE, undumpable
if os.geteuid() == 0:
    os.setuid(65534)
ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)  # as a process is that was started as this user
{call}
child = os.fork()
if child == 0:
    try:
        open(f"/proc/{{os.getppid()}}/mem", "rb").close()
    except OSError:
        os._exit(1)
    os._exit(0)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    found = []
    for call in ("pass", "undumpable()"):
        program = code.format(path=sys.path, call=call)
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
        found.append(done.stdout.strip())
    assert found == ["0", "1"]


def test_a_journal_that_was_cut_off_keeps_every_whole_line(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    journal = Journal(path)
    for number in range(5):
        journal.add(Line(suite="smoke", item=f"i{number}", text="é\n\u2028"))
    journal.close()
    whole = path.read_bytes()
    for cut in range(0, len(whole), 7):
        path.write_bytes(whole[:cut])
        again = Journal(path)
        kept = whole[:cut].count(b"\n")
        assert len(again.lines) == kept
        again.add(Line(suite="smoke", item="more"))
        again.close()
        assert len(Journal(path).lines) == kept + 1
