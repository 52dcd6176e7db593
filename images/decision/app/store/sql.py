"""Few helpers to run SQL."""

from collections.abc import Mapping, Sequence
from typing import Any, LiteralString

from appliance.markings import Restriction
from appliance.service.database import Row, Transaction
from appliance.service.web.responses import not_found

Values = Mapping[str, Any] | Sequence[Any]


async def rows(transaction: Transaction, query: LiteralString, values: Values = ()) -> list[Row]:
    """All rows."""
    return await (await transaction.execute(query, values)).fetchall()


async def one(transaction: Transaction, query: LiteralString, values: Values = ()) -> Row:
    """The one row.

    Raises:
        HTTPException: 404: there is none, or not for this reader.
    """
    found = await (await transaction.execute(query, values)).fetchone()
    if found is None:
        raise not_found()
    return found


async def number_of(transaction: Transaction, restriction: Restriction) -> int:
    """The number of a restriction under which the person of this transaction writes."""
    row = await one(transaction, "SELECT appliance.restriction_id(%s) AS id", [restriction.encode()])
    return int(row["id"])
