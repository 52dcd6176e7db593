"""The classes of a project, how they changed, and what was said in each of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from psycopg.errors import UniqueViolation
from psycopg.types.json import Jsonb
from pydantic import ValidationError

from appliance.errors import ApplianceError
from appliance.service.database import Row, Transaction
from workbench.ontology.changes import Moves
from workbench.ontology.history import Entry, moves_since
from workbench.ontology.values import in_classes_of_today
from workbench.tasks import kind_of

from ..restrictions import Marked
from . import sql
from .restrictions import numbered


@dataclass(frozen=True)
class Classes:
    """What maps whatever was said in a project to the classes of today."""

    kind: str
    entries: Sequence[Entry] = ()
    _moves: dict[int, Moves] = field(default_factory=dict)

    def moves(self, number: int) -> Moves:
        """What maps the classes of a number."""
        if number not in self._moves:
            self._moves[number] = moves_since(self.entries, number)
        return self._moves[number]

    def today(self, value: dict[str, Any] | None, number: int) -> dict[str, Any] | None:
        """What was said in the classes of a number; None if nothing was, or a person must say what it is now."""
        if value is None or not self.moves(number):
            return value
        return in_classes_of_today(self.kind, value, self.moves(number))

    def draft(self, value: dict[str, Any] | None, number: int) -> dict[str, Any] | None:
        """The same of a draft, which nobody checked: what is none of this kind stays as it is."""
        if value is None or not self.moves(number):
            return value
        try:
            kind_of(self.kind).answer_model.model_validate(value)
        except ValidationError:
            return value
        return self.today(value, number)

    def answer(self, given: Mapping[str, Any]) -> dict[str, Any] | None:
        """An answer with its reviews; ``said`` is what its author gave, where that is another. None: a person must say.

        What a reviewer corrected it to counts, if the author's classes say nothing today.
        """
        found = {name: value for name, value in given.items() if name != "ontology"}
        found["reviews"] = [
            {name: value for name, value in review.items() if name != "ontology"}
            | {"value": self.today(review["value"], review["ontology"])}
            for review in given["reviews"]
        ]
        corrected = given["reviews"][-1]["value"] if given["reviews"] else None
        last = found["reviews"][-1]["value"] if corrected is not None else None
        value = self.today(given["value"], given["ontology"]) or last
        if value is None or (corrected is not None and last is None):
            return None
        said = {"said": given["value"]} if value != given["value"] else {}
        return found | {"value": value} | said

    def decision(self, made: Mapping[str, Any] | None) -> dict[str, Any] | None:
        """A decision; None if there is none, or a person must decide again."""
        if made is None:
            return None
        value = self.today(made["value"], made["ontology"])
        if value is None:
            return None
        said = {"said": made["value"]} if value != made["value"] else {}
        return {name: one for name, one in made.items() if name != "ontology"} | {"value": value} | said


async def classes(transaction: Transaction, project: Row) -> Classes:
    """The classes of a project, as :func:`~images.labeling.app.store.projects.project` found it."""
    if not project["ontology"]:
        return Classes(project["kind"])
    found = [one for one in await history(transaction, project["id"]) if one["number"] <= project["ontology"]]
    return Classes(project["kind"], [entry_of(row) for row in found])


def entry_of(row: Row) -> Entry:
    """A row of :func:`history` as the workbench has it."""
    return Entry.model_validate({name: row[name] for name in ("number", "changes", "undoes")})


async def history(transaction: Transaction, project: UUID) -> list[Row]:
    """All migrations of a project's classes, the first one first."""
    return await sql.rows(
        transaction,
        """
        SELECT number, schema, changes, undoes, reason, made_by, created FROM labeling.ontology
        WHERE project_id = %s AND restriction_id = ANY (ARRAY(SELECT id FROM labeling.restriction)) ORDER BY number
        """,
        [project],
    )


async def first_schema(transaction: Transaction, project: UUID) -> dict[str, Any]:
    """The schema with which a project began."""
    found = await sql.one(transaction, "SELECT schema FROM labeling.project WHERE id = %s", [project])
    schema: dict[str, Any] = found["schema"]
    return schema


async def said(transaction: Transaction, project: UUID) -> list[Row]:
    """Whatever answers and decisions say, as it was said: ``task``, ``who``, ``value``, ``ontology``, ``decision``."""
    return await sql.rows(
        transaction,
        """
        SELECT t.id AS task, a.annotator AS who, a.value, a.ontology, false AS decision
        FROM labeling.counter AS c
        JOIN labeling.answer AS a ON a.project_id = c.project_id AND a.restriction_id = c.restriction_id
        JOIN labeling.task AS t
        ON t.project_id = a.project_id AND t.restriction_id = a.restriction_id AND t.position = a.position
        WHERE c.project_id = %(project)s AND NOT a.withdrawn
        UNION ALL
        SELECT t.id, d.adjudicator, d.value, d.ontology, true FROM labeling.counter AS c
        JOIN labeling.adjudication AS d ON d.project_id = c.project_id AND d.restriction_id = c.restriction_id
        JOIN labeling.task AS t
        ON t.project_id = d.project_id AND t.restriction_id = d.restriction_id AND t.position = d.position
        WHERE c.project_id = %(project)s
        """,
        {"project": project},
    )


async def add(transaction: Transaction, project: Row, schema: dict[str, Any], entry: Entry, reason: str) -> None:
    """Change the classes of a project.

    Raises:
        ApplianceError: somebody else changed them meanwhile.
    """
    restriction = Marked.of(project["marking"], project["groups"])
    label, number = (await numbered(transaction, [restriction]))[restriction]
    changes = [change.model_dump(mode="json") for change in entry.changes]
    try:
        async with transaction.transaction():
            await sql.changed(
                transaction,
                """
                INSERT INTO labeling.ontology
                    (project_id, label_id, restriction_id, number, schema, changes, undoes, reason)
                VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
                """,
                [project["id"], label, number, entry.number, Jsonb(schema), Jsonb(changes), entry.undoes, reason],
            )
    except UniqueViolation as error:
        raise outdated() from error


def outdated() -> ApplianceError:
    """The classes are not those that a person looked at."""
    return ApplianceError(
        "the classes were changed meanwhile",
        rule="a change is about the classes that its preview shows",
        remedy="look at the classes again",
    )
