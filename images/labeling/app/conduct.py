"""How the work of a project is conducted: its settings, what changed in its guidelines, what is said about tasks."""

import difflib
from uuid import UUID

from fastapi import Request

from appliance.service.database import Row, Transaction, database_of
from appliance.service.web.middleware import context_of
from appliance.service.web.responses import not_found

from . import work
from .models import NewSetting
from .store import conduct, projects, tasks


async def change(request: Request, project: UUID, new: NewSetting) -> int:
    """Change how a project is conducted, and publish its guidelines; the number of what counts now."""
    async with database_of(request).transaction(request) as transaction:
        number = await conduct.add(transaction, await projects.project(transaction, project), new)
    await work.publication(request).changed(request, project)
    return number


async def acknowledge(request: Request, project: UUID, number: int) -> None:
    """Keep that somebody has read the guidelines."""
    async with database_of(request).transaction(request) as transaction:
        await conduct.acknowledge(transaction, await projects.project(transaction, project), number)


async def say(request: Request, project: UUID, task: UUID, text: str, annotator: str | None) -> None:
    """Say something about a task: an annotator in their own conversation, a reviewer in that of whom they name.

    Raises:
        HTTPException: 404: there is no such task, or the conversation is somebody else's.
    """
    context = context_of(request)
    if annotator not in {None, context.subject} and context.action != "review":
        raise not_found()
    async with database_of(request).transaction(request) as transaction:
        await projects.project(transaction, project)
        found = await tasks.task(transaction, project, task)
        await conduct.say(transaction, found, annotator or context.subject, text)


async def changes(transaction: Transaction, project: Row) -> list[tuple[str, str]]:
    """The lines of the guidelines, with what the reader has not acknowledged: ``+`` new, ``-`` gone, else a space."""
    before = await conduct.read_before(transaction, project)
    if before is None:
        before = await conduct.first_guidelines(transaction, project["id"])
    lines = difflib.ndiff(before.splitlines(), project["guidelines"].splitlines())
    return [(line[0], line[2:]) for line in lines if line[0] in "+- "]
