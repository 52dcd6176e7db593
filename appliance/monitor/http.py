"""Just enough HTTP/1.1 over a Unix socket for nginx and the services to ask the monitor (RFC 9112).

Plain asyncio, because every request of every enclave passes here.
"""

import asyncio
import json
import os
import socket
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any

import structlog

BACKLOG = 1024  # nginx answers 502 when a Unix socket has no room for one more, so one slow fsync must not fill it
MAX_HEAD = 64 * 1024
MAX_BODY = 64 * 1024
log = structlog.get_logger()


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


class _BadRequestError(Exception):
    """The bytes are not a request we read."""


async def _read(reader: asyncio.StreamReader, peer: int | None) -> HttpRequest | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise _BadRequestError from error
        return None
    except asyncio.LimitOverrunError as error:
        raise _BadRequestError from error
    first, *lines = head[:-4].decode("latin-1").split("\r\n")
    parts = first.split(" ")
    if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
        raise _BadRequestError
    headers: dict[str, str] = {}
    for line in lines:
        name, separator, value = line.partition(":")
        if not separator or name.lower() in headers:
            raise _BadRequestError
        headers[name.lower()] = value.strip()
    length = headers.get("content-length", "0")
    if "transfer-encoding" in headers or not length.isdecimal() or int(length) > MAX_BODY:
        raise _BadRequestError
    body = await reader.readexactly(int(length)) if int(length) else b""
    return HttpRequest(parts[0], parts[1], headers, body, peer)


def _write(response: HttpResponse) -> bytes:
    lines = [
        f"HTTP/1.1 {response.status} {HTTPStatus(response.status).phrase}",
        f"Content-Type: {response.content_type}",
        f"Content-Length: {len(response.body)}",
        *(f"{name}: {value}" for name, value in response.headers.items()),
    ]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + response.body


Connection = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def connection(handler: Handler, peers: frozenset[int] | None = None) -> Connection:
    """What serves one connection with ``handler``, for ``asyncio.start_server`` and the like.

    Args:
        handler: answers each request.
        peers: on a Unix socket, the uids that may ask; others are disconnected. The kernel vouches for the uid
            (SO_PEERCRED, unix(7)), whoever came to hold the socket or a descriptor of its folder.
    """

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = _peer(writer) if peers is not None else None
        if peers is not None and peer not in peers:
            log.error("a process that may not ask came to a socket", uid=peer, socket=writer.get_extra_info("sockname"))
            writer.close()
            return
        try:
            while (request := await _read(reader, peer)) is not None:
                writer.write(_write(await handler(request)))
                await writer.drain()
        except (_BadRequestError, asyncio.IncompleteReadError):
            writer.write(_write(json_response(400, {"error": "not a request"})))
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    return serve


def _peer(writer: asyncio.StreamWriter) -> int:
    credentials = writer.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    return int(struct.unpack("3i", credentials)[1])


async def serve_unix(
    path: Path, handler: Handler, *, owner: int, peers: frozenset[int] | None = None, mode: int = 0o600
) -> asyncio.Server:
    """Serve ``handler`` on the Unix socket ``path``, which belongs to uid ``owner``; only ``peers`` are answered."""
    path.unlink(missing_ok=True)  # noqa: ASYNC240  # once, at start
    served = connection(handler, frozenset({owner}) if peers is None else peers)
    server = await asyncio.start_unix_server(served, str(path), limit=MAX_HEAD, backlog=BACKLOG)
    os.chown(path, owner, owner)
    path.chmod(mode)  # noqa: ASYNC240  # once, at start
    return server
