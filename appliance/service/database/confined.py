"""Whether the tables of a service are confined by row-level security."""

from importlib import resources
from typing import Any

import psycopg
from psycopg.rows import tuple_row

QUERY = "unconfined.sql"


def unconfined(connection: psycopg.Connection[Any], schema: str) -> list[str]:
    """What in ``schema`` a reader could get past row-level security; empty when it is confined.

    A table must have row-level security enabled and forced on its owner, which materialized and foreign tables cannot
    have. TRUNCATE, REFERENCES and TRIGGER in other hands than the owner's go round it (PostgreSQL 15, 5.8, Row Security
    Policies).

    Args:
        connection: to the database of the service.
        schema: its schema.
    """
    query = resources.files("appliance.service.database").joinpath(QUERY).read_bytes()
    cursor = connection.cursor(row_factory=tuple_row)
    return [row[0] for row in cursor.execute(query, {"schema": schema}).fetchall()]
