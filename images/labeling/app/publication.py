"""Projects and their tasks, published for sessions at higher levels as soon as they change.

What belongs to a need-to-know group is not published. Progress is the reader's own and not published either. After a
restart, a project's pages are published again when it is next changed or looked at.
"""

import asyncio
from collections.abc import Sequence
from uuid import UUID

import structlog
from fastapi import Request

from appliance.service.database import Database, Row, Transaction
from appliance.service.monitor import NotRecordedError
from appliance.service.web.published import Published

from . import records

API = "/labeling/api/projects"
PAGES = "/labeling/projects"
_log = structlog.get_logger()


class Publication:
    """Keeps what is published up to date.

    Args:
        published: the service's published pages.
        database: the enclave's database.
    """

    def __init__(self, published: Published, database: Database) -> None:
        self._published = published
        self._database = database
        self._tasks: dict[UUID, int] = {}
        self._listed = False
        self._one_at_a_time = asyncio.Lock()

    async def added(self, request: Request, project: UUID, tasks: Sequence[str] = ()) -> None:
        """``project`` is new, or has new ``tasks``; call it once they are committed."""
        async with self._one_at_a_time, self._database.transaction(request, writes=False) as transaction:
            await self._project(transaction, project, tasks)
            await self._list(transaction)

    async def looked_at(self, request: Request, project: UUID | None = None) -> None:
        """Publish what this process never did, as a reader at the level sees it: the list, and ``project``."""
        if self._listed and (project is None or project in self._tasks):
            return
        async with self._one_at_a_time, self._database.transaction(request, writes=False) as transaction:
            if project is not None and project not in self._tasks:
                await self._project(transaction, project, ())
            if not self._listed:
                await self._list(transaction)

    async def _list(self, transaction: Transaction) -> None:
        projects = await records.public_projects(transaction)
        await self._page("/labeling/", "projects.html", projects=projects)
        await self._value(API, {"projects": projects})
        self._listed = True

    async def _project(self, transaction: Transaction, identifier: UUID, added: Sequence[str]) -> None:
        project = await records.public_project(transaction, identifier)
        if project is None:
            self._tasks[identifier] = 0
            return
        first = self._tasks.get(identifier, 0)
        if added:
            first = min(first, await records.position(transaction, identifier, added))
        shown = await records.tasks(transaction, identifier, 1)
        await self._page(f"{PAGES}/{identifier}", "project.html", project=project, tasks=shown, writable=False)
        for number in range(first // records.PAGE + 1, max(project["tasks"] - 1, 0) // records.PAGE + 2):
            rows = shown if number == 1 else await records.tasks(transaction, identifier, number)
            await self._tasks_page(identifier, number, rows)
        await self._value(f"{API}/{identifier}", project)
        self._tasks[identifier] = project["tasks"]

    async def _tasks_page(self, project: UUID, number: int, rows: list[Row]) -> None:
        await self._value(f"{API}/{project}/tasks/{number}", {"tasks": rows, "page": number, "size": records.PAGE})

    async def _page(self, path: str, template: str, **values: object) -> None:
        try:
            await self._published.page(path, template, **values)
        except NotRecordedError as error:  # what was written below stays written: only its copy is missing
            _log.warning("not_published", problem=error.message)

    async def _value(self, path: str, value: Row) -> None:
        try:
            await self._published.value(path, value)
        except NotRecordedError as error:
            _log.warning("not_published", problem=error.message)
