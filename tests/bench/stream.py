"""What the way to the model costs a streamed token: our service before an engine that is quicker than any.

The engine here is a stand-in that writes a token to every stream at each step, 10,000 a second together, and the
recorder and the gate are stand-ins too; contexts, requests, markings and the web server are the real ones. Each of
engine and service is a process of its own.
"""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import uvicorn
from fastapi import FastAPI

from appliance.service.settings import Paths, ServiceSettings
from appliance.service.web.service import Service
from images.inference.app import api
from images.inference.app.settings import EngineParameters
from tests.bench.measure import Measurement, alternate, at_least, at_most
from tests.unit.service.support import headers_for, make_paths, settings_for

RATE = 10_000
"""Tokens a second of all streams together."""
TOKENS = 250
STREAMS = (64, 128)
ROUNDS = 5
URL = "/inference/v1/completions"
BODY = json.dumps({"model": "m", "prompt": "a", "stream": True}).encode()
DONE = b"data: [DONE]\n\n"


def measurements() -> list[Measurement]:
    """Ratio to the engine asked directly, time to the first token in a burst, and processor time a token."""
    found = []
    with tempfile.TemporaryDirectory() as folder, _processes(Path(folder)) as service:
        for streams in STREAMS:
            began = service.cpu_times()
            pairs = alternate(lambda: _ask(folder, "service", streams), lambda: _ask(folder, "engine", streams), ROUNDS)  # noqa: B023
            ended = service.cpu_times()
            ours, direct = (sum(pair[way][0] for pair in pairs) / ROUNDS for way in (0, 1))
            reference = f"the same engine asked directly: {ours:,.0f} against {direct:,.0f} tokens/s, {ROUNDS} rounds"
            found.append(at_least(f"inference.stream_ratio_{streams}", ours / direct, "ratio", 0.95, reference))
        first = max(pair[0][1] for pair in pairs)
        reference = f"worst of {streams} streams at once, {ROUNDS} rounds; directly {max(p[1][1] for p in pairs):.0f}"
        found.append(at_most("inference.ttft_burst", first, "milliseconds", 500, reference))
        seconds = ended.user + ended.system - began.user - began.system
        cost = seconds / (streams * TOKENS * ROUNDS) * 1e6
        reference = f"processor time of the service's process, {streams} streams; without gateway"
        found.append(at_most("inference.cpu_per_token", cost, "microseconds", 75, reference))
    return found


@contextlib.contextmanager
def _processes(folder: Path) -> Iterator[psutil.Process]:
    """Engine and service, each at a socket in ``folder``; the service's process."""
    make_paths(folder)
    commands = [[sys.executable, "-m", "tests.bench.stream", what, str(folder)] for what in ("engine", "service")]
    running = [subprocess.Popen(command, stdout=subprocess.DEVNULL) for command in commands]
    try:
        deadline = time.monotonic() + 30
        while not all((folder / f"{what}.sock").exists() for what in ("engine", "service")):
            if time.monotonic() > deadline:
                raise RuntimeError("engine and service did not start")
            time.sleep(0.05)
        yield psutil.Process(running[1].pid)
    finally:
        for process in running:
            process.terminate()
            process.wait(10)


def _ask(folder: str, way: str, streams: int) -> tuple[float, float]:
    return asyncio.run(_burst(Path(folder) / f"{way}.sock", streams))


async def _burst(socket: Path, streams: int) -> tuple[float, float]:
    """Tokens a second of all streams together, and the worst milliseconds to a first token."""
    requests = [_request() for _ in range(streams)]
    began = time.perf_counter()
    firsts = await asyncio.gather(*(_stream(socket, request, began) for request in requests))
    return streams * TOKENS / (time.perf_counter() - began), max(firsts)


def _request() -> bytes:
    headers = headers_for("POST", URL) | {"Host": "bench", "Content-Type": "application/json", "Connection": "close"}
    lines = [f"{name}: {value}" for name, value in (headers | {"Content-Length": str(len(BODY))}).items()]
    return "\r\n".join([f"POST {URL} HTTP/1.1", *lines, "", ""]).encode() + BODY


async def _stream(socket: Path, request: bytes, began: float) -> float:
    reader, writer = await asyncio.open_unix_connection(str(socket))
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    if b" 200 " not in head.partition(b"\r\n")[0]:
        raise RuntimeError(f"{head!r} {await reader.read()!r}")
    received = await reader.read(1 << 16)
    first = (time.perf_counter() - began) * 1e3
    while piece := await reader.read(1 << 16):
        received += piece
    writer.close()
    tokens = received.count(b'"choices"')
    if tokens != TOKENS or DONE not in received:
        raise RuntimeError(f"an answer has {tokens} tokens instead of {TOKENS}")
    return first


async def _engine(socket: Path) -> None:
    """Write a token to every stream at each step, until each has had its own."""
    token = b'data: {"choices":[{"text":" word","index":0,"logprobs":null,"finish_reason":null}],"model":"m"}\n\n'
    piece = f"{len(token):x}\r\n".encode() + token + b"\r\n"
    last = f"{len(DONE):x}\r\n".encode() + DONE + b"\r\n0\r\n\r\n"
    streams: dict[asyncio.StreamWriter, int] = {}

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        await reader.readexactly(length)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        streams[writer] = TOKENS

    async with await asyncio.start_unix_server(serve, str(socket), backlog=1024):
        due = time.monotonic()
        while True:
            due = max(due + max(1, len(streams)) / RATE, time.monotonic() - 0.05)
            await asyncio.sleep(max(0, due - time.monotonic()))
            for writer, left in list(streams.items()):
                writer.write(piece if left > 1 else piece + last)
                streams[writer] = left - 1
                if left == 1:
                    del streams[writer]
                    writer.close()


def serve(folder: Path) -> None:
    """The inference service with stand-ins for the engine's process, the gate and the recorder."""

    async def record(*_: Any, **__: Any) -> str:
        return "receipt"

    @asynccontextmanager
    async def started(app: FastAPI, _settings: ServiceSettings, _paths: Paths) -> AsyncIterator[None]:
        model = SimpleNamespace(name="m", sha256="0" * 64)
        engine = SimpleNamespace(socket=str(folder / "engine.sock"), parameters=EngineParameters())
        app.state.engine = engine
        app.state.gate = SimpleNamespace(
            serving=SimpleNamespace(model=model), admit=lambda _: None, withdrawn=lambda _: None
        )
        app.state.monitor.record = record
        yield

    paths = make_paths(folder)
    app = Service(Path(api.__file__).parent, [api.router], starts=started).build(settings_for("inference"), paths)
    uvicorn.run(app, uds=str(folder / "service.sock"), log_level="warning", server_header=False)


if __name__ == "__main__":
    os.environ["PYTHONUNBUFFERED"] = "1"
    if sys.argv[1] == "engine":
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(_engine(Path(sys.argv[2]) / "engine.sock"))
    else:
        serve(Path(sys.argv[2]))
