"""How the work of a project is conducted; acknowledging its guidelines; what is said about tasks."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request

from appliance.service.database import Row, database_of

from .. import conduct
from ..models import Acknowledgement, NewComment, NewSetting
from ..store import conduct as store
from ..store import projects, tasks

router = APIRouter(prefix="/labeling/api/projects/{project}")


@router.get("/review/settings")
async def show_settings(request: Request, project: UUID) -> dict[str, Any]:
    """All settings of a project, the newest one first; none while it is conducted as it began."""
    async with database_of(request).transaction(request) as transaction:
        await projects.project(transaction, project)
        return {"settings": await store.history(transaction, project)}


@router.post("/review/settings", status_code=201)
async def change_settings(request: Request, project: UUID, new: NewSetting) -> dict[str, int]:
    """Change guidelines, pause, deadline or team."""
    return {"number": await conduct.change(request, project, new)}


@router.post("/acknowledgements", status_code=201)
async def acknowledge(request: Request, project: UUID, read: Acknowledgement) -> dict[str, int]:
    """Say that one has read the guidelines."""
    await conduct.acknowledge(request, project, read.number)
    return {"number": read.number}


@router.get("/tasks/{task}/comments")
async def list_comments(request: Request, project: UUID, task: UUID) -> dict[str, list[Row]]:
    """What was said about a task in one's own conversation."""
    return await _comments(request, project, task)


@router.post("/tasks/{task}/comments", status_code=201)
async def comment(request: Request, project: UUID, task: UUID, new: NewComment) -> dict[str, list[Row]]:
    """Say something about a task to its reviewers."""
    await conduct.say(request, project, task, new.text, new.annotator)
    return await _comments(request, project, task)


@router.get("/review/{task}/comments")
async def list_all_comments(request: Request, project: UUID, task: UUID) -> dict[str, list[Row]]:
    """What was said about a task in all conversations."""
    return await _comments(request, project, task)


@router.post("/review/{task}/comments", status_code=201)
async def reply(request: Request, project: UUID, task: UUID, new: NewComment) -> dict[str, list[Row]]:
    """Say something about a task to one annotator."""
    await conduct.say(request, project, task, new.text, new.annotator)
    return await _comments(request, project, task)


async def _comments(request: Request, project: UUID, task: UUID) -> dict[str, list[Row]]:
    async with database_of(request).transaction(request, writes=False) as transaction:
        await projects.project(transaction, project)
        return {"comments": await store.said(transaction, await tasks.task(transaction, project, task))}
