"""The evaluation service: ``uvicorn --factory app.main:service``."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI

from appliance.service.gateway import gateway_client
from appliance.service.settings import Paths, ServiceSettings
from appliance.service.web.service import Service

from . import api, pages
from .asking import SECONDS
from .custody import Custody
from .jobs import Jobs
from .own import api as own_api
from .own import pages as own_pages
from .own.restrictions import Restrictions
from .redteam import api as red_team_api
from .redteam import pages as red_team_pages
from .run import Bench
from .settings import EvaluationSettings
from .store import Store


@asynccontextmanager
async def _started(app: FastAPI, settings: ServiceSettings, paths: Paths) -> AsyncIterator[None]:
    """Find the jobs of before, and lead to the model."""
    evaluated = settings.own(EvaluationSettings, paths.settings)
    app.state.restrictions = Restrictions(settings.marking, settings.vocabulary)
    async with gateway_client(settings.gateway, paths, SECONDS) as client:
        monitor = app.state.monitor
        custody = Custody(paths.state / "exposures.jsonl", monitor)
        bench = Bench(settings, evaluated, client, monitor)
        app.state.gateway = client
        app.state.models = evaluated.models
        jobs = app.state.jobs = Jobs(
            Store(paths.state / "jobs"), bench, custody, app.state.database, app.state.queue, monitor, evaluated.models
        )
        async with jobs.running():
            yield


service = Service(
    Path(__file__).parent,
    [
        api.router,
        own_api.router,
        own_pages.router,
        red_team_api.router,
        red_team_pages.router,
        pages.router,
    ],
    database=True,
    max_body=4 << 20,
    starts=_started,
)
