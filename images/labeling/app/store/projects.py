"""Projects and how far they are."""

from uuid import UUID

from psycopg.types.json import Jsonb

from appliance.service.database import Row, Transaction

from ..models import NewProject
from ..restrictions import Marked
from . import sql
from .restrictions import numbered

_PROJECT = """
    SELECT p.id, r.portion AS marking, r.groups, p.name, coalesce(rules.guidelines, p.guidelines) AS guidelines, p.kind,
           coalesce(now.schema, p.schema) AS schema, coalesce(now.number, 0) AS ontology, p.overlap, p.lease_minutes,
           coalesce(rules.number, 0) AS setting, coalesce(rules.guided, 0) AS guided,
           coalesce(rules.paused, false) AS paused, rules.deadline, coalesce(rules.deadline < now(), false) AS over,
           coalesce(rules.team, '{}') AS team,
           coalesce(rules.guided, 0) = 0 OR EXISTS (
               SELECT FROM labeling.acknowledgement AS a
               WHERE a.project_id = p.id AND a.restriction_id = p.restriction_id AND a.annotator = appliance.subject()
               AND a.number = rules.guided) AS acknowledged,
           p.created_by, p.created, counted.tasks, counted.done, counted.answers, mine.answered, mine.skipped
    FROM labeling.project AS p
    JOIN labeling.restriction AS r ON r.label_id = p.label_id AND r.id = p.restriction_id
    LEFT JOIN LATERAL (
        SELECT o.schema, o.number FROM labeling.ontology AS o
        WHERE o.project_id = p.id AND o.restriction_id = p.restriction_id ORDER BY o.number DESC LIMIT 1) AS now ON true
    LEFT JOIN LATERAL (
        SELECT s.* FROM labeling.setting AS s
        WHERE s.project_id = p.id AND s.restriction_id = p.restriction_id ORDER BY s.number DESC LIMIT 1
    ) AS rules ON true
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(tasks), 0)::bigint AS tasks, coalesce(sum(done), 0)::bigint AS done,
               coalesce(sum(c.answers), 0)::bigint AS answers
        FROM labeling.counter AS c WHERE c.project_id = p.id) AS counted
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(answered), 0)::bigint AS answered, coalesce(sum(skipped), 0)::bigint AS skipped
        FROM labeling.progress AS m WHERE m.project_id = p.id AND m.annotator = appliance.subject()) AS mine
"""


async def projects(transaction: Transaction) -> list[Row]:
    """All projects with their progress: tasks, those done, and those that the reader has answered.

    Their ``schema`` is the one of today, and ``ontology`` counts the changes of its classes.
    """
    return await sql.rows(transaction, f"{_PROJECT} ORDER BY p.created, p.id")


async def project(transaction: Transaction, identifier: UUID) -> Row:
    """One project, as in :func:`projects`.

    Raises:
        HTTPException: 404: there is none, or not for this reader.
    """
    return await sql.one(transaction, f"{_PROJECT} WHERE p.id = %s", [identifier])


async def add_project(transaction: Transaction, new: NewProject, restriction: Marked) -> Row:
    """Add a project."""
    label, number = (await numbered(transaction, [restriction]))[restriction]
    return await sql.one(
        transaction,
        """
        INSERT INTO labeling.project
            (label_id, restriction_id, name, guidelines, kind, schema, overlap, lease_minutes)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s) RETURNING id, name, kind
        """,
        [
            label,
            number,
            new.name,
            new.guidelines,
            new.kind,
            Jsonb(new.answer_schema),
            new.overlap,
            new.lease_minutes,
        ],
    )
