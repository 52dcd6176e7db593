"""The search index: a SQLite file made from the log's bodies alone, and made again whenever it does not fit them.

What an officer filters by (subject, enclave, decision, rule, activity, label) is a token in the full-text index, so
that every search is one walk over it from the newest record down. FTS5 gathers every record with a word that begins as
asked before it gives the first, so the full-text index is cut into parts of ``PART`` records, and a search reads the
newest part first and no more parts than it needs. Bodies stay in the log; the index has their places.
"""

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog

from appliance.audit.events import ocsf
from appliance.audit.events.ocsf import Event
from appliance.audit.log import bodies
from appliance.audit.log.bodies import SEGMENT, Record
from appliance.audit.review import summary as review
from appliance.errors import ApplianceError

SCHEMA_VERSION = 4
FACETS = {"subject": "s", "enclave": "e", "decision": "d", "rule": "r", "activity": "a", "label": "l"}
UNREADABLE = "unreadable"
BATCH = SEGMENT
PART = 16 * SEGMENT
MINUTE = 60_000
_TALLIED = ("label", "enclave", "subject", "decision", "rule", "activity")
_WRITES = ("POST", "PUT", "PATCH", "DELETE")
_SCHEMA = """
CREATE TABLE events (id INTEGER PRIMARY KEY, time INTEGER, clock INTEGER, label INTEGER, request TEXT, offset INTEGER,
    length INTEGER);
CREATE INDEX events_request ON events (request);
CREATE TABLE names (id INTEGER PRIMARY KEY, facet TEXT, value TEXT, UNIQUE (facet, value));
CREATE TABLE remarks (id INTEGER, kind TEXT, text INTEGER, label INTEGER, PRIMARY KEY (id, kind, text)) WITHOUT ROWID;
CREATE TABLE seen (facet TEXT, name INTEGER, label INTEGER, PRIMARY KEY (facet, name, label)) WITHOUT ROWID;
CREATE TABLE state (id INTEGER PRIMARY KEY CHECK (id = 0), next INTEGER, offset INTEGER, clock INTEGER);
INSERT INTO state VALUES (0, 0, 0, 0);
"""
_PART = """CREATE VIRTUAL TABLE IF NOT EXISTS {table}
    USING fts5 (facets, text, content='', detail=column, columnsize=0)"""
# What the charts count, by minute, hour and day: a year of hours is too much to add up for one page.
GRAINS = {"minutes": MINUTE, "hours": 60 * MINUTE, "days": 1440 * MINUTE}
_COUNTS = """
CREATE TABLE tallies_{grain} (slot INTEGER, label INTEGER, enclave INTEGER, subject INTEGER, decision INTEGER,
    rule INTEGER, activity INTEGER, count INTEGER,
    PRIMARY KEY (slot, label, enclave, subject, decision, rule, activity)) WITHOUT ROWID;
CREATE TABLE flows_{grain} (slot INTEGER, source INTEGER, target INTEGER, decision INTEGER, count INTEGER,
    PRIMARY KEY (slot, source, target, decision)) WITHOUT ROWID;
"""
_log = structlog.get_logger()


class Index:
    """The one writer of the index; readers open connections of their own with ``connect``.

    Args:
        path: the SQLite file, made if absent.
        log: the log's folder.
    """

    def __init__(self, path: Path, log: Path) -> None:
        self.path = path
        self.log = log
        self._names: dict[tuple[str, str], int] = {}
        self._seen: set[tuple[str, int, int]] = set()
        self._database = self._opened()

    def connect(self) -> sqlite3.Connection:
        """A connection for reading, for one thread."""
        return sqlite3.connect(f"file:{self.path}?mode=ro", uri=True, check_same_thread=False)

    def catch_up(self) -> int:
        """Take in the records that the log gained; returns how many. Call it until it returns 0."""
        upto, offset, clock = self._database.execute("SELECT next, offset, clock FROM state").fetchone()
        found = list(self._new_lines(upto, offset))
        if not found:
            return 0
        rows = _Rows()
        with self._database:
            for index, at, line in found:
                clock = self._add(rows, index, at, line, clock)
            rows.insert(self._database)
            index, at, line = found[-1]
            following = 0 if (index + 1) % SEGMENT == 0 else at + len(line)
            self._database.execute("UPDATE state SET next = ?, offset = ?, clock = ?", (index + 1, following, clock))
        return len(found)

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def _opened(self) -> sqlite3.Connection:
        database = sqlite3.connect(self.path, check_same_thread=False)
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")
        if database.execute("PRAGMA user_version").fetchone()[0] == SCHEMA_VERSION and self._fits(database):
            return database
        database.close()
        for suffix in ("", "-wal", "-shm"):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)
        _log.info("index_built_anew")
        database = sqlite3.connect(self.path, check_same_thread=False)
        database.execute("PRAGMA journal_mode = WAL")
        database.executescript(_SCHEMA + "".join(_COUNTS.format(grain=grain) for grain in GRAINS))
        database.execute(f"PRAGMA user_version = {SCHEMA_VERSION:d}")
        return database

    def _fits(self, database: sqlite3.Connection) -> bool:
        """Whether the last indexed record still stands where the index has it."""
        last = database.execute("SELECT id, offset, length FROM events ORDER BY id DESC LIMIT 1").fetchone()
        if last is None:
            return True
        line = read_line(self.log, *last)
        return line is not None and line.startswith(b'{"index":%d,' % last[0]) and line.endswith(b"\n")

    def _new_lines(self, index: int, offset: int) -> Iterator[tuple[int, int, bytes]]:
        """At most ``BATCH`` whole lines from ``offset`` of the file of record ``index``, as (index, offset, line)."""
        path = bodies.segment_path(self.log, index)
        if not path.exists():
            return
        with path.open("rb") as file:
            file.seek(offset)
            for _ in range(min(BATCH, SEGMENT - index % SEGMENT)):
                line = file.readline()
                if not line.endswith(b"\n"):
                    return
                yield index, offset, line
                index, offset = index + 1, offset + len(line)

    def _add(self, rows: "_Rows", index: int, offset: int, line: bytes, clock: int) -> int:
        """Index one record; returns the latest time seen so far, by which time ranges are found."""
        try:
            record = Record.decode(line)
            event = ocsf.read(record.body)
        except ApplianceError:
            label = self._name("label", UNREADABLE)
            rows.events.append((index, clock, clock, label, None, offset, len(line)))
            rows.texts.append((index, f"l{label}", "damaged record"))
            return clock
        clock = max(clock, event.time)
        new = self._is_new("subject", event.subject)
        facets = {facet: self._name(facet, value) for facet, value in facets_of(event).items()}
        label = facets["label"]
        tokens = " ".join(f"{FACETS[facet]}{number}" for facet, number in facets.items())
        uid = event.metadata.correlation_uid
        rows.events.append((index, event.time, clock, label, uid, offset, len(line)))
        rows.texts.append((index, tokens, " ".join(_texts(json.loads(record.body)))))
        found = {(facet, name, label) for facet, name in facets.items()} - self._seen
        rows.seen += found
        self._seen |= found
        remarks = review.remarks(event)
        if new:
            remarks.append(review.new_subject(event))
        rows.remarks += [(index, kind, self._name("remark", text), label) for kind, text in remarks]
        rows.tallies[(event.time, *(facets[facet] for facet in _TALLIED))] += 1
        if event.working and event.decision:
            ends = (label, self._name("label", event.working))
            writes = event.http_request is not None and event.http_request.http_method in _WRITES
            source, target = reversed(ends) if writes else ends
            rows.flows[event.time, source, target, facets["decision"]] += 1
        return clock

    def _is_new(self, facet: str, value: str) -> bool:
        if (facet, value) in self._names:
            return False
        query = "SELECT 1 FROM names WHERE facet = ? AND value = ?"
        return self._database.execute(query, (facet, value)).fetchone() is None

    def _name(self, facet: str, value: str) -> int:
        known = self._names.get((facet, value))
        if known is None:
            self._database.execute(
                "INSERT INTO names (facet, value) VALUES (?, ?) ON CONFLICT DO NOTHING", (facet, value)
            )
            query = "SELECT id FROM names WHERE facet = ? AND value = ?"
            known = self._names[facet, value] = self._database.execute(query, (facet, value)).fetchone()[0]
        return known


@dataclass
class _Rows:
    """What one batch of records adds to the tables; counts are summed up first, because neighbours are alike."""

    events: list[tuple[Any, ...]] = field(default_factory=list)
    texts: list[tuple[int, str, str]] = field(default_factory=list)
    seen: list[tuple[str, int, int]] = field(default_factory=list)
    remarks: list[tuple[int, str, int, int]] = field(default_factory=list)
    tallies: Counter[tuple[int, ...]] = field(default_factory=Counter)
    flows: Counter[tuple[int, ...]] = field(default_factory=Counter)

    def insert(self, database: sqlite3.Connection) -> None:
        database.executemany("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?)", self.events)
        table = texts_table(self.texts[0][0])  # a batch lies in one file of the log, so in one part
        database.execute(_PART.format(table=table))
        database.executemany(f"INSERT INTO {table} (rowid, facets, text) VALUES (?, ?, ?)", self.texts)  # noqa: S608
        database.executemany("INSERT OR IGNORE INTO seen VALUES (?, ?, ?)", self.seen)
        database.executemany("INSERT OR IGNORE INTO remarks VALUES (?, ?, ?, ?)", self.remarks)
        for table, counts in (("tallies", self.tallies), ("flows", self.flows)):
            for grain, length in GRAINS.items():
                summed = Counter[tuple[int, ...]]()
                for (time, *key), count in counts.items():
                    summed[(time - time % length, *key)] += count
                rows = [(*key, count) for key, count in summed.items()]
                if rows:
                    places = ", ".join("?" * len(rows[0]))
                    database.executemany(
                        f"INSERT INTO {table}_{grain} VALUES ({places})"  # noqa: S608 - names and question marks alone
                        " ON CONFLICT DO UPDATE SET count = count + excluded.count",
                        rows,
                    )


def texts_table(index: int) -> str:
    """The table of the full-text index that has record ``index``."""
    return f"texts_{index // PART}"


def facets_of(event: Event) -> dict[str, str]:
    """What an officer filters by; empty where the event has no such thing."""
    return {
        "subject": event.subject,
        "enclave": event.unmapped.enclave,
        "decision": event.decision,
        "rule": event.policy.name if event.policy else "",
        "activity": event.activity,
        "label": event.label,
    }


def read_line(log: Path, index: int, offset: int, length: int) -> bytes | None:
    """The line of record ``index`` where the index has it, or None if the file is not that long."""
    try:
        with bodies.segment_path(log, index).open("rb") as file:
            file.seek(offset)
            line = file.read(length)
    except OSError:
        return None
    return line if len(line) == length else None


def _texts(value: Any) -> Iterator[str]:
    """All texts in an event, product and version aside."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            if key not in ("product", "profiles", "version"):
                yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
