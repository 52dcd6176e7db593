"""Figures of the markings: comparing labels, parsing, rolling up, and filtering rows in PostgreSQL.

Times of single operations are the best of several rounds, because what interrupts a round belongs to the machine.
"""

import resource
import statistics
import subprocess
import sys
import time
import timeit
from collections.abc import Callable
from typing import LiteralString

import psycopg

from appliance.markings import Label, dominates, parse
from appliance.markings.rollup import rollup
from tests.component.markings.postgresql import labelled_database

LONG_BANNER = (
    "TOP SECRET//SI-G ABCD/TK-ABC-XYZ HELLO WORLD//SAR-ALPHA/BRAVO//RD-CNWDI//FGI CAN DEU"
    "//RSEN/ORCON/IMCON/NOFORN/PROPIN//SSI"
)
ROWS = 1_000_000
LABELS = 200
THROUGH_LABELS = (
    "SELECT count(*), sum(length(body)) FROM records"
    " WHERE label_id = ANY((SELECT appliance.readable_labels('S', '{SI}', '{USA}'))::int[])"
)
BY_INTEGER = "SELECT count(*), sum(length(body)) FROM records WHERE key = 0"


def measurements() -> list[dict[str, object]]:
    """The figures, in the form of ``build/bench.json``."""
    filtered, equal = _filter_seconds()
    return [
        _figure("dominates", _best(_compare(), 10_000) * 1e6, "microseconds", 1.0),
        _figure("parse", _best(lambda: parse(LONG_BANNER), 200) * 1e6, "microseconds", 25.0),
        _figure("rollup", _best(_roll_up(), 1) * 1e3, "milliseconds", 4.0),
        _figure("import", _import_seconds() * 1e3, "milliseconds", 60.0, "a Python that imports nothing"),
        _figure("rows", filtered / equal, "ratio", 3.0, "equality filter on an indexed integer, as many rows"),
    ]


def _figure(name: str, value: float, unit: str, goal: float, reference: str = "") -> dict[str, object]:
    return {
        "name": f"markings.{name}",
        "value": round(value, 3),
        "unit": unit,
        "reference": reference,
        "goal": f"at most {goal:g}",
        "holds": value <= goal,
    }


def _best(function: Callable[[], object], number: int) -> float:
    """Seconds of one call, in many short rounds of processor time."""
    return min(timeit.repeat(function, timer=time.process_time, number=number, repeat=60)) / number


def _import_seconds() -> float:
    """Processor time of a process that imports the library, beyond that of one that imports nothing."""

    def best(code: str) -> float:
        times = []
        for _ in range(15):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run([sys.executable, "-c", code], check=True)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        return min(times)

    return best("import appliance.markings") - best("pass")


def _compare() -> Callable[[], object]:
    high, low = parse(LONG_BANNER).label, parse("TOP SECRET//SI-G ABCD//ORCON/REL TO USA, GBR").label
    return lambda: dominates(high, low)


def _roll_up() -> Callable[[], object]:
    """1,000 portion texts of 120 different markings, read and rolled up."""
    lists = (
        "REL TO USA, CAN, GBR",
        "REL TO USA, GBR",
        "REL TO USA, FVEY",
        "REL TO USA, NATO",
        "NF",
        "DISPLAY ONLY FRA",
    )
    controls = ("", "OC/", "IMC/", "OC/IMC/", "RS/")
    systems = ("", "SI//", "TK-ABC//", "SI/TK//")
    different = [f"S//{system}{control}{release}" for system in systems for control in controls for release in lists]
    portions = [different[number % len(different)] for number in range(1_000)]
    return lambda: rollup(portions)


def _filter_seconds() -> tuple[float, float]:
    """Medians of reading the visible one per cent of the rows: through the readable set, and by an equal integer."""
    with labelled_database() as connection:
        _fill(connection)
        if connection.execute(THROUGH_LABELS).fetchone() != connection.execute(BY_INTEGER).fetchone():
            raise RuntimeError("both filters must return the same number of rows")
        times: dict[LiteralString, list[float]] = {THROUGH_LABELS: [], BY_INTEGER: []}
        for _ in range(15):
            for query, seconds in times.items():
                start = time.perf_counter()
                connection.execute(query).fetchone()
                seconds.append(time.perf_counter() - start)
        return statistics.median(times[THROUGH_LABELS]), statistics.median(times[BY_INTEGER])


def _fill(connection: psycopg.Connection) -> None:
    """A million rows with 200 labels; two of them, one per cent of the rows, are readable by the session."""
    visible = [Label("S", frozenset(), None), Label("S", frozenset({"SI"}), frozenset({"USA", "GBR"}))]
    hidden = [Label("TS", frozenset({f"SAR-P{number}"}), None) for number in range(LABELS - len(visible))]
    with connection.cursor() as cursor:
        cursor.executemany("SELECT appliance.label_id(%s)", [(label.encode(),) for label in visible + hidden])
        cursor.execute("CREATE TABLE records (label_id int NOT NULL, key int NOT NULL, body text NOT NULL)")
        cursor.execute(
            "INSERT INTO records"
            " SELECT 1 + (number::bigint * 7919) %% %s, (number::bigint * 104729) %% 100, repeat('x', 80)"
            " FROM generate_series(1, %s) AS number ORDER BY random()",
            [LABELS, ROWS],
        )
        cursor.execute("CREATE INDEX ON records (label_id)")
        cursor.execute("CREATE INDEX ON records (key)")
        cursor.execute("VACUUM ANALYZE records")
