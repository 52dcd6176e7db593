"""The inference service: ``uvicorn --factory app.main:service``."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI

from appliance.service.certificate import Model, Serving, keys_of
from appliance.service.monitor import MonitorClient
from appliance.service.settings import Paths, ServiceSettings
from appliance.service.web.app import create_app

from . import api, pages
from .engine import Engine
from .gate import Gate
from .settings import InferenceSettings

HERE = Path(__file__).parent


def service() -> FastAPI:
    """The application of this container."""
    paths = Paths.from_environment()
    return build(ServiceSettings.load(paths.settings), paths)


def build(settings: ServiceSettings, paths: Paths) -> FastAPI:
    """The application; the model is loaded when it starts.

    Raises:
        ApplianceError: a setting is wrong; the message names it.
    """
    own = settings.own(InferenceSettings, paths.settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with Engine(paths.models / f"{own.model}.gguf", own.model, own.parameters, own.threads) as engine:
            serving = Serving(
                model=Model(name=own.model, sha256=engine.sha256),
                engine_image=own.engine_image,
                parameters=own.parameters.model_dump(),
                policy=own.policy,
                site=own.site,
                label=settings.label,
            )
            app.state.engine = engine
            app.state.monitor = MonitorClient(paths.record_socket)
            certificate = paths.models / f"{own.model}.certificate.dsse.json"
            app.state.gate = Gate(certificate, serving, keys_of(own.certifiers), own.revoked)
            app.state.gate.standing()
            yield
            await app.state.monitor.close()

    app = create_app(settings, paths, templates=HERE / "templates", assets=HERE / "assets", lifespan=lifespan)
    app.include_router(api.router)
    app.include_router(pages.router)
    return app
