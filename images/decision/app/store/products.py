"""Products and who signed them."""

from typing import LiteralString
from uuid import UUID

from psycopg.types.json import Jsonb

from appliance.markings import Restriction
from appliance.service.database import Row, Transaction
from workbench.citations.product import Product

from . import sql

PAGE = 200

_COLUMNS: LiteralString = """
    p.id, p.template, p.title, p.banner, p.content, p.sha256, p.created_by, p.created, p.restriction_id,
    appliance.restriction_encoding(p.restriction_id) AS restriction,
    ARRAY(SELECT s.signed_by FROM decision.signature AS s
          WHERE s.restriction_id = p.restriction_id AND s.product = p.id AND s.sha256 = p.sha256
          ORDER BY s.signed) AS signed_by
"""
_PAGE: LiteralString = f"""
    SELECT {_COLUMNS} FROM appliance.restriction AS r CROSS JOIN LATERAL (
        SELECT * FROM decision.product WHERE restriction_id = r.id ORDER BY created DESC, id LIMIT %(limit)s
    ) AS p ORDER BY p.created DESC, p.id LIMIT %(limit)s
"""  # noqa: S608 - a constant
_ONE: LiteralString = f"""
    SELECT {_COLUMNS} FROM appliance.restriction AS r
    JOIN decision.product AS p ON p.restriction_id = r.id AND p.id = %(id)s
"""  # noqa: S608 - a constant


async def add(transaction: Transaction, product: Product, banner: str, restriction: Restriction) -> UUID:
    """Keep a product, for who may read all that it holds."""
    home = await sql.number_of(transaction, restriction)
    row = await sql.one(
        transaction,
        """
        INSERT INTO decision.product (restriction_id, template, title, banner, content, sha256)
        VALUES (%s, %s, %s, %s, %s, %s) RETURNING id
        """,
        [home, product.template, product.title, banner, Jsonb(product.model_dump(mode="json")), product.sha256],
    )
    return UUID(str(row["id"]))


async def newest(transaction: Transaction) -> list[Row]:
    """The newest products of which the reader may know."""
    return await sql.rows(transaction, _PAGE, {"limit": PAGE})


async def get(transaction: Transaction, identifier: UUID) -> tuple[Row, Product]:
    """One product.

    Raises:
        HTTPException: 404: there is none, or not for this reader.
    """
    row = await sql.one(transaction, _ONE, {"id": identifier})
    return row, Product.model_validate(row["content"])


async def sign(transaction: Transaction, row: Row) -> None:
    """Put the name of the person of this transaction to exactly this content."""
    await transaction.execute(
        "INSERT INTO decision.signature (restriction_id, product, sha256) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
        [row["restriction_id"], row["id"], row["sha256"]],
    )


async def declassify(transaction: Transaction, documents: list[UUID]) -> dict[UUID, list[str]]:
    """The lines of these documents that may be declassification instructions."""
    found = await sql.rows(
        transaction,
        """
        SELECT p.document, p.text FROM appliance.restriction AS r
        JOIN decision.passage AS p ON p.restriction_id = r.id
        WHERE p.document = ANY (%s) AND p.text ILIKE '%%declassify on:%%'
        """,
        [documents],
    )
    lines: dict[UUID, list[str]] = {}
    for row in found:
        lines.setdefault(row["document"], []).append(row["text"])
    return lines
