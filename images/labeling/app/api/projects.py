"""Projects and their tasks."""

import base64
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response

from appliance.errors import ApplianceError
from appliance.service.database import Row, database_of
from appliance.service.web.current import monitor_of
from appliance.service.web.middleware import token_of
from appliance.service.web.responses import not_found

from .. import work
from ..models import NewProject, NewTask, NewTasks, Upgrade
from ..store import answers, projects, tasks

router = APIRouter(prefix="/labeling/api")
_HIDDEN = {"label_id", "restriction_id", "position", "project_id"}


def shown(row: Row) -> Row:
    """A task without what it says to the database alone."""
    return {name: value for name, value in row.items() if name not in _HIDDEN}


@router.get("/projects")
async def list_projects(request: Request) -> dict[str, Any]:
    """All projects that the reader may know of."""
    async with database_of(request).transaction(request) as transaction:
        found = {"projects": await projects.projects(transaction)}
    await work.publication(request).looked_at(request)
    return found


@router.post("/projects", status_code=201)
async def add_project(request: Request, new: NewProject) -> Row:
    """Add a project."""
    return await work.add_project(request, new)


@router.get("/projects/{project}")
async def show_project(request: Request, project: UUID) -> Row:
    """One project."""
    async with database_of(request).transaction(request) as transaction:
        found = await projects.project(transaction, project)
    await work.publication(request).looked_at(request, project)
    return found


@router.get("/projects/{project}/tasks")
async def first_tasks(request: Request, project: UUID) -> dict[str, Any]:
    """The first tasks of a project."""
    return await _page(request, project, None)


@router.get("/projects/{project}/tasks/after/{task}")
async def following_tasks(request: Request, project: UUID, task: UUID) -> dict[str, Any]:
    """The tasks behind one; it is in the path because it is published for readers at higher levels."""
    return await _page(request, project, task)


@router.get("/projects/{project}/tasks/{task}")
async def show_task(request: Request, project: UUID, task: UUID) -> Row:
    """One task with the reader's own answer."""
    async with database_of(request).transaction(request) as transaction:
        into = await projects.project(transaction, project)
        found = await tasks.task(transaction, project, task)
        return shown(found) | {"own": await answers.own(transaction, into, found)}


@router.get("/projects/{project}/tasks/{task}/image.png")
async def show_image(request: Request, project: UUID, task: UUID) -> Response:
    """The image of a task."""
    async with database_of(request).transaction(request) as transaction:
        await projects.project(transaction, project)
        found = await tasks.task(transaction, project, task)
    if not isinstance(found["data"].get("image"), str):
        raise not_found()
    return Response(base64.b64decode(found["data"]["image"]), media_type="image/png")


@router.post("/projects/{project}/tasks", status_code=201)
async def add_tasks(request: Request, project: UUID, new: NewTasks) -> dict[str, Any]:
    """Add tasks."""
    return {"tasks": await work.add_tasks(request, project, new.tasks)}


@router.post("/projects/{project}/label-studio", status_code=201)
async def import_label_studio(request: Request, project: UUID, raw: list[Any]) -> dict[str, Any]:
    """Add tasks, with their annotations, from Label Studio's JSON."""
    return {"tasks": await work.add_label_studio(request, project, raw)}


@router.post("/projects/{project}/table", status_code=201)
async def import_table(request: Request, project: UUID) -> dict[str, Any]:
    """Add tasks from CSV (UTF-8)."""
    try:
        text = (await request.body()).decode()
    except UnicodeDecodeError as error:
        raise ApplianceError(f"byte {error.start}: is not UTF-8", rule="CSV is text in UTF-8") from error
    return {"tasks": await work.add_table(request, project, text)}


@router.post("/projects/{project}/upgrades", status_code=201)
async def upgrade(request: Request, project: UUID, new: Upgrade) -> dict[str, str]:
    """Copy a task up that was read in a lower enclave: here it has the enclave's marking, and the log both digests.

    Nothing goes back down: reading below was a GET, and this writes at the level of the session alone. Groups go along.
    """
    here = work.restrictions(request)
    here.above(new.task.marking, "task.")
    source = {
        "enclave": new.enclave,
        "task": str(new.task.id),
        "marking": new.task.marking,
        "digest": new.task.digest(),
    }
    copy = NewTask(data=new.task.data, groups=new.task.groups, source={"upgraded_from": source})

    async def record(identifier: str) -> None:
        await monitor_of(request).record(
            "record.upgrade",
            token_of(request),
            inputs=[source["digest"]],
            outputs=[_written(new, project, identifier, here.enclave.portion)],
            detail={"from": f"{new.enclave}/{new.task.id}", "to": identifier, "project": str(project)},
        )

    (added,) = await work.add_tasks(request, project, [copy], record=record)
    marking = here.enclave.portion
    return {"id": added, "marking": marking, "digest": _written(new, project, added, marking)}


def _written(new: Upgrade, project: UUID, identifier: str, marking: str) -> str:
    """Digest of the copy."""
    return new.task.model_copy(update={"id": UUID(identifier), "project": project, "marking": marking}).digest()


async def _page(request: Request, project: UUID, after: UUID | None) -> dict[str, Any]:
    async with database_of(request).transaction(request) as transaction:
        await projects.project(transaction, project)
        found = await tasks.page(transaction, project, after)
    return {"tasks": [shown(one) for one in found], "next": found[-1]["id"] if len(found) == tasks.PAGE else None}
