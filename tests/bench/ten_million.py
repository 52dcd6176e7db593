"""The console's search over ten million events: ``python -m tests.bench.ten_million FOLDER`` (most of an hour, 30 GB).

Prints the 95th percentile of a page (rows, count, choices, charts) for each field that officers search by, the rate
at which the index is built, and its size. A folder that is there already is measured as it is.
"""

import argparse
import asyncio
import json
import random
import re
import statistics
import time
from pathlib import Path

from appliance.audit.log.writer import Log
from appliance.markings import Clearance
from images.console.app.index import Index
from images.console.app.search import Query, Search
from tests.unit.console.site import HIGH, days

COUNT = 10_000_000
BATCH = 8_192
YEAR = 365 * 86_400_000
WEEK = 7 * 86_400_000
OFFICER = Clearance("TS", frozenset({"SI"}), frozenset({"USA"}))
_TIME = re.compile(rb'"time":\d+')


def main() -> None:
    """Build what is not there, and measure."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.ten_million", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=COUNT, help="events in the log; more are added where it has fewer")
    parser.add_argument("--seconds", type=float, default=1e9, help="index no longer than this")
    arguments = parser.parse_args()
    folder: Path = arguments.folder
    asyncio.run(fill(folder, arguments.count))
    index = Index(folder / "index.sqlite", folder / "log")
    start, built = time.perf_counter(), 0
    while time.perf_counter() - start < arguments.seconds and (count := index.catch_up()):
        built += count
    seconds = time.perf_counter() - start
    size = sum(file.stat().st_size for file in folder.glob("index.sqlite*"))
    print(json.dumps({"indexed": built, "seconds": round(seconds), "index_bytes": size}), flush=True)
    for name, milliseconds in measured(index).items():
        print(json.dumps({"search": name, "p95_ms": round(milliseconds, 1)}), flush=True)
    index.close()


async def fill(folder: Path, count: int) -> None:
    """A log of ``count`` events over a year: each valid, with its own time, of a site's usual kinds."""
    if not (folder / "log").exists():
        Log.create(folder / "log", folder / "log.key", "bench.example/audit")
    log = Log.open(folder / "log", folder / "log.key")
    made = [event.record() for event in days(40_000)]
    first = int(time.time() * 1000) - YEAR
    chance = random.Random(3)  # noqa: S311 - the same log every time
    for at in range(log.size, count, BATCH):
        batch = []
        for number in range(at, min(at + BATCH, count)):
            label, body = made[chance.randrange(len(made))]
            batch.append((label, _TIME.sub(b'"time":%d' % (first + number * YEAR // count), body, count=1)))
        await log.append(batch)
    await log.close()


def measured(index: Index) -> dict[str, float]:
    """The 95th percentile in milliseconds of one page of the console, for each field it searches by."""
    now = int(time.time() * 1000)
    month = range(now - YEAR + WEEK, now - WEEK, 12 * WEEK)
    queries: dict[str, list[Query]] = {
        "newest": [Query()],
        "subject": [Query(subject=name) for name in ("analyst", "annotator", "visitor", "officer")],
        "label": [Query(label=HIGH), Query(label="U;;*")],
        "enclave": [Query(enclave=name) for name in ("secret", "unclassified", "system-high")],
        "decision": [Query(decision="denied"), Query(decision="allowed")],
        "rule": [Query(rule=name) for name in ("dominance", "no-write-down", "role", "unregistered-certificate")],
        "activity": [Query(activity=name) for name in ("read", "label", "container.admit")],
        "time": [Query(since=since, until=since + WEEK) for since in month],
        "time and decision": [Query(since=since, until=since + WEEK, decision="denied") for since in month],
        "text": [Query(text=text) for text in ("tasks 17", "records denied", "dominate", "smollm2 analyst", "nothing")],
        "text, subject, week": [
            Query(text="tasks", subject="analyst", since=since, until=since + WEEK) for since in month
        ],
    }
    found = {}
    for name, asked in queries.items():
        times = [page(index, asked[n % len(asked)]) for n in range(20)]
        found[name] = 1000 * statistics.quantiles(times, n=20)[-1]
    return found


def page(index: Index, query: Query) -> float:
    """Seconds for rows, count, choices and charts of one page."""
    database = index.connect()
    start = time.perf_counter()
    search = Search(database, OFFICER)
    search.listed(query)
    search.choices()
    search.over_time(query)
    search.denials(query)
    search.flows(query)
    seconds = time.perf_counter() - start
    database.close()
    return seconds


if __name__ == "__main__":
    main()
