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
from .ontologies import Classes, classes
from .tasks import BEHIND, TASK, task

BATCH = 500
Value = dict[str, Any] | None


async def answers(transaction: Transaction, project: Row, of: Row) -> tuple[list[Row], list[Row]]:
    """All answers to a task with the reviews of each, the oldest first; and those of which a person must say more."""
    found = await sql.rows(
        transaction,
        """
        SELECT a.annotator, a.value, a.ontology, a.created, a.original, coalesce((
            SELECT jsonb_agg(jsonb_build_object('reviewer', r.reviewer, 'verdict', r.verdict, 'value', r.value,
                                                'ontology', r.ontology, 'reason', r.reason, 'created', r.created)
                             ORDER BY r.created, r.reviewer)
            FROM labeling.review AS r WHERE r.project_id = a.project_id AND r.restriction_id = a.restriction_id
            AND r.position = a.position AND r.annotator = a.annotator), '[]') AS reviews
        FROM labeling.answer AS a
        WHERE a.project_id = %(project)s AND a.restriction_id = %(restriction_id)s AND a.position = %(position)s
        AND NOT a.withdrawn ORDER BY a.created, a.annotator
        """,
        of,
    )
    return _today(await classes(transaction, project), found)


def _today(known: Classes, given: list[Row]) -> tuple[list[Row], list[Row]]:
    """Answers in the classes of today, and those that have none: their annotators, with what they said."""
    mapped = [(one, known.answer(one)) for one in given]
    asks = [{"annotator": one["annotator"], "said": one["value"]} for one, now in mapped if now is None]
    return [now for _, now in mapped if now is not None], asks


async def adjudication(transaction: Transaction, project: Row, of: Row) -> Row | None:
    """What was decided last about a task in dispute; None if it says nothing in the classes of today."""
    found = await sql.row(
        transaction,
        """
        SELECT adjudicator, value, ontology, reason, created FROM labeling.adjudication
        WHERE project_id = %(project)s AND restriction_id = %(restriction_id)s AND position = %(position)s
        ORDER BY ontology DESC LIMIT 1
        """,
        of,
    )
    return (await classes(transaction, project)).decision(found)


async def review(
    transaction: Transaction, project: Row, of: Row, author: str, verdict: str, value: Value, reason: str
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
                    (project_id, label_id, restriction_id, position, annotator, verdict, value, reason, ontology)
                SELECT project_id, label_id, restriction_id, position, annotator, %(verdict)s, %(value)s, %(reason)s,
                       %(ontology)s
                FROM labeling.answer WHERE project_id = %(project)s AND restriction_id = %(restriction_id)s
                AND position = %(position)s AND annotator = %(author)s RETURNING reviewer
                """,
                of
                | {
                    "author": author,
                    "verdict": verdict,
                    "value": None if value is None else Jsonb(value),
                    "reason": reason,
                    "ontology": project["ontology"],
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


async def adjudicate(transaction: Transaction, project: Row, of: Row, value: dict[str, Any], reason: str) -> None:
    """Decide a task.

    Raises:
        ApplianceError: the adjudicator gave one of the answers, the task is decided, or the reason is missing.
    """
    if not reason:
        raise ApplianceError("the reason is empty", rule="a decision has a reason", remedy="say why")
    if await adjudication(transaction, project, of) is not None:
        raise _decided()
    try:
        async with transaction.transaction():
            await sql.changed(
                transaction,
                """
                INSERT INTO labeling.adjudication
                    (project_id, label_id, restriction_id, position, value, reason, ontology)
                VALUES (%(project)s, %(label_id)s, %(restriction_id)s, %(position)s, %(value)s, %(reason)s,
                        %(ontology)s)
                """,
                of | {"value": Jsonb(value), "reason": reason, "ontology": project["ontology"]},
            )
    except InsufficientPrivilege as error:
        raise ApplianceError(
            "you gave one of the answers to this task",
            rule="who decides a task is the author of none of its answers",
            remedy="leave it to somebody else",
        ) from error
    except UniqueViolation as error:
        raise _decided() from error


def _decided() -> ApplianceError:
    return ApplianceError("the task is decided", rule="a task is decided once", remedy="go on")


async def waiting(transaction: Transaction, project: Row, after: UUID | None, size: int = 50) -> list[Row]:
    """Tasks with answers, in the order in which they were added, with what people said about them."""
    last = await task(transaction, project["id"], after) if after else {"position": 0, "restriction_id": 0}
    return (await _batch(transaction, project, (last["position"], last["restriction_id"]), size))[0]


async def exported(transaction: Transaction, project: Row) -> list[Row]:
    """All tasks of a project with all answers, reviews and decisions, in the order in which they were added.

    Answers are in the classes of today; ``asks`` are those of which a person must say what they are now.
    """
    found: list[Row] = []
    place: tuple[int, int] | None = (0, 0)
    while place is not None:
        batch, place = await _batch(transaction, project, place, BATCH)
        found += batch
    return found


async def _batch(
    transaction: Transaction, project: Row, after: tuple[int, int], size: int
) -> tuple[list[Row], tuple[int, int] | None]:
    found = await sql.rows(
        transaction,
        f"""
        SELECT {TASK}, coalesce(given.answers, '[]') AS answers, decided.adjudication FROM ({BEHIND}) AS t
        JOIN labeling.restriction AS r ON r.label_id = t.label_id AND r.id = t.restriction_id
        LEFT JOIN LATERAL (
            SELECT jsonb_agg(jsonb_build_object(
                'annotator', a.annotator, 'value', a.value, 'ontology', a.ontology, 'created', a.created,
                'original', a.original,
                'reviews', coalesce((
                    SELECT jsonb_agg(jsonb_build_object(
                        'reviewer', v.reviewer, 'verdict', v.verdict, 'value', v.value, 'reason', v.reason,
                        'ontology', v.ontology, 'created', v.created) ORDER BY v.created, v.reviewer)
                    FROM labeling.review AS v WHERE v.project_id = a.project_id
                    AND v.restriction_id = a.restriction_id AND v.position = a.position
                    AND v.annotator = a.annotator), '[]')) ORDER BY a.created, a.annotator) AS answers
            FROM labeling.answer AS a WHERE a.project_id = t.project_id AND a.restriction_id = t.restriction_id
            AND a.position = t.position AND NOT a.withdrawn) AS given ON true
        LEFT JOIN LATERAL (
            SELECT jsonb_build_object('adjudicator', d.adjudicator, 'value', d.value, 'reason', d.reason,
                                      'ontology', d.ontology, 'created', d.created) AS adjudication
            FROM labeling.adjudication AS d WHERE d.project_id = t.project_id
            AND d.restriction_id = t.restriction_id AND d.position = t.position
            ORDER BY d.ontology DESC LIMIT 1) AS decided ON true
        ORDER BY t.position, t.restriction_id
        """,
        {"project": project["id"], "position": after[0], "restriction": after[1], "size": size},
    )
    known = await classes(transaction, project)
    last = found[-1] if len(found) == size else None
    return [_mapped(known, row) for row in found], (last["position"], last["restriction_id"]) if last else None


def _mapped(known: Classes, row: Row) -> Row:
    given, asks = _today(known, row["answers"])
    decision = known.decision(row["adjudication"])
    if row["adjudication"] and decision is None:
        asks.append({"annotator": row["adjudication"]["adjudicator"], "said": row["adjudication"]["value"]})
    return row | {"answers": given, "asks": [] if decision else asks, "adjudication": decision}


async def gold(transaction: Transaction, project: Row) -> dict[UUID, dict[str, Any]]:
    """Known answers of a project by task, as far as they say something in the classes of today."""
    found = await sql.rows(
        transaction,
        """
        SELECT t.id, g.value, g.ontology FROM labeling.gold AS g JOIN labeling.task AS t
        ON t.project_id = g.project_id AND t.restriction_id = g.restriction_id AND t.position = g.position
        WHERE g.project_id = %s
        """,
        [project["id"]],
    )
    known = await classes(transaction, project)
    mapped = {row["id"]: known.today(row["value"], row["ontology"]) for row in found}
    return {task: value for task, value in mapped.items() if value is not None}


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
