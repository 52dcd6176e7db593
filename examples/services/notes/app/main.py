"""Notes: ``uvicorn --factory app.main:service``. One page, one table, one record."""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, Form, Request, Response
from fastapi.responses import RedirectResponse

from appliance.service.database import Database
from appliance.service.monitor import MonitorClient
from appliance.service.settings import Paths, ServiceSettings
from appliance.service.web.app import create_app
from appliance.service.web.middleware import CurrentContext, CurrentToken

HERE = Path(__file__).parent
NEWEST = "SELECT text, author FROM notes.notes ORDER BY written DESC, id LIMIT 100"
ADD = "INSERT INTO notes.notes (label_id, text) VALUES (appliance.label_id(%s), %s)"
Text = Annotated[str, Form(min_length=1, max_length=2000, pattern=r"^[^\x00]*$")]
router = APIRouter(prefix="/notes")


def service() -> FastAPI:
    """The application of this container."""
    paths = Paths.from_environment()
    return build(ServiceSettings.load(paths.settings), paths)


def build(settings: ServiceSettings, paths: Paths) -> FastAPI:
    """The application."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.monitor = MonitorClient(paths.record_socket)
        yield
        await app.state.database.close()
        await app.state.monitor.close()

    app = create_app(settings, paths, templates=HERE / "templates", lifespan=lifespan)
    app.state.database = Database(paths.database, settings.service)
    app.include_router(router)
    return app


@router.get("/")
async def page(request: Request, context: CurrentContext) -> Response:
    """The newest notes, and a form for those who work at this level."""
    writable = context.working == context.label
    response: Response = request.app.state.pages.render(
        request, "notes.html", notes=await _newest(request), writable=writable
    )
    return response


@router.get("/api/notes")
async def notes(request: Request) -> dict[str, Any]:
    """The newest notes."""
    return {"notes": await _newest(request)}


@router.post("/")
async def add(request: Request, context: CurrentContext, token: CurrentToken, text: Text) -> Response:
    """Keep a note, once it is recorded."""
    database: Database = request.app.state.database
    async with database.transaction(request, [context.label]) as transaction:
        await transaction.execute(ADD, [context.label, text])
        # Inside the transaction: without a durable record the note is rolled back.
        digest = hashlib.sha256(text.encode()).hexdigest()
        await request.app.state.monitor.record("notes.create", token, outputs=[f"sha256:{digest}"])
    return RedirectResponse("/notes/", 303)


async def _newest(request: Request) -> list[dict[str, Any]]:
    database: Database = request.app.state.database
    async with database.transaction(request) as transaction:
        return await (await transaction.execute(NEWEST)).fetchall()
