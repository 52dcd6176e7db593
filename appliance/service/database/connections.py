"""Transactions of a service's role, each admitted by the context of one request."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import HTTPException, Request
from psycopg import AsyncConnection
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from appliance.contract.context import HEADER

Row = dict[str, Any]
Transaction = AsyncConnection[Row]

DEFAULT_CONNECTIONS = 10
PATIENCE = 10.0
"""Seconds that a request waits for a connection."""


class Database:
    """The enclave's PostgreSQL, through its Unix socket as the role of the service (peer authentication).

    Role and database have the name of the service. Connections are kept between requests, at most as many as the
    manifest allows (``database.connections``), which the database says itself: it is the limit of the role. Each is
    brought back to the state of a new one before another request gets it.

    Args:
        folder: folder of the socket.
        service: name of the service.
    """

    def __init__(self, folder: Path, service: str) -> None:
        self._conninfo = f"host={folder} dbname={service} user={service} application_name={service}"
        self._pool: AsyncConnectionPool[Transaction] | None = None
        self._opening = asyncio.Lock()

    @asynccontextmanager
    async def transaction(
        self, request: Request, labels: Iterable[str] = (), *, writes: bool = True
    ) -> AsyncIterator[Transaction]:
        """A transaction that reads and writes what the context of ``request`` allows.

        A request writes in one transaction: once it is committed, its context admits to no other that writes.

        Args:
            request: the request; its context is verified again, by the database.
            labels: encoded labels that the transaction will write, which must exist before it is admitted.
            writes: whether a request that may write does so here; of a reading request it changes nothing.

        Raises:
            HTTPException: 503: no connection became free in ``PATIENCE`` seconds.
        """
        async with self.admitted(request.headers[HEADER], labels, writes=writes) as transaction:
            yield transaction

    @asynccontextmanager
    async def admitted(
        self, token: str, labels: Iterable[str] = (), *, writes: bool = True
    ) -> AsyncIterator[Transaction]:
        """The same for a context that came with no request: a job's.

        Raises:
            HTTPException: 503: no connection became free in ``PATIENCE`` seconds.
        """
        async with self.unadmitted() as connection:
            # Committed at once and in order: two requests that bring the same new labels do not wait for each other.
            if wanted := sorted(set(labels)):
                await connection.execute("SELECT appliance.label_id(label) FROM unnest(%s::text[]) AS label", [wanted])
            async with connection.transaction():
                await connection.execute("SELECT appliance.admit(%s, %s)", [token, writes])
                yield connection

    @asynccontextmanager
    async def unadmitted(self) -> AsyncIterator[Transaction]:
        """A connection to which the database shows no row of anybody; each statement is committed at once.

        Raises:
            HTTPException: 503: no connection became free in ``PATIENCE`` seconds.
        """
        try:
            pool = await self._opened()
            connection = await pool.getconn()
        except PoolTimeout as error:
            raise HTTPException(503, "the database is busy: try again") from error
        try:
            yield connection
        finally:
            await pool.putconn(connection)

    async def close(self) -> None:
        """Close all connections; the next transaction opens new ones."""
        if self._pool is not None:
            await self._pool.close()
            self._pool = None

    async def _opened(self) -> AsyncConnectionPool[Transaction]:
        async with self._opening:
            if self._pool is None:
                pool = AsyncConnectionPool[Transaction](
                    self._conninfo,
                    connection_class=AsyncConnection[DictRow],
                    kwargs={"autocommit": True, "row_factory": dict_row},
                    min_size=1,
                    max_size=1,
                    open=False,
                    check=AsyncConnectionPool.check_connection,
                    reset=_forget,
                    timeout=PATIENCE,
                )
                async with AsyncExitStack() as undo:
                    undo.push_async_callback(pool.close)
                    await pool.open()
                    async with pool.connection() as connection:
                        limit = await _limit(connection)
                    await pool.resize(1, limit)
                    undo.pop_all()
                self._pool = pool
            return self._pool


async def _limit(connection: Transaction) -> int:
    """How many connections the role may hold at once; ``DEFAULT_CONNECTIONS`` where it has no limit."""
    found = await connection.execute("SELECT rolconnlimit AS connections FROM pg_roles WHERE rolname = session_user")
    row = await found.fetchone()
    return int(row["connections"]) if row and row["connections"] > 0 else DEFAULT_CONNECTIONS


async def _forget(connection: Transaction) -> None:
    """Leave nothing of one context to the next: settings, locks, cursors, prepared statements, temporary tables."""
    # DISCARD ALL ends prepared statements too, of which the driver (psycopg 3.3) takes note at a roll-back alone.
    await connection.execute("BEGIN", prepare=False)
    await connection.rollback()
    await connection.execute("DISCARD ALL", prepare=False)
