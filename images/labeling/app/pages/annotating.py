"""One task at a time. Opening the next one is a POST: a lease is a write."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from appliance.errors import ApplianceError
from appliance.service.database import Row, database_of
from appliance.service.web.middleware import CurrentContext, context_of
from workbench.tasks import kind_of

from .. import assignment, conduct, scenes, work
from ..store import answers, projects, tasks
from ..store import conduct as store
from .forms import answer_of
from .shown import render, task_values

router = APIRouter(prefix="/labeling")


@router.get("/projects/{project}/annotate")
async def begin(request: Request, project: UUID) -> Response:
    """Where annotators begin, and end."""
    return await _begin(request, project, None)


@router.get("/projects/{project}/annotate/done/{last}")
async def done(request: Request, project: UUID, last: UUID) -> Response:
    """Nothing is left for this annotator; the last answer can be undone."""
    return await _begin(request, project, last)


@router.post("/projects/{project}/annotate")
async def claim(request: Request, project: UUID) -> Response:
    """Claim the next task and show it; or where annotators begin, which says why there is none."""
    try:
        found = await work.claim(request, project)
    except ApplianceError as error:
        return await _begin(request, project, None, error)
    return _lead_to(found, project, None)


@router.post("/projects/{project}/acknowledge")
async def acknowledge(request: Request, project: UUID, number: Annotated[int, Form(ge=1)]) -> Response:
    """Say that one has read the guidelines, and begin."""
    try:
        await conduct.acknowledge(request, project, number)
    except ApplianceError as error:
        return await _begin(request, project, None, error)
    return RedirectResponse(f"/labeling/projects/{project}/annotate", 303)


@router.post("/projects/{project}/comment/{task}")
async def comment(
    request: Request, project: UUID, task: UUID, text: Annotated[str, Form(min_length=1, max_length=2000)]
) -> Response:
    """Say something about a task to its reviewers, and stay on it."""
    await conduct.say(request, project, task, text, None)
    return RedirectResponse(f"/labeling/projects/{project}/annotate/{task}", 303)


@router.post("/projects/{project}/open/{task}")
async def open_one(request: Request, project: UUID, task: UUID) -> Response:
    """Claim one task of the table and show it."""
    await work.open_task(request, project, task)
    return RedirectResponse(f"/labeling/projects/{project}/annotate/{task}", 303)


@router.get("/projects/{project}/annotate/{task}")
async def show(request: Request, context: CurrentContext, project: UUID, task: UUID) -> Response:
    """A task that the annotator holds."""
    return await _show(request, context.subject, project, task)


@router.get("/projects/{project}/annotate/{task}/after/{last}")
async def show_after(request: Request, context: CurrentContext, project: UUID, task: UUID, last: UUID) -> Response:
    """The same, with a way back to the one before."""
    return await _show(request, context.subject, project, task, last=last)


@router.post("/projects/{project}/annotate/{task}")
async def act(request: Request, context: CurrentContext, project: UUID, task: UUID) -> Response:
    """Take an answer, or a draft of one, and go on; if it is not possible, say why and keep what was filled in."""
    form = await request.form()
    async with database_of(request).transaction(request, writes=False) as transaction:
        into = await projects.project(transaction, project)
        found = await tasks.task(transaction, project, task)
    kind = kind_of(into["kind"])
    value = answer_of(kind, kind.read_schema(into["schema"]), kind.read_data(found["data"]), form)
    if form.get("action") == "draft":
        async with database_of(request).transaction(request) as transaction:
            await answers.save_draft(transaction, into["ontology"], found, value)
        return Response(status_code=204)
    try:
        following = await work.claim(request, project, answered=(task, value))
    except ApplianceError as error:
        return await _show(request, context.subject, project, task, error=error, value=value)
    return _lead_to(following, project, task)


@router.post("/projects/{project}/skip/{task}")
async def skip(
    request: Request, project: UUID, task: UUID, reason: Annotated[str, Form(max_length=2000)] = ""
) -> Response:
    """Leave a task to others and go on."""
    return _lead_to(await work.claim(request, project, skipped=(task, reason)), project, None)


@router.post("/projects/{project}/flag/{task}")
async def flag(
    request: Request,
    project: UUID,
    task: UUID,
    about: Annotated[str, Form(pattern="^(marking|broken|unclear|harmful)$")],
    comment: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """Say that something is wrong with a task, and stay on it."""
    await work.flag(request, project, task, about, comment)
    return RedirectResponse(f"/labeling/projects/{project}/annotate/{task}", 303)


@router.post("/projects/{project}/undo/{task}")
async def undo(request: Request, project: UUID, task: UUID) -> Response:
    """Take the last answer back and show the task again."""
    async with database_of(request).transaction(request) as transaction:
        await projects.project(transaction, project)
        await answers.undo(transaction, await tasks.task(transaction, project, task))
    return RedirectResponse(f"/labeling/projects/{project}/annotate/{task}", 303)


def _lead_to(found: dict[str, Any], project: UUID, last: UUID | None) -> Response:
    """To the task that was claimed, if there was one for this annotator."""
    base = f"/labeling/projects/{project}/annotate"
    if found["task"] is None:
        return RedirectResponse(f"{base}/done/{last}" if last else base, 303)
    return RedirectResponse(f"{base}/{found['task']['id']}" + (f"/after/{last}" if last else ""), 303)


async def _begin(request: Request, project: UUID, last: UUID | None, error: ApplianceError | None = None) -> Response:
    async with database_of(request).transaction(request, writes=False) as transaction:
        found = await projects.project(transaction, project)
        changes = [] if found["acknowledged"] else await conduct.changes(transaction, found)
    refused = assignment.refusal(found, context_of(request).subject)
    values = {"project": found, "last": last, "refused": error or refused, "changes": changes}
    return render(request, "begin.html", 409 if error else 200, **values)


async def _show(
    request: Request,
    reader: str,
    project: UUID,
    task: UUID,
    *,
    last: UUID | None = None,
    error: ApplianceError | None = None,
    value: dict[str, Any] | None = None,
) -> Response:
    async with database_of(request).transaction(request, writes=False) as transaction:
        into = await projects.project(transaction, project)
        found = await tasks.task(transaction, project, task)
        own: Row = await answers.own(transaction, into, found)
        comments = await store.said(transaction, found)
    await scenes.record_opened(request, found)
    values = task_values(into, found, value or own["draft"] or own["value"], reader)
    values |= {"project": into, "own": own, "last": last, "error": error, "comments": comments}
    return render(request, "annotate.html", 409 if error else 200, **values)
