"""Notes: ``uvicorn --factory app.main:service``. One page, one table, two records, one job."""

import hashlib
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from appliance.service.database import CurrentDatabase, Database
from appliance.service.jobs import CurrentQueue, Work
from appliance.service.web.current import CurrentContext, CurrentMonitor, CurrentPages, CurrentPublished, CurrentToken
from appliance.service.web.service import Service

NEWEST = "SELECT text, author FROM notes.notes ORDER BY written DESC, id LIMIT 100"
ALL = "SELECT text FROM notes.notes"
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


@router.post("/counts")
async def start_count(request: Request, queue: CurrentQueue) -> Response:
    """Have the words of all notes counted, and show how far that is."""
    await queue.submit(request, "count", {"unit": "words"})
    return RedirectResponse("/notes/jobs", 303)


async def count(work: Work) -> None:
    """Count the words of all notes that the person of the job may read."""
    async with work.transaction(writes=False) as transaction:
        notes = await (await transaction.execute(ALL)).fetchall()
    for number, note in enumerate(notes, 1):
        work.check()
        work.result["words"] = work.result.get("words", 0) + len(note["text"].split())
        work.progress(number, len(notes))
    digest = hashlib.sha256(str(work.result.get("words", 0)).encode()).hexdigest()
    await work.record("notes.count", outputs=[f"sha256:{digest}"])


service = Service(Path(__file__).parent, [router], database=True, jobs={"count": count})
