"""Projects and their tasks, published for sessions at higher levels as soon as they change.

What belongs to a need-to-know group is not published. Progress is the reader's own and not published either. After a
restart, a project's pages are published again when it is next changed or looked at.
"""

import asyncio
from typing import Any
from uuid import UUID

import structlog
from fastapi import Request

from appliance.service.database import Database, Row, Transaction
from appliance.service.monitor import NotRecordedError
from appliance.service.web.published import Published
from workbench.tasks import KINDS

from .pages.excerpts import excerpt
from .store import public

API = "/labeling/api/projects"
PAGES = "/labeling/projects"
BEGIN: tuple[tuple[int, int], UUID | None] = ((0, 0), None)
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
        # For each project where its last page begins: the place, and the task before it. New tasks come behind it.
        self._last: dict[UUID, tuple[tuple[int, int], UUID | None]] = {}
        self._listed = False
        self._one_at_a_time = asyncio.Lock()

    async def changed(self, request: Request, project: UUID) -> None:
        """``project`` is new, or has new tasks; call it once they are committed."""
        async with self._one_at_a_time, self._database.transaction(request, writes=False) as transaction:
            await self._project(transaction, project)
            await self._list(transaction)

    async def withdrawn(self, request: Request, project: UUID, pages: list[UUID | None]) -> None:
        """A record of ``project`` is gone: ``pages`` are those that were there before, each by the task before it.

        All are made again, since each page that follows now begins elsewhere. What is left of the others says nothing.
        """
        async with self._one_at_a_time, self._database.transaction(request, writes=False) as transaction:
            self._last[project] = BEGIN
            await self._project(transaction, project)
            found = await public.project(transaction, project)
            if found is not None:
                for before in set(pages) - set(await public.pages(transaction, project)):
                    await self._tasks_page(found, before, [], None)
            await self._list(transaction)

    async def looked_at(self, request: Request, project: UUID | None = None) -> None:
        """Publish what this process never did, as a reader at the level sees it: the list, and ``project``."""
        if self._listed and (project is None or project in self._last):
            return
        async with self._one_at_a_time, self._database.transaction(request, writes=False) as transaction:
            if project is not None and project not in self._last:
                await self._project(transaction, project)
            if not self._listed:
                await self._list(transaction)

    async def _list(self, transaction: Transaction) -> None:
        projects = await public.projects(transaction)
        await self._page("/labeling/", "projects.html", projects=projects, kinds=KINDS, writable=False)
        await self._value(API, {"projects": projects})
        self._listed = True

    async def _project(self, transaction: Transaction, identifier: UUID) -> None:
        project = await public.project(transaction, identifier)
        if project is None:
            self._last[identifier] = BEGIN
            return
        await self._value(f"{API}/{identifier}", project)
        place, before = self._last.get(identifier, BEGIN)
        if before is not None:  # how many tasks there are stands on the first page
            await self._tasks(transaction, project, (0, 0), None)
        while True:
            self._last[identifier] = (place, before)
            tasks, following = await self._tasks(transaction, project, place, before)
            if following is None:
                return
            place, before = following, tasks[-1]["id"]

    async def _tasks(
        self, transaction: Transaction, project: Row, place: tuple[int, int], before: UUID | None
    ) -> tuple[list[dict[str, Any]], tuple[int, int] | None]:
        """Publish one page of tasks, as JSON and as a page; it, and the place behind it."""
        tasks, following = await public.tasks(transaction, project["id"], place)
        await self._tasks_page(project, before, tasks, tasks[-1]["id"] if following else None)
        return tasks, following

    async def _tasks_page(
        self, project: Row, before: UUID | None, tasks: list[dict[str, Any]], more: UUID | None
    ) -> None:
        end = f"/after/{before}" if before else ""
        await self._value(f"{API}/{project['id']}/tasks{end}", {"tasks": tasks, "next": more})
        await self._page(
            f"{PAGES}/{project['id']}{end}",
            "project.html",
            project=project,
            kind=KINDS[project["kind"]],
            tasks=[task | {"excerpt": excerpt(project, task)} for task in tasks],
            more=more,
            after=before,
            formats={},
            writable=False,
        )

    async def _page(self, path: str, template: str, **values: object) -> None:
        try:
            await self._published.page(path, template, **values)
        except NotRecordedError as error:  # what was written below stays written: only its copy is missing
            _log.warning("not_published", problem=error.message)

    async def _value(self, path: str, value: dict[str, Any]) -> None:
        try:
            await self._published.value(path, value)
        except NotRecordedError as error:
            _log.warning("not_published", problem=error.message)
