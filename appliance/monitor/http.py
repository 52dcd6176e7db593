"""Just enough HTTP/1.1 over a Unix socket for nginx and the services to ask the monitor (RFC 9112).

Plain asyncio, because every request of every enclave passes here.
"""

import asyncio
import json
import os
import re
import socket
import struct
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any

import structlog

BACKLOG = 1024  # nginx answers 502 when a Unix socket has no room for one more, so one slow fsync must not fill it
MAX_HEAD = 64 * 1024
MAX_BODY = 64 * 1024
UNIT = 8 * 1024
"""Bytes of a body that count as one more request."""
LOG_SECONDS = 10.0  # between two lines of one socket about who it turned away
_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_REQUEST_LINE = re.compile(rf"({_WORD}) ([^\x00-\x20\x7f]+) HTTP/1\.[01]")
_HEADER = re.compile(rf"({_WORD}):([^\x00\r\n]*)")
"""No space before the colon and no folding (RFC 9112, 5.1 and 5.2): whoever reads on counts the body otherwise."""
_LENGTH = re.compile(r"0|[1-9][0-9]{0,6}")
log = structlog.get_logger()


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
    async with asyncio.timeout(budget.body_seconds):
        body = await reader.readexactly(int(length)) if int(length) else b""
    return HttpRequest(line[1], line[2], headers, body, peer)


def _write(response: HttpResponse) -> bytes:
    lines = [
        f"HTTP/1.1 {response.status} {HTTPStatus(response.status).phrase}",
        f"Content-Type: {response.content_type}",
        f"Content-Length: {len(response.body)}",
        *(f"{name}: {value}" for name, value in response.headers.items()),
    ]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + response.body


class _Pace:
    """Lets so much through a second and lets the rest wait in turn (a token bucket that may be in debt).

    Args:
        rate: a second.
        burst: at once, after a rest.
    """

    def __init__(self, rate: float, burst: float) -> None:
        self._rate, self._burst = rate, burst
        self._left, self._filled = burst, time.monotonic()

    async def take(self, amount: float = 1) -> None:
        """Return when it is this one's turn."""
        now = time.monotonic()
        self._left = min(self._burst, self._left + (now - self._filled) * self._rate) - amount
        self._filled = now
        if self._left < 0:
            await asyncio.sleep(-self._left / self._rate)


Connection = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def connection(handler: Handler, peers: frozenset[int] | None = None, budget: Budget = GATEWAY) -> Connection:
    """What serves one connection with ``handler``, for ``asyncio.start_server`` and the like.

    Args:
        handler: answers each request.
        peers: on a Unix socket, the uids that may ask; others are disconnected. The kernel vouches for the uid
            (SO_PEERCRED, unix(7)), whoever came to hold the socket or a descriptor of its folder.
        budget: what all of them together may use.
    """
    turned_away = _TurnedAway()
    pace = _Pace(budget.rate, budget.burst)
    held = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal held
        peer = _peer(writer) if peers is not None else None
        if (peers is not None and peer not in peers) or held >= budget.connections:
            turned_away.tell(peer, writer, over=held >= budget.connections)
            writer.close()
            return
        held += 1
        try:
            await _converse(handler, reader, writer, peer, budget, pace)
        finally:
            held -= 1
            writer.close()

    return serve


async def _converse(  # one value each
    handler: Handler,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    peer: int | None,
    budget: Budget,
    pace: _Pace,
) -> None:
    """Answer one request of a connection after the other, until it ends or is too slow."""
    try:
        while (request := await read_request(reader, peer, budget)) is not None:
            await pace.take(1 + len(request.body) / UNIT)
            writer.write(_write(await handler(request)))
            async with asyncio.timeout(budget.body_seconds):
                await writer.drain()
    except (RequestRefusedError, asyncio.IncompleteReadError):
        writer.write(_write(json_response(400, {"error": "not a request"})))
    except (ConnectionError, TimeoutError, asyncio.CancelledError):
        pass


class _TurnedAway:
    """Tells of those who were closed unanswered, at most once in ``LOG_SECONDS``, so that they cannot fill the log."""

    def __init__(self) -> None:
        self._count = 0
        self._told = 0.0

    def tell(self, peer: int | None, writer: asyncio.StreamWriter, *, over: bool) -> None:
        """Count one, and tell of all since the last line if it is time."""
        self._count += 1
        now = time.monotonic()
        if now - self._told < LOG_SECONDS:
            return
        why = "its budget of connections is used up" if over else "a process that may not ask came"
        log.error(
            "turned away from a socket", why=why, uid=peer, socket=writer.get_extra_info("sockname"), count=self._count
        )
        self._count, self._told = 0, now


def _peer(writer: asyncio.StreamWriter) -> int:
    credentials = writer.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    return int(struct.unpack("3i", credentials)[1])


class Listener:
    """A listening Unix socket, from which connections are taken no quicker than its budget allows.

    asyncio's own server takes as many at once as the backlog holds, so that one process that connects and ends without
    pause would keep the event loop of all enclaves busy. Here what is too quick waits in the socket's own backlog.
    """

    def __init__(self, listening: socket.socket, served: Connection, budget: Budget) -> None:
        self._socket = listening
        self._served = served
        self._pace = _Pace(budget.rate, budget.burst)
        self._conversations: set[asyncio.Task[None]] = set()
        self._taking = asyncio.create_task(self._take())

    async def _take(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._pace.take()
            try:
                taken, _ = await loop.sock_accept(self._socket)
                reader = asyncio.StreamReader(limit=MAX_HEAD, loop=loop)
                transport, protocol = await loop.connect_accepted_socket(
                    lambda reader=reader: asyncio.StreamReaderProtocol(reader, loop=loop),  # type: ignore[misc]
                    taken,
                )
            except OSError as error:  # no descriptor is free: those that are open end by their budgets
                log.error("a connection could not be taken", problem=str(error))  # noqa: TRY400
                await asyncio.sleep(0.1)
                continue
            conversation = asyncio.create_task(
                self._serve(reader, asyncio.StreamWriter(transport, protocol, reader, loop))
            )
            self._conversations.add(conversation)
            conversation.add_done_callback(self._conversations.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._served(reader, writer)
        except Exception:
            log.exception("a connection ended otherwise than it should")

    def close(self) -> None:
        """Take no more connections and close those that are open."""
        self._taking.cancel()
        for conversation in self._conversations:
            conversation.cancel()
        self._socket.close()


async def serve_unix(
    path: Path,
    handler: Handler,
    *,
    owner: int,
    peers: frozenset[int] | None = None,
    mode: int = 0o600,
    budget: Budget | None = None,
) -> Listener:
    """Serve ``handler`` on the Unix socket ``path``, which belongs to uid ``owner``; only ``peers`` are answered."""
    path.unlink(missing_ok=True)  # noqa: ASYNC240  # once, at start
    given = budget or Budget()
    served = connection(handler, frozenset({owner}) if peers is None else peers, given)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listening.setblocking(False)
    listening.bind(str(path))
    os.chown(path, owner, owner)
    path.chmod(mode)  # noqa: ASYNC240  # once, at start
    listening.listen(BACKLOG)
    return Listener(listening, served, given)
