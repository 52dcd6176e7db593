"""The monitor's Unix sockets: who may ask, and how much of the one event loop each of them gets."""

import asyncio
import os
import socket
import struct
import time
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import SupportsIndex, cast

import structlog

from appliance.monitor.http import (
    GATEWAY,
    MAX_HEAD,
    Budget,
    Handler,
    RequestRefusedError,
    json_response,
    read_request,
    written,
)

BACKLOG = 1024  # nginx answers 502 when a Unix socket has no room for one more, so one slow fsync must not fill it
UNIT = 8 * 1024
"""Bytes of a body that count as one more request."""
CRUMBS, CRUMB_SECONDS = 32, 0.05
"""In how many pieces a request may come at once, and how long each further one waits."""
LOG_SECONDS = 10.0  # between two lines of one socket about who it turned away
log = structlog.get_logger()


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


class _Reader(asyncio.StreamReader):
    """Takes in few pieces of a request and then lets its connection rest after each.

    Each piece wakes the event loop of all enclaves, and whoever sends a byte at a time makes it do little else. Pieces
    that come meanwhile gather in the socket.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(limit=MAX_HEAD, loop=loop)
        self._own_loop = loop
        self._way: asyncio.ReadTransport | None = None
        self._crumbs = 0

    def set_transport(self, transport: asyncio.BaseTransport) -> None:
        super().set_transport(transport)
        self._way = cast("asyncio.ReadTransport", transport)

    def feed_data(self, data: Iterable[SupportsIndex]) -> None:
        super().feed_data(data)
        self._crumbs += 1
        if self._crumbs > CRUMBS and self._way:
            self._way.pause_reading()
            self._own_loop.call_later(CRUMB_SECONDS, self._way.resume_reading)

    def whole(self) -> None:
        """A request was read whole."""
        self._crumbs = 0


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
            if isinstance(reader, _Reader):
                reader.whole()
            await pace.take(1 + len(request.body) / UNIT)
            writer.write(written(await handler(request)))
            if writer.transport.get_write_buffer_size():  # the other end is slow
                async with asyncio.timeout(budget.body_seconds):
                    await writer.drain()
    except (RequestRefusedError, asyncio.IncompleteReadError):
        writer.write(written(json_response(400, {"error": "not a request"})))
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
                reader = _Reader(loop)
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
