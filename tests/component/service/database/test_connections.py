"""Connections are kept, and nothing that one request left in one meets the next."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest
from fastapi import HTTPException

from appliance.service.database import Database, Transaction, connections
from tests.component.service.database.cluster import Cluster, Connection
from tests.component.service.database.support import LABELS, request_for

LIMIT = 4
"""Connections of the service ``notes`` in these tests."""


async def one(transaction: Transaction, query: str) -> Any:
    row = await (await transaction.execute(query.encode())).fetchone()
    assert row
    return next(iter(row.values()))


def run(cluster: Cluster, work: Callable[[Database], Awaitable[None]], *, connections: int = LIMIT) -> None:
    """Do ``work`` with at most so many connections, once those of the test before are gone."""

    async def whole() -> None:
        database = Database(cluster.socket, "notes")
        try:
            pool = await database._opened()
            assert pool.max_size == LIMIT
            await pool.resize(1, connections)
            await work(database)
        finally:
            await database.close()

    with cluster.connect("postgres", "postgres") as owner:
        while owner.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'notes'").rowcount:
            time.sleep(0.005)
    asyncio.run(asyncio.wait_for(whole(), 30))


def test_a_connection_serves_one_request_after_another(cluster: Cluster) -> None:
    async def work(database: Database) -> None:
        seen = set()
        for _ in range(5):
            async with database.transaction(request_for("notes")) as transaction:
                seen.add(await one(transaction, "SELECT pg_backend_pid()"))
        assert len(seen) == 1

    run(cluster, work, connections=1)


@pytest.mark.parametrize(
    ("left", "query", "clean"),
    [
        ("SET search_path = notes", "SELECT current_setting('search_path')", '"$user", public'),
        ("SET row_security = off", "SELECT current_setting('row_security')", "on"),
        ("SET statement_timeout = 1", "SELECT current_setting('statement_timeout')", "0"),
        ("SET my.note = 'secret'", "SELECT coalesce(current_setting('my.note', true), '')", ""),
        ("SET default_transaction_read_only = on", "SELECT current_setting('transaction_read_only')", "off"),
        ("SELECT pg_advisory_lock(1)", "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'", 0),
        ("SELECT pg_advisory_lock_shared(1)", "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'", 0),
        ("PREPARE secret AS SELECT 1", "SELECT count(*) FROM pg_prepared_statements", 0),
        ("LISTEN secret", "SELECT count(*) FROM pg_listening_channels()", 0),
        ("DECLARE secret CURSOR WITH HOLD FOR SELECT 1", "SELECT count(*) FROM pg_cursors", 0),
        ("SET SESSION AUTHORIZATION notes", "SELECT current_setting('session_authorization')", "notes"),
        ("SELECT 1", "SELECT count(*) FROM pg_class WHERE relnamespace = pg_my_temp_schema()", 0),
    ],
)
@pytest.mark.parametrize("failing", [False, True])
def test_a_transaction_leaves_nothing_to_the_next(
    cluster: Cluster, left: str, query: str, clean: object, failing: bool
) -> None:
    async def work(database: Database) -> None:
        used = 0
        try:
            async with database.transaction(request_for("notes", "POST"), LABELS) as transaction:
                used = await one(transaction, "SELECT pg_backend_pid()")
                await transaction.execute(left.encode())
                if failing:
                    await transaction.execute("SELECT 1 / 0")
        except psycopg.errors.DivisionByZero:
            assert failing
        async with database.transaction(request_for("notes")) as transaction:
            assert await one(transaction, "SELECT pg_backend_pid()") == used
            assert await one(transaction, query) == clean

    run(cluster, work, connections=1)


def test_temporary_tables_would_go_too(cluster: Cluster, owner: Connection) -> None:
    owner.execute("GRANT TEMPORARY ON DATABASE notes TO notes")
    try:

        async def work(database: Database) -> None:
            async with database.transaction(request_for("notes")) as transaction:
                await transaction.execute("CREATE TEMPORARY TABLE left_over AS SELECT 'secret'")
            async with database.transaction(request_for("notes")) as transaction:
                assert await one(transaction, "SELECT to_regclass('left_over')") is None

        run(cluster, work)
    finally:
        owner.execute("REVOKE TEMPORARY ON DATABASE notes FROM notes")


def test_the_driver_prepares_nothing_that_would_be_missed(cluster: Cluster) -> None:
    async def work(database: Database) -> None:
        for _ in range(12):
            async with database.transaction(request_for("notes")) as transaction:
                assert await one(transaction, "SELECT count(*) FROM pg_prepared_statements") == 0
                for number in range(8):
                    found = await transaction.execute("SELECT %s::integer AS number", [number])
                    assert await found.fetchone() == {"number": number}

    run(cluster, work)


def test_the_admission_is_gone_with_the_request(cluster: Cluster, owner: Connection) -> None:
    owner.execute(
        "INSERT INTO notes.notes (label_id, author, body) SELECT id, 'a', encoding FROM appliance.labels "
        "WHERE encoding = ANY (%s)",
        [list(LABELS)],
    )

    async def work(database: Database) -> None:
        async with database.transaction(request_for("notes")) as transaction:
            assert await one(transaction, "SELECT count(*) FROM notes.notes") == 2
        async with database.transaction(request_for("notes", level="U")) as transaction:
            assert await one(transaction, "SELECT count(*) FROM notes.notes") == 1
        pool = await database._opened()
        async with pool.connection() as connection:
            assert await one(connection, "SELECT count(*) FROM notes.notes") == 0

    run(cluster, work, connections=1)


def test_what_fails_is_rolled_back(cluster: Cluster, owner: Connection) -> None:
    insert = "INSERT INTO notes.notes (label_id, body) VALUES (appliance.label_id('S;;GBR,USA'), 'x')"

    async def work(database: Database) -> None:
        with suppress(RuntimeError):
            async with database.transaction(request_for("notes", "POST")) as transaction:
                await transaction.execute(insert)
                raise RuntimeError
        async with database.transaction(request_for("notes", "POST")) as transaction:
            await transaction.execute(insert)

    run(cluster, work)
    assert owner.execute("SELECT count(*) FROM notes.notes").fetchone() == (1,)


def test_more_requests_than_connections_wait_for_each_other(cluster: Cluster) -> None:
    async def work(database: Database) -> None:
        seen: set[int] = set()

        async def request() -> None:
            async with database.transaction(request_for("notes", "POST"), LABELS) as transaction:
                seen.add(await one(transaction, "SELECT pg_backend_pid() FROM pg_sleep(0.005)"))

        await asyncio.gather(*(request() for _ in range(60)))
        assert 1 <= len(seen) <= LIMIT

    run(cluster, work)


def test_a_request_that_gets_no_connection_in_time_is_told_to_come_again(cluster: Cluster) -> None:
    async def work(database: Database) -> None:
        async with database.transaction(request_for("notes")):
            (await database._opened()).timeout = 0.05
            with pytest.raises(HTTPException) as refusal:
                async with database.transaction(request_for("notes")):
                    raise AssertionError
            assert refusal.value.status_code == 503

    run(cluster, work, connections=1)


def test_a_database_that_does_not_answer_is_busy_too(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "PATIENCE", 0.05)

    async def work() -> None:
        database = Database(tmp_path, "notes")
        for _ in range(2):
            with pytest.raises(HTTPException) as refusal:
                async with database.transaction(request_for("notes")):
                    raise AssertionError
            assert refusal.value.status_code == 503

    asyncio.run(work())


def test_connections_that_the_database_ended_are_replaced(cluster: Cluster, owner: Connection) -> None:
    async def work(database: Database) -> None:
        for _ in range(3):
            async with database.transaction(request_for("notes")) as transaction:
                assert await one(transaction, "SELECT 1 AS one") == 1
            owner.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'notes'")

    run(cluster, work)


def test_new_labels_of_requests_at_once_do_not_cross(cluster: Cluster) -> None:
    labels = [f"S;A{number};USA" for number in range(20)]

    async def work(database: Database) -> None:
        async def request(number: int) -> None:
            wanted = labels if number % 2 else labels[::-1]
            async with database.transaction(request_for("notes", "POST"), wanted):
                await asyncio.sleep(0.02)

        await asyncio.gather(*(request(number) for number in range(8)))

    run(cluster, work)
