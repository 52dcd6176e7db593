"""Notes: ``uvicorn --factory app.main:service``. One page, one table, one record."""

import hashlib
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from appliance.service.database import CurrentDatabase, Database
from appliance.service.web.current import CurrentContext, CurrentMonitor, CurrentPages, CurrentPublished, CurrentToken
from appliance.service.web.service import Service

NEWEST = "SELECT text, author FROM notes.notes ORDER BY written DESC, id LIMIT 100"
ADD = "INSERT INTO notes.notes (label_id, text) VALUES (appliance.label_id(%s), %s)"
Text = Annotated[str, Form(min_length=1, max_length=2000, pattern=r"^[^\x00]*$")]
router = APIRouter(prefix="/notes")


@router.get("/")
async def page(request: Request, database: CurrentDatabase, pages: CurrentPages) -> Response:
    """The newest notes, and a form for another."""
    return pages.render(request, "notes.html", notes=await _newest(request, database), writable=True)


@router.get("/api/notes")
async def notes(request: Request, database: CurrentDatabase) -> dict[str, Any]:
    """The newest notes."""
    return {"notes": await _newest(request, database)}


@router.post("/")
async def add(  # each is asked for by its type
    request: Request,
    context: CurrentContext,
    token: CurrentToken,
    database: CurrentDatabase,
    monitor: CurrentMonitor,
    published: CurrentPublished,
    text: Text,
) -> Response:
    """Keep a note, once it is recorded."""
    async with database.transaction(request, [context.label]) as transaction:
        await transaction.execute(ADD, [context.label, text])
        # Inside the transaction: without a durable record the note is rolled back.
        digest = hashlib.sha256(text.encode()).hexdigest()
        await monitor.record("notes.create", token, outputs=[f"sha256:{digest}"])
    # For readers at higher levels, whose requests never come here.
    await published.page("/notes/", "notes.html", notes=await _newest(request, database), writable=False)
    return RedirectResponse("/notes/", 303)


async def _newest(request: Request, database: Database) -> list[dict[str, Any]]:
    async with database.transaction(request, writes=False) as transaction:  # a request writes in one transaction
        return await (await transaction.execute(NEWEST)).fetchall()


service = Service(Path(__file__).parent, [router], database=True)
