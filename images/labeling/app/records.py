"""Records of the labeling service: what is written and read, and in which order."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from psycopg.errors import UniqueViolation
from psycopg.types.json import Jsonb

from appliance.errors import ApplianceError
from appliance.markings import Label, Marking, MarkingError, dominates, parse
from appliance.service.database import Row, Transaction
from appliance.service.web.responses import not_found

from .models import NewProject, NewTask

PAGE = 50


class Portions:
    """Markings of records in an enclave: its own, or finer ones that it dominates.

    Args:
        marking: the enclave's marking.
    """

    def __init__(self, marking: str) -> None:
        self.enclave: Marking = parse(marking)
        self.label: Label = self.enclave.label

    def of(self, text: str | None, field: str) -> tuple[str, str]:
        """Encoded label and canonical portion of the marking ``text`` in ``field``.

        Raises:
            ApplianceError: it is no marking, or above the enclave's.
        """
        if text is None:
            return self.label.encode(), self.enclave.portion
        try:
            marking = parse(text)
        except MarkingError as error:
            raise ApplianceError(f"{field}: {error}", rule="each record carries a valid marking") from error
        if not dominates(self.label, marking.label):
            raise ApplianceError(
                f"{field}: {marking.banner} is not dominated by the enclave's {self.enclave.banner}",
                rule="records carry the label of their enclave or one that it dominates",
                remedy="use the enclave of that marking",
            )
        return marking.label.encode(), marking.portion

    def above(self, text: str, field: str) -> None:
        """Refuse to take up a record whose marking ``text`` is not truly below the enclave's.

        Raises:
            ApplianceError: it is no marking, or the enclave's does not dominate it, or it is the same.
        """
        label, _ = self.of(text, field)
        if Label.decode(label) == self.label:
            raise ApplianceError(
                f"{field}: {text} is this enclave's own level",
                rule="an upgrade takes a record up; a downgrade does not exist here (docs/officer.md)",
            )


_PROJECT = """
    SELECT p.id, p.portion AS marking, p.name, p.instruction, p.created_by, p.created,
           (SELECT count(*) FROM labeling.tasks t WHERE t.project_id = p.id) AS tasks,
           (SELECT count(*) FROM labeling.preferences q JOIN labeling.tasks t ON t.id = q.task_id
            WHERE t.project_id = p.id AND q.annotator = appliance.subject()) AS done
    FROM labeling.projects p
"""


async def projects(transaction: Transaction) -> list[Row]:
    """All projects with their progress: tasks, and those the reader has done."""
    return await _all(transaction, f"{_PROJECT} ORDER BY p.created, p.id")


async def project(transaction: Transaction, identifier: UUID) -> Row:
    """One project, as in :func:`projects`.

    Raises:
        HTTPException: 404: there is none, or not for this reader.
    """
    return await _one(transaction, f"{_PROJECT} WHERE p.id = %s", [identifier])


_PUBLIC = """
    SELECT p.id, p.portion AS marking, p.name, p.instruction, p.created_by, p.created,
           (SELECT count(*) FROM labeling.tasks t WHERE t.project_id = p.id) AS tasks
    FROM labeling.projects p WHERE p.need_to_know IS NULL
"""


async def public_projects(transaction: Transaction) -> list[Row]:
    """The projects of no need-to-know group, without anybody's progress."""
    return await _all(transaction, f"{_PUBLIC} ORDER BY p.created, p.id")


async def public_project(transaction: Transaction, identifier: UUID) -> Row | None:
    """One of them, or None."""
    rows = await _all(transaction, f"{_PUBLIC} AND p.id = %s", [identifier])
    return rows[0] if rows else None


async def position(transaction: Transaction, identifier: UUID, tasks: Sequence[str]) -> int:
    """How many tasks of a project come before the first of ``tasks``."""
    row = await _one(
        transaction,
        """
        SELECT count(*) AS before FROM labeling.tasks t WHERE t.project_id = %s AND t.number < (
            SELECT min(u.number) FROM labeling.tasks u WHERE u.project_id = %s AND u.id = ANY(%s::uuid[]))
        """,
        [identifier, identifier, list(tasks)],
    )
    return int(row["before"])


async def add_project(
    transaction: Transaction, new: NewProject, label: str, portion: str, groups: Sequence[str]
) -> Row:
    """Add a project.

    Raises:
        ApplianceError: it would belong to a group of which its creator is none.
    """
    if new.need_to_know and new.need_to_know not in groups:
        raise ApplianceError(
            f"need_to_know: you do not belong to the group {new.need_to_know}",
            rule="need-to-know groups are the officers' (docs/officer.md)",
        )
    return await _one(
        transaction,
        """
        INSERT INTO labeling.projects (label_id, portion, name, instruction, need_to_know)
        VALUES (appliance.label_id(%s), %s, %s, %s, %s) RETURNING id, portion AS marking, name
        """,
        [label, portion, new.name, new.instruction, new.need_to_know],
    )


async def add_tasks(
    transaction: Transaction, identifier: UUID, new: Sequence[NewTask], markings: Sequence[tuple[str, str]]
) -> list[str]:
    """Add tasks with their encoded labels and portions; return their identifiers in the same order."""
    await project(transaction, identifier)
    rows = [
        [identifier, label, portion, task.prompt, *task.answers, Jsonb(task.source)]
        for task, (label, portion) in zip(new, markings, strict=True)
    ]
    cursor = transaction.cursor()
    await cursor.executemany(
        """
        INSERT INTO labeling.tasks (project_id, label_id, portion, prompt, answer_a, answer_b, source)
        VALUES (%s, appliance.label_id(%s), %s, %s, %s, %s, %s) RETURNING id
        """,
        rows,
        returning=True,
    )
    return [str(row["id"]) async for result in cursor.results() async for row in result]


_TASK = "t.id, t.project_id AS project, t.portion AS marking, t.prompt, t.answer_a, t.answer_b"


async def tasks(transaction: Transaction, identifier: UUID, page: int) -> list[Row]:
    """One page of a project's tasks, in the order in which they were added; pages count from 1."""
    await project(transaction, identifier)
    return await _all(
        transaction,
        f"SELECT {_TASK} FROM labeling.tasks t WHERE t.project_id = %s ORDER BY t.number LIMIT %s OFFSET %s",  # noqa: S608
        [identifier, PAGE, (page - 1) * PAGE],
    )


async def task(transaction: Transaction, identifier: UUID) -> Row:
    """One task with the reader's own choice, if any.

    Raises:
        HTTPException: 404: there is none, or not for this reader.
    """
    return await _one(
        transaction,
        f"""
        SELECT {_TASK}, (SELECT q.choice FROM labeling.preferences q
                         WHERE q.task_id = t.id AND q.annotator = appliance.subject()) AS choice
        FROM labeling.tasks t WHERE t.id = %s
        """,  # noqa: S608
        [identifier],
    )


async def next_task(transaction: Transaction, identifier: UUID) -> Row | None:
    """The first task of a project that the reader has not done, or None."""
    rows = await _all(
        transaction,
        f"""
        SELECT {_TASK} FROM labeling.tasks t
        WHERE t.project_id = %s AND NOT EXISTS (
            SELECT FROM labeling.preferences q WHERE q.task_id = t.id AND q.annotator = appliance.subject())
        ORDER BY t.number LIMIT 1
        """,  # noqa: S608
        [identifier],
    )
    return rows[0] if rows else None


async def add_preference(transaction: Transaction, identifier: UUID, choice: str) -> Row:
    """Add the reader's choice to a task; it has the task's label.

    Raises:
        HTTPException: 404: there is no such task for this reader.
        ApplianceError: they have chosen before.
    """
    await task(transaction, identifier)
    try:
        return await _one(
            transaction,
            """
            INSERT INTO labeling.preferences (task_id, label_id, choice)
            SELECT t.id, t.label_id, %s FROM labeling.tasks t WHERE t.id = %s
            RETURNING id, task_id AS task, annotator, choice, created
            """,
            [choice, identifier],
        )
    except UniqueViolation as error:
        raise ApplianceError("you have already done this task", rule="one preference per annotator and task") from error


async def exported(transaction: Transaction, identifier: UUID) -> list[Row]:
    """All tasks of a project, each with the preferences that the transaction may read."""
    await project(transaction, identifier)
    return await _all(
        transaction,
        f"""
        SELECT {_TASK}, t.source, coalesce((
            SELECT jsonb_agg(jsonb_build_object('annotator', q.annotator, 'choice', q.choice, 'created', q.created)
                             ORDER BY q.created, q.id)
            FROM labeling.preferences q WHERE q.task_id = t.id), '[]') AS preferences
        FROM labeling.tasks t WHERE t.project_id = %s ORDER BY t.number
        """,  # noqa: S608
        [identifier],
    )


async def _all(transaction: Transaction, query: str, values: Sequence[Any] = ()) -> list[Row]:
    return await (await transaction.execute(query.encode(), values)).fetchall()


async def _one(transaction: Transaction, query: str, values: Sequence[Any] = ()) -> Row:
    row = await (await transaction.execute(query.encode(), values)).fetchone()
    if row is None:
        raise not_found()
    return row
