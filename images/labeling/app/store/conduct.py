"""How the work of a project is conducted, who has read its guidelines, and what is said about single tasks."""

from typing import Any
from uuid import UUID

from psycopg.errors import UniqueViolation

from appliance.errors import ApplianceError
from appliance.service.database import Row, Transaction

from ..models import NewSetting
from ..restrictions import Marked
from . import sql
from .restrictions import numbered


async def history(transaction: Transaction, project: UUID) -> list[Row]:
    """All settings of a project, the newest one first."""
    return await sql.rows(
        transaction,
        """
        SELECT number, guidelines, guided, paused, deadline, team, made_by, created FROM labeling.setting
        WHERE project_id = %s AND restriction_id = ANY (ARRAY(SELECT id FROM labeling.restriction)) ORDER BY number DESC
        """,
        [project],
    )


async def add(transaction: Transaction, project: Row, new: NewSetting) -> int:
    """Change how a project is conducted; the number of what counts from now on.

    Raises:
        ApplianceError: somebody else changed it meanwhile.
    """
    label, restriction = await _numbers(transaction, project)
    number = int(project["setting"]) + 1
    values: dict[str, Any] = new.model_dump(exclude={"number"}) | {
        "project": project["id"],
        "label": label,
        "restriction": restriction,
        "number": number,
        "guided": number if new.guidelines != project["guidelines"] else project["guided"],
        "team": list(new.team),
    }
    try:
        if new.number != project["setting"]:
            raise _outdated()
        async with transaction.transaction():
            await sql.changed(
                transaction,
                """
                INSERT INTO labeling.setting
                    (project_id, label_id, restriction_id, number, guidelines, guided, paused, deadline, team)
                VALUES (%(project)s, %(label)s, %(restriction)s, %(number)s, %(guidelines)s, %(guided)s, %(paused)s,
                        %(deadline)s, %(team)s)
                """,
                values,
            )
    except UniqueViolation as error:
        raise _outdated() from error
    return number


async def read_before(transaction: Transaction, project: Row) -> str | None:
    """The guidelines that the annotator acknowledged last; None if they never had to."""
    found = await sql.row(
        transaction,
        """
        SELECT s.guidelines FROM labeling.acknowledgement AS a
        JOIN labeling.setting AS s
        ON s.project_id = a.project_id AND s.restriction_id = a.restriction_id AND s.number = a.number
        WHERE a.project_id = %s AND a.restriction_id = ANY (ARRAY(SELECT id FROM labeling.restriction))
        AND a.annotator = appliance.subject() ORDER BY a.number DESC LIMIT 1
        """,
        [project["id"]],
    )
    return str(found["guidelines"]) if found else None


async def first_guidelines(transaction: Transaction, project: UUID) -> str:
    """The guidelines with which a project began."""
    found = await sql.one(transaction, "SELECT guidelines FROM labeling.project WHERE id = %s", [project])
    return str(found["guidelines"])


async def acknowledge(transaction: Transaction, project: Row, number: int) -> None:
    """Keep that the annotator has read the guidelines that the row of this number changed.

    Raises:
        ApplianceError: they are not those that count.
    """
    if number != project["guided"]:
        raise _outdated()
    if not number:
        return
    label, restriction = await _numbers(transaction, project)
    await sql.changed(
        transaction,
        """
        INSERT INTO labeling.acknowledgement (project_id, label_id, restriction_id, number)
        VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING
        """,
        [project["id"], label, restriction, number],
    )


async def say(transaction: Transaction, task: Row, annotator: str, text: str) -> None:
    """Add to the conversation with one annotator about a task."""
    await sql.changed(
        transaction,
        """
        INSERT INTO labeling.comment (project_id, label_id, restriction_id, position, annotator, text)
        VALUES (%(project)s, %(label_id)s, %(restriction_id)s, %(position)s, %(annotator)s, %(text)s)
        """,
        task | {"annotator": annotator, "text": text},
    )


async def said(transaction: Transaction, task: Row) -> list[Row]:
    """``annotator``, ``author``, ``text`` and ``created`` of what was said about a task where the reader takes part."""
    return await sql.rows(
        transaction,
        """
        SELECT annotator, author, text, created FROM labeling.comment WHERE project_id = %(project)s
        AND restriction_id = %(restriction_id)s AND position = %(position)s ORDER BY annotator, created, id
        """,
        task,
    )


async def _numbers(transaction: Transaction, project: Row) -> tuple[int, int]:
    restriction = Marked.of(project["marking"], project["groups"])
    return (await numbered(transaction, [restriction]))[restriction]


def _outdated() -> ApplianceError:
    return ApplianceError(
        "the settings were changed meanwhile",
        rule="what one person changes or acknowledges is what they looked at",
        remedy="look at the page again",
    )
