"""A socket of the monitor gives each side a budget: connections, and time for a request."""

import asyncio
import socket
import time
from collections.abc import Iterable
from pathlib import Path
from typing import SupportsIndex

import pytest

from appliance.monitor.http import Budget, HttpRequest, HttpResponse, json_response
from appliance.monitor.sockets import CRUMB_SECONDS, CRUMBS, Listener, _Reader, serve_unix

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


async def answered(path: Path, count: int) -> None:
    """Send ``count`` requests at once and read their answers."""
    reader, writer = await asyncio.open_unix_connection(str(path))
    writer.write(REQUEST * count)
    for _ in range(count):
        assert b" 200 " in await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(2)
    writer.close()


async def served(path: Path) -> Listener:
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


def test_who_asks_too_quickly_waits_and_the_others_do_not(tmp_path: Path) -> None:
    async def use() -> None:
        slow = Budget(connections=8, rate=50, burst=5)
        greedy = await serve_unix(tmp_path / "greedy", answer, owner=0, budget=slow)
        other = await serve_unix(tmp_path / "other", answer, owner=0, budget=slow)
        began = time.monotonic()

        async def flood() -> float:
            await answered(tmp_path / "greedy", 50)
            return time.monotonic() - began

        flooding = asyncio.create_task(flood())
        await asyncio.sleep(0.2)
        asked = time.monotonic()
        await answered(tmp_path / "other", 1)
        assert time.monotonic() - asked < 0.3
        assert await flooding > 0.7, "fifty requests at fifty a second, five of them at once"
        greedy.close()
        other.close()

    async def bounded() -> None:
        async with asyncio.timeout(20):
            await use()

    asyncio.run(bounded())


def test_who_sends_a_byte_at_a_time_wakes_nobody_for_each(tmp_path: Path) -> None:
    async def use() -> None:
        woken = 0

        class Counting(_Reader):
            def feed_data(self, data: Iterable[SupportsIndex]) -> None:
                nonlocal woken
                woken += 1
                super().feed_data(data)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("appliance.monitor.sockets._Reader", Counting)
            server = await serve_unix(tmp_path / "s", answer, owner=0, budget=Budget(idle_seconds=5))

            def drip() -> bytes:
                with socket.socket(socket.AF_UNIX) as client:
                    client.settimeout(5)
                    client.connect(str(tmp_path / "s"))
                    for byte in b"GET /x HTTP/1.1\r\nX: " + b"a" * 5_000 + b"\r\n\r\n":
                        client.send(bytes([byte]))
                        time.sleep(0.0001)
                    return client.recv(100)

            began = time.monotonic()
            assert b" 200 " in await asyncio.to_thread(drip), "slow is not wrong"
            assert woken <= CRUMBS + 2 + (time.monotonic() - began) / CRUMB_SECONDS
            server.close()

    asyncio.run(use())


def test_connections_come_no_quicker_than_the_budget_allows(tmp_path: Path) -> None:
    async def use() -> None:
        taken = 0

        async def counted(request: HttpRequest) -> HttpResponse:
            nonlocal taken
            taken += 1
            return await answer(request)

        server = await serve_unix(tmp_path / "s", counted, owner=0, budget=Budget(rate=50, burst=5))
        clients = [socket.socket(socket.AF_UNIX) for _ in range(200)]
        for client in clients:
            client.connect(str(tmp_path / "s"))
            client.sendall(REQUEST)
        await asyncio.sleep(0.5)
        assert 5 <= taken <= 35, "the rest waits in the socket's own backlog"
        for client in clients:
            client.close()
        server.close()

    asyncio.run(use())
