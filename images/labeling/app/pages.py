"""The pages below ``/labeling/``: projects, and one pairwise comparison at a time."""

import hashlib
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from appliance.service.database import Row, Transaction
from appliance.service.web.middleware import CurrentContext
from appliance.service.web.pages import Pages

from . import records
from .api import database, publication
from .models import Choice

router = APIRouter(prefix="/labeling")


@router.get("/")
async def index(request: Request) -> Response:
    """All projects."""
    async with database(request).transaction(request) as transaction:
        found = await records.projects(transaction)
    await publication(request).looked_at(request)
    return _pages(request).render(request, "projects.html", projects=found)


@router.get("/projects/{project}")
async def show_project(request: Request, project: UUID) -> Response:
    """One project: what to do, how far the reader is, its first tasks."""
    async with database(request).transaction(request) as transaction:
        found = await records.project(transaction, project)
        tasks = await records.tasks(transaction, project, 1)
    await publication(request).looked_at(request, project)
    return _pages(request).render(request, "project.html", project=found, tasks=tasks, writable=True)


@router.get("/projects/{project}/annotate")
async def annotate(request: Request, context: CurrentContext, project: UUID) -> Response:
    """The next comparison, for those who can answer it."""
    async with database(request).transaction(request) as transaction:
        return await _next(request, context, transaction, await records.project(transaction, project), "annotate.html")


@router.post("/projects/{project}/annotate/{task}")
async def choose(
    request: Request, context: CurrentContext, project: UUID, task: UUID, choice: Annotated[Choice, Form()]
) -> Response:
    """Take a choice and show the next comparison: as a fragment to htmx, by a redirect to a browser without it."""
    async with database(request).transaction(request) as transaction:
        await records.add_preference(transaction, task, choice)
        if "HX-Request" in request.headers:
            found = await records.project(transaction, project)
            return await _next(request, context, transaction, found, "comparison.html")
    return RedirectResponse(f"/labeling/projects/{project}/annotate", 303)


async def _next(
    request: Request, context: CurrentContext, transaction: Transaction, project: Row, template: str
) -> Response:
    task = await records.next_task(transaction, project["id"])
    answers = [("a", task["answer_a"]), ("b", task["answer_b"])] if task else []
    if task and hashlib.sha256(f"{task['id']} {context.subject}".encode()).digest()[0] & 1:
        answers.reverse()  # people prefer the first answer they read: each annotator sees their own order
    return _pages(request).render(request, template, project=project, task=task, answers=answers)


def _pages(request: Request) -> Pages:
    pages: Pages = request.app.state.pages
    return pages
