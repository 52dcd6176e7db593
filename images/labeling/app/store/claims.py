"""Who works on which task. A claim is a lease: when it ends without an answer, the task is free again."""

from typing import LiteralString
from uuid import UUID

from appliance.service.database import Row, Transaction

from . import sql
from .tasks import task

_FREE = """
    t.taken < t.wanted AND NOT EXISTS (
        SELECT FROM labeling.claim AS m WHERE m.project_id = t.project_id AND m.restriction_id = t.restriction_id
        AND m.position = t.position AND m.annotator = appliance.subject() AND m.state <> 'expired')
"""


async def claim(transaction: Transaction, project: Row) -> Row | None:
    """The task that the annotator works on next, theirs until the lease ends; None if there is none for them.

    The same task again while they hold one; else one that came free again; else the first behind their watermark.
    """
    identifier = project["id"]
    await free_expired(transaction, identifier)
    held = await _held(transaction, identifier)
    if held is None:
        held = await _returned(transaction, identifier) or await _following(transaction, identifier)
        if held is None:
            return None
        await _take(transaction, project, held)
    return await task(transaction, identifier, held["id"])


async def claim_this(transaction: Transaction, project: Row, wanted: Row) -> bool:
    """Claim one task that the annotator chose; False if enough people have it."""
    state = await own_state(transaction, wanted)
    if state == "open":
        await _extend(transaction, project, wanted)
        return True
    if state == "answered":
        return True
    free = await sql.row(
        transaction,
        """
        SELECT id FROM labeling.task AS t WHERE project_id = %(project)s AND restriction_id = %(restriction_id)s
        AND position = %(position)s AND taken < wanted FOR UPDATE
        """,
        wanted,
    )
    if free is None:
        return False
    await _take(transaction, project, wanted | {"watermark": None})
    return True


async def own_state(transaction: Transaction, of: Row) -> str | None:
    """What the annotator's claim on a task is: open, answered, skipped, expired, or None."""
    found = await sql.row(
        transaction,
        """
        SELECT state FROM labeling.claim WHERE project_id = %(project)s AND restriction_id = %(restriction_id)s
        AND position = %(position)s AND annotator = appliance.subject() FOR UPDATE
        """,
        of,
    )
    return found["state"] if found else None


async def release(transaction: Transaction, of: Row, state: str, reason: str) -> None:
    """Give a claimed task back, for others to do."""
    await sql.changed(
        transaction,
        """
        UPDATE labeling.claim SET state = %(state)s, reason = %(reason)s
        WHERE project_id = %(project)s AND restriction_id = %(restriction_id)s AND position = %(position)s
        AND annotator = appliance.subject()
        """,
        of | {"state": state, "reason": reason},
    )
    await sql.changed(
        transaction,
        """
        UPDATE labeling.task SET taken = taken - 1
        WHERE project_id = %(project)s AND restriction_id = %(restriction_id)s AND position = %(position)s
        """,
        of,
    )
    await sql.changed(
        transaction,
        """
        INSERT INTO labeling.returned (project_id, label_id, restriction_id, position)
        VALUES (%(project)s, %(label_id)s, %(restriction_id)s, %(position)s) ON CONFLICT DO NOTHING
        """,
        of,
    )


async def free_expired(transaction: Transaction, project: UUID) -> int:
    """End leases that ran out; how many. One transaction at a time does it for a project."""
    return await sql.changed(
        transaction,
        """
        WITH late AS (
            SELECT found.* FROM labeling.counter AS c CROSS JOIN LATERAL (
                SELECT m.* FROM labeling.claim AS m WHERE m.project_id = %(project)s
                AND m.restriction_id = c.restriction_id AND m.state = 'open' AND m.expires < now()
                ORDER BY m.expires LIMIT 100 FOR UPDATE SKIP LOCKED) AS found
            WHERE c.project_id = %(project)s AND pg_try_advisory_xact_lock(hashtextextended(%(project)s::text, 0))
        ), ended AS (
            UPDATE labeling.claim AS m SET state = 'expired' FROM late
            WHERE (m.project_id, m.restriction_id, m.position, m.annotator)
                = (late.project_id, late.restriction_id, late.position, late.annotator)
        ), freed AS (
            UPDATE labeling.task AS t SET taken = t.taken - late.count
            FROM (SELECT restriction_id, position, count(*) FROM late GROUP BY restriction_id, position) AS late
            WHERE t.project_id = %(project)s
            AND (t.restriction_id, t.position) = (late.restriction_id, late.position)
        )
        INSERT INTO labeling.returned (project_id, label_id, restriction_id, position)
        SELECT DISTINCT project_id, label_id, restriction_id, position FROM late ON CONFLICT DO NOTHING
        """,
        {"project": project},
    )


async def _held(transaction: Transaction, project: UUID) -> Row | None:
    return await sql.row(
        transaction,
        """
        SELECT t.id FROM labeling.counter AS c
        CROSS JOIN LATERAL (
            SELECT position, opened FROM labeling.claim AS m WHERE m.project_id = %(project)s
            AND m.restriction_id = c.restriction_id AND m.annotator = appliance.subject() AND m.state = 'open'
            ORDER BY m.opened LIMIT 1) AS m
        JOIN labeling.task AS t ON t.project_id = %(project)s AND t.restriction_id = c.restriction_id
        AND t.position = m.position
        WHERE c.project_id = %(project)s ORDER BY m.opened LIMIT 1
        """,
        {"project": project},
    )


_FOUND: LiteralString = """
    SELECT t.project_id AS project, t.label_id, t.restriction_id, t.position, t.id
"""


async def _returned(transaction: Transaction, project: UUID) -> Row | None:
    """A task that came free again, of which the annotator has had no part."""
    return await sql.row(
        transaction,
        f"""
        SELECT found.*, NULL AS watermark FROM labeling.counter AS c CROSS JOIN LATERAL (
            {_FOUND} FROM labeling.returned AS back
            JOIN labeling.task AS t ON t.project_id = %(project)s AND t.restriction_id = back.restriction_id
            AND t.position = back.position
            WHERE back.project_id = %(project)s AND back.restriction_id = c.restriction_id AND {_FREE}
            ORDER BY back.position LIMIT 1 FOR UPDATE OF t SKIP LOCKED) AS found
        WHERE c.project_id = %(project)s ORDER BY found.position LIMIT 1
        """,
        {"project": project},
    )


async def _following(transaction: Transaction, project: UUID) -> Row | None:
    """The first free task behind the annotator's watermark, and where the watermark may go.

    It goes to the task itself, unless others hold one before it at this moment, which may yet be for this annotator.
    """
    return await sql.row(
        transaction,
        f"""
        SELECT found.*, coalesce((
            SELECT t.position - 1 FROM labeling.task AS t
            WHERE t.project_id = %(project)s AND t.restriction_id = found.restriction_id
            AND t.position > found.low AND t.position < found.position AND {_FREE}
            ORDER BY t.position LIMIT 1), found.position) AS watermark
        FROM labeling.counter AS c
        LEFT JOIN labeling.progress AS m ON m.project_id = %(project)s AND m.restriction_id = c.restriction_id
        AND m.annotator = appliance.subject()
        CROSS JOIN LATERAL (
            {_FOUND}, coalesce(m.watermark, 0) AS low FROM labeling.task AS t
            WHERE t.project_id = %(project)s AND t.restriction_id = c.restriction_id
            AND t.position > coalesce(m.watermark, 0) AND {_FREE}
            ORDER BY t.position LIMIT 1 FOR UPDATE OF t SKIP LOCKED) AS found
        WHERE c.project_id = %(project)s ORDER BY found.position LIMIT 1
        """,
        {"project": project},
    )


async def _take(transaction: Transaction, project: Row, found: Row) -> None:
    values = found | {"minutes": project["lease_minutes"]}
    await sql.changed(
        transaction,
        """
        INSERT INTO labeling.claim (project_id, label_id, restriction_id, position, expires)
        VALUES (%(project)s, %(label_id)s, %(restriction_id)s, %(position)s, now() + make_interval(mins => %(minutes)s))
        ON CONFLICT (project_id, restriction_id, position, annotator)
        DO UPDATE SET state = 'open', reason = '', opened = now(), expires = excluded.expires
        """,
        values,
    )
    full = await sql.one(
        transaction,
        """
        UPDATE labeling.task SET taken = taken + 1
        WHERE project_id = %(project)s AND restriction_id = %(restriction_id)s AND position = %(position)s
        RETURNING taken >= wanted AS full
        """,
        values,
    )
    if full["full"]:
        await sql.changed(
            transaction,
            """
            DELETE FROM labeling.returned
            WHERE project_id = %(project)s AND restriction_id = %(restriction_id)s AND position = %(position)s
            """,
            values,
        )
    if found["watermark"] is not None:
        await sql.changed(
            transaction,
            """
            INSERT INTO labeling.progress AS p (project_id, label_id, restriction_id, watermark)
            VALUES (%(project)s, %(label_id)s, %(restriction_id)s, %(watermark)s)
            ON CONFLICT (project_id, restriction_id, annotator)
            DO UPDATE SET watermark = greatest(p.watermark, excluded.watermark)
            """,
            values,
        )


async def _extend(transaction: Transaction, project: Row, of: Row) -> None:
    await sql.changed(
        transaction,
        """
        UPDATE labeling.claim SET expires = now() + make_interval(mins => %(minutes)s)
        WHERE project_id = %(project)s AND restriction_id = %(restriction_id)s AND position = %(position)s
        AND annotator = appliance.subject()
        """,
        of | {"minutes": project["lease_minutes"]},
    )
