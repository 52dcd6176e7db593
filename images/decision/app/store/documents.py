"""Documents and their passages: kept, held back, released, withdrawn."""

from collections.abc import Sequence
from dataclasses import replace
from typing import LiteralString
from uuid import UUID

from psycopg.errors import UniqueViolation
from psycopg.types.json import Jsonb

from appliance.errors import ApplianceError
from appliance.markings import Marking, Restriction
from appliance.service.database import Row, Transaction
from workbench.citations.passages import Marked, restriction_of

from ..models import Upload
from . import sql

PAGE = 200

_COLUMNS: LiteralString = """
    d.id, d.title, d.file, d.kind, d.sha256, d.size, d.banner, d.state, d.source, d.conflicts, d.remarks, d.unread,
    d.created_by, d.created, d.restriction_id, appliance.restriction_encoding(d.restriction_id) AS restriction
"""
_PAGE: LiteralString = f"""
    SELECT {_COLUMNS} FROM appliance.restriction AS r CROSS JOIN LATERAL (
        SELECT * FROM decision.document WHERE restriction_id = r.id ORDER BY created DESC, id LIMIT %(limit)s
    ) AS d WHERE d.state <> 'withdrawn' ORDER BY d.created DESC, d.id LIMIT %(limit)s
"""  # noqa: S608 - a constant
_ONE: LiteralString = f"""
    SELECT {_COLUMNS} FROM appliance.restriction AS r
    JOIN decision.document AS d ON d.restriction_id = r.id AND d.id = %(id)s
"""  # noqa: S608 - a constant
_PASSAGES: LiteralString = """
    SELECT p.number, p.portion, p.inherited, p.part, p.place, p.text, p.restriction_id,
           appliance.restriction_encoding(p.restriction_id) AS restriction
    FROM appliance.restriction AS r
    JOIN decision.passage AS p ON p.restriction_id = r.id AND p.document = %(id)s ORDER BY p.number
"""
_ADD: LiteralString = """
    INSERT INTO decision.document (restriction_id, title, file, kind, sha256, size, banner, state, source, conflicts,
                                   remarks, unread)
    VALUES (%(restriction_id)s, %(title)s, %(file)s, %(kind)s, %(sha256)s, %(size)s, %(banner)s, %(state)s, %(source)s,
            %(conflicts)s, %(remarks)s, %(unread)s) RETURNING id
"""
_ADD_PASSAGE: LiteralString = """
    INSERT INTO decision.passage (restriction_id, document, number, home, portion, inherited, part, place, text)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
_INDEX: LiteralString = """
    INSERT INTO decision.posting (restriction_id, term, document, number, occurrences, words)
    SELECT p.restriction_id, t.term, p.document, p.number, t.occurrences, least(sum(t.occurrences) OVER (
        PARTITION BY p.restriction_id, p.number), 30000)
    FROM appliance.restriction AS r
    JOIN decision.passage AS p ON p.restriction_id = r.id AND p.document = %(id)s
    CROSS JOIN LATERAL (
        SELECT left(lexeme, 100) AS term, sum(cardinality(positions)) AS occurrences
        FROM unnest(to_tsvector('english', p.text)) GROUP BY 1
    ) AS t
"""
_COUNT: LiteralString = """
    INSERT INTO decision.volume AS v (restriction_id, passages, words)
    SELECT n.restriction_id, count(*), sum(n.words) FROM (
        SELECT DISTINCT p.restriction_id, p.number, p.words FROM appliance.restriction AS r
        JOIN decision.posting AS p ON p.restriction_id = r.id AND p.document = %(id)s
    ) AS n GROUP BY n.restriction_id ORDER BY n.restriction_id
    ON CONFLICT (restriction_id) DO UPDATE
    SET passages = v.passages + excluded.passages, words = v.words + excluded.words
"""


class TwiceError(ApplianceError):
    """The same file is there already, under the same restriction."""


async def add(
    transaction: Transaction, upload: Upload, kind: str, marked: Marked, groups: frozenset[str], enclave: Marking
) -> UUID:
    """Keep a document with its passages, or hold it back, all of it under the enclave's own marking.

    Args:
        transaction: of the uploader.
        upload: the file as it came.
        kind: how it was read.
        marked: what was read.
        groups: need-to-know groups of the whole document.
        enclave: the enclave's marking.

    Raises:
        TwiceError: the file is there already.
    """
    held = bool(marked.conflicts)
    whole = enclave if held else marked.marking
    home = await sql.number_of(transaction, restriction_of(whole, groups))
    row = {
        "restriction_id": home,
        "title": marked.title,
        "file": upload.name,
        "kind": kind,
        "sha256": upload.sha256,
        "size": len(upload.data),
        "banner": whole.banner,
        "state": "held" if held else "kept",
        "source": Jsonb(upload.source.model_dump(mode="json", exclude_defaults=True)),
        "conflicts": list(marked.conflicts),
        "remarks": list(marked.remarks),
        "unread": list(marked.unread),
    }
    try:
        identifier = UUID(str((await sql.one(transaction, _ADD, row))["id"]))
    except UniqueViolation as error:
        raise TwiceError("this file is here already", remedy="look for it among the documents") from error
    passages = [replace(one, marking=enclave) if held else one for one in marked.passages]
    numbers = {}
    # In one order: two uploads that bring the same new restrictions wait for each other in no circle.
    for restriction in sorted({restriction_of(one.marking, groups) for one in passages}, key=Restriction.encode):
        numbers[restriction] = await sql.number_of(transaction, restriction)
    async with transaction.cursor() as cursor:
        await cursor.executemany(
            _ADD_PASSAGE,
            [
                (
                    numbers[restriction_of(one.marking, groups)], identifier, one.number, home, one.marking.portion,
                    one.inherited, one.part, one.place, one.text,
                )
                for one in passages
            ],
        )  # fmt: skip
    if not held:
        await _index(transaction, identifier)
    return identifier


async def _index(transaction: Transaction, identifier: UUID) -> None:
    await transaction.execute(_INDEX, {"id": identifier})
    await transaction.execute(_COUNT, {"id": identifier})


async def newest(transaction: Transaction) -> list[Row]:
    """The newest documents of which the reader may know."""
    return await sql.rows(transaction, _PAGE, {"limit": PAGE})


async def get(transaction: Transaction, identifier: UUID) -> tuple[Row, list[Row]]:
    """A document and the passages of it that the reader may read.

    Raises:
        HTTPException: 404: there is none, or not for this reader, or it was withdrawn.
    """
    document = await sql.one(transaction, _ONE + " WHERE d.state <> 'withdrawn'", {"id": identifier})
    return document, await sql.rows(transaction, _PASSAGES, {"id": identifier})


async def withdraw(transaction: Transaction, document: Row, passages: Sequence[Row]) -> None:
    """Take a document out: its passages go, and nothing finds it; that it was there stays."""
    values = {"id": document["id"], "restriction": document["restriction_id"]}
    for restriction in sorted({row["restriction_id"] for row in passages}):
        of = {"restriction": restriction, "id": document["id"]}
        await transaction.execute(
            """
            UPDATE decision.volume AS v SET passages = v.passages - n.passages, words = v.words - n.words
            FROM (SELECT count(*) AS passages, coalesce(sum(words), 0) AS words FROM (
                      SELECT DISTINCT number, words FROM decision.posting
                      WHERE restriction_id = %(restriction)s AND document = %(id)s) AS p) AS n
            WHERE v.restriction_id = %(restriction)s
            """,
            of,
        )
        await transaction.execute(
            "DELETE FROM decision.posting WHERE restriction_id = %(restriction)s AND document = %(id)s", of
        )
        await transaction.execute(
            "DELETE FROM decision.passage WHERE restriction_id = %(restriction)s AND document = %(id)s", of
        )
    await transaction.execute(
        "UPDATE decision.document SET state = 'withdrawn' WHERE restriction_id = %(restriction)s AND id = %(id)s",
        values,
    )


async def release(transaction: Transaction, document: Row) -> None:
    """Let a held document be found, every passage of it at the restriction under which it was held."""
    await transaction.execute(
        "UPDATE decision.document SET state = 'kept' WHERE restriction_id = %s AND id = %s",
        [document["restriction_id"], document["id"]],
    )
    await _index(transaction, document["id"])
