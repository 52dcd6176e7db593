"""The labeling service: ``uvicorn --factory app.main:service``."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI

from appliance.service.database import Database
from appliance.service.monitor import MonitorClient
from appliance.service.settings import Paths, ServiceSettings
from appliance.service.web.app import create_app

from . import api, pages
from .restrictions import Restrictions

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
        app.state.monitor = MonitorClient(paths.record_socket)
        yield
        await app.state.database.close()
        await app.state.monitor.close()

    app = create_app(
        settings, paths, templates=HERE / "templates", assets=HERE / "assets", lifespan=lifespan, max_body=MAXIMUM_BODY
    )
    app.state.database = Database(paths.database, settings.service)
    app.state.restrictions = Restrictions(settings.marking)
    for router in (*api.ROUTERS, *pages.ROUTERS):
        app.include_router(router)
    return app
