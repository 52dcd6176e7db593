"""Decision support: ``uvicorn --factory app.main:service``."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI

from appliance.service.jobs import Worker
from appliance.service.jobs.routes import router as jobs
from appliance.service.settings import Paths, ServiceSettings
from appliance.service.web.service import Service

from . import api, pages
from .asking import CLAIM, RESOURCE
from .claiming import claim_with
from .enclave import Enclave

MOST_BODY = 4 << 20
"""Bytes of a request, as the gateway lets them through."""


@asynccontextmanager
async def _starts(app: FastAPI, settings: ServiceSettings, paths: Paths) -> AsyncIterator[None]:
    """Know the enclave, and run the jobs that ask its model."""
    enclave = app.state.enclave = Enclave.of(settings, paths)
    state = app.state
    worker = Worker(state.database, state.queue, state.monitor, {CLAIM: claim_with(enclave)}, resource=RESOURCE)
    async with worker.running():
        yield


service = Service(
    folder=Path(__file__).parent,
    routers=(api.router, *pages.ROUTERS, jobs("decision")),
    database=True,
    max_body=MOST_BODY,
    starts=_starts,
)
