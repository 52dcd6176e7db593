"""The inference service: ``uvicorn --factory app.main:service``."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI

from appliance.contract.evaluation import Model
from appliance.markings import Label
from appliance.service.certificate import Serving, keys_of
from appliance.service.settings import Paths, ServiceSettings
from appliance.service.web.service import Service

from . import api, pages
from .engine import Engine
from .gate import Gate
from .settings import InferenceSettings


@asynccontextmanager
async def _started(app: FastAPI, settings: ServiceSettings, paths: Paths) -> AsyncIterator[None]:
    """Load the model, and judge its certificate once before anybody asks."""
    own = settings.own(InferenceSettings, paths.settings)
    label = Label.decode(settings.label)
    async with Engine(paths.models, own.model, own.in_force(), own.threads, label) as engine:
        serving = Serving(
            model=Model(name=own.model, sha256=engine.sha256),
            engine_image=own.engine_image,
            parameters=engine.parameters.model_dump(mode="json"),
            policy=own.policy,
            site=own.site,
            label=settings.label,
        )
        certificate = paths.models / f"{own.model}.certificate.dsse.json"
        app.state.engine = engine
        app.state.gate = Gate(
            certificate,
            serving,
            keys_of(own.certifiers),
            own.revoked,
            officers=keys_of(own.officers),
            use=own.use,
            demo=own.demo,
        )
        app.state.gate.standing()
        yield


service = Service(Path(__file__).parent, [api.router, pages.router], starts=_started)
