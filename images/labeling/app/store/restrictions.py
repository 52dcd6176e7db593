"""Restrictions as numbers: rows name them, and so do their keys."""

from collections.abc import Iterable

from appliance.service.database import Transaction

from ..restrictions import Marked
from . import sql


async def numbered(transaction: Transaction, wanted: Iterable[Marked]) -> dict[Marked, tuple[int, int]]:
    """Numbers of label and restriction of each; one that is new is added."""
    found = {}
    for one in sorted(set(wanted), key=lambda one: one.restriction.encode()):
        row = await sql.one(
            transaction,
            """
            SELECT label, labeling.restriction_of(label, %s, %s) AS restriction
            FROM appliance.label_id(%s) AS label
            """,
            [one.portion, one.groups, one.label],
        )
        found[one] = (row["label"], row["restriction"])
    return found
