"""Projects as files. Nothing leaves before the log has it."""

import hashlib
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from appliance.markings import joined
from appliance.service.database import Row, database_of
from appliance.service.web.current import monitor_of
from appliance.service.web.middleware import CurrentContext, token_of
from appliance.service.web.responses import not_found
from workbench.exchange import FORMATS, Format, formats_of
from workbench.exchange.record import Given, Project, Record

from .. import work
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
        rows = await reviews.exported(transaction, project)
    kinds = {(row["marking"], tuple(row["groups"])) for row in rows}
    limits = {kind: Marked.of(*kind).restriction for kind in kinds}
    if not all(context.reader.can_receive(limit) for limit in limits.values()):
        count = sum(not context.reader.can_receive(limits[row["marking"], tuple(row["groups"])]) for row in rows)
        detail = {"project": str(project), "rule": "originator.no-decision", "tasks": count}
        await monitor_of(request).record("records.refuse", token_of(request), detail=detail)
        raise not_found()
    chosen = FORMATS[form]
    marking = work.restrictions(request).enclave
    content = await run_in_threadpool(_written, chosen, found, rows, marking.banner)
    await monitor_of(request).record(
        "records.export",
        token_of(request),
        outputs=[f"sha256:{hashlib.sha256(content).hexdigest()}"],
        detail={"project": str(project), "bytes": len(content), "form": form},
        restriction=joined(Marked.under(marking).restriction, *limits.values()),
    )
    portion = "-".join("".join(c if c.isalnum() else " " for c in marking.portion).split())
    disposition = f'attachment; filename="{found["kind"]}-{project}-{portion}.{chosen.suffix}"'
    return Response(content, media_type=chosen.media_type, headers={"Content-Disposition": disposition})


def _written(form: Format, project: Row, rows: list[Row], banner: str) -> bytes:
    described = Project(str(project["id"]), project["name"], banner, project["kind"], project["schema"])
    return "".join(form.write(described, (record_of(row) for row in rows))).encode()


def record_of(row: Row) -> Record:
    """A row of :func:`reviews.exported` as the workbench has it."""
    return Record(
        id=str(row["id"]),
        marking=row["marking"],
        groups=tuple(row["groups"]),
        data=row["data"],
        source=row["source"],
        external_id=row["external_id"],
        answers=tuple(_given(one) for one in row["answers"]),
        adjudication=row["adjudication"],
    )


def _given(one: dict[str, Any]) -> Given:
    return Given(one["annotator"], one["value"], one["created"], one["original"], tuple(one["reviews"]))
