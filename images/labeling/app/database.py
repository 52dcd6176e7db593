"""Transactions of the service's role, each admitted by the context of one request."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import Request
from psycopg import AsyncConnection
from psycopg.rows import dict_row

from appliance.monitor.context import HEADER

NAME = "labeling"
Row = dict[str, Any]
Transaction = AsyncConnection[Row]


class Database:
    """The enclave's PostgreSQL, through its Unix socket as the role ``labeling`` (peer authentication).

    Args:
        folder: folder of the socket.
        role: the role to connect as.
    """

    def __init__(self, folder: Path, role: str = "labeling") -> None:
        self._conninfo = f"host={folder} dbname={NAME} user={role} application_name=labeling"

    @asynccontextmanager
    async def transaction(self, request: Request, labels: Iterable[str] = ()) -> AsyncIterator[Transaction]:
        """A transaction that reads and writes what the context of ``request`` allows.

        Each request has a connection of its own: no state of one context can meet another's.

        Args:
            request: the request; its context is verified again, by the database.
            labels: encoded labels that the transaction will write, which must exist before it is admitted.
        """
        connection = await AsyncConnection[Row].connect(self._conninfo, row_factory=dict_row)
        async with connection, connection.transaction():
            for label in labels:
                await connection.execute("SELECT appliance.label_id(%s)", [label])
            await connection.execute("SELECT appliance.admit(%s)", [request.headers[HEADER]])
            yield connection
