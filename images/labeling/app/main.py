"""The labeling service: ``uvicorn --factory app.main:service``."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI

from appliance.service.settings import Paths, ServiceSettings
from appliance.service.web.service import Service

from . import api, pages
from .files import FILES
from .publication import Publication
from .restrictions import Restrictions


@asynccontextmanager
async def _starts(app: FastAPI, settings: ServiceSettings, _paths: Paths) -> AsyncIterator[None]:
    app.state.restrictions = Restrictions(settings.marking, settings.vocabulary)
    app.state.publication = Publication(app.state.published, app.state.database)
    yield


service = Service(
    folder=Path(__file__).parent,
    routers=(*api.ROUTERS, *pages.ROUTERS),
    database=True,
    max_body=4 << 20,
    files=FILES,
    starts=_starts,
)
build = service.build
