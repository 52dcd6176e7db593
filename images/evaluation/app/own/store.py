"""Packs and suites as the database keeps them; each restriction is read by itself, so that nothing hidden counts."""

from collections.abc import Sequence
from typing import LiteralString
from uuid import UUID

from psycopg.errors import UniqueViolation
from psycopg.types.json import Json, Jsonb

from appliance.errors import ApplianceError
from appliance.service.database import Row, Transaction
from workbench.evaluation.packs import Card
from workbench.evaluation.suites import Suite

from .model import OwnSuite, Pack
from .restrictions import Marked

PAGE = 200
_SHOWN: LiteralString = "id, name, version, portion, sha256, created_by, created"
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"
_FROM: LiteralString = """
    SELECT o.*, appliance.restriction_encoding(o.restriction_id) AS restriction
    FROM appliance.restriction AS r CROSS JOIN LATERAL ("""


async def packs(transaction: Transaction) -> list[Pack]:
    """The newest packs that the reader may know of."""
    query: LiteralString = f"""{_FROM} SELECT {_SHOWN}, restriction_id, items, card FROM evaluation.pack
        WHERE restriction_id = r.id ORDER BY created DESC, id LIMIT %(limit)s
        ) AS o ORDER BY o.created DESC, o.id LIMIT %(limit)s"""  # noqa: S608 - constants alone
    found = await (await transaction.execute(query, {"limit": PAGE})).fetchall()
    return [Pack.model_validate(row) for row in found]


async def suites(transaction: Transaction) -> list[OwnSuite]:
    """The newest suites of the site that the reader may know of."""
    query: LiteralString = f"""{_FROM} SELECT {_SHOWN}, restriction_id, definition, packs FROM evaluation.suite
        WHERE restriction_id = r.id ORDER BY created DESC, id LIMIT %(limit)s
        ) AS o ORDER BY o.created DESC, o.id LIMIT %(limit)s"""  # noqa: S608 - constants alone
    found = await (await transaction.execute(query, {"limit": PAGE})).fetchall()
    return [OwnSuite.model_validate(row) for row in found]


async def pack(transaction: Transaction, identifier: UUID) -> Pack | None:
    """One pack, or None."""
    query: LiteralString = f"""{_FROM} SELECT {_SHOWN}, restriction_id, items, card FROM evaluation.pack
        WHERE restriction_id = r.id AND id = %s) AS o"""  # noqa: S608 - constants alone
    row = await (await transaction.execute(query, [identifier])).fetchone()
    return Pack.model_validate(row) if row else None


async def content(transaction: Transaction, identifier: UUID) -> bytes | None:
    """The items of a pack, or None."""
    query: LiteralString = f"""{_FROM} SELECT restriction_id, content FROM evaluation.pack
        WHERE restriction_id = r.id AND id = %s) AS o"""  # noqa: S608 - constants alone
    row = await (await transaction.execute(query, [identifier])).fetchone()
    return bytes(row["content"]) if row else None


async def suite(transaction: Transaction, identifier: UUID) -> OwnSuite | None:
    """One suite, or None."""
    query: LiteralString = f"""{_FROM} SELECT {_SHOWN}, restriction_id, definition, packs FROM evaluation.suite
        WHERE restriction_id = r.id AND id = %s) AS o"""  # noqa: S608 - constants alone
    row = await (await transaction.execute(query, [identifier])).fetchone()
    return OwnSuite.model_validate(row) if row else None


async def numbered(transaction: Transaction, restriction: str) -> int:
    """The number of an encoded restriction; a statement does not see one that it adds itself, so this is one alone."""
    found = await transaction.execute("SELECT appliance.restriction_id(%s) AS number", [restriction])
    row = await found.fetchone()
    if row is None:
        raise ApplianceError("the restriction has no number")
    return int(row["number"])


async def add_pack(transaction: Transaction, marked: Marked, card: Card, data: bytes, sha256: str, items: int) -> Row:
    """Add a pack as the next version of its name.

    Raises:
        ApplianceError: a version of this name has the same items.
    """
    restriction = marked.restriction.encode()
    await transaction.execute(_LOCK, [f"evaluation.pack {restriction} {card.name}"])
    query = """
        INSERT INTO evaluation.pack (restriction_id, label_id, name, version, portion, sha256, items, card, content)
        SELECT r.id, r.label_id, %(name)s, 1 + coalesce((
            SELECT max(version) FROM evaluation.pack WHERE restriction_id = r.id AND name = %(name)s), 0),
            %(portion)s, %(sha256)s, %(items)s, %(card)s, %(content)s
        FROM appliance.restriction AS r WHERE r.id = %(restriction)s
        RETURNING id, version
    """
    values = {
        "name": card.name, "portion": marked.portion, "sha256": sha256, "items": items, "content": data,
        "card": Jsonb(card.model_dump()), "restriction": await numbered(transaction, restriction),
    }  # fmt: skip
    return await _added(transaction, query, values, f"the pack {card.name}")


async def add_suite(transaction: Transaction, marked: Marked, new: Suite, of: Sequence[UUID]) -> Row:
    """Add a suite as the next version of its name.

    Raises:
        ApplianceError: a version of this name says the same.
    """
    restriction = marked.restriction.encode()
    await transaction.execute(_LOCK, [f"evaluation.suite {restriction} {new.name}"])
    query = """
        INSERT INTO evaluation.suite (restriction_id, label_id, name, version, portion, sha256, definition, packs)
        SELECT r.id, r.label_id, %(name)s, 1 + coalesce((
            SELECT max(version) FROM evaluation.suite WHERE restriction_id = r.id AND name = %(name)s), 0),
            %(portion)s, %(sha256)s, %(definition)s, %(packs)s
        FROM appliance.restriction AS r WHERE r.id = %(restriction)s
        RETURNING id, version
    """
    values = {
        "name": new.name, "portion": marked.portion, "sha256": new.sha256,
        "definition": Json(new.model_dump(mode="json")), "packs": list(of),
        "restriction": await numbered(transaction, restriction),
    }  # fmt: skip
    return await _added(transaction, query, values, f"the suite {new.name}")


async def _added(transaction: Transaction, query: LiteralString, values: dict[str, object], what: str) -> Row:
    try:
        row = await (await transaction.execute(query, values)).fetchone()
    except UniqueViolation as error:
        raise ApplianceError(
            f"{what} is here already with the same content", rule="a version is a change",
            remedy="use the version that is here",
        ) from error  # fmt: skip
    if row is None:
        raise ApplianceError(f"{what} was not kept")
    return row
