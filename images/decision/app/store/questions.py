"""Questions, what they quote, and what a model claimed from that."""

from collections.abc import Sequence
from typing import LiteralString
from uuid import UUID

from psycopg.types.json import Jsonb

from appliance.markings import Restriction
from appliance.service.database import Row, Transaction
from workbench.citations.claims import Claim

from . import sql

PAGE = 50

_COLUMNS: LiteralString = """
    q.id, q.text, q.portion, q.found,
    CASE WHEN late THEN 'failed' ELSE q.state END AS state,
    CASE WHEN late THEN 'the model did not answer in time' ELSE q.message END AS message,
    q.model, q.created_by, q.created, q.restriction_id,
    appliance.restriction_encoding(q.restriction_id) AS restriction
"""
_PAGE: LiteralString = f"""
    SELECT {_COLUMNS} FROM appliance.restriction AS r CROSS JOIN LATERAL (
        SELECT * FROM decision.question WHERE restriction_id = r.id AND created_by = appliance.subject()
        ORDER BY created DESC, id LIMIT %(limit)s
    ) AS q
    CROSS JOIN LATERAL (SELECT q.state = 'asking' AND q.created < now() - interval '20 minutes' AS late) AS l
    ORDER BY q.created DESC, q.id LIMIT %(limit)s
"""  # noqa: S608 - a constant
_ONE: LiteralString = f"""
    SELECT {_COLUMNS} FROM appliance.restriction AS r
    JOIN decision.question AS q ON q.restriction_id = r.id AND q.id = %(id)s
    CROSS JOIN LATERAL (SELECT q.state = 'asking' AND q.created < now() - interval '20 minutes' AS late) AS l
"""  # noqa: S608 - a constant
_QUOTED: LiteralString = """
    SELECT t.rank, t.restriction_id, t.document, t.number FROM appliance.restriction AS r
    JOIN decision.quotation AS t ON t.restriction_id = r.id AND t.question = %(id)s ORDER BY t.rank
"""
_CLAIMS: LiteralString = """
    SELECT c.number, c.portion, c.text, c.citations, c.prompt, c.left_out, c.model FROM appliance.restriction AS r
    JOIN decision.claim AS c ON c.restriction_id = r.id AND c.question = %(id)s ORDER BY c.number
"""


async def add(  # noqa: PLR0913 - what a question is
    transaction: Transaction,
    identifier: UUID,
    restriction: Restriction,
    text: str,
    portion: str,
    quoted: Sequence[Row],
    *,
    state: str,
    model: str | None,
) -> None:
    """Keep a question with the passages that it quotes, in their order.

    Args:
        transaction: of who asks.
        identifier: of the question.
        restriction: the join of the question and of all that it quotes.
        text: the question.
        portion: its own mark.
        quoted: passages, each with its restriction.
        state: ``quoted``, or ``asking`` while a model works on it.
        model: the model that is asked, if one is.
    """
    home = await sql.number_of(transaction, restriction)
    await transaction.execute(
        """
        INSERT INTO decision.question (restriction_id, id, text, portion, state, found, model)
        VALUES (%s, %s, %s, %s, %s, %s, %s)
        """,
        [home, identifier, text, portion, state, len(quoted), model],
    )
    async with transaction.cursor() as cursor:
        await cursor.executemany(
            "INSERT INTO decision.quotation (restriction_id, question, rank, document, number)"
            " VALUES (%s, %s, %s, %s, %s)",
            [(row["restriction_id"], identifier, rank, row["document"], row["number"])
             for rank, row in enumerate(quoted, 1)],
        )  # fmt: skip


async def newest(transaction: Transaction) -> list[Row]:
    """The newest questions of this person that they may still read."""
    return await sql.rows(transaction, _PAGE, {"limit": PAGE})


async def get(transaction: Transaction, identifier: UUID) -> Row:
    """A question of this person.

    Raises:
        HTTPException: 404: there is none, or not for this reader (any more).
    """
    return await sql.one(transaction, _ONE, {"id": identifier})


async def quoted(transaction: Transaction, identifier: UUID) -> list[Row]:
    """The passages that a question quotes, in their order."""
    return await sql.rows(transaction, _QUOTED, {"id": identifier})


async def claims(transaction: Transaction, identifier: UUID) -> list[Row]:
    """What a model claimed from them."""
    return await sql.rows(transaction, _CLAIMS, {"id": identifier})


async def answered(transaction: Transaction, question: Row, found: Sequence[Claim], state: str, message: str) -> None:
    """Keep what a model claimed, in place of what it claimed when the job ran before."""
    home = question["restriction_id"]
    await transaction.execute(
        "DELETE FROM decision.claim WHERE restriction_id = %s AND question = %s", [home, question["id"]]
    )
    async with transaction.cursor() as cursor:
        await cursor.executemany(
            """
            INSERT INTO decision.claim (restriction_id, question, number, portion, text, citations, prompt, left_out,
                                        model)
            VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
            """,
            [(home, question["id"], number, claim.portion, claim.text,
              Jsonb([one.model_dump(mode="json") for one in claim.citations]), claim.prompt, claim.left_out,
              question["model"])
             for number, claim in enumerate(found, 1)],
        )  # fmt: skip
    await transaction.execute(
        "UPDATE decision.question SET state = %s, message = %s WHERE restriction_id = %s AND id = %s",
        [state, message[:2000], home, question["id"]],
    )
