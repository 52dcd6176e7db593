"""A socket of the monitor gives each side a budget: connections, and time for a request."""

import asyncio
from pathlib import Path

from appliance.monitor.http import Budget, HttpRequest, HttpResponse, json_response, serve_unix

SMALL = Budget(connections=3, idle_seconds=0.3, body_seconds=0.3)
REQUEST = b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n"


async def answer(_: HttpRequest) -> HttpResponse:
    return json_response(200, {})


async def said(path: Path, *parts: bytes, pause: float = 0) -> bytes:
    """What a client that sends ``parts`` with pauses gets until the socket is closed."""
    reader, writer = await asyncio.open_unix_connection(str(path))
    try:
        for part in parts:
            writer.write(part)
            await asyncio.sleep(pause)
        return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


async def served(path: Path) -> asyncio.Server:
    return await serve_unix(path, answer, owner=0, budget=SMALL)


def test_who_is_slow_is_closed_and_who_is_not_is_answered(tmp_path: Path) -> None:
    async def use() -> None:
        server = await served(tmp_path / "s")
        async with asyncio.timeout(5):
            assert await said(tmp_path / "s") == b"", "silence ends"
            assert await said(tmp_path / "s", b"GET /x HT") == b"", "half a head ends"
            half = b"POST /x HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc"
            assert await said(tmp_path / "s", half) == b"", "half a body ends"
            slow = [bytes([byte]) for byte in REQUEST]
            assert await said(tmp_path / "s", *slow, pause=0.05) == b"", "a byte now and then ends"
            assert b" 200 " in await said(tmp_path / "s", REQUEST)
            assert (await said(tmp_path / "s", REQUEST, REQUEST)).count(b" 200 ") == 2
        server.close()

    asyncio.run(use())


def test_connections_beyond_the_budget_are_closed_and_later_ones_answered(tmp_path: Path) -> None:
    async def use() -> None:
        server = await served(tmp_path / "s")
        async with asyncio.timeout(5):
            held = [await asyncio.open_unix_connection(str(tmp_path / "s")) for _ in range(3)]
            await asyncio.sleep(0.05)
            assert await said(tmp_path / "s", REQUEST) == b""
            for _, writer in held:
                writer.close()
            await asyncio.sleep(0.05)
            assert b" 200 " in await said(tmp_path / "s", REQUEST)
        server.close()

    asyncio.run(use())
