"""Just enough HTTP/1.1 (RFC 9112) to ask the engine of this process over its Unix socket.

Every token of every answer passes here: a general client took more than half of the processor time that the service
spends on one (the architecture's figure ``inference.cpu_per_token``). Each request has a connection of its own, so
that any number of answers runs at once, and so that closing it stops the engine.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any, Self

from appliance.errors import ApplianceError

HEAD_SECONDS = 600
"""How long a request may wait in the engine's queue and for its prompt to be read."""
LIMIT = 1 << 20


class EngineError(ApplianceError):
    """The engine stopped or refused in a way that no request explains."""


class Answer:
    """What the engine answers: its status, and then its body as it comes."""

    def __init__(
        self, status: int, length: int | None, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.status = status
        self._length = length
        self._reader = reader
        self._writer = writer

    @classmethod
    async def to(cls, socket: str, path: str, body: bytes) -> Self:
        """Send one request.

        Args:
            socket: path of the engine's socket.
            path: of the engine's interface.
            body: JSON.

        Raises:
            EngineError: it does not answer.
        """
        head = f"POST {path} HTTP/1.1\r\nHost: engine\r\nContent-Length: {len(body)}\r\n"
        try:
            reader, writer = await asyncio.open_unix_connection(socket, limit=LIMIT)
        except OSError as error:
            raise _silent() from error
        try:
            writer.write(head.encode() + b"Content-Type: application/json\r\nConnection: close\r\n\r\n" + body)
            async with asyncio.timeout(HEAD_SECONDS):
                first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            length = None if headers.get("transfer-encoding") == "chunked" else int(headers["content-length"])
            return cls(int(first.split(" ", 2)[1]), length, reader, writer)
        except (OSError, EOFError, TimeoutError, asyncio.LimitOverrunError, ValueError, LookupError) as error:
            writer.close()
            raise _silent() from error
        except BaseException:
            writer.close()
            raise

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body in the pieces in which it comes.

        Raises:
            EngineError: it ends before its end.
        """
        try:
            if self._length is not None:
                yield await self._reader.readexactly(self._length)
                return
            while size := int(await self._reader.readuntil(b"\r\n"), 16):
                yield (await self._reader.readexactly(size + 2))[:-2]
        except (OSError, EOFError, asyncio.LimitOverrunError, ValueError) as error:
            raise _silent() from error

    async def json(self) -> dict[str, Any]:
        """The whole body, which is then read.

        Raises:
            EngineError: it is none, or no object.
        """
        try:
            content = json.loads(b"".join([piece async for piece in self.pieces()]))
        except ValueError as error:
            raise _silent() from error
        finally:
            self.close()
        if not isinstance(content, dict):
            raise _silent()
        return content

    def close(self) -> None:
        """End it; the engine stops to work on it."""
        self._writer.close()


def _silent() -> EngineError:
    return EngineError("the engine does not answer", remedy="the administrator looks at the log")
