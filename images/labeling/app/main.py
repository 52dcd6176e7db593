"""The labeling service: ``uvicorn --factory app.main:service``."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI

from appliance.service.database import Database
from appliance.service.monitor import MonitorClient
from appliance.service.settings import Paths, ServiceSettings
from appliance.service.web.app import create_app
from appliance.service.web.published import Published

from . import api, pages
from .publication import Publication
from .records import Portions

HERE = Path(__file__).parent
MAXIMUM_BODY = 4 << 20


def service() -> FastAPI:
    """The application of this container."""
    paths = Paths.from_environment()
    return build(ServiceSettings.load(paths.settings), paths)


def build(settings: ServiceSettings, paths: Paths) -> FastAPI:
    """The application."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        monitor = app.state.monitor = MonitorClient(paths.record_socket)
        published = Published(settings, app.state.pages, monitor, paths.state)
        app.state.publication = Publication(published, app.state.database)
        yield
        await app.state.database.close()
        await app.state.monitor.close()

    app = create_app(
        settings, paths, templates=HERE / "templates", assets=HERE / "assets", lifespan=lifespan, max_body=MAXIMUM_BODY
    )
    app.state.database = Database(paths.database, settings.service)
    app.state.portions = Portions(settings.marking)
    app.include_router(api.router)
    app.include_router(pages.router)
    return app
