"""Projects as files. Nothing leaves before the log has it."""

import hashlib
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from appliance.markings import Restriction, joined
from appliance.service.database import Row, database_of
from appliance.service.web.current import monitor_of
from appliance.service.web.middleware import CurrentContext, token_of
from appliance.service.web.responses import not_found
from workbench.exchange import FORMATS, Format, formats_of
from workbench.exchange.record import Project

from .. import work
from ..checks import record_of
from ..restrictions import Marked
from ..store import projects, reviews

router = APIRouter(prefix="/labeling/api")


@router.get("/export/{project}")
async def export(request: Request, context: CurrentContext, project: UUID) -> Response:
    """All tasks with all answers as JSON lines, each with its marking."""
    return await _export(request, context, project, "jsonl")


@router.get("/export/{project}/{form}")
async def export_as(request: Request, context: CurrentContext, project: UUID, form: str) -> Response:
    """The same in another format: label-studio, preference, conll or coco, as the kind of the project allows."""
    return await _export(request, context, project, form)


async def _export(request: Request, context: CurrentContext, project: UUID, form: str) -> Response:
    """What leaves, once its originators agreed: the monitor knows their decisions, the records their markings.

    Raises:
        HTTPException: 404: a task is under ORCON and no recorded decision covers this reader and path.
    """
    async with database_of(request).transaction(request) as transaction:
        found = await projects.project(transaction, project)
        if form not in formats_of(found["kind"]):
            raise not_found()
        rows = await reviews.exported(transaction, found)
    kinds = {(row["marking"], tuple(row["groups"])) for row in rows}
    limits = {kind: Marked.of(*kind).restriction for kind in kinds}
    if not all(context.reader.can_receive(limit) for limit in limits.values()):
        count = sum(not context.reader.can_receive(limits[row["marking"], tuple(row["groups"])]) for row in rows)
        detail = {"project": str(project), "rule": "originator.no-decision", "tasks": count}
        await monitor_of(request).record("records.refuse", token_of(request), detail=detail)
        raise not_found()
    chosen = FORMATS[form]
    content = await run_in_threadpool(_written, chosen, found, rows, work.restrictions(request).enclave.banner)
    limit = joined(work.restrictions(request).restriction, *limits.values())
    return await leave(request, found, content, chosen, limit, {"form": form})


async def leave(
    request: Request, project: Row, content: bytes, form: Format, limit: Restriction, detail: dict[str, Any]
) -> Response:
    """A file, once the log has its digest and what limits who may have it."""
    await monitor_of(request).record(
        "records.export",
        token_of(request),
        outputs=[f"sha256:{hashlib.sha256(content).hexdigest()}"],
        detail={"project": str(project["id"]), "bytes": len(content)} | detail,
        restriction=limit,
    )
    marking = work.restrictions(request).enclave
    portion = "-".join("".join(c if c.isalnum() else " " for c in marking.portion).split())
    disposition = f'attachment; filename="{project["kind"]}-{project["id"]}-{portion}.{form.suffix}"'
    return Response(content, media_type=form.media_type, headers={"Content-Disposition": disposition})


def _written(form: Format, project: Row, rows: list[Row], banner: str) -> bytes:
    described = Project(str(project["id"]), project["name"], banner, project["kind"], project["schema"])
    return "".join(form.write(described, (record_of(row) for row in rows))).encode()
