"""The tuning service: ``uvicorn --factory app.main:service``."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI

from appliance.service.gateway import gateway_client
from appliance.service.jobs import Work
from appliance.service.jobs.routes import router as jobs
from appliance.service.jobs.worker import Worker
from appliance.service.objects import Volume
from appliance.service.settings import Paths, ServiceSettings
from appliance.service.web.service import RESOURCE, Service

from . import api, pages
from .foundry import SECONDS, Foundry
from .planning import Base
from .settings import TuningSettings
from .work import KIND, Tuner


@asynccontextmanager
async def _starts(app: FastAPI, settings: ServiceSettings, paths: Paths) -> AsyncIterator[None]:
    """Read the base, lead to labeling, and take up runs that were killed."""
    own = settings.own(TuningSettings, paths.settings)
    async with gateway_client(settings.gateway, paths, SECONDS) as client:
        base = Base.read(paths.models, own.models[0], settings)
        foundry = Foundry(client, settings.label)
        app.state.own, app.state.base, app.state.foundry = own, base, foundry
        app.state.volume = Volume(paths.state / "files")
        tuner = app.state.tuner = Tuner(base, foundry, paths.state)

        async def tune(work: Work) -> None:
            await tuner(work)

        worker = Worker(app.state.database, app.state.queue, app.state.monitor, {KIND: tune}, resource=RESOURCE)
        async with worker.running():
            yield


service = Service(Path(__file__).parent, [api.router, pages.router, jobs("tuning")], database=True, starts=_starts)
