"""Both ways along the lineage: what stands behind an adapter, and which adapters came from a record or a version."""

from typing import Any
from uuid import UUID

from appliance.service.database import Row, Transaction

PAGE = 200
# Of each restriction that the reader may read, by itself (docs/adr/0150).
_FROM_RECORD = """
    SELECT a.* FROM appliance.restriction AS r CROSS JOIN LATERAL (
        SELECT a.sha256, a.name, a.state, a.created, a.version, v.name AS version_name, v.marking, m.part,
               appliance.restriction_encoding(r.id) AS restriction
        FROM tuning.member AS m
        JOIN tuning.version AS v ON (v.restriction_id, v.digest) = (m.restriction_id, m.version)
        JOIN tuning.adapter AS a ON (a.restriction_id, a.version) = (m.restriction_id, m.version)
        WHERE m.restriction_id = r.id AND m.record = %(record)s ORDER BY a.created DESC, a.sha256 LIMIT %(limit)s
    ) AS a ORDER BY created DESC, sha256 LIMIT %(limit)s
"""
_FROM_VERSION = """
    SELECT a.* FROM appliance.restriction AS r CROSS JOIN LATERAL (
        SELECT a.sha256, a.name, a.state, a.created, a.version, v.name AS version_name, v.marking, '' AS part,
               appliance.restriction_encoding(r.id) AS restriction
        FROM tuning.adapter AS a
        JOIN tuning.version AS v ON (v.restriction_id, v.digest) = (a.restriction_id, a.version)
        WHERE a.restriction_id = r.id AND a.version = %(version)s ORDER BY a.created DESC, a.sha256 LIMIT %(limit)s
    ) AS a ORDER BY created DESC, sha256 LIMIT %(limit)s
"""
_BEHIND = """
    SELECT record, digest, part FROM tuning.member
    WHERE restriction_id = %(restriction_id)s AND version = %(version)s AND record > %(after)s
    ORDER BY record LIMIT %(limit)s
"""
_COUNT = """
    SELECT cardinality(training) AS training, cardinality(validation) AS validation FROM tuning.version
    WHERE restriction_id = %(restriction_id)s AND digest = %(version)s
"""
FIRST = UUID(int=0)


async def behind(transaction: Transaction, adapter: Row, after: UUID = FIRST) -> list[Row]:
    """A page of the records that stand behind an adapter, in the order of their names, those behind ``after``."""
    values: dict[str, Any] = {name: adapter[name] for name in ("restriction_id", "version")}
    return await (await transaction.execute(_BEHIND, values | {"after": after, "limit": PAGE})).fetchall()


async def samples(transaction: Transaction, adapter: Row) -> Row:
    """How many samples an adapter was learned from, and was judged by."""
    found = await (await transaction.execute(_COUNT, adapter)).fetchone()
    return found or {"training": 0, "validation": 0}


async def from_record(transaction: Transaction, record: UUID) -> list[Row]:
    """The adapters that descend from a record."""
    return await (await transaction.execute(_FROM_RECORD, {"record": record, "limit": PAGE})).fetchall()


async def from_version(transaction: Transaction, digest: str) -> list[Row]:
    """The adapters that descend from a version (its digest in hexadecimal)."""
    return await (await transaction.execute(_FROM_VERSION, {"version": digest, "limit": PAGE})).fetchall()
