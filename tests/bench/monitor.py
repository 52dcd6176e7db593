"""Figures of the monitor under load: what it adds to a request, how fast it decides, and that a change drops nothing.

At 500 requests a second, each sent when it is due whether or not earlier ones were answered, so that waiting counts.
Both ways lead through one nginx, as in ``gateway``; the reference asks nobody. Blocks of a second alternate.
"""

import asyncio
import contextlib
import json
import ssl
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

import yaml

from appliance.audit.log.storage import Storage
from appliance.audit.log.writer import Log
from appliance.monitor.decide.jobs import Jobs
from appliance.monitor.decide.last_use import LastUse
from appliance.monitor.decide.sessions import Sessions
from appliance.monitor.http import HttpRequest
from appliance.monitor.in_force.statements import installed_statements
from appliance.monitor.record.capacity import Capacity, Quota
from appliance.monitor.record.recording import Recording
from appliance.monitor.serve.daemon import with_keys
from appliance.monitor.serve.gate import Gate
from appliance.monitor.serve.succession import ask
from tests.bench.gateway import ROUTE, add_reference, durable_write, wait
from tests.bench.measure import Measurement, at_least, at_most
from tests.unit.monitor.gateway import Rig, running

RATE = 500
BLOCKS = 8
CONNECTIONS = 32
CHANGES = 20
DECISIONS, TOGETHER, ROUNDS = 1_600, 64, 8
MANY = Quota(events=1e9, burst=1e9, size=1e12, burst_size=1e12)


def measurements() -> list[Measurement]:
    """All figures of the monitor."""
    # Not in /tmp, which may be memory: a durable record is one on a disk.
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder, running(Path(folder)) as rig:
        port = add_reference(rig)
        with rig.client("analyst") as plain:
            plain.base_url = f"https://127.0.0.1:{port}"
            wait(plain)
        loaded = json.loads(_client(rig, "load", rig.port, port))
        changed = _changes(rig)
        durable = durable_write(Path(folder))
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        rate = asyncio.run(_decisions(Path(folder)))
    added, without = loaded["added"], loaded["without"]
    reference = (
        f"plain nginx proxying the same service at {RATE} requests/s: p50 {_p50(added):.2f} against"
        f" {_p50(without):.2f}, p99 {_p99(added):.2f} against {_p99(without):.2f} ms;"
        f" one write and fsync there {durable:.2f} ms"
    )
    return [
        at_most("monitor.p50_added", _p50(added) - _p50(without), "milliseconds", 1.5, reference),
        at_most("monitor.p99_added", _p99(added) - _p99(without), "milliseconds", 5, reference),
        at_least(
            "monitor.decisions",
            rate,
            "decisions/s",
            2_000,
            f"audited, {TOGETHER} at a time, best of {ROUNDS}",
        ),
        at_most("monitor.reload", changed[1], "requests dropped", 0, f"of {changed[0]:,} during {CHANGES} changes"),
    ]


def _p50(times: Sequence[float]) -> float:
    return statistics.median(times)


def _p99(times: Sequence[float]) -> float:
    return statistics.quantiles(times, n=100)[-1]


def _client(rig: Rig, what: str, *ports: int) -> str:
    """What the client prints, a process of its own, as it is in a site."""
    command = [sys.executable, "-m", "tests.bench.monitor", what, str(rig.folder), *map(str, ports)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def _changes(rig: Rig) -> tuple[int, int]:
    """How many requests were sent while statements changed, and how many were not answered as before."""
    access = yaml.safe_load(Path("policies/access.yml").read_text())
    folders = [
        rig.sign(rig.folder / f"v{number}", access=access | {"version": number}) for number in range(2, CHANGES + 2)
    ]

    def change() -> None:
        for folder in folders:
            time.sleep(BLOCKS / 2 / CHANGES)
            ask(rig.paths, folder, dry_run=False)

    thread = threading.Thread(target=change)
    thread.start()
    sent, dropped = json.loads(_client(rig, "changes", rig.port))
    thread.join()
    return sent, dropped


async def _decisions(folder: Path) -> float:
    """Audited decisions a second of one process, without nginx: the best round, because what interrupts is not ours."""
    rig = Rig(folder)
    statements = installed_statements(rig.paths)
    log = Log.open(rig.paths.root / "log", rig.paths.root / "secrets" / "log.key")
    recording = Recording(log, statements, Capacity(lambda: Storage.GOOD, MANY, person=MANY))
    sessions = Sessions(time.monotonic)
    sessions.limit(3600, 3600)
    jobs = Jobs(folder / "jobs.json", time.time)
    last_use = LastUse(folder / "last-use.json")
    gate = Gate(with_keys(rig.paths, statements), sessions, last_use, recording.outcome, jobs=jobs)
    headers = {
        "x-client-certificate": quote((folder / "analyst.pem").read_text()),
        "x-original-method": "GET",
        "x-original-uri": ROUTE,
        "x-original-protocol": "HTTP/1.1",
    }
    opened = await gate.handle(rig.enclave, HttpRequest("GET", "/session", headers | {"x-original-method": "POST"}))
    if opened.status != 201:
        raise RuntimeError("no session")

    async def decide() -> None:
        for _ in range(DECISIONS // TOGETHER):
            answer = await gate.handle(rig.enclave, HttpRequest("GET", "/decide", headers))
            if answer.status != 200:
                raise RuntimeError("refused")

    rates = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        await asyncio.gather(*(decide() for _ in range(TOGETHER)))
        rates.append(DECISIONS / (time.perf_counter() - began))
    await log.close()
    return max(rates)


class _Connections:
    """Kept TLS connections to one port, each with one request at a time."""

    def __init__(self, tls: ssl.SSLContext, port: int) -> None:
        self._tls, self._port = tls, port
        # Each in its turn: nginx closes a connection that sends nothing for the time of its ``client_header_timeout``.
        self._free: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()

    async def open(self) -> None:
        for _ in range(CONNECTIONS):
            self._free.put_nowait(await self._connect())

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self._port, ssl=self._tls)

    async def request(self, method: str = "GET", path: str = ROUTE) -> int:
        """Send one request on a free connection; its status."""
        connection = await self._free.get()
        reader, writer = connection
        writer.write(f"{method} {path} HTTP/1.1\r\nHost: gateway.internal\r\nContent-Length: 0\r\n\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = next(line for line in head.lower().split("\r\n") if line.startswith("content-length:"))
        await reader.readexactly(int(length.partition(":")[2]))
        if "\r\nconnection: close" in head.lower():  # nginx ends each after so many requests
            writer.close()
            connection = await self._connect()
        self._free.put_nowait(connection)
        return int(head.split(" ", 2)[1])


async def _block(connections: _Connections, seconds: float) -> list[tuple[float, int]]:
    """Milliseconds from when each request was due to its end, and its status."""
    loop = asyncio.get_running_loop()
    began = loop.time() + 0.05

    async def one(due: float) -> tuple[float, int]:
        await asyncio.sleep(due - loop.time())
        status = 0
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            status = await connections.request()
        return (loop.time() - due) * 1e3, status

    return await asyncio.gather(*(one(began + number / RATE) for number in range(int(seconds * RATE))))


async def _run(what: str, folder: Path, ports: list[int]) -> object:
    tls = ssl.create_default_context(cafile=str(folder / "ca.pem"))
    tls.load_cert_chain(folder / "analyst.pem", folder / "analyst.key")
    tls.check_hostname = False
    both = [_Connections(tls, port) for port in ports]
    for connections in both:
        await connections.open()
    if await both[0].request("POST", "/session") not in (200, 201):
        raise RuntimeError("no session")
    if what == "changes":
        statuses = [status for _, status in await _block(both[0], BLOCKS)]
        return [len(statuses), sum(status != 200 for status in statuses)]
    times: list[list[float]] = [[], []]
    for number in range(-1, BLOCKS):
        for index in (0, 1) if number % 2 else (1, 0):
            found = await _block(both[index], 1)
            if refused := Counter(status for _, status in found if status != 200):
                raise RuntimeError(f"requests were refused, by status: {dict(refused)}")
            if number >= 0:  # the first round warms up
                times[index] += [milliseconds for milliseconds, _ in found]
    return {"added": times[0], "without": times[1]}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_run(sys.argv[1], Path(sys.argv[2]), list(map(int, sys.argv[3:]))))))
