"""Answers side by side, judged and decided by others than their authors; the quality of a project."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Form, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse

from appliance.errors import ApplianceError
from appliance.service.database import database_of
from appliance.service.web.middleware import CurrentContext
from workbench.tasks import kind_of

from .. import conduct, quality, scenes, work
from ..store import conduct as store
from ..store import projects, reviews, tasks
from .excerpts import excerpt
from .forms import answer_of
from .shown import render, task_values

router = APIRouter(prefix="/labeling")


@router.get("/projects/{project}/review")
async def show_waiting(request: Request, project: UUID) -> Response:
    """Tasks with answers."""
    return await _waiting(request, project, None)


@router.get("/projects/{project}/review/after/{task}")
async def show_following(request: Request, project: UUID, task: UUID) -> Response:
    """The tasks behind one."""
    return await _waiting(request, project, task)


@router.get("/projects/{project}/review/quality")
async def show_quality(request: Request, project: UUID) -> Response:
    """Agreement, skill and suspicion, for each restriction by itself."""
    async with database_of(request).transaction(request) as transaction:
        found = await projects.project(transaction, project)
        rows = await reviews.exported(transaction, found)
        gold = await reviews.gold(transaction, found)
        flags = await reviews.flags(transaction, project)
    reports = await run_in_threadpool(quality.reports, found, rows, gold)
    return render(request, "quality.html", project=found, reports=reports, flags=flags)


@router.get("/projects/{project}/review/{task}")
async def show_answers(request: Request, context: CurrentContext, project: UUID, task: UUID) -> Response:
    """All answers to a task, side by side."""
    return await _show(request, context.subject, project, task)


@router.post("/projects/{project}/review/{task}")
async def judge(
    request: Request,
    context: CurrentContext,
    project: UUID,
    task: UUID,
    annotator: Annotated[str, Form()],
    verdict: Annotated[str, Form(pattern="^(accept|reject)$")],
    reason: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """Accept or reject somebody's answer."""
    try:
        async with database_of(request).transaction(request) as transaction:
            into = await projects.project(transaction, project)
            found = await tasks.task(transaction, project, task)
            await reviews.review(transaction, into, found, annotator, verdict, None, reason.strip())
    except ApplianceError as error:
        return await _show(request, context.subject, project, task, error)
    return RedirectResponse(f"/labeling/projects/{project}/review/{task}", 303)


@router.post("/projects/{project}/review/{task}/decision")
async def decide(request: Request, context: CurrentContext, project: UUID, task: UUID) -> Response:
    """Decide a task with an answer of the decider's own."""
    form = await request.form()
    try:
        async with database_of(request).transaction(request) as transaction:
            into = await projects.project(transaction, project)
            found = await tasks.task(transaction, project, task)
            kind = kind_of(into["kind"])
            value = answer_of(kind, kind.read_schema(into["schema"]), kind.read_data(found["data"]), form)
            reason = str(form.get("decision-reason") or "").strip()[:2000]
            await reviews.adjudicate(transaction, into, found, work.checked_value(into, found, value), reason)
    except ApplianceError as error:
        return await _show(request, context.subject, project, task, error)
    return RedirectResponse(f"/labeling/projects/{project}/review/{task}", 303)


@router.post("/projects/{project}/review/{task}/comment")
async def comment(
    request: Request,
    project: UUID,
    task: UUID,
    annotator: Annotated[str, Form(min_length=1, max_length=200)],
    text: Annotated[str, Form(min_length=1, max_length=2000)],
) -> Response:
    """Say something about a task to one annotator."""
    await conduct.say(request, project, task, text, annotator)
    return RedirectResponse(f"/labeling/projects/{project}/review/{task}", 303)


async def _waiting(request: Request, project: UUID, after: UUID | None) -> Response:
    async with database_of(request).transaction(request) as transaction:
        found = await projects.project(transaction, project)
        rows = await reviews.waiting(transaction, found, after)
    kind = kind_of(found["kind"])
    schema = kind.read_schema(found["schema"])

    def state(row: dict[str, Any]) -> str:
        if row["adjudication"]:
            return "decided"
        if row["asks"]:
            return "waits for a person"
        if not row["answers"]:
            return "no answer yet"
        data = kind.read_data(row["data"])
        units = [kind.units(schema, data, kind.answer_model.model_validate(one["value"])) for one in row["answers"]]
        if any(one != units[0] for one in units):
            return "in dispute"
        return "reviewed" if all(one["reviews"] for one in row["answers"]) else "agreed"

    shown = [row | {"excerpt": excerpt(found, row), "state": state(row)} for row in rows]
    more = rows[-1]["id"] if len(rows) == 50 else None
    return render(request, "review.html", project=found, tasks=shown, more=more)


async def _show(
    request: Request, reader: str, project: UUID, task: UUID, error: ApplianceError | None = None
) -> Response:
    async with database_of(request).transaction(request, writes=False) as transaction:
        into = await projects.project(transaction, project)
        found = await tasks.task(transaction, project, task)
        given, asks = await reviews.answers(transaction, into, found)
        decided = await reviews.adjudication(transaction, into, found)
        comments = await store.said(transaction, found)
    await scenes.record_opened(request, found)
    first = given[0]["value"] if given else None
    return render(
        request,
        "judge.html",
        409 if error else 200,
        project=into,
        answers_given=given,
        decided=decided,
        asks=asks,
        deciding=bool(given or asks) and decided is None and all(one["annotator"] != reader for one in [*given, *asks]),
        reader=reader,
        comments=comments,
        error=error,
        **task_values(into, found, decided["value"] if decided else first, reader),
    )
