"""Tasks of a project: added in one statement, read page by page."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from psycopg.errors import UniqueViolation
from psycopg.types.json import Jsonb

from appliance.errors import ApplianceError
from appliance.service.database import Row, Transaction
from workbench.exchange.record import Given

from ..restrictions import Marked
from . import sql
from .restrictions import numbered

PAGE = 50
BEHIND = """
    SELECT found.* FROM labeling.counter AS c
    CROSS JOIN LATERAL (
        SELECT * FROM labeling.task AS t
        WHERE t.project_id = %(project)s AND t.restriction_id = c.restriction_id
          AND t.position > %(position)s - (c.restriction_id > %(restriction)s)::integer
        ORDER BY t.position LIMIT %(size)s) AS found
    WHERE c.project_id = %(project)s ORDER BY found.position, found.restriction_id LIMIT %(size)s
"""
"""The next tasks of a project behind a place, for each restriction by itself: what is hidden costs no time."""

TASK = """
    t.project_id AS project, t.label_id, t.restriction_id, t.position, t.id, r.portion AS marking, r.groups, t.data,
    t.source, t.external_id, t.wanted, t.taken, t.answered, t.created_by, t.created
"""


@dataclass(frozen=True)
class Added:
    """A task to add, already checked.

    Attributes:
        restriction: who may read it.
        data: what it shows.
        source: where it comes from.
        external_id: what others call it.
        gold: its known answer.
        answers: answers that came with it.
    """

    restriction: Marked
    data: dict[str, Any]
    source: dict[str, Any]
    external_id: str | None = None
    gold: dict[str, Any] | None = None
    answers: Sequence[Given] = field(default_factory=tuple)


async def add(transaction: Transaction, project: Row, new: Sequence[Added]) -> list[str]:
    """Add tasks to a project; their identifiers in the same order.

    Raises:
        ApplianceError: an external id is in the project already.
    """
    identifier = project["id"]
    numbers = await numbered(transaction, (task.restriction for task in new))
    counts = Counter(numbers[task.restriction] for task in new)
    await sql.changed(
        transaction,
        """
        INSERT INTO labeling.counter (project_id, label_id, restriction_id)
        SELECT %s, label, number FROM unnest(%s::integer[], %s::integer[]) AS given (label, number) ORDER BY number
        ON CONFLICT DO NOTHING
        """,
        [identifier, [label for label, _ in counts], [number for _, number in counts]],
    )
    # Locked in one order until the end: what is committed later stands behind what was committed before.
    locked = await sql.rows(
        transaction,
        """
        SELECT last, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS now FROM labeling.counter
        WHERE project_id = %s AND restriction_id = ANY (%s) ORDER BY restriction_id FOR UPDATE
        """,
        [identifier, [number for _, number in counts]],
    )
    first = max(max(row["last"] + 1, row["now"]) for row in locked)
    try:
        made = await sql.rows(
            transaction,
            """
            INSERT INTO labeling.task
                (project_id, label_id, restriction_id, position, data, source, external_id, wanted, answered, taken)
            SELECT %s, label, number, %s + place, data, source, external_id, greatest(%s, given), given, given
            FROM unnest(%s::integer[], %s::integer[], %s::jsonb[], %s::jsonb[], %s::text[], %s::smallint[])
                WITH ORDINALITY AS new (label, number, data, source, external_id, given, place)
            RETURNING id, label_id, restriction_id, position
            """,
            [
                identifier,
                first - 1,
                project["overlap"],
                [numbers[task.restriction][0] for task in new],
                [numbers[task.restriction][1] for task in new],
                [Jsonb(task.data) for task in new],
                [Jsonb(task.source) for task in new],
                [task.external_id for task in new],
                [len(task.answers) for task in new],
            ],
        )
    except UniqueViolation as error:
        raise ApplianceError(
            "external_id: one of them is in the project already",
            rule="what others call a task is unique within a project and a restriction",
            remedy="leave out the tasks that were imported before",
        ) from error
    made.sort(key=lambda row: row["position"])
    await _count(transaction, project, new, numbers, first + len(new) - 1)
    await _add_beside(transaction, project, made, new)
    return [str(row["id"]) for row in made]


async def _count(
    transaction: Transaction,
    project: Row,
    new: Sequence[Added],
    numbers: dict[Marked, tuple[int, int]],
    last: int,
) -> None:
    for restriction, (_, number) in sorted(numbers.items(), key=lambda item: item[1][1]):
        own = [task for task in new if task.restriction == restriction]
        answers = sum(len(task.answers) for task in own)
        done = sum(len(task.answers) >= project["overlap"] for task in own)
        await sql.changed(
            transaction,
            """
            UPDATE labeling.counter
            SET tasks = tasks + %s, done = done + %s, answers = answers + %s, last = greatest(last, %s)
            WHERE project_id = %s AND restriction_id = %s
            """,
            [len(own), done, answers, last, project["id"], number],
        )


async def _add_beside(transaction: Transaction, project: Row, made: list[Row], new: Sequence[Added]) -> None:
    """Known answers and answers that came along, in the classes in which they were checked."""
    place = [project["id"], project["ontology"]]
    gold = [(row, task.gold) for row, task in zip(made, new, strict=True) if task.gold is not None]
    answers = [(row, given) for row, task in zip(made, new, strict=True) for given in task.answers]
    if gold:
        await sql.changed(
            transaction,
            """
            INSERT INTO labeling.gold (project_id, ontology, label_id, restriction_id, position, value)
            SELECT %s, %s, * FROM unnest(%s::integer[], %s::integer[], %s::bigint[], %s::jsonb[])
            """,
            [*place, *_places([row for row, _ in gold]), [Jsonb(value) for _, value in gold]],
        )
    if answers:
        await sql.changed(
            transaction,
            """
            INSERT INTO labeling.answer
                (project_id, ontology, label_id, restriction_id, position, annotator, value, original, imported_by)
            SELECT %s, %s, *, appliance.subject()
            FROM unnest(%s::integer[], %s::integer[], %s::bigint[], %s::text[], %s::jsonb[], %s::jsonb[])
            """,
            [
                *place,
                *_places([row for row, _ in answers]),
                [given.annotator for _, given in answers],
                [Jsonb(given.value) for _, given in answers],
                [Jsonb(given.original) for _, given in answers],
            ],
        )


def _places(made: Sequence[Row]) -> tuple[list[int], list[int], list[int]]:
    return (
        [row["label_id"] for row in made],
        [row["restriction_id"] for row in made],
        [row["position"] for row in made],
    )


async def task(transaction: Transaction, project: UUID, identifier: UUID) -> Row:
    """One task.

    Raises:
        HTTPException: 404: there is none in this project, or not for this reader.
    """
    return await sql.one(
        transaction,
        f"""
        SELECT {TASK} FROM labeling.counter AS c
        CROSS JOIN LATERAL (SELECT * FROM labeling.task AS t WHERE t.project_id = %(project)s
                            AND t.restriction_id = c.restriction_id AND t.id = %(task)s) AS t
        JOIN labeling.restriction AS r ON r.label_id = t.label_id AND r.id = t.restriction_id
        WHERE c.project_id = %(project)s
        """,
        {"project": project, "task": identifier},
    )


async def page(transaction: Transaction, project: UUID, after: UUID | None, size: int = PAGE) -> list[Row]:
    """Tasks of a project in the order in which they were added, each with the reader's own part in it.

    Args:
        transaction: of the reader.
        project: the project.
        after: the last task of the page before, or None.
        size: most tasks.

    Raises:
        HTTPException: 404: there is no task ``after``, or not for this reader.
    """
    last = await task(transaction, project, after) if after else {"position": 0, "restriction_id": 0}
    return await sql.rows(
        transaction,
        f"""
        SELECT {TASK}, own.state AS own FROM ({BEHIND}) AS t
        JOIN labeling.restriction AS r ON r.label_id = t.label_id AND r.id = t.restriction_id
        LEFT JOIN LATERAL (
            SELECT state FROM labeling.claim AS m WHERE m.project_id = t.project_id
            AND m.restriction_id = t.restriction_id AND m.position = t.position
            AND m.annotator = appliance.subject()) AS own ON true
        ORDER BY t.position, t.restriction_id
        """,
        {
            "project": project,
            "position": last["position"],
            "restriction": last["restriction_id"],
            "size": size,
        },
    )
