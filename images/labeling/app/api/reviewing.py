"""What reviewers do: read all answers, judge them, decide; and the quality of a project. The action is ``review``."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool

from appliance.service.database import database_of

from .. import quality, work
from ..models import NewDecision, NewReview
from ..store import projects, reviews, tasks
from .projects import shown

router = APIRouter(prefix="/labeling/api")


@router.get("/projects/{project}/review")
async def first_answers(request: Request, project: UUID) -> dict[str, Any]:
    """The first tasks with all answers."""
    async with database_of(request).transaction(request) as transaction:
        found = await projects.project(transaction, project)
        return {"tasks": [shown(one) for one in await reviews.waiting(transaction, found, None)]}


@router.get("/projects/{project}/review/flags")
async def flags(request: Request, project: UUID) -> dict[str, Any]:
    """What annotators said about tasks."""
    async with database_of(request).transaction(request) as transaction:
        await projects.project(transaction, project)
        return {"flags": await reviews.flags(transaction, project)}


@router.get("/projects/{project}/review/quality")
async def show_quality(request: Request, project: UUID) -> dict[str, Any]:
    """Agreement, skill and suspicion, for each restriction by itself."""
    async with database_of(request).transaction(request) as transaction:
        found = await projects.project(transaction, project)
        rows = await reviews.exported(transaction, found)
        gold = await reviews.gold(transaction, found)
    return {"restrictions": await run_in_threadpool(quality.reports, found, rows, gold)}


@router.get("/projects/{project}/review/after/{task}")
async def following_answers(request: Request, project: UUID, task: UUID) -> dict[str, Any]:
    """The tasks behind one, with all answers."""
    async with database_of(request).transaction(request) as transaction:
        found = await projects.project(transaction, project)
        return {"tasks": [shown(one) for one in await reviews.waiting(transaction, found, task)]}


@router.post("/projects/{project}/review/{task}/reviews", status_code=201)
async def add_review(request: Request, project: UUID, task: UUID, new: NewReview) -> dict[str, Any]:
    """Judge somebody else's answer."""
    async with database_of(request).transaction(request) as transaction:
        into = await projects.project(transaction, project)
        found = await tasks.task(transaction, project, task)
        value = None if new.value is None else work.checked_value(into, found, new.value)
        await reviews.review(transaction, into, found, new.annotator, new.verdict, value, new.reason)
        given, asks = await reviews.answers(transaction, into, found)
        return {"answers": given, "asks": asks}


@router.post("/projects/{project}/review/{task}/decision", status_code=201)
async def decide(request: Request, project: UUID, task: UUID, new: NewDecision) -> dict[str, Any]:
    """Decide a task about which people differ."""
    async with database_of(request).transaction(request) as transaction:
        into = await projects.project(transaction, project)
        found = await tasks.task(transaction, project, task)
        await reviews.adjudicate(transaction, into, found, work.checked_value(into, found, new.value), new.reason)
        return {"decision": await reviews.adjudication(transaction, into, found)}
