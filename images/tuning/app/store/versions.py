"""Versions that were read."""

from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from appliance.markings import Restriction
from appliance.service.database import Row, Transaction
from appliance.service.web.responses import not_found
from workbench.tuning.examples import method_of
from workbench.tuning.version import PARTS, Version

PAGE = 100
_ADD = """
    INSERT INTO tuning.version (restriction_id, digest, label_id, project, project_name, name, marking, kind, method,
                                people, training, validation)
    SELECT r.id, %(digest)s, r.label_id, %(project)s, %(project_name)s, %(name)s, %(marking)s, %(kind)s, %(method)s,
           %(people)s, %(training)s, %(validation)s
    FROM appliance.restriction AS r WHERE r.id = %(restriction)s
    ON CONFLICT (restriction_id, digest) DO NOTHING RETURNING digest
"""
_MEMBERS = """
    INSERT INTO tuning.member (restriction_id, version, record, label_id, digest, part)
    SELECT r.id, %(version)s, one.record, r.label_id, one.digest, one.part
    FROM appliance.restriction AS r,
         unnest(%(records)s::uuid[], %(digests)s::text[], %(parts)s::text[]) AS one (record, digest, part)
    WHERE r.id = %(restriction)s
"""
_ONE = """
    SELECT v.*, appliance.restriction_encoding(r.id) AS restriction FROM appliance.restriction AS r CROSS JOIN LATERAL (
        SELECT * FROM tuning.version WHERE restriction_id = r.id AND digest = %s
    ) AS v
"""
_PAGE = """
    SELECT v.*, appliance.restriction_encoding(r.id) AS restriction FROM appliance.restriction AS r CROSS JOIN LATERAL (
        SELECT restriction_id, digest, project, project_name, name, marking, kind, method, taken_by, taken,
               cardinality(training) AS samples
        FROM tuning.version WHERE restriction_id = r.id ORDER BY taken DESC, digest LIMIT %(limit)s
    ) AS v ORDER BY taken DESC, digest LIMIT %(limit)s
"""


async def add(
    transaction: Transaction, limit: Restriction, version: Version, training: list[int], validation: list[int]
) -> None:
    """Keep what a version says of itself, and the names of its records; once for each restriction."""
    manifest = version.manifest
    number = await restriction_number(transaction, limit)
    said = manifest.lineage
    values: dict[str, Any] = {
        "restriction": number,
        "digest": version.digest.removeprefix("sha256:"),
        "project": UUID(manifest.project["id"]),
        "project_name": manifest.project["name"],
        "name": manifest.name,
        "marking": manifest.marking,
        "kind": manifest.project["kind"],
        "method": method_of(manifest.project["kind"]),
        "people": Jsonb(
            {
                "made by": [manifest.made_by],
                "annotators": list(said.annotators),
                "reviewers": list(said.reviewers),
                "deciders": list(said.adjudicators),
                "models": list(said.models),
            }
        ),
        "training": training,
        "validation": validation,
    }
    if await (await transaction.execute(_ADD, values)).fetchone() is None:
        return
    members = [one for one in manifest.records if one.split in PARTS]
    await transaction.execute(
        _MEMBERS,
        {
            "restriction": number,
            "version": values["digest"],
            "records": [UUID(one.id) for one in members],
            "digests": [one.digest for one in members],
            "parts": [one.split for one in members],
        },
    )


async def version(transaction: Transaction, digest: str) -> Row:
    """One version.

    Raises:
        HTTPException: 404: there is none, or not for this reader.
    """
    found = await (await transaction.execute(_ONE, [digest])).fetchone()
    if found is None:
        raise not_found()
    return found


async def newest(transaction: Transaction) -> list[Row]:
    """The versions that were read last."""
    return await (await transaction.execute(_PAGE, {"limit": PAGE})).fetchall()


async def restriction_number(transaction: Transaction, limit: Restriction) -> int:
    """The number of a restriction under which this transaction writes."""
    found = await (
        await transaction.execute("SELECT appliance.restriction_id(%s) AS number", [limit.encode()])
    ).fetchone()
    return int(found["number"]) if found else 0
