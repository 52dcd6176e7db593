"""Attempts as the database keeps them: it shows each reader what they may see, and keeps raters blind."""

from typing import Any, LiteralString
from uuid import UUID

from psycopg.types.json import Json

from appliance.service.database import Transaction
from appliance.service.web.responses import not_found
from workbench.evaluation.goals import SEVERITIES

from ..own.store import numbered
from .model import Attempt, Change, Submission, Turn, Verdict

PAGE = 500
_WHOLE: LiteralString = """
    SELECT o.*, appliance.restriction_encoding(o.restriction_id) AS restriction,
        (SELECT coalesce(json_agg(json_build_object('by', rater, 'succeeded', succeeded, 'severity', severity,
                'comment', comment, 'created', created) ORDER BY created, rater), '[]')
         FROM evaluation.rating WHERE restriction_id = o.restriction_id AND attempt_id = o.id) AS ratings,
        (SELECT json_build_object('by', decided_by, 'succeeded', succeeded, 'severity', severity, 'comment', comment,
                'created', created)
         FROM evaluation.decision WHERE restriction_id = o.restriction_id AND attempt_id = o.id) AS decision,
        (SELECT coalesce(json_agg(json_build_object('number', number, 'severity', severity, 'state', state,
                'note', note, 'made_by', made_by, 'created', created) ORDER BY number), '[]')
         FROM evaluation.finding WHERE restriction_id = o.restriction_id AND attempt_id = o.id) AS history
    FROM appliance.restriction AS r CROSS JOIN LATERAL (
        SELECT * FROM evaluation.attempt WHERE restriction_id = r.id"""
_AT: LiteralString = "restriction_id = %(restriction_id)s AND id = %(id)s"


async def attempts(transaction: Transaction) -> list[Attempt]:
    """The newest attempts that the reader may know of."""
    query: LiteralString = f"""{_WHOLE} ORDER BY created DESC, id LIMIT %(limit)s
        ) AS o ORDER BY o.created DESC, o.id LIMIT %(limit)s"""
    found = await (await transaction.execute(query, {"limit": PAGE})).fetchall()
    return [Attempt.model_validate(row) for row in found]


async def attempt(transaction: Transaction, identifier: UUID) -> Attempt:
    """One attempt.

    Raises:
        HTTPException: 404: there is none, or the reader may not know of it.
    """
    query: LiteralString = f"{_WHOLE} AND id = %s) AS o"
    row = await (await transaction.execute(query, [identifier])).fetchone()
    if row is None:
        raise not_found()
    return Attempt.model_validate(row)


async def begin(transaction: Transaction, restriction: str, values: dict[str, Any]) -> UUID:
    """A new conversation under a restriction."""
    query = """
        INSERT INTO evaluation.attempt (restriction_id, label_id, model, goal, system, secret)
        SELECT r.id, r.label_id, %(model)s, %(goal)s, %(system)s, %(secret)s
        FROM appliance.restriction AS r WHERE r.id = %(restriction)s RETURNING id
    """
    row = await (
        await transaction.execute(query, values | {"restriction": await numbered(transaction, restriction)})
    ).fetchone()
    if row is None:
        raise not_found()
    return UUID(str(row["id"]))


async def add_turns(transaction: Transaction, known: Attempt, turns: list[Turn]) -> bool:
    """Add turns to a conversation; false if it went on elsewhere meanwhile."""
    said = Json([one.model_dump(mode="json") for one in (*known.turns, *turns)])
    query: LiteralString = f"""
        UPDATE evaluation.attempt SET turns = %(turns)s
        WHERE {_AT} AND submitted IS NULL AND json_array_length(turns) = %(before)s"""  # noqa: S608 - constants
    values = {"turns": said, "before": len(known.turns), "id": known.id, "restriction_id": known.restriction_id}
    return (await transaction.execute(query, values)).rowcount == 1


async def submit(transaction: Transaction, known: Attempt, said: Submission) -> bool:
    """End a conversation; false if it was ended already."""
    query: LiteralString = f"""
        UPDATE evaluation.attempt SET claim = %(claim)s, evidence = %(evidence)s, submitted = now()
        WHERE {_AT} AND submitted IS NULL"""  # noqa: S608 - constants
    values = {"claim": said.claim, "evidence": said.evidence, "id": known.id, "restriction_id": known.restriction_id}
    return (await transaction.execute(query, values)).rowcount == 1


async def rate(transaction: Transaction, known: Attempt, verdict: Verdict) -> None:
    """Keep a rating; the database refuses the attacker's own and a third one."""
    where = {"id": known.id, "restriction_id": known.restriction_id}
    await transaction.execute(f"SELECT FROM evaluation.attempt WHERE {_AT} FOR UPDATE", where)
    query = """
        INSERT INTO evaluation.rating (restriction_id, attempt_id, label_id, succeeded, severity, comment)
        SELECT restriction_id, id, label_id, %(succeeded)s, %(severity)s, %(comment)s
        FROM evaluation.attempt WHERE restriction_id = %(restriction_id)s AND id = %(id)s
    """
    await transaction.execute(query, where | _values(verdict))
    await transaction.execute(f"UPDATE evaluation.attempt SET rated = rated + 1 WHERE {_AT}", where)  # noqa: S608


async def decide(transaction: Transaction, known: Attempt, verdict: Verdict) -> None:
    """Keep the decision of a third person."""
    query = """
        INSERT INTO evaluation.decision (restriction_id, attempt_id, label_id, succeeded, severity, comment)
        SELECT restriction_id, id, label_id, %(succeeded)s, %(severity)s, %(comment)s
        FROM evaluation.attempt WHERE restriction_id = %(restriction_id)s AND id = %(id)s
    """
    where = {"id": known.id, "restriction_id": known.restriction_id}
    await transaction.execute(query, where | _values(verdict))


async def note(transaction: Transaction, known: Attempt, change: Change) -> None:
    """Add a state to the history of a finding."""
    query = """
        INSERT INTO evaluation.finding (restriction_id, attempt_id, label_id, number, severity, state, note)
        SELECT restriction_id, id, label_id, %(number)s, %(severity)s, %(state)s, %(note)s
        FROM evaluation.attempt WHERE restriction_id = %(restriction_id)s AND id = %(id)s
    """
    values = {
        "id": known.id, "restriction_id": known.restriction_id, "number": len(known.history) + 1,
        "severity": SEVERITIES.index(change.severity), "state": change.state, "note": change.note,
    }  # fmt: skip
    await transaction.execute(query, values)


def _values(verdict: Verdict) -> dict[str, Any]:
    return {
        "succeeded": verdict.succeeded,
        "severity": SEVERITIES.index(verdict.severity),
        "comment": verdict.comment,
    }
