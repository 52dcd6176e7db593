"""Figures of walks along the lineage of a million records, both ways, as the service's role under its policies."""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from appliance.service.database import Database, Transaction
from images.tuning.app.migrate import MIGRATIONS
from images.tuning.app.store import adapters, lineage
from tests.bench.measure import Measurement, at_most
from tests.catalogue import ON_DEMAND
from tests.component.service.database.cluster import Connection, cluster_of
from tests.component.service.database.support import migrated, token_for

RECORDS, ADAPTERS, OTHERS, WALKS = 1_000_000, 40, 200, 200
VERSION, HIDDEN = "a" * 64, "b" * 64

_FILL = """
    INSERT INTO appliance.restriction (label_id, groups, controlled)
    SELECT appliance.label_id('S;;GBR,USA'), CASE WHEN n = 0 THEN '{{}}' ELSE ARRAY['hidden-' || n] END, false
    FROM generate_series(0, {others}) AS n;
    INSERT INTO tuning.version (restriction_id, digest, label_id, project, project_name, name, marking, kind, method,
                                people, training, validation, taken_by)
    SELECT id, '{version}', label_id, gen_random_uuid(), 'Bench', 'one', 'S', 'writing', 'supervised', '{{}}', '{{}}',
           '{{}}', 'bench' FROM appliance.restriction;
    INSERT INTO tuning.member (restriction_id, version, record, label_id, digest, part)
    SELECT r.id, '{version}', lpad(to_hex(n), 32, '0')::uuid, r.label_id,
           'sha256:' || encode(sha256(n::text::bytea), 'hex'), 'train'
    FROM appliance.restriction AS r, generate_series(1, {records}) AS n WHERE groups = '{{}}';
    INSERT INTO tuning.member (restriction_id, version, record, label_id, digest, part)
    SELECT r.id, '{version}', lpad(to_hex(n), 32, '0')::uuid, r.label_id,
           'sha256:' || encode(sha256(n::text::bytea), 'hex'), 'train'
    FROM appliance.restriction AS r, generate_series(1, 1000) AS n WHERE groups <> '{{}}';
    INSERT INTO tuning.run (restriction_id, id, label_id, name, version, base, base_sha256, configuration, plan,
                            created_by)
    SELECT r.id, gen_random_uuid(), r.label_id, 'run', '{version}', 'base', repeat('c', 64), '{{}}', '{{}}', 'bench'
    FROM appliance.restriction AS r, generate_series(1, {adapters}) WHERE groups = '{{}}' OR random() < 0.1;
    INSERT INTO tuning.adapter
        (restriction_id, sha256, label_id, run, name, version, object, size, key, card, created_by)
    SELECT restriction_id, encode(sha256(id::text::bytea), 'hex'), label_id, id, 'adapter', version,
           gen_random_uuid(), 1, sha256('k'), '{{}}', 'bench' FROM tuning.run;
    ANALYZE;
"""


def measurements() -> list[dict[str, object]]:
    """The figures, in the form of ``build/bench.json``."""
    with cluster_of(ON_DEMAND["tuning"]) as cluster:
        migrated(cluster, MIGRATIONS)
        with cluster.connect("tuning", "postgres") as connection:
            fill(connection)
        behind, descendants = asyncio.run(_walk(Database(cluster.socket, "tuning")))
    what = f"95th percentile of {WALKS} walks, {RECORDS:,} records, {ADAPTERS} adapters, {OTHERS} hidden restrictions"
    figures: list[Measurement] = [
        at_most("lineage.behind", _p95(behind), "ms", 500, f"{what}: a page of what stands behind an adapter"),
        at_most("lineage.descendants", _p95(descendants), "ms", 500, f"{what}: what descends from a record"),
    ]
    return [figure.model_dump() for figure in figures]


def fill(connection: Connection) -> None:
    """A version of a million records that may be read, with its adapters, and many that may not."""
    script = _FILL.format(records=RECORDS, adapters=ADAPTERS, others=OTHERS, version=VERSION)
    for statement in script.split(";\n"):
        if statement.strip():
            connection.execute(statement.encode())


async def _walk(database: Database) -> tuple[list[float], list[float]]:
    try:
        async with database.admitted(token_for("tuning"), writes=False) as transaction:
            found = await adapters.newest(transaction)
        places = [UUID(int=1 + number * (RECORDS - lineage.PAGE) // WALKS) for number in range(WALKS)]
        behind = [
            await _timed(database, _page(found[number % len(found)], place)) for number, place in enumerate(places)
        ]
        descendants = [await _timed(database, _from(place)) for place in places]
        return behind, descendants
    finally:
        await database.close()


Step = Callable[[Transaction], Awaitable[list[Any]]]


def _page(adapter: dict[str, Any], after: UUID) -> Step:
    return lambda transaction: lineage.behind(transaction, adapter, after)


def _from(record: UUID) -> Step:
    return lambda transaction: lineage.from_record(transaction, record)


async def _timed(database: Database, step: Step) -> float:
    began = time.perf_counter()
    async with database.admitted(token_for("tuning"), writes=False) as transaction:
        found = await step(transaction)
    if not found:
        raise RuntimeError("a walk found nothing")
    return (time.perf_counter() - began) * 1000


def _p95(times: list[float]) -> float:
    return statistics.quantiles(times, n=20)[-1]
