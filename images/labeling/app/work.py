"""What people do here, for the JSON interface and the pages alike."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import UUID

from fastapi import Request

from appliance.errors import ApplianceError
from appliance.service.database import Row, Transaction, database_of
from appliance.service.web.current import monitor_of
from appliance.service.web.middleware import context_of, token_of
from workbench.exchange import studio, table
from workbench.tasks import kind_of

from . import assignment
from .models import NewProject, NewTask
from .publication import Publication
from .restrictions import Restrictions
from .store import answers, claims, projects, tasks
from .store.tasks import Added

MOST = 10_000  # tasks that are added at once; more keep the database busy for minutes
NAMED = 500  # identifiers in one record of the log, which takes 64 KiB


def restrictions(request: Request) -> Restrictions:
    """The restrictions that records may carry here."""
    found: Restrictions = request.app.state.restrictions
    return found


def publication(request: Request) -> Publication:
    """What is published for sessions at higher levels."""
    found: Publication = request.app.state.publication
    return found


async def add_project(request: Request, new: NewProject) -> Row:
    """Add a project."""
    restriction = restrictions(request).of(new.marking, new.groups, "", member_of=context_of(request).groups)
    async with database_of(request).transaction(request, [restriction.label]) as transaction:
        added = await projects.add_project(transaction, new, restriction)
    await publication(request).changed(request, added["id"])
    return added | {"marking": restriction.portion, "groups": restriction.groups}


async def add_tasks(
    request: Request,
    project: UUID,
    new: Sequence[NewTask],
    record: Callable[[str], Awaitable[None]] | None = None,
    *,
    scenes: bool = False,
) -> list[str]:
    """Add tasks.

    Args:
        request: of who adds them.
        project: that gets them.
        new: the tasks.
        record: records each in the log, instead of the one record of an import.
        scenes: whether they were made from a file by this service, and so may show one.

    Raises:
        ApplianceError: one of them is wrong; the message names it, and none is added.
    """
    _refuse_many(new)
    labels = {_restriction(request, one.marking, (), f"tasks.{n}.", ()).label for n, one in enumerate(new)}
    async with database_of(request).transaction(request, labels) as transaction:
        into = await projects.project(transaction, project)
        kind = kind_of(into["kind"])
        schema = kind.read_schema(into["schema"])
        checked = []
        for number, one in enumerate(new):
            field = f"tasks.{number}."
            data = kind.read_data(one.data, f"{field}data")
            if not scenes and getattr(data, "scene", None) is not None:
                raise ApplianceError(
                    f"{field}data.scene: names a file",
                    rule="a scene has the size, place and restriction that its file says",
                    remedy="upload the file to the project and make tasks of it on the page Files",
                )
            if one.gold is not None:
                kind.read_answer(schema, data, one.gold, f"{field}gold")
            checked.append(
                Added(
                    _restriction(request, one.marking, one.groups, field, into["groups"]),
                    data.model_dump(mode="json", exclude_none=True),
                    one.source,
                    one.external_id,
                    one.gold,
                )
            )
        _refuse_twice([one.external_id for one in checked])
        if record is None:
            added = await _add(request, transaction, into, checked)
        else:
            added = await tasks.add(transaction, into, checked)
            for identifier in added:
                await record(identifier)  # inside the transaction: without a durable record it is rolled back
    await publication(request).changed(request, project)
    return added


async def add_label_studio(request: Request, project: UUID, raw: Sequence[Any]) -> list[str]:
    """Add tasks of Label Studio's JSON with the annotations that they bring.

    Raises:
        ApplianceError: one of them is wrong; the message names it, and none is added.
    """
    _refuse_many(raw)
    markings = [one["data"].get("marking") if isinstance(one, dict) and _data_of(one) else None for one in raw]
    labels = {_restriction(request, marking, (), f"{n}.data.", ()).label for n, marking in enumerate(markings)}
    async with database_of(request).transaction(request, labels) as transaction:
        into = await projects.project(transaction, project)
        kind = kind_of(into["kind"])
        schema = kind.read_schema(into["schema"])
        checked = []
        for number, one in enumerate(raw):
            read = studio.read(kind, schema, one, str(number))
            restriction = _restriction(request, read.marking, read.groups, f"{number}.data.", into["groups"])
            checked.append(Added(restriction, read.data, read.source, None, None, read.answers))
        added = await _add(request, transaction, into, checked)
    await publication(request).changed(request, project)
    return added


async def add_table(request: Request, project: UUID, text: str) -> list[str]:
    """Add tasks of a CSV file."""
    return await add_tasks(request, project, [NewTask.model_validate(row) for row in table.read(text)])


async def claim(
    request: Request,
    project: UUID,
    *,
    answered: tuple[UUID, dict[str, Any]] | None = None,
    skipped: tuple[UUID, str] | None = None,
) -> dict[str, Any]:
    """The annotator's next task, theirs until the lease ends; ``task`` is None when there is none for them.

    Args:
        request: of the annotator; it writes in one transaction.
        project: of the task.
        answered: a task that they answer first, and the answer.
        skipped: a task that they leave to others first, and why.
    """
    async with database_of(request).transaction(request) as transaction:
        into = await projects.project(transaction, project)
        if answered:
            done = await tasks.task(transaction, project, answered[0])
            await answers.answer(transaction, into, done, checked_value(into, done, answered[1]))
        if skipped:
            await answers.skip(transaction, await tasks.task(transaction, project, skipped[0]), skipped[1])
        refused = assignment.refusal(into, context_of(request).subject)
        if refused and not (answered or skipped):
            raise refused
        found = None if refused else await claims.claim(transaction, into)
        return {"project": into, "task": found, "own": await answers.own(transaction, into, found) if found else None}


async def open_task(request: Request, project: UUID, task: UUID) -> dict[str, Any]:
    """One task that the annotator chose, claimed for them if it is free."""
    async with database_of(request).transaction(request) as transaction:
        into = await projects.project(transaction, project)
        found = await tasks.task(transaction, project, task)
        refused = assignment.refusal(into, context_of(request).subject)
        if refused and await claims.own_state(transaction, found) not in {"open", "answered"}:
            raise refused
        if not await claims.claim_this(transaction, into, found):
            raise ApplianceError(
                "this task has all the answers that it wants",
                rule=f"{found['wanted']} people answer each task of this project",
                remedy="go on with the next task",
            )
        return {"project": into, "task": found, "own": await answers.own(transaction, into, found)}


async def answer(request: Request, project: UUID, task: UUID, value: dict[str, Any]) -> Row:
    """Give an answer, checked against the project and the task."""
    async with database_of(request).transaction(request) as transaction:
        into = await projects.project(transaction, project)
        found = await tasks.task(transaction, project, task)
        return await answers.answer(transaction, into, found, checked_value(into, found, value))


async def flag(request: Request, project: UUID, task: UUID, about: str, comment: str) -> None:
    """Say that something is wrong with a task; a wrong marking is recorded in the log, where officers look."""
    async with database_of(request).transaction(request) as transaction:
        found = await tasks.task(transaction, project, task)
        await answers.flag(transaction, found, about, comment)
        if about == "marking":
            detail = {"project": str(project), "task": str(task), "rule": "marking.disputed"}
            await monitor_of(request).record("task.flag", token_of(request), detail=detail)


def checked_value(project: Row, task: Row, value: dict[str, Any], field: str = "value") -> dict[str, Any]:
    """An answer to ``task``, checked and in its canonical form."""
    kind = kind_of(project["kind"])
    answered = kind.read_answer(kind.read_schema(project["schema"]), kind.read_data(task["data"]), value, field)
    found: dict[str, Any] = answered.model_dump(mode="json", exclude_none=True)
    return found


async def _add(request: Request, transaction: Transaction, project: Row, new: Sequence[Added]) -> list[str]:
    added = await tasks.add(transaction, project, new)
    # The log learns which project holds which tasks: what a trace of a spill goes by. Without it, a roll-back.
    for start in range(0, len(added), NAMED):
        detail = {"project": str(project["id"]), "tasks": added[start : start + NAMED]}
        await monitor_of(request).record("records.create", token_of(request), detail=detail)
    return added


def _restriction(
    request: Request, marking: str | None, groups: Sequence[str], field: str, within: Sequence[str]
) -> Any:
    known = restrictions(request)
    return known.of(marking, groups, field, member_of=context_of(request).groups, within=within)


def _data_of(one: dict[str, Any]) -> bool:
    return isinstance(one.get("data"), dict) and isinstance(one["data"].get("marking"), str)


def _refuse_many(new: Sequence[Any]) -> None:
    if len(new) > MOST:
        raise ApplianceError(
            f"the file has {len(new)} tasks",
            rule=f"at most {MOST} tasks are added at once, all or none",
            remedy="divide the file",
        )


def _refuse_twice(names: Sequence[str | None]) -> None:
    seen: dict[str, int] = {}
    for number, name in enumerate(names):
        if name is not None and name in seen:
            raise ApplianceError(
                f"tasks.{number}.external_id: stands at tasks.{seen[name]} already",
                rule="what others call a task is unique within a project",
                remedy="leave one of them out",
            )
        if name is not None:
            seen[name] = number
