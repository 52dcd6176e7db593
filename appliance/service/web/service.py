"""What every service's main module says: its folder, its routes, what it keeps, and what it starts."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import APIRouter, FastAPI

from appliance.service.monitor import MonitorClient
from appliance.service.settings import Paths, ServiceSettings
from appliance.service.web.app import create_app
from appliance.service.web.published import Published

if TYPE_CHECKING:
    from appliance.service.jobs import Handler
    from appliance.service.objects import Files

RESOURCE = "work"
"""Resource class of the jobs of a service, of which one runs at a time; ``Queue.submit`` queues under it."""
Starts = Callable[[FastAPI, ServiceSettings, Paths], AbstractAsyncContextManager[None]]


@dataclass(frozen=True)
class Service:
    """A service, put together: ``service = Service(...)`` is what ``uvicorn --factory app.main:service`` calls.

    Routes get what they need as typed parameters: ``CurrentPages`` and ``CurrentMonitor``
    (``appliance.service.web.current``), and ``CurrentDatabase`` (``appliance.service.database``).

    Attributes:
        folder: of its main module; ``templates/`` and ``assets/`` in it are its own.
        routers: its routes, all below ``/<service>/``.
        database: whether it keeps something in the enclave's PostgreSQL.
        jobs: what runs each kind of job (``appliance.service.jobs``), of which its page and routes are added; it needs
            a database. A service that starts workers of its own has none here.
        files: what it says of its files (``appliance.service.objects``), if it has some: then a route may have
            ``CurrentObjects``, and a kind of job checks them.
        max_body: largest request body, in bytes.
        starts: what it alone starts and stops, called with the application, its settings and its paths; it puts what
            its routes need on ``app.state``.
    """

    folder: Path
    routers: Sequence[APIRouter]
    database: bool = False
    jobs: "Mapping[str, Handler]" = field(default_factory=dict)
    files: "Files | None" = None
    max_body: int = 1 << 20
    starts: Starts | None = None

    def __call__(self) -> FastAPI:
        """The application of this container.

        Raises:
            ApplianceError: its settings or keys are missing or wrong; the message names the file.
        """
        paths = Paths.from_environment()
        return self.build(ServiceSettings.load(paths.settings), paths)

    def build(self, settings: ServiceSettings, paths: Paths) -> FastAPI:
        """The application under ``settings``, with its files at ``paths``.

        Raises:
            ApplianceError: as when called.
        """

        @asynccontextmanager
        async def lifespan(app: FastAPI) -> AsyncIterator[None]:
            monitor = app.state.monitor = MonitorClient(paths.record_socket)
            app.state.published = Published(settings, app.state.pages, monitor, paths.state)
            try:
                async with AsyncExitStack() as started:
                    if self.database:
                        from appliance.service.jobs import Queue  # noqa: PLC0415  # as below

                        app.state.queue = Queue(app.state.database, monitor)
                    if self.starts is not None:
                        await started.enter_async_context(self.starts(app, settings, paths))
                    await self._work(app, settings, paths, started)
                    yield
            finally:
                if self.database:
                    await app.state.database.close()
                await monitor.close()

        app = create_app(
            settings,
            paths,
            templates=self.folder / "templates",
            assets=self.folder / "assets",
            lifespan=lifespan,
            max_body=self.max_body,
        )
        if self.database:
            from appliance.service.database import Database  # noqa: PLC0415  # images without one lack its driver

            app.state.database = Database(paths.database, settings.service)
        for router in self.routers:
            app.include_router(router)
        if self.jobs or self.files:
            from appliance.service.jobs.routes import router as jobs  # noqa: PLC0415  # as above

            app.include_router(jobs(settings.service))
        return app

    async def _work(self, app: FastAPI, settings: ServiceSettings, paths: Paths, started: AsyncExitStack) -> None:
        """Start what runs beside requests: the jobs, and the collection of files that nothing uses."""
        kinds = dict(self.jobs)
        if self.files is not None:
            from appliance.service.objects import CHECK, Objects, Volume, check_file  # noqa: PLC0415  # as above

            objects = app.state.objects = Objects(Volume(paths.state / "objects"), app.state.database, self.files.quota)
            examiners = self.files.examiners(settings)
            kinds[CHECK] = check_file(objects, self.files, examiners)
            await started.enter_async_context(objects.collecting())
        if kinds:
            from appliance.service.jobs import Worker  # noqa: PLC0415  # as above

            worker = Worker(app.state.database, app.state.queue, app.state.monitor, kinds, resource=RESOURCE)
            await started.enter_async_context(worker.running())
