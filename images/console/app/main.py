"""The console: ``uvicorn --factory app.main:service``."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI

from appliance.audit.log.policy import Policy
from appliance.errors import ApplianceError
from appliance.service.settings import Paths, ServiceSettings
from appliance.service.web.service import Service

from . import reviews, views
from .health import Watch
from .index import Index
from .records import Markings
from .searches import Searches
from .settings import ConsoleSettings


@asynccontextmanager
async def _started(app: FastAPI, settings: ServiceSettings, paths: Paths) -> AsyncIterator[None]:
    """Begin to index and to verify the log."""
    own = settings.own(ConsoleSettings, paths.settings)
    index = Index(paths.state / "index.sqlite", own.log)
    policy = Policy.decode(own.policy) if own.policy else None
    watch = Watch(own.log, own.key or _key_of(own.log), index, policy, own.verify_every)
    app.state.console = views.Console(
        own.log,
        index,
        watch,
        Markings(own.markings, settings.vocabulary),
        app.state.monitor,
        Searches(paths.state / "searches.json"),
        key_from_log=own.key is None,
    )
    async with watch.running():
        yield
    index.close()


service = Service(Path(__file__).parent, [views.router, reviews.router], starts=_started)


def _key_of(log: Path) -> str:
    try:
        return (log / "log.vkey").read_text()
    except OSError as error:
        raise ApplianceError(
            f"{log / 'log.vkey'}: cannot be read: {error.strerror}",
            remedy="mount the log's folder, or give the key in the console's settings",
        ) from error
