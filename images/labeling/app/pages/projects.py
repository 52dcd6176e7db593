"""Projects, and the tasks of one as a table."""

from uuid import UUID

from fastapi import APIRouter, Request, Response

from appliance.service.database import database_of
from workbench.exchange import formats_of
from workbench.tasks import KINDS

from .. import work
from ..store import projects, tasks
from .excerpts import excerpt
from .shown import render

router = APIRouter(prefix="/labeling")


@router.get("/")
async def index(request: Request) -> Response:
    """All projects."""
    async with database_of(request).transaction(request) as transaction:
        found = await projects.projects(transaction)
    await work.publication(request).looked_at(request)
    return render(request, "projects.html", projects=found, kinds=KINDS)


@router.get("/projects/{project}")
async def show_project(request: Request, project: UUID) -> Response:
    """One project: what to do, how far it is, its first tasks."""
    return await _show(request, project, None)


@router.get("/projects/{project}/after/{task}")
async def show_following(request: Request, project: UUID, task: UUID) -> Response:
    """The tasks behind one."""
    return await _show(request, project, task)


async def _show(request: Request, project: UUID, after: UUID | None) -> Response:
    async with database_of(request).transaction(request) as transaction:
        found = await projects.project(transaction, project)
        page = await tasks.page(transaction, project, after)
    await work.publication(request).looked_at(request, project)
    return render(
        request,
        "project.html",
        project=found,
        kind=KINDS[found["kind"]],
        tasks=[one | {"excerpt": excerpt(found, one)} for one in page],
        more=page[-1]["id"] if len(page) == tasks.PAGE else None,
        after=after,
        formats=formats_of(found["kind"]),
    )
