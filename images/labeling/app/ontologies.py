"""Changing the classes of a project: looked at first, recorded, taken back.

Answers keep what their authors said. A preview maps whatever was said, as far as its reader may read it, to the classes
of today and to those after the change, and counts where the two differ.
"""

from collections import defaultdict
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from fastapi import Request
from fastapi.concurrency import run_in_threadpool

from appliance.errors import ApplianceError
from appliance.service.database import Row, Transaction, database_of
from appliance.service.web.current import monitor_of
from appliance.service.web.middleware import token_of
from workbench.ontology.changes import apply, moved
from workbench.ontology.history import Entry, standing
from workbench.ontology.values import KINDS, classes_in
from workbench.tasks import kind_of
from workbench.tasks.labels import Label
from workbench.versions.content import canonical, digest_of

from . import work
from .models import Migration, NewMigration, Undo
from .restrictions import Marked
from .store import ontologies, projects
from .store.ontologies import Classes

NAMED = 200
"""Tasks that a preview names; the others are counted."""


@dataclass(frozen=True)
class State:
    """The classes of a project at one moment.

    Attributes:
        project: with its schema of today.
        history: its migrations, the first one first.
        first: the schema with which it began.
        labels: its classes of today.
    """

    project: Row
    history: list[Row]
    first: dict[str, Any]
    labels: tuple[Label, ...]

    @property
    def entries(self) -> list[Entry]:
        """The migrations as the workbench has them."""
        return [ontologies.entry_of(row) for row in self.history]

    @property
    def last(self) -> int | None:
        """The migration that can be taken back: the last that stands."""
        found = standing(self.entries)
        return found[-1].number if found else None


async def read(transaction: Transaction, project: UUID) -> State:
    """The classes of a project.

    Raises:
        ApplianceError: its kind has none.
    """
    found = await projects.project(transaction, project)
    if found["kind"] not in KINDS:
        raise ApplianceError(
            f"a project of the kind {found['kind']} has no classes",
            rule=f"classes are in projects of the kinds {', '.join(sorted(KINDS))}",
            remedy="choose another project",
        )
    known = [row for row in await ontologies.history(transaction, project) if row["number"] <= found["ontology"]]
    labels = kind_of(found["kind"]).read_schema(found["schema"]).labels
    return State(found, known, await ontologies.first_schema(transaction, project), labels)


async def show(request: Request, project: UUID) -> tuple[State, dict[str, Any]]:
    """The classes of a project, in how many answers each is, and which tasks wait for a person."""
    async with database_of(request).transaction(request, writes=False) as transaction:
        state = await read(transaction, project)
        said = await ontologies.said(transaction, project)
    return state, await run_in_threadpool(_counted, state, said)


async def preview(request: Request, project: UUID, new: Migration | Undo) -> tuple[State, dict[str, Any]]:
    """What a change would do; nothing is changed.

    Raises:
        ApplianceError: it is not possible.
    """
    async with database_of(request).transaction(request, writes=False) as transaction:
        state = await read(transaction, project)
        said = await ontologies.said(transaction, project)
    return state, await run_in_threadpool(_previewed, state, said, new)


async def change(request: Request, project: UUID, new: NewMigration | Undo) -> dict[str, Any]:
    """Change the classes, or take the last change back, once the log has it.

    Raises:
        ApplianceError: it is not possible, or somebody else changed them meanwhile.
    """
    async with database_of(request).transaction(request, writes=False) as transaction:
        found = await projects.project(transaction, project)
    label = Marked.of(found["marking"], found["groups"]).label
    async with database_of(request).transaction(request, [label]) as transaction:
        state = await read(transaction, project)
        entry, schema = await run_in_threadpool(_following, state, new)
        await ontologies.add(transaction, state.project, schema, entry, new.reason)
        detail = {
            "project": str(project),
            "number": entry.number,
            "undoes": entry.undoes,
            "changes": len(entry.changes),
            "digest": digest_of(canonical([one.model_dump(mode="json") for one in entry.changes])),
        }
        await monitor_of(request).record(
            "ontology.change",
            token_of(request),
            inputs=[digest_of(canonical(state.project["schema"]))],
            outputs=[digest_of(canonical(schema))],
            detail=detail,
        )
    await work.publication(request).changed(request, project)
    return {"number": entry.number, "undoes": entry.undoes, "classes": len(schema["labels"])}


def _following(state: State, new: Migration | Undo) -> tuple[Entry, dict[str, Any]]:
    """The next entry, and the schema after it."""
    current = state.project["ontology"]
    if new.number != current:
        raise ontologies.outdated()
    if isinstance(new, Undo):
        if new.undoes != state.last:
            raise ApplianceError(
                f"change {new.undoes} cannot be taken back",
                rule="the last change that stands is taken back, and then the one before it",
                remedy="look at the classes again",
            )
        undone = next(row for row in state.history if row["number"] == new.undoes)
        changes = ontologies.entry_of(undone).changes
        return Entry(number=current + 1, changes=changes, undoes=new.undoes), _before(state, new.undoes)
    labels = apply(state.labels, new.changes, finest=state.project["kind"] == "classification")
    schema = state.project["schema"] | {"labels": [one.model_dump(mode="json", exclude_none=True) for one in labels]}
    kind_of(state.project["kind"]).read_schema(schema)
    return Entry(number=current + 1, changes=new.changes), schema


def _before(state: State, number: int) -> dict[str, Any]:
    """The schema that a migration changed."""
    earlier = [row for row in state.history if row["number"] < number]
    schema: dict[str, Any] = earlier[-1]["schema"] if earlier else state.first
    return schema


def _counted(state: State, said: list[Row]) -> dict[str, Any]:
    known = Classes(state.project["kind"], state.entries)
    counts: dict[str, int] = dict.fromkeys((label.name for label in state.labels), 0)
    asks: dict[str, None] = {}
    decided = {row["task"] for row in said if row["decision"] and known.today(row["value"], row["ontology"])}
    for row in said:
        today = known.today(row["value"], row["ontology"])
        if today is None:
            if row["task"] not in decided:
                asks[str(row["task"])] = None
        elif not row["decision"]:
            for name in set(classes_in(state.project["kind"], today)):
                counts[name] = counts.get(name, 0) + 1
    waiting = list(asks)
    return {"counts": counts, "waiting": {"tasks": waiting[:NAMED], "count": len(waiting)}}


def _previewed(state: State, said: list[Row], new: Migration | Undo) -> dict[str, Any]:
    entry, schema = _following(state, new)
    kind = state.project["kind"]
    before, after = Classes(kind, state.entries), Classes(kind, [*state.entries, entry])
    pairs: dict[tuple[str | None, str | None], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    people: dict[str, int] = defaultdict(int)
    found = {"answers": 0, "changed": 0, "ask": 0, "decisions": 0}
    asks: dict[str, None] = {}
    for row in said:
        names = set(classes_in(kind, row["value"]))
        old, now = before.moves(row["ontology"]), after.moves(row["ontology"])
        moves = {(moved(old, name), moved(now, name)) for name in names}
        differ = [pair for pair in moves if pair[0] != pair[1]]
        waits = any(to is None for _, to in moves) and not any(one is None for one, _ in moves)
        if waits:
            asks[str(row["task"])] = None
        if row["decision"]:
            found["decisions"] += bool(differ)
            continue
        found["answers"] += 1
        found["changed"] += bool(differ)
        found["ask"] += waits
        people[row["who"]] += bool(differ)
        for pair in differ:
            pairs[pair][row["who"]] += 1
    tasks = list(asks)
    return found | {
        "number": state.project["ontology"],
        "classes": [one["name"] for one in schema["labels"]],
        "moves": [
            {"from": one, "to": to, "answers": sum(by.values()), "people": dict(sorted(by.items()))}
            for (one, to), by in sorted(pairs.items(), key=lambda item: (item[0][0] or "", item[0][1] or ""))
        ],
        "people": {who: count for who, count in sorted(people.items()) if count},
        "tasks": {"tasks": tasks[:NAMED], "count": len(tasks)},
    }
