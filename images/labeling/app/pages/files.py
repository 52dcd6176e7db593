"""The page of a project's files."""

from uuid import UUID

from fastapi import APIRouter, Request, Response

from appliance.service.database import CurrentDatabase
from appliance.service.objects import PART, CurrentObjects
from appliance.service.web.middleware import CurrentContext

from .. import files
from ..store import projects
from .shown import render

router = APIRouter(prefix="/labeling")


@router.get("/projects/{project}/files")
async def show_files(
    request: Request, context: CurrentContext, project: UUID, database: CurrentDatabase, objects: CurrentObjects
) -> Response:
    """The files, and a form that uploads more in parts and goes on after a break."""
    async with database.transaction(request) as transaction:
        found = await projects.project(transaction, project)
        kept = await objects.newest(transaction, project)
    return render(
        request,
        "files.html",
        project=found,
        files=[files.shown(request, one) for one in kept],
        part_size=PART,
        groups=[group for group in context.groups if group not in found["groups"]],
    )
