"""What annotators do: claim, answer, save, skip, flag, undo."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request

from appliance.service.database import Row, database_of

from .. import work
from ..models import NewAnswer, NewFlag, Skip
from ..store import answers, projects, tasks
from .projects import shown

router = APIRouter(prefix="/labeling/api")


@router.post("/projects/{project}/claims", status_code=201)
async def claim_next(request: Request, project: UUID) -> dict[str, Any]:
    """The annotator's next task, theirs until the lease ends; null when there is none for them."""
    found = await work.claim(request, project)
    return {"task": shown(found["task"]) if found["task"] else None, "own": found["own"]}


@router.post("/projects/{project}/tasks/{task}/claims", status_code=201)
async def claim_one(request: Request, project: UUID, task: UUID) -> dict[str, Any]:
    """Claim one task."""
    found = await work.open_task(request, project, task)
    return {"task": shown(found["task"]), "own": found["own"]}


@router.post("/projects/{project}/tasks/{task}/answers", status_code=201)
async def give_answer(request: Request, project: UUID, task: UUID, new: NewAnswer) -> Row:
    """Answer a task; once for each annotator."""
    return await work.answer(request, project, task, new.value)


@router.delete("/projects/{project}/tasks/{task}/answers")
async def undo_answer(request: Request, project: UUID, task: UUID) -> dict[str, Any]:
    """Take one's own answer back; it becomes the draft."""
    async with database_of(request).transaction(request) as transaction:
        into = await projects.project(transaction, project)
        found = await tasks.task(transaction, project, task)
        await answers.undo(transaction, found)
        return {"own": await answers.own(transaction, into, found)}


@router.put("/projects/{project}/tasks/{task}/draft")
async def save_draft(request: Request, project: UUID, task: UUID, new: NewAnswer) -> dict[str, Any]:
    """Keep what one has so far; it is checked when it is given as an answer."""
    async with database_of(request).transaction(request) as transaction:
        into = await projects.project(transaction, project)
        found = await tasks.task(transaction, project, task)
        await answers.save_draft(transaction, into["ontology"], found, new.value)
    return {"saved": True}


@router.post("/projects/{project}/tasks/{task}/skip")
async def skip(request: Request, project: UUID, task: UUID, why: Skip) -> dict[str, Any]:
    """Leave a task to others."""
    async with database_of(request).transaction(request) as transaction:
        await projects.project(transaction, project)
        await answers.skip(transaction, await tasks.task(transaction, project, task), why.reason)
    return {"skipped": True}


@router.post("/projects/{project}/tasks/{task}/flags", status_code=201)
async def flag(request: Request, project: UUID, task: UUID, new: NewFlag) -> dict[str, Any]:
    """Say that something is wrong with a task."""
    await work.flag(request, project, task, new.about, new.comment)
    return {"flagged": new.about}
