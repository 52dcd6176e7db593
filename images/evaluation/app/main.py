"""The evaluation service: ``uvicorn --factory app.main:service``."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI

from appliance.service.monitor import MonitorClient
from appliance.service.settings import Paths, ServiceSettings
from appliance.service.web.app import create_app

from . import api, pages
from .forwarder import Forwarder
from .jobs import Jobs
from .settings import EvaluationSettings


def service() -> FastAPI:
    """The application of this container."""
    paths = Paths.from_environment()
    return build(ServiceSettings.load(paths.settings), paths)


def build(settings: ServiceSettings, paths: Paths) -> FastAPI:
    """The application.

    Raises:
        ApplianceError: a setting is wrong; the message names it.
    """
    own = settings.own(EvaluationSettings, paths.settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        with Forwarder(settings.gateway, paths) as forwarder:
            monitor = MonitorClient(paths.record_socket)
            app.state.jobs = Jobs(settings, own, paths.state / "jobs", forwarder, monitor)
            yield
            await app.state.jobs.close()
            await monitor.close()

    app = create_app(settings, paths, templates=Path(__file__).parent / "templates", lifespan=lifespan)
    app.state.models = own.models
    app.include_router(api.router)
    app.include_router(pages.router)
    return app
