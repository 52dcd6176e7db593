"""What everybody at the enclave's level may read: records of no need-to-know group, without anybody's progress."""

from typing import Any
from uuid import UUID

from appliance.service.database import Row, Transaction

from . import sql
from .tasks import PAGE

_PROJECT = """
    SELECT p.id, r.portion AS marking, r.groups, p.name, coalesce(rules.guidelines, p.guidelines) AS guidelines, p.kind,
           coalesce(now.schema, p.schema) AS schema, p.created_by, p.created, (
        SELECT coalesce(sum(c.tasks), 0)::bigint FROM labeling.counter AS c
        JOIN labeling.restriction AS o ON o.label_id = c.label_id AND o.id = c.restriction_id
        WHERE c.project_id = p.id AND o.groups = '{}') AS tasks
    FROM labeling.project AS p
    JOIN labeling.restriction AS r ON r.label_id = p.label_id AND r.id = p.restriction_id
    LEFT JOIN LATERAL (
        SELECT o.schema FROM labeling.ontology AS o
        WHERE o.project_id = p.id AND o.restriction_id = p.restriction_id ORDER BY o.number DESC LIMIT 1) AS now ON true
    LEFT JOIN LATERAL (
        SELECT s.guidelines FROM labeling.setting AS s
        WHERE s.project_id = p.id AND s.restriction_id = p.restriction_id ORDER BY s.number DESC LIMIT 1
    ) AS rules ON true
    WHERE r.groups = '{}'
"""


async def projects(transaction: Transaction) -> list[Row]:
    """Projects of no group."""
    return await sql.rows(transaction, f"{_PROJECT} ORDER BY p.created, p.id")


async def project(transaction: Transaction, identifier: UUID) -> Row | None:
    """One of them, or None."""
    return await sql.row(transaction, f"{_PROJECT} AND p.id = %s", [identifier])


async def tasks(
    transaction: Transaction, identifier: UUID, after: tuple[int, int]
) -> tuple[list[dict[str, Any]], tuple[int, int] | None]:
    """One page of the tasks of no group, and the place behind it; None behind the last page.

    Args:
        transaction: of a reader.
        identifier: the project.
        after: the place behind the page before.
    """
    found = await sql.rows(
        transaction,
        """
        SELECT t.id, t.project_id AS project, r.portion AS marking, r.groups, t.data, t.source, t.external_id,
               t.created, t.position, t.restriction_id
        FROM labeling.counter AS c
        JOIN labeling.restriction AS r ON r.label_id = c.label_id AND r.id = c.restriction_id AND r.groups = '{}'
        CROSS JOIN LATERAL (
            SELECT * FROM labeling.task AS t
            WHERE t.project_id = %(project)s AND t.restriction_id = c.restriction_id
              AND t.position > %(position)s - (c.restriction_id > %(restriction)s)::integer
            ORDER BY t.position LIMIT %(size)s) AS t
        WHERE c.project_id = %(project)s ORDER BY t.position, t.restriction_id LIMIT %(size)s
        """,
        {"project": identifier, "position": after[0], "restriction": after[1], "size": PAGE},
    )
    last = (found[-1]["position"], found[-1]["restriction_id"]) if len(found) == PAGE else None
    hidden = {"position", "restriction_id"}
    return [{name: value for name, value in row.items() if name not in hidden} for row in found], last


async def pages(transaction: Transaction, identifier: UUID) -> list[UUID | None]:
    """The pages of a project in order, each by the task before it, as their addresses name them."""
    found: list[UUID | None] = []
    place: tuple[int, int] | None = (0, 0)
    before: UUID | None = None
    while place is not None:
        found.append(before)
        page, place = await tasks(transaction, identifier, place)
        before = page[-1]["id"] if page else None
    return found
