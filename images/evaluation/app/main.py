"""The evaluation service: ``uvicorn --factory app.main:service``."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI

from appliance.service.settings import Paths, ServiceSettings
from appliance.service.web.service import Service

from . import api, pages
from .asking import gateway_client
from .custody import Custody
from .jobs import Jobs
from .run import Bench
from .settings import EvaluationSettings
from .store import Store


@asynccontextmanager
async def _started(app: FastAPI, settings: ServiceSettings, paths: Paths) -> AsyncIterator[None]:
    """Find the jobs of before, and lead to the model."""
    own = settings.own(EvaluationSettings, paths.settings)
    async with gateway_client(settings.gateway, paths) as client:
        monitor = app.state.monitor
        custody = Custody(paths.state / "exposures.jsonl", monitor)
        bench = Bench(settings, own, client, monitor)
        app.state.models = own.models
        jobs = app.state.jobs = Jobs(
            Store(paths.state / "jobs"), bench, custody, app.state.database, app.state.queue, monitor, own.models
        )
        async with jobs.running():
            yield


service = Service(Path(__file__).parent, [api.router, pages.router], database=True, starts=_started)
