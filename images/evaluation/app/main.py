"""The evaluation service: ``uvicorn --factory app.main:service``."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI

from appliance.service.app import create_app
from appliance.service.monitor import MonitorClient
from appliance.service.settings import Paths, ServiceSettings

from . import api, pages
from .asking import gateway_client
from .custody import Custody
from .jobs import Jobs
from .run import Bench
from .settings import EvaluationSettings
from .store import Store


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
        async with gateway_client(settings.gateway, paths) as client:
            monitor = MonitorClient(paths.record_socket)
            custody = Custody(paths.state / "exposures.jsonl", monitor)
            bench = Bench(settings, own, client, monitor)
            app.state.jobs = Jobs(Store(paths.state / "jobs"), bench, custody, monitor, own.models)
            yield
            await app.state.jobs.close()
            await monitor.close()

    here = Path(__file__).parent
    app = create_app(settings, paths, templates=here / "templates", assets=here / "assets", lifespan=lifespan)
    app.state.models = own.models
    app.include_router(api.router)
    app.include_router(pages.router)
    return app
