"""The way to the engine: any number of answers at once, marked as they come, and what ends early says so."""

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from images.inference.app.stream import MarkedStream, marked_events
from images.inference.app.wire import Answer, EngineError
from tests.unit.service.support import MARKING

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
MANY = 150
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
CLASSIFICATION = {"marking": MARKING, "derivative_source": False}


@asynccontextmanager
async def engine(serve: Serve) -> AsyncIterator[str]:
    """A socket at which ``serve`` answers."""
    with tempfile.TemporaryDirectory() as folder:
        server = await asyncio.start_unix_server(serve, f"{folder}/engine.sock", backlog=MANY)
        async with server:
            yield f"{folder}/engine.sock"


def chunk(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


async def whole(answer: Answer) -> bytes:
    return b"".join([piece async for piece in answer.pieces()])


def test_many_answers_run_at_once() -> None:
    """httpx opened a hundred connections, so the next stream waited for one of them to end."""

    async def run() -> None:
        arrived, everybody = 0, asyncio.Event()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal arrived
            await reader.readuntil(b"{}")
            arrived += 1
            if arrived == MANY:
                everybody.set()
            await everybody.wait()
            writer.write(CHUNKED + chunk(b"data: [DONE]\n\n") + chunk(b""))
            writer.close()

        async with engine(serve) as socket, asyncio.timeout(30):
            answers = await asyncio.gather(*(Answer.to(socket, "/v1/completions", b"{}") for _ in range(MANY)))
            assert {await whole(answer) for answer in answers} == {b"data: [DONE]\n\n"}
            for answer in answers:
                answer.close()

    asyncio.run(run())


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"HTTP/1.1 200 OK\r\n",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]",
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnone",
        CHUNKED + b"5\r\n{}",
        CHUNKED + b"zz\r\n{}\r\n",
    ],
)
def test_an_engine_that_stops_or_talks_nonsense_is_one_error(sent: bytes) -> None:
    async def run() -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"{}")
            writer.write(sent)
            writer.close()

        async with engine(serve) as socket, asyncio.timeout(10):
            with pytest.raises(EngineError, match="the engine does not answer"):
                await (await Answer.to(socket, "/v1/completions", b"{}")).json()

    asyncio.run(run())


def test_no_engine_is_the_same_error() -> None:
    with pytest.raises(EngineError):
        asyncio.run(Answer.to("/nonexistent/engine.sock", "/v1/completions", b"{}"))


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_each_event_is_marked_however_the_pieces_are_cut(size: int) -> None:
    text = (
        b'data: null\n\ndata: {"a":"}\\n\\ndata: {"}\n\n: note\n\n'
        b'event: response.output_text.delta\ndata: {"delta":"data: [DONE]"}\n\ndata: [DONE]\n\n'
    )

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(text), size):
            yield text[start : start + size]

    async def run() -> list[bytes]:
        return [event async for event in marked_events(pieces(), CLASSIFICATION)]

    first, named, done = asyncio.run(run())
    assert json.loads(first.removeprefix(b"data: ")) == {"a": "}\n\ndata: {", "classification": CLASSIFICATION}
    name, data = named.strip().split(b"\n")
    assert name == b"event: response.output_text.delta"
    assert json.loads(data.removeprefix(b"data: ")) == {"delta": "data: [DONE]", "classification": CLASSIFICATION}
    assert done == b"data: [DONE]\n\n"


async def _streamed(
    allowed: Callable[[], str | None], receive: Callable[[], Awaitable[dict[str, Any]]]
) -> tuple[bytes, bool]:
    """What a client got of an engine that writes without end, and whether the engine was told to stop."""
    stopped = asyncio.Event()

    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(CHUNKED)
        try:
            while True:
                writer.write(chunk(b'data: {"word":1}\n\n'))
                await writer.drain()
                await asyncio.sleep(0.01)
        except ConnectionError:
            stopped.set()

    sent = b""

    async def send(message: Any) -> None:
        nonlocal sent
        sent += message.get("body", b"")

    async with engine(serve) as socket, asyncio.timeout(10):
        answer = await Answer.to(socket, "/v1/completions", b"{}")
        await MarkedStream(answer, CLASSIFICATION, allowed, {})({}, receive, send)
        await asyncio.wait_for(stopped.wait(), 5)
    return sent, stopped.is_set()


async def _stays() -> dict[str, Any]:
    await asyncio.Event().wait()
    return {"type": "http.disconnect"}


async def _leaves() -> dict[str, Any]:
    await asyncio.sleep(0.1)
    return {"type": "http.disconnect"}


def test_a_certificate_that_falls_ends_a_running_stream_with_a_marked_reason() -> None:

    def allowed() -> str | None:
        return "model m is a candidate: revoked"

    sent, stopped = asyncio.run(_streamed(allowed, _stays))
    assert stopped
    last = json.loads(sent.strip().split(b"\n\n")[-1].removeprefix(b"data: "))
    assert last["error"]["message"] == "model m is a candidate: revoked"
    assert last["classification"] == CLASSIFICATION


def test_the_engine_stops_when_nobody_reads() -> None:
    sent, stopped = asyncio.run(_streamed(lambda: None, _leaves))
    assert stopped
    assert b'"error"' not in sent
