"""Few helpers to run SQL."""

from collections.abc import Mapping, Sequence
from typing import Any, LiteralString

from appliance.service.database import Row, Transaction
from appliance.service.web.responses import not_found

Values = Mapping[str, Any] | Sequence[Any]


async def rows(transaction: Transaction, query: LiteralString, values: Values = ()) -> list[Row]:
    """All rows."""
    return await (await transaction.execute(query, values)).fetchall()


async def row(transaction: Transaction, query: LiteralString, values: Values = ()) -> Row | None:
    """The first row, or None."""
    return await (await transaction.execute(query, values)).fetchone()


async def one(transaction: Transaction, query: LiteralString, values: Values = ()) -> Row:
    """The one row.

    Raises:
        HTTPException: 404: there is none, or not for this reader.
    """
    found = await row(transaction, query, values)
    if found is None:
        raise not_found()
    return found


async def changed(transaction: Transaction, query: LiteralString, values: Values = ()) -> int:
    """How many rows a statement changed."""
    return (await transaction.execute(query, values)).rowcount
