"""What others than the author say about answers.

The database itself refuses authors, and opens answers to the actions ``review`` and ``export`` alone.
"""

from typing import Any
from uuid import UUID

from psycopg.errors import CheckViolation, InsufficientPrivilege, UniqueViolation
from psycopg.types.json import Jsonb

from appliance.errors import ApplianceError
from appliance.service.database import Row, Transaction

from . import sql
from .tasks import BEHIND, TASK, task

BATCH = 500


async def answers(transaction: Transaction, of: Row) -> list[Row]:
    """All answers to a task with the reviews of each, the oldest first."""
    return await sql.rows(
        transaction,
        """
        SELECT a.annotator, a.value, a.created, a.original, coalesce((
            SELECT jsonb_agg(jsonb_build_object('reviewer', r.reviewer, 'verdict', r.verdict, 'value', r.value,
                                                'reason', r.reason, 'created', r.created)
                             ORDER BY r.created, r.reviewer)
            FROM labeling.review AS r WHERE r.project_id = a.project_id AND r.restriction_id = a.restriction_id
            AND r.position = a.position AND r.annotator = a.annotator), '[]') AS reviews
        FROM labeling.answer AS a
        WHERE a.project_id = %(project)s AND a.restriction_id = %(restriction_id)s AND a.position = %(position)s
        AND NOT a.withdrawn ORDER BY a.created, a.annotator
        """,
        of,
    )


async def adjudication(transaction: Transaction, of: Row) -> Row | None:
    """What was decided about a task in dispute."""
    return await sql.row(
        transaction,
        """
        SELECT adjudicator, value, reason, created FROM labeling.adjudication
        WHERE project_id = %(project)s AND restriction_id = %(restriction_id)s AND position = %(position)s
        """,
        of,
    )


async def review(
    transaction: Transaction, of: Row, author: str, verdict: str, value: dict[str, Any] | None, reason: str
) -> None:
    """Accept, correct or reject an answer of somebody else.

    Raises:
        ApplianceError: it is the reviewer's own, they have reviewed it, or no reason is given.
    """
    try:
        async with transaction.transaction():
            await sql.one(
                transaction,
                """
                INSERT INTO labeling.review
                    (project_id, label_id, restriction_id, position, annotator, verdict, value, reason)
                SELECT project_id, label_id, restriction_id, position, annotator, %(verdict)s, %(value)s, %(reason)s
                FROM labeling.answer WHERE project_id = %(project)s AND restriction_id = %(restriction_id)s
                AND position = %(position)s AND annotator = %(author)s RETURNING reviewer
                """,
                of
                | {
                    "author": author,
                    "verdict": verdict,
                    "value": None if value is None else Jsonb(value),
                    "reason": reason,
                },
            )
    except CheckViolation as error:
        raise ApplianceError(
            "this review is not possible",
            rule="nobody reviews their own answer; a correction and a rejection have a reason",
            remedy="give a reason, or leave the answer to another reviewer",
        ) from error
    except UniqueViolation as error:
        raise ApplianceError(
            "you have already reviewed this answer", rule="a reviewer judges an answer once", remedy="go on"
        ) from error


async def adjudicate(transaction: Transaction, of: Row, value: dict[str, Any], reason: str) -> None:
    """Decide a task.

    Raises:
        ApplianceError: the adjudicator gave one of the answers, the task is decided, or the reason is missing.
    """
    if not reason:
        raise ApplianceError("the reason is empty", rule="a decision has a reason", remedy="say why")
    try:
        async with transaction.transaction():
            await sql.changed(
                transaction,
                """
                INSERT INTO labeling.adjudication (project_id, label_id, restriction_id, position, value, reason)
                VALUES (%(project)s, %(label_id)s, %(restriction_id)s, %(position)s, %(value)s, %(reason)s)
                """,
                of | {"value": Jsonb(value), "reason": reason},
            )
    except InsufficientPrivilege as error:
        raise ApplianceError(
            "you gave one of the answers to this task",
            rule="who decides a task is the author of none of its answers",
            remedy="leave it to somebody else",
        ) from error
    except UniqueViolation as error:
        raise ApplianceError("the task is decided", rule="a task is decided once", remedy="go on") from error


async def waiting(transaction: Transaction, project: UUID, after: UUID | None, size: int = 50) -> list[Row]:
    """Tasks with answers, in the order in which they were added, with what people said about them."""
    last = await task(transaction, project, after) if after else {"position": 0, "restriction_id": 0}
    return (await _batch(transaction, project, (last["position"], last["restriction_id"]), size))[0]


async def exported(transaction: Transaction, project: UUID) -> list[Row]:
    """All tasks of a project with all answers, reviews and decisions, in the order in which they were added."""
    found: list[Row] = []
    place: tuple[int, int] | None = (0, 0)
    while place is not None:
        batch, place = await _batch(transaction, project, place, BATCH)
        found += batch
    return found


async def _batch(
    transaction: Transaction, project: UUID, after: tuple[int, int], size: int
) -> tuple[list[Row], tuple[int, int] | None]:
    found = await sql.rows(
        transaction,
        f"""
        SELECT {TASK}, coalesce(given.answers, '[]') AS answers, decided.adjudication FROM ({BEHIND}) AS t
        JOIN labeling.restriction AS r ON r.label_id = t.label_id AND r.id = t.restriction_id
        LEFT JOIN LATERAL (
            SELECT jsonb_agg(jsonb_build_object(
                'annotator', a.annotator, 'value', a.value, 'created', a.created, 'original', a.original,
                'reviews', coalesce((
                    SELECT jsonb_agg(jsonb_build_object(
                        'reviewer', v.reviewer, 'verdict', v.verdict, 'value', v.value, 'reason', v.reason,
                        'created', v.created) ORDER BY v.created, v.reviewer)
                    FROM labeling.review AS v WHERE v.project_id = a.project_id
                    AND v.restriction_id = a.restriction_id AND v.position = a.position
                    AND v.annotator = a.annotator), '[]')) ORDER BY a.created, a.annotator) AS answers
            FROM labeling.answer AS a WHERE a.project_id = t.project_id AND a.restriction_id = t.restriction_id
            AND a.position = t.position AND NOT a.withdrawn) AS given ON true
        LEFT JOIN LATERAL (
            SELECT jsonb_build_object('adjudicator', d.adjudicator, 'value', d.value, 'reason', d.reason,
                                      'created', d.created) AS adjudication
            FROM labeling.adjudication AS d WHERE d.project_id = t.project_id
            AND d.restriction_id = t.restriction_id AND d.position = t.position) AS decided ON true
        ORDER BY t.position, t.restriction_id
        """,
        {"project": project, "position": after[0], "restriction": after[1], "size": size},
    )
    last = found[-1] if len(found) == size else None
    return found, (last["position"], last["restriction_id"]) if last else None


async def gold(transaction: Transaction, project: UUID) -> dict[UUID, dict[str, Any]]:
    """Known answers of a project by task."""
    found = await sql.rows(
        transaction,
        """
        SELECT t.id, g.value FROM labeling.gold AS g JOIN labeling.task AS t
        ON t.project_id = g.project_id AND t.restriction_id = g.restriction_id AND t.position = g.position
        WHERE g.project_id = %s
        """,
        [project],
    )
    return {row["id"]: row["value"] for row in found}


async def flags(transaction: Transaction, project: UUID) -> list[Row]:
    """What annotators said about tasks."""
    return await sql.rows(
        transaction,
        """
        SELECT t.id AS task, r.portion AS marking, f.about, f.comment, f.annotator, f.created
        FROM labeling.counter AS c JOIN labeling.flag AS f
        ON f.project_id = c.project_id AND f.restriction_id = c.restriction_id
        JOIN labeling.task AS t
        ON t.project_id = f.project_id AND t.restriction_id = f.restriction_id AND t.position = f.position
        JOIN labeling.restriction AS r ON r.label_id = t.label_id AND r.id = t.restriction_id
        WHERE c.project_id = %s ORDER BY f.created DESC LIMIT 200
        """,
        [project],
    )


async def people(transaction: Transaction, project: UUID) -> list[str]:
    """Who has answered, as far as the reader may read it."""
    found = await sql.rows(
        transaction,
        """
        SELECT DISTINCT annotator FROM labeling.answer
        WHERE project_id = %s AND restriction_id = ANY (ARRAY(SELECT id FROM labeling.restriction)) AND NOT withdrawn
        ORDER BY annotator
        """,
        [project],
    )
    return [row["annotator"] for row in found]
