"""The console: ``uvicorn --factory app.main:service``."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles

from appliance.audit.log.policy import Policy
from appliance.errors import ApplianceError
from appliance.service.monitor import MonitorClient
from appliance.service.settings import Paths, ServiceSettings
from appliance.service.web.app import create_app

from . import reviews, views
from .health import Watch
from .index import Index
from .records import Markings
from .searches import Searches
from .settings import ConsoleSettings


def service() -> FastAPI:
    """The application of this container."""
    paths = Paths.from_environment()
    return build(ServiceSettings.load(paths.settings), paths)


def build(settings: ServiceSettings, paths: Paths) -> FastAPI:
    """The application; it starts to index and to verify the log when it starts.

    Raises:
        ApplianceError: a setting is wrong, or the log's key cannot be read; the message names it.
    """
    own = settings.own(ConsoleSettings, paths.settings)
    index = Index(paths.state / "index.sqlite", own.log)
    policy = Policy.decode(own.policy) if own.policy else None
    watch = Watch(own.log, own.key or _key_of(own.log), index, policy, own.verify_every)

    monitor = MonitorClient(paths.record_socket)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with watch.running():
            yield
        index.close()
        await monitor.close()

    here = Path(__file__).parent
    app = create_app(settings, paths, templates=here / "templates", lifespan=lifespan)
    app.state.console = views.Console(
        own.log,
        index,
        watch,
        Markings(own.markings),
        monitor,
        Searches(paths.state / "searches.json"),
        key_from_log=own.key is None,
    )
    app.mount("/console/assets", StaticFiles(directory=here / "assets"))
    app.include_router(views.router)
    app.include_router(reviews.router)
    return app


def _key_of(log: Path) -> str:
    try:
        return (log / "log.vkey").read_text()
    except OSError as error:
        raise ApplianceError(
            f"{log / 'log.vkey'}: cannot be read: {error.strerror}",
            remedy="mount the log's folder, or give the key in the console's settings",
        ) from error
