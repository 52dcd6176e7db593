"""Just enough HTTP/1.1 over a Unix socket for nginx and the services to ask the monitor (RFC 9112).

Plain asyncio, because every request of every enclave passes here.
"""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

MAX_HEAD = 64 * 1024
MAX_BODY = 64 * 1024
_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_REQUEST_LINE = re.compile(rf"({_WORD}) ([^\x00-\x20\x7f]+) HTTP/1\.[01]")
_HEADER = re.compile(rf"({_WORD}):([^\x00\r\n]*)")
"""No space before the colon and no folding (RFC 9112, 5.1 and 5.2): whoever reads on counts the body otherwise."""
_LENGTH = re.compile(r"0|[1-9][0-9]{0,6}")


@dataclass(frozen=True)
class Budget:
    """What one socket gives to those at its other end, so that one of them takes nothing from the others.

    Attributes:
        connections: how many may be open at once; one more is closed unanswered.
        rate: requests a second; those that come quicker wait, each with its whole connection.
        burst: requests at once.
        idle_seconds: how long the head of a request may take to come, silence before it included.
        body_seconds: how long its body may take.
    """

    connections: int = 64
    rate: float = 200
    burst: float = 1_000
    idle_seconds: float = 60
    body_seconds: float = 10


GATEWAY = Budget(connections=512, rate=1_500, burst=3_000, idle_seconds=300)
"""For nginx, which keeps connections for a minute and must not find one closed as it asks."""


@dataclass(frozen=True)
class HttpRequest:
    """A request; header names are lower case, ``peer`` is the uid of the process at the other end of a Unix socket."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes = b""
    peer: int | None = None

    def header(self, name: str) -> str:
        """Value of header ``name`` (lower case), or an empty text."""
        return self.headers.get(name, "")


@dataclass(frozen=True)
class HttpResponse:
    """An answer."""

    status: int
    body: bytes = b""
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)


Handler = Callable[[HttpRequest], Awaitable[HttpResponse]]


def json_response(status: int, value: dict[str, Any], headers: dict[str, str] | None = None) -> HttpResponse:
    """``value`` as JSON."""
    return HttpResponse(status, json.dumps(value).encode(), headers=headers or {})


class RequestRefusedError(Exception):
    """The bytes are not a request we read."""


async def read_request(reader: asyncio.StreamReader, peer: int | None, budget: Budget) -> HttpRequest | None:
    """The next request of a connection, or None where it ends.

    Raises:
        RequestRefusedError: the bytes are not a request that can be read in one way only.
        asyncio.IncompleteReadError: it ends within a body.
        TimeoutError: head or body took longer than the budget allows.
    """
    try:
        async with asyncio.timeout(budget.idle_seconds):
            head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise RequestRefusedError from error
        return None
    except asyncio.LimitOverrunError as error:
        raise RequestRefusedError from error
    first, *lines = head[:-4].decode("latin-1").split("\r\n")
    line = _REQUEST_LINE.fullmatch(first)
    if line is None:
        raise RequestRefusedError
    headers: dict[str, str] = {}
    for text in lines:
        header = _HEADER.fullmatch(text)
        if header is None or header[1].lower() in headers:
            raise RequestRefusedError
        headers[header[1].lower()] = header[2].strip(" \t")
    length = headers.get("content-length", "0")
    if "transfer-encoding" in headers or not _LENGTH.fullmatch(length) or int(length) > MAX_BODY:
        raise RequestRefusedError
    body = await _body(reader, int(length), budget) if int(length) else b""
    return HttpRequest(line[1], line[2], headers, body, peer)


async def _body(reader: asyncio.StreamReader, length: int, budget: Budget) -> bytes:
    async with asyncio.timeout(budget.body_seconds):
        return await reader.readexactly(length)


def written(response: HttpResponse) -> bytes:
    """``response`` as it goes out."""
    lines = [
        f"HTTP/1.1 {response.status} {HTTPStatus(response.status).phrase}",
        f"Content-Type: {response.content_type}",
        f"Content-Length: {len(response.body)}",
        *(f"{name}: {value}" for name, value in response.headers.items()),
    ]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + response.body
