"""The page of a project's files."""

from collections.abc import Collection
from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from appliance.errors import ApplianceError
from appliance.service.database import CurrentDatabase, Database
from appliance.service.objects import PART, CurrentObjects, Objects
from appliance.service.web.middleware import CurrentContext

from .. import files, scenes
from ..store import projects
from .shown import render

router = APIRouter(prefix="/labeling")


@router.get("/projects/{project}/files")
async def show_files(
    request: Request, context: CurrentContext, project: UUID, database: CurrentDatabase, objects: CurrentObjects
) -> Response:
    """The files, and a form that uploads more in parts and goes on after a break."""
    return await _show(request, context.groups, project, database, objects)


@router.post("/projects/{project}/files/{file}/tasks")
async def make_tasks(
    request: Request,
    context: CurrentContext,
    project: UUID,
    file: UUID,
    database: CurrentDatabase,
    objects: CurrentObjects,
) -> Response:
    """Make a task of each image of a file, and lead to the tasks; or say why not."""
    try:
        await scenes.add_scenes(request, project, file, objects)
    except ApplianceError as error:
        return await _show(request, context.groups, project, database, objects, error)
    return RedirectResponse(f"/labeling/projects/{project}", 303)


async def _show(
    request: Request,
    groups: Collection[str],
    project: UUID,
    database: Database,
    objects: Objects,
    error: ApplianceError | None = None,
) -> Response:
    async with database.transaction(request, writes=False) as transaction:
        found = await projects.project(transaction, project)
        kept = [files.shown(request, one) for one in await objects.newest(transaction, project)]
    return render(
        request,
        "files.html",
        409 if error else 200,
        project=found,
        files=[one | {"scenes": scenes.can_be_scene(found, one)} for one in kept],
        part_size=PART,
        groups=[group for group in groups if group not in found["groups"]],
        error=error,
    )
