"""Full-text search over what the reader may read, ranked by statistics of exactly that."""

from typing import LiteralString

from psycopg.types.json import Jsonb

from appliance.markings import Restriction
from appliance.service.database import Row, Transaction

from . import sql

MOST_TERMS = 24
STARTS, STOPS = "\ue000", "\ue001"
"""Marks of matched words (private use, U+E000 and U+E001), which no passage holds: ``plain`` takes them out."""

# BM25 (Robertson and Zaragoza 2009, 3.1) with k1 = 1.2 and b = 0.75. Every number in it is of readable restrictions.
_SEARCH: LiteralString = """
    WITH total AS (
        SELECT sum(v.passages)::float8 AS passages, sum(v.words)::float8 / greatest(sum(v.passages), 1) AS average
        FROM appliance.restriction AS r JOIN decision.volume AS v ON v.restriction_id = r.id
        WHERE %(within)s::integer[] IS NULL OR r.id = ANY (%(within)s)
    ), hit AS MATERIALIZED (
        SELECT p.* FROM appliance.restriction AS r CROSS JOIN LATERAL (
            SELECT restriction_id, term, document, number, occurrences, words FROM decision.posting
            WHERE restriction_id = r.id AND term = ANY (%(terms)s)
        ) AS p
        WHERE %(within)s::integer[] IS NULL OR r.id = ANY (%(within)s)
    ), weight AS (
        SELECT term, ln(1 + (passages - count(*) + 0.5) / (count(*) + 0.5)) AS idf
        FROM hit CROSS JOIN total GROUP BY term, passages
    )
    SELECT restriction_id, document, number,
           sum(idf * occurrences * 2.2 / (occurrences + 1.2 * (0.25 + 0.75 * words / average))) AS score
    FROM hit JOIN weight USING (term) CROSS JOIN total
    GROUP BY restriction_id, document, number ORDER BY score DESC, document, number LIMIT %(limit)s
"""
_SHOWN: LiteralString = """
    SELECT w.rank, w.score, p.document, p.number, p.portion, p.inherited, p.part, p.place, p.text, p.restriction_id,
           appliance.restriction_encoding(p.restriction_id) AS restriction,
           ts_headline('english', p.text, %(query)s::tsquery,
                       'HighlightAll=true, StartSel=' || %(starts)s || ', StopSel=' || %(stops)s) AS highlighted,
           d.title, d.banner, d.source, d.created_by, d.sha256,
           appliance.restriction_encoding(d.restriction_id) AS document_restriction
    FROM jsonb_to_recordset(%(wanted)s)
        AS w(rank integer, restriction_id integer, document uuid, number integer, score float8)
    JOIN decision.passage AS p ON (p.restriction_id, p.document, p.number) = (w.restriction_id, w.document, w.number)
    JOIN decision.document AS d ON d.restriction_id = p.home AND d.id = p.document
    ORDER BY w.rank
"""


async def terms_of(transaction: Transaction, text: str) -> list[str]:
    """The terms of a question as passages are indexed by them: stems, without words that say nothing."""
    found = await sql.rows(
        transaction,
        "SELECT DISTINCT left(lexeme, 100) AS term FROM unnest(to_tsvector('english', %s)) ORDER BY term LIMIT %s",
        [text, MOST_TERMS],
    )
    return [row["term"] for row in found]


async def search(
    transaction: Transaction, terms: list[str], limit: int, within: Restriction | None = None
) -> list[Row]:
    """The best passages for these terms, best first: restriction_id, document, number and score.

    Args:
        transaction: of the reader.
        terms: of the question.
        limit: how many at most.
        within: looks at what is within this restriction alone, as if there were nothing else, in statistics too.
    """
    if not terms:
        return []
    numbers = None if within is None else await _numbers(transaction, within)
    return await sql.rows(transaction, _SEARCH, {"terms": terms, "limit": limit, "within": numbers})


async def _numbers(transaction: Transaction, within: Restriction) -> list[int]:
    """The restrictions of this reader that are within another one."""
    found = await sql.rows(
        transaction, "SELECT id, appliance.restriction_encoding(id) AS encoding FROM appliance.restriction"
    )
    return [row["id"] for row in found if Restriction.decode(row["encoding"]).within(within)]


async def shown(transaction: Transaction, wanted: list[Row], terms: list[str]) -> list[Row]:
    """These passages with their documents, the words that match set between ``STARTS`` and ``STOPS``.

    A passage that the reader may not read (any more), or that was withdrawn, is absent.
    """
    asked = [
        {"rank": rank, "score": row.get("score"), "restriction_id": row["restriction_id"],
         "document": str(row["document"]), "number": row["number"]}
        for rank, row in enumerate(wanted, 1)
    ]  # fmt: skip
    query = " | ".join("'" + term.replace("\\", "\\\\").replace("'", "''") + "'" for term in terms)
    values = {"wanted": Jsonb(asked), "query": query, "starts": STARTS, "stops": STOPS}
    return await sql.rows(transaction, _SHOWN, values)


def plain(text: str) -> str:
    """Text that can be stored: without U+0000, which PostgreSQL has not, and the marks of matched words."""
    return text.replace("\0", " ").replace(STARTS, " ").replace(STOPS, " ")
