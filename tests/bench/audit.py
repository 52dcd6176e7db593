"""Figures of the audit log: durable records a second, their latency, verification, and the console's search."""

import asyncio
import sqlite3
import statistics
import tempfile
import time
from pathlib import Path

from appliance.audit.events.ocsf import Event
from appliance.audit.log.verify import verify
from appliance.audit.log.writer import Log
from appliance.markings import Clearance
from images.console.app.index import Index
from images.console.app.search import Query, Search
from tests.unit.console.site import days

WRITERS, PER_WRITER = 32, 600
VERIFIED = 200_000
SEARCHED = 40_000
QUERIES = (
    Query(),
    Query(decision="denied"),
    Query(subject="visitor", decision="denied"),
    Query(text="tasks 17"),
    Query(text="records denied", enclave="secret"),
)


def measurements() -> list[dict[str, object]]:
    """The figures, in the form of ``build/bench.json``."""
    made = days(4_000)
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        place = Path(folder)
        rate, latency = asyncio.run(_append(place / "append", made))
        sqlite = _sqlite(place / "reference.db", made)
        seconds = asyncio.run(_verify(place / "verify", made))
        searched = asyncio.run(_search(place / "search", made))
    by_sqlite = f"SQLite, WAL, synchronous=FULL, one row a commit: {sqlite:,.0f}/s"
    return [
        _figure("append", rate, "events/s", rate >= 10_000, "at least 10000", by_sqlite),
        _figure("append_p50", latency * 1e3, "milliseconds", latency <= 0.005, "at most 5", f"{WRITERS} writers"),
        _figure("verify", seconds, "seconds for a million", seconds <= 10, "at most 10", f"from {VERIFIED:,} records"),
        _figure("search_p95", searched * 1e3, "milliseconds", searched <= 0.3, "at most 300", f"{SEARCHED:,} records"),
    ]


def _figure(name: str, value: float, unit: str, holds: bool, goal: str, reference: str) -> dict[str, object]:
    return {
        "name": f"audit.{name}",
        "value": round(value, 3),
        "unit": unit,
        "reference": reference,
        "goal": goal,
        "holds": holds,
    }


def _log(folder: Path) -> tuple[Log, str]:
    vkey = Log.create(folder / "log", folder / "log.key", "bench.example/audit")
    return Log.open(folder / "log", folder / "log.key"), vkey


async def _append(folder: Path, made: list[Event]) -> tuple[float, float]:
    """Events a second with concurrent writers of one event each, and the median time of one append in seconds."""
    log, _ = _log(folder)
    times: list[float] = []

    async def write(number: int) -> None:
        for count in range(PER_WRITER):
            record = made[(number * PER_WRITER + count) % len(made)].record()
            start = time.perf_counter()
            await log.append([record])
            times.append(time.perf_counter() - start)

    start = time.perf_counter()
    await asyncio.gather(*(write(number) for number in range(WRITERS)))
    seconds = time.perf_counter() - start
    await log.close()
    return len(times) / seconds, statistics.median(times)


def _sqlite(path: Path, made: list[Event]) -> float:
    """Rows a second of the same events, each in its own transaction."""
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = FULL")
    database.execute("CREATE TABLE log (id INTEGER PRIMARY KEY, label TEXT, body BLOB)")
    rows = [event.record() for event in made]
    start = time.perf_counter()
    for row in rows:
        database.execute("INSERT INTO log (label, body) VALUES (?, ?)", row)
    seconds = time.perf_counter() - start
    database.close()
    return len(rows) / seconds


async def _fill(folder: Path, made: list[Event], count: int) -> str:
    log, vkey = _log(folder)
    records = [event.record() for event in made]
    for start in range(0, count, len(records)):
        await log.append(records[: count - start])
    await log.close()
    return vkey


async def _verify(folder: Path, made: list[Event]) -> float:
    """Seconds in which a million records would be verified."""
    vkey = await _fill(folder, made, VERIFIED)
    start = time.perf_counter()
    if not verify(folder / "log", vkey).whole:
        raise RuntimeError("the log must be whole")
    return (time.perf_counter() - start) * 1e6 / VERIFIED


async def _search(folder: Path, made: list[Event]) -> float:
    """95th percentile in seconds of a page of the console: rows, count, choices and charts."""
    await _fill(folder, made, SEARCHED)
    index = Index(folder / "index.sqlite", folder / "log")
    while index.catch_up():
        pass
    officer = Clearance("TS", frozenset({"SI"}), frozenset({"USA"}))
    times = []
    for query in QUERIES * 8:
        database = index.connect()
        start = time.perf_counter()
        search = Search(database, officer)
        search.listed(query)
        search.choices()
        search.over_time(query)
        search.denials(query)
        search.flows(query)
        times.append(time.perf_counter() - start)
        database.close()
    index.close()
    return statistics.quantiles(times, n=20)[-1]
