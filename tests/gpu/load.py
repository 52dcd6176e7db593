"""So many streamed answers at once, and how fast their tokens come."""

import asyncio
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

PROMPT = 126
"""Letters of the question; with the beginning of the text and its first space there are 128 tokens."""
TOKENS = 128
"""Tokens of each answer."""
CHAT = "/v1/chat/completions"


@dataclass(frozen=True)
class Rate:
    """How fast a number of streams were answered.

    Attributes:
        whole: tokens a second from the first request to the last token.
        steady: tokens a second while every stream had its first token and none had its last.
        first: milliseconds until the last of the streams had its first token.
    """

    whole: float
    steady: float
    first: float


def question(**options: Any) -> dict[str, Any]:
    """A request of the chat interface with ``options`` besides."""
    messages = [{"role": "user", "content": "a" * PROMPT}]
    return {"model": "m", "messages": messages, "stream": True, "max_tokens": TOKENS} | options


def measure(
    sockets: Sequence[Path],
    streams: int,
    body: Mapping[str, Any],
    *,
    path: str = CHAT,
    headers: Callable[[], Mapping[str, str]] = dict,
) -> Rate:
    """Ask ``body`` on ``streams`` connections at once.

    Args:
        sockets: of one engine or service, or of several that share the streams.
        streams: number of answers.
        body: the request.
        path: of the interface.
        headers: makes the headers of one request.

    Raises:
        RuntimeError: an answer is refused or has another number of tokens.
    """
    content = json.dumps(body).encode()
    return asyncio.run(_burst(sockets, streams, path, content, headers))


async def _burst(
    sockets: Sequence[Path], streams: int, path: str, content: bytes, headers: Callable[[], Mapping[str, str]]
) -> Rate:
    requests = [_request(path, content, headers()) for _ in range(streams)]
    began = time.perf_counter()
    pairs = zip(cycle(sockets), requests, strict=False)
    moments = await asyncio.gather(*(_stream(socket, request) for socket, request in pairs))
    first, last = max(times[0] for times in moments), min(times[-1] for times in moments)
    steady = sum(first < moment <= last for times in moments for moment in times)
    return Rate(
        whole=round(streams * TOKENS / (max(times[-1] for times in moments) - began), 1),
        steady=round(steady / (last - first), 1) if last > first else 0,
        first=round((first - began) * 1e3, 1),
    )


def _request(path: str, content: bytes, headers: Mapping[str, str]) -> bytes:
    given = {"Host": "engine", "Content-Type": "application/json", "Connection": "close", **headers}
    lines = [f"{name}: {value}" for name, value in (given | {"Content-Length": str(len(content))}).items()]
    return "\r\n".join([f"POST {path} HTTP/1.1", *lines, "", ""]).encode() + content


async def _stream(socket: Path, request: bytes) -> list[float]:
    """The moments at which the tokens of one answer came."""
    reader, writer = await asyncio.open_unix_connection(str(socket), limit=1 << 20)
    try:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        if b" 200 " not in head.partition(b"\r\n")[0]:
            raise RuntimeError(f"{head!r} {await reader.read(2000)!r}")
        moments: list[float] = []
        rest = b""
        while piece := await reader.read(1 << 16):
            *lines, rest = (rest + piece).split(b"\n")
            now = time.perf_counter()
            moments += [now] * sum(b'"content":"' in line or b'"text":"' in line for line in lines)
        if len(moments) != TOKENS:
            raise RuntimeError(f"an answer has {len(moments)} tokens instead of {TOKENS}")
        return moments
    finally:
        writer.close()
