"""Answers of annotators who are blind to each other, their drafts, flags, and the way back."""

from typing import Any

from psycopg.types.json import Jsonb

from appliance.errors import ApplianceError
from appliance.service.database import Row, Transaction

from . import sql
from .claims import claim_this, own_state, release
from .ontologies import classes

ONCE = "an annotator answers a task once; undo brings the answer back as a draft"


async def own(transaction: Transaction, project: Row, of: Row) -> Row:
    """The reader's own part in a task: ``state``, ``expires``, ``value`` of the answer and ``draft``."""
    found = await sql.one(
        transaction,
        """
        SELECT (SELECT state FROM labeling.claim AS m WHERE m.project_id = %(project)s
                AND m.restriction_id = %(restriction_id)s AND m.position = %(position)s
                AND m.annotator = appliance.subject()) AS state,
               (SELECT expires FROM labeling.claim AS m WHERE m.project_id = %(project)s
                AND m.restriction_id = %(restriction_id)s AND m.position = %(position)s
                AND m.annotator = appliance.subject()) AS expires,
               (SELECT jsonb_build_array(value, ontology) FROM labeling.answer AS a WHERE a.project_id = %(project)s
                AND a.restriction_id = %(restriction_id)s AND a.position = %(position)s
                AND a.annotator = appliance.subject()) AS value,
               (SELECT jsonb_build_array(value, ontology) FROM labeling.draft AS d WHERE d.project_id = %(project)s
                AND d.restriction_id = %(restriction_id)s AND d.position = %(position)s
                AND d.annotator = appliance.subject()) AS draft
        """,
        of,
    )
    known = await classes(transaction, project)
    answered, drafted = found["value"] or (None, 0), found["draft"] or (None, 0)
    return found | {"value": known.today(*answered), "draft": known.draft(*drafted)}


async def answer(transaction: Transaction, project: Row, of: Row, value: dict[str, Any]) -> Row:
    """Give the annotator's answer to a task, which they hold or which is still free.

    Raises:
        ApplianceError: they have answered it, or enough others have it.
    """
    if await own_state(transaction, of) == "answered":
        raise ApplianceError("you have already done this task", rule=ONCE, remedy="undo your answer to change it")
    if not await claim_this(transaction, project, of):
        raise ApplianceError(
            "your lease ended and the task went to others",
            rule=f"a task is yours for {project['lease_minutes']} minutes after you open it",
            remedy="your draft is kept; go on with the next task",
        )
    made = await sql.one(
        transaction,
        """
        INSERT INTO labeling.answer (project_id, label_id, restriction_id, position, value, ontology)
        VALUES (%(project)s, %(label_id)s, %(restriction_id)s, %(position)s, %(value)s, %(ontology)s)
        RETURNING id, annotator, value, created
        """,
        of | {"value": Jsonb(value), "ontology": project["ontology"]},
    )
    await sql.changed(
        transaction,
        """
        UPDATE labeling.claim SET state = 'answered' WHERE project_id = %(project)s
        AND restriction_id = %(restriction_id)s AND position = %(position)s AND annotator = appliance.subject()
        """,
        of,
    )
    await _drop_draft(transaction, of)
    await _count(transaction, of, 1)
    return made


async def undo(transaction: Transaction, of: Row) -> None:
    """Take the annotator's own answer back: it becomes a draft and the task is open again.

    Raises:
        ApplianceError: there is none, or it was reviewed.
    """
    taken = await sql.row(
        transaction,
        """
        DELETE FROM labeling.answer AS a WHERE project_id = %(project)s AND restriction_id = %(restriction_id)s
        AND position = %(position)s AND annotator = appliance.subject() AND NOT withdrawn AND NOT EXISTS (
            SELECT FROM labeling.review AS r WHERE r.project_id = a.project_id AND r.restriction_id = a.restriction_id
            AND r.position = a.position AND r.annotator = a.annotator)
        RETURNING value, ontology
        """,
        of,
    )
    if taken is None:
        raise ApplianceError(
            "there is no answer of yours to undo",
            rule="an answer can be undone until it is reviewed or withdrawn",
            remedy="go on",
        )
    await save_draft(transaction, taken["ontology"], of, taken["value"])
    await sql.changed(
        transaction,
        """
        UPDATE labeling.claim SET state = 'open', opened = now(), expires = now() + interval '1 hour'
        WHERE project_id = %(project)s AND restriction_id = %(restriction_id)s AND position = %(position)s
        AND annotator = appliance.subject()
        """,
        of,
    )
    await _count(transaction, of, -1)


async def skip(transaction: Transaction, of: Row, reason: str) -> None:
    """Leave a task that the annotator holds to others; a draft is kept.

    Raises:
        ApplianceError: they do not hold it.
    """
    if await own_state(transaction, of) != "open":
        raise ApplianceError("you do not hold this task", rule="a task that is open is skipped", remedy="go on")
    await release(transaction, of, "skipped", reason)
    await sql.changed(
        transaction,
        """
        INSERT INTO labeling.progress AS p (project_id, label_id, restriction_id, skipped)
        VALUES (%(project)s, %(label_id)s, %(restriction_id)s, 1)
        ON CONFLICT (project_id, restriction_id, annotator) DO UPDATE SET skipped = p.skipped + 1
        """,
        of,
    )


async def save_draft(transaction: Transaction, ontology: int, of: Row, value: dict[str, Any]) -> None:
    """Keep what an annotator has so far, in the classes of a number."""
    await sql.changed(
        transaction,
        """
        INSERT INTO labeling.draft AS d (project_id, label_id, restriction_id, position, value, ontology)
        VALUES (%(project)s, %(label_id)s, %(restriction_id)s, %(position)s, %(value)s, %(ontology)s)
        ON CONFLICT (project_id, restriction_id, position, annotator)
        DO UPDATE SET value = excluded.value, ontology = excluded.ontology, saved = now()
        """,
        of | {"value": Jsonb(value), "ontology": ontology},
    )


async def flag(transaction: Transaction, of: Row, about: str, comment: str) -> None:
    """Say that something is wrong with a task; the same again changes nothing."""
    await sql.changed(
        transaction,
        """
        INSERT INTO labeling.flag (project_id, label_id, restriction_id, position, about, comment)
        VALUES (%(project)s, %(label_id)s, %(restriction_id)s, %(position)s, %(about)s, %(comment)s)
        ON CONFLICT DO NOTHING
        """,
        of | {"about": about, "comment": comment},
    )


async def _drop_draft(transaction: Transaction, of: Row) -> None:
    await sql.changed(
        transaction,
        """
        DELETE FROM labeling.draft WHERE project_id = %(project)s AND restriction_id = %(restriction_id)s
        AND position = %(position)s AND annotator = appliance.subject()
        """,
        of,
    )


async def _count(transaction: Transaction, of: Row, by: int) -> None:
    counted = await sql.one(
        transaction,
        """
        UPDATE labeling.task SET answered = answered + %(by)s
        WHERE project_id = %(project)s AND restriction_id = %(restriction_id)s AND position = %(position)s
        RETURNING answered >= wanted AS done, answered - %(by)s >= wanted AS before
        """,
        of | {"by": by},
    )
    await sql.changed(
        transaction,
        """
        UPDATE labeling.counter SET answers = answers + %(by)s, done = done + %(done)s
        WHERE project_id = %(project)s AND restriction_id = %(restriction_id)s
        """,
        of | {"by": by, "done": int(counted["done"]) - int(counted["before"])},
    )
    await sql.changed(
        transaction,
        """
        INSERT INTO labeling.progress AS p (project_id, label_id, restriction_id, answered)
        VALUES (%(project)s, %(label_id)s, %(restriction_id)s, greatest(%(by)s, 0))
        ON CONFLICT (project_id, restriction_id, annotator) DO UPDATE SET answered = p.answered + %(by)s
        """,
        of | {"by": by},
    )
