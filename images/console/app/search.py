"""Searches over the index, always within the labels that the officer may read."""

import sqlite3
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict, Field

from appliance.audit.review.query import Filter, words_of
from appliance.markings import Clearance, Label, MarkingError, can_read

from .index import FACETS, GRAINS, PART, texts_table

PAGE = 50
COUNTED = 5_000
_STEPS = [n * 60_000 for n in (1, 5, 15, 30, 60, 180, 360, 720, 1440, 4320, 10_080, 40_320)]
BARS = 48
# Minutes serve up to two days, hours up to seven weeks.
GRAIN_ABOVE = {"minutes": "hours", "hours": "days"}


class Query(BaseModel):
    """What an officer looks for; empty fields admit everything.

    Attributes:
        subject: name of the subject; likewise ``enclave``, ``label`` (encoded), ``decision``, ``rule``, ``activity``.
        text: words that must all occur, each as the beginning of a word.
        since: first time, milliseconds since the epoch.
        until: last time, milliseconds since the epoch.
        before: only records with a smaller index: the next page.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    subject: str = ""
    enclave: str = ""
    label: str = ""
    decision: str = ""
    rule: str = ""
    activity: str = ""
    text: str = Field(default="", max_length=500)
    since: int | None = None
    until: int | None = None
    before: int | None = None

    @property
    def facets(self) -> dict[str, str]:
        """The facets asked for."""
        return {facet: value for facet in FACETS if (value := getattr(self, facet))}

    @property
    def words(self) -> list[str]:
        """The words of ``text``, as the full-text index splits them."""
        return words_of(self.text)

    def as_filter(self) -> Filter:
        """The same for whoever has the records and no index."""
        given = {facet: value or None for facet in FACETS for value in [getattr(self, facet)]}
        return Filter(**given, words=self.text or None, since=self.since, until=self.until)


@dataclass(frozen=True)
class Place:
    """Where a record stands: index, byte offset and length in its file; and whether the officer may read it."""

    index: int
    offset: int
    length: int
    readable: bool


@dataclass
class Bars:
    """Decisions over time: ``counts[decision][n]`` in the n-th step from ``start``; times in milliseconds."""

    start: int = 0
    step: int = _STEPS[0]
    counts: dict[str, list[int]] = field(default_factory=dict)


class Search:
    """Searches on one connection, for one officer.

    Args:
        database: a connection of ``Index.connect``.
        clearance: what the officer holds.
    """

    def __init__(self, database: sqlite3.Connection, clearance: Clearance) -> None:
        self._database = database
        names = database.execute("SELECT id, value FROM names WHERE facet = 'label'").fetchall()
        self._labels: dict[int, str] = dict(names)
        self._readable = {number for number, text in names if _may_read(clearance, text)}

    @property
    def withheld(self) -> int:
        """How many records the officer may not read."""
        if len(self._readable) == len(self._labels):
            return 0
        readable = f"SELECT coalesce(sum(count), 0) FROM tallies_days WHERE label IN ({self._marks() or 'NULL'})"  # noqa: S608
        return self.size - int(self._database.execute(readable, tuple(self._readable)).fetchone()[0])

    @property
    def size(self) -> int:
        """How many records the index has."""
        return int(self._database.execute("SELECT next FROM state").fetchone()[0])

    def page(self, query: Query) -> tuple[list[Place], bool]:
        """The newest records that match, at most fifty, and whether there are more."""
        found = self._found(query, PAGE + 1)
        return [self.place(index) for index in found[:PAGE]], len(found) > PAGE

    def listed(self, query: Query) -> tuple[list[Place], bool, int]:
        """What ``page`` gives, and how many match on all pages."""
        places, more = self.page(query)
        return places, more, self.count(query) if more or query.before is not None else len(places)

    def all(self, query: Query, limit: int) -> list[Place]:
        """The readable records that match, the oldest first, at most ``limit``."""
        places: list[Place] = []
        more = True
        while more and len(places) < limit:
            page, more = self.page(query)
            places += [place for place in page if place.readable]
            query = query.model_copy(update={"before": page[-1].index if page else 0})
        return sorted(places[:limit], key=lambda place: place.index)

    def count(self, query: Query) -> int:
        """How many records match on all pages; where words or facets are asked for, ``COUNTED`` + 1 stands for more."""
        if not query.facets and not query.words:
            low, high = self._range(query)
            return max(0, high - low + 1)
        return len(self._found(query.model_copy(update={"before": None}), COUNTED + 1))

    def place(self, index: int) -> Place:
        """Where record ``index`` stands.

        Raises:
            LookupError: the index has no such record.
        """
        row = self._database.execute("SELECT offset, length, label FROM events WHERE id = ?", (index,)).fetchone()
        if row is None:
            raise LookupError(index)
        return Place(index, row[0], row[1], row[2] in self._readable)

    def related(self, request: str, limit: int = 20) -> list[Place]:
        """The readable records about one request."""
        found = self._database.execute("SELECT id FROM events WHERE request = ? ORDER BY id LIMIT ?", (request, limit))
        return [place for (index,) in found.fetchall() if (place := self.place(index)).readable]

    def choices(self) -> dict[str, list[str]]:
        """What can be chosen for each facet: the values that occur in readable records."""
        if not self._readable:
            return {facet: [] for facet in FACETS}
        rows = self._database.execute(
            f"SELECT DISTINCT s.facet, value FROM seen s JOIN names ON id = name WHERE label IN ({self._marks()})",  # noqa: S608
            tuple(self._readable),
        ).fetchall()
        return {facet: sorted(value for of, value in rows if of == facet and value) for facet in FACETS}

    def over_time(self, query: Query) -> Bars:
        """Decisions over time for the facets and times of ``query``."""
        grain = self._grain(query)
        where, values = self._where(query, grain)
        ends = self._database.execute(f"SELECT min(slot), max(slot) FROM tallies_{grain} WHERE {where}", values)  # noqa: S608
        first, last = ends.fetchone()
        if first is None:
            return Bars()
        steps = [step for step in _STEPS if step >= GRAINS[grain]]
        step = next((step for step in steps if (last - first) // step < BARS), steps[-1])
        start = first - first % step
        bars = Bars(start, step)
        length = (last - start) // step + 1
        rows = self._database.execute(
            f"SELECT (slot - ?) / ?, n.value, sum(count) FROM tallies_{grain} JOIN names n ON n.id = decision"  # noqa: S608
            f" WHERE {where} GROUP BY 1, 2",
            (start, step, *values),
        )
        for bucket, decision, count in rows.fetchall():
            bars.counts.setdefault(decision, [0] * length)[bucket] = count
        return bars

    def denials(self, query: Query, limit: int = 6) -> list[tuple[str, int]]:
        """Denials by rule, the most frequent first."""
        grain = self._grain(query)
        where, values = self._where(query, grain)
        rows = self._database.execute(
            f"SELECT r.value, sum(count) FROM tallies_{grain} JOIN names r ON r.id = rule JOIN names d ON d.id = decision"  # noqa: S608, E501
            f" WHERE d.value = 'denied' AND {where} GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT ?",
            (*values, limit),
        )
        return [(rule, count) for rule, count in rows.fetchall()]

    def flows(self, query: Query) -> list[tuple[str, str, str, int]]:
        """Flows between labels that the officer may read, as (from, to, decision, count)."""
        if not self._readable:
            return []
        grain = self._grain(query)
        rows = self._database.execute(
            f"SELECT s.value, t.value, d.value, sum(count) FROM flows_{grain} JOIN names s ON s.id = source"  # noqa: S608
            " JOIN names t ON t.id = target JOIN names d ON d.id = decision"
            f" WHERE slot BETWEEN ? AND ? AND source IN ({self._marks()}) AND target IN ({self._marks()})"
            " GROUP BY 1, 2, 3",
            (*_slots(query, grain), *self._readable, *self._readable),
        )
        return list(rows.fetchall())

    def remarks(self, first: int, end: int) -> dict[tuple[str, str], tuple[int, int]]:
        """What deserves a word in the records from ``first`` up to ``end``: (kind, text) -> (count, first record)."""
        rows = self._database.execute(
            "SELECT kind, value, count(*), min(r.id) FROM remarks r JOIN names n ON n.id = text"  # noqa: S608
            f" WHERE r.id BETWEEN ? AND ? AND label IN ({self._marks() or 'NULL'}) GROUP BY 1, 2",
            (first, end - 1, *self._readable),
        )
        return {(kind, text): (count, least) for kind, text, count, least in rows.fetchall()}

    def decided(self, first: int, end: int) -> dict[str, int]:
        """How many of the readable records from ``first`` up to ``end`` were allowed, denied, or merely recorded."""
        found = dict.fromkeys(("allowed", "denied"), 0)
        for decision in found:
            match = self._match(Query(decision=decision))
            for table in _tables(first, min(end, self.size) - 1) if match else ():
                query = f"SELECT count(*) FROM {table} WHERE {table} MATCH ? AND rowid BETWEEN ? AND ?"  # noqa: S608
                found[decision] += self._database.execute(query, (match, first, end - 1)).fetchone()[0]
        return found

    def _found(self, query: Query, limit: int) -> list[int]:
        """The newest records that match, at most ``limit``."""
        low, high = self._range(query)
        if query.before is not None:
            high = min(high, query.before - 1)
        match = self._match(query)
        if match is None:
            return []
        if not match:
            return list(range(high, max(low - 1, high - limit), -1))
        found: list[int] = []
        for table in _tables(low, high):
            rows = self._database.execute(
                f"SELECT rowid FROM {table} WHERE {table} MATCH ? AND rowid BETWEEN ? AND ?"  # noqa: S608
                " ORDER BY rowid DESC LIMIT ?",
                (match, low, high, limit - len(found)),
            )
            found += [index for (index,) in rows]
            if len(found) == limit:
                break
        return found

    def _grain(self, query: Query) -> str:
        """Whether what happened in the times asked for is added up from minutes, hours or days."""
        ends = self._database.execute(
            "SELECT min(slot), max(slot) FROM tallies_days WHERE slot BETWEEN ? AND ?", _slots(query, "days")
        )
        first, last = ends.fetchone()
        if first is None:
            return "minutes"
        asked = _slots(query, "minutes")
        span = min(last + GRAINS["days"], asked[1]) - max(first, asked[0])
        return next((grain for grain in ("minutes", "hours") if span <= BARS * GRAINS[GRAIN_ABOVE[grain]]), "days")

    def _marks(self) -> str:
        return ", ".join("?" * len(self._readable))

    def _match(self, query: Query) -> str | None:
        """The full-text query; empty if everything matches, None if nothing can.

        Whoever may not read some labels finds nothing there by searching: only an unfiltered list shows that records
        are withheld.
        """
        tokens = []
        for facet, value in query.facets.items():
            found = self._database.execute(
                "SELECT id FROM names WHERE facet = ? AND value = ?", (facet, value)
            ).fetchone()
            if found is None:
                return None
            tokens.append(f"{FACETS[facet]}{found[0]}")
        words = " AND ".join(f'"{word}" *' for word in query.words)
        if not tokens and not words:
            return ""
        if not self._readable:
            return None
        labels = " OR ".join(f"l{number}" for number in sorted(self._readable))
        facets = " AND ".join([*tokens, f"({labels})"])
        return f"facets : ({facets})" + (f" AND text : ({words})" if words else "")

    def _where(self, query: Query, grain: str) -> tuple[str, tuple[int | str, ...]]:
        conditions = ["slot BETWEEN ? AND ?", f"label IN ({self._marks() or 'NULL'})"]
        values: list[int | str] = [*_slots(query, grain), *self._readable]
        for facet, value in query.facets.items():
            conditions.append(f"{facet} = (SELECT id FROM names WHERE facet = '{facet}' AND value = ?)")  # noqa: S608
            values.append(value)
        return " AND ".join(conditions), tuple(values)

    def _range(self, query: Query) -> tuple[int, int]:
        """First and last index that can lie within the times asked for."""
        low = 0 if query.since is None else self._first(query.since)
        high = self.size - 1 if query.until is None else self._first(query.until + 1) - 1
        return low, high

    def _first(self, time: int) -> int:
        """The first record at or after ``time``, by the clock that never goes back."""
        low, high = 0, self.size
        while low < high:
            middle = (low + high) // 2
            clock = self._database.execute("SELECT clock FROM events WHERE id = ?", (middle,)).fetchone()[0]
            low, high = (middle + 1, high) if clock < time else (low, middle)
        return low


def _tables(low: int, high: int) -> list[str]:
    """The parts of the full-text index that have the records from ``low`` to ``high``, the newest first."""
    return [texts_table(first) for first in range(high - high % PART, low - low % PART - 1, -PART)]


def _slots(query: Query, grain: str) -> tuple[int, int]:
    """First and last slot of the times asked for."""
    length = GRAINS[grain]
    since = 0 if query.since is None else query.since - query.since % length
    return since, 1 << 62 if query.until is None else query.until


def _may_read(clearance: Clearance, label: str) -> bool:
    try:
        return can_read(clearance, Label.decode(label))
    except MarkingError:
        return False
