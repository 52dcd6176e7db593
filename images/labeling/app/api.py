"""The JSON interface below ``/labeling/api/``."""

import hashlib
import json
from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Request, Response

from appliance.markings import parse
from appliance.service.database import Database, Row
from appliance.service.monitor import MonitorClient
from appliance.service.web.middleware import CurrentContext, token_of
from appliance.service.web.responses import MarkedJSONResponse, not_found

from . import records
from .models import LabelStudioTask, NewPreference, NewProject, NewTask, NewTasks, Upgrade
from .publication import Publication

router = APIRouter(prefix="/labeling/api")
ORCON = frozenset({"OC", "OC-USGOV"})
NAMED = 500  # identifiers in one record of the log, which takes 64 KiB
Page = Annotated[int, Path(ge=1, le=1_000_000)]


def database(request: Request) -> Database:
    """The enclave's database."""
    found: Database = request.app.state.database
    return found


def portions(request: Request) -> records.Portions:
    """The markings that records may carry here."""
    found: records.Portions = request.app.state.portions
    return found


def _monitor(request: Request) -> MonitorClient:
    """The way to the log."""
    found: MonitorClient = request.app.state.monitor
    return found


def publication(request: Request) -> Publication:
    """What is published for sessions at higher levels."""
    found: Publication = request.app.state.publication
    return found


@router.get("/projects")
async def list_projects(request: Request) -> dict[str, Any]:
    """All projects that the reader may know of."""
    async with database(request).transaction(request) as transaction:
        found = {"projects": await records.projects(transaction)}
    await publication(request).looked_at(request)
    return found


@router.post("/projects", status_code=201)
async def add_project(request: Request, context: CurrentContext, new: NewProject) -> Row:
    """Add a project."""
    label, portion = portions(request).of(new.marking, "marking")
    async with database(request).transaction(request, [label]) as transaction:
        made = await records.add_project(transaction, new, label, portion, context.groups)
    await publication(request).added(request, made["id"])
    return made


@router.get("/projects/{project}")
async def show_project(request: Request, project: UUID) -> Row:
    """One project."""
    async with database(request).transaction(request) as transaction:
        found = await records.project(transaction, project)
    await publication(request).looked_at(request, project)
    return found


@router.get("/projects/{project}/tasks/{page}")
async def list_tasks(request: Request, project: UUID, page: Page) -> dict[str, Any]:
    """One page of a project's tasks; the page is in the path because it is published for readers at higher levels."""
    async with database(request).transaction(request) as transaction:
        return {"tasks": await records.tasks(transaction, project, page), "page": page, "size": records.PAGE}


@router.post("/projects/{project}/tasks", status_code=201)
async def add_tasks(request: Request, project: UUID, new: NewTasks) -> dict[str, Any]:
    """Add tasks."""
    return {"tasks": await _add_tasks(request, project, new.tasks)}


@router.post("/projects/{project}/label-studio", status_code=201)
async def import_label_studio(request: Request, project: UUID, tasks: list[LabelStudioTask]) -> dict[str, Any]:
    """Add tasks from Label Studio's JSON."""
    return {"tasks": await _add_tasks(request, project, [task.as_task() for task in tasks])}


@router.post("/projects/{project}/upgrades", status_code=201)
async def upgrade(request: Request, project: UUID, new: Upgrade) -> dict[str, str]:
    """Copy a task up that was read in a lower enclave: here it has the enclave's marking, and the log both digests.

    Nothing goes back down: reading below was a GET, and this writes at the level of the session alone.
    """
    here = portions(request)
    here.above(new.task.marking, "task.marking")
    source = {
        "enclave": new.enclave,
        "task": str(new.task.id),
        "marking": new.task.marking,
        "digest": new.task.digest(),
    }
    copy = NewTask(
        prompt=new.task.prompt, answers=(new.task.answer_a, new.task.answer_b), source={"upgraded_from": source}
    )
    marking = here.of(None, "marking")
    async with database(request).transaction(request, [marking[0]]) as transaction:
        (task,) = await records.add_tasks(transaction, project, [copy], [marking])
        written = new.task.model_copy(update={"id": UUID(task), "project": project, "marking": marking[1]})
        # Inside the transaction: without a durable record it is rolled back.
        await _monitor(request).record(
            "record.upgrade",
            token_of(request),
            inputs=[source["digest"]],
            outputs=[written.digest()],
            detail={
                "from": f"{new.enclave}/{new.task.id}",
                "to": task,
                "project": str(project),
            },
        )
    await publication(request).added(request, project, [task])
    return {"id": task, "marking": marking[1], "digest": written.digest()}


@router.get("/projects/{project}/next")
async def next_task(request: Request, project: UUID) -> dict[str, Any]:
    """The first task that the reader has not done; null when all are done."""
    async with database(request).transaction(request) as transaction:
        await records.project(transaction, project)
        return {"task": await records.next_task(transaction, project)}


@router.get("/tasks/{task}")
async def show_task(request: Request, task: UUID) -> Row:
    """One task with the reader's own choice."""
    async with database(request).transaction(request) as transaction:
        return await records.task(transaction, task)


@router.post("/tasks/{task}/preferences", status_code=201)
async def add_preference(request: Request, task: UUID, new: NewPreference) -> Row:
    """Choose an answer; once for each annotator and task."""
    async with database(request).transaction(request) as transaction:
        return await records.add_preference(transaction, task, new.choice)


@router.get("/export/{project}")
async def export(request: Request, context: CurrentContext, project: UUID) -> Response:
    """All tasks with all preferences as JSON lines, each with its marking."""
    rows = await _exported(request, context, project)
    lines = "".join(json.dumps(_line(row), ensure_ascii=False, default=str) + "\n" for row in rows)
    return await _download(request, project, lines.encode(), "jsonl", "application/jsonl")


@router.get("/export/{project}/label-studio")
async def export_label_studio(request: Request, context: CurrentContext, project: UUID) -> Response:
    """The same in Label Studio's JSON."""
    rows = await _exported(request, context, project)
    content = json.dumps([_label_studio(row) for row in rows], ensure_ascii=False, default=str).encode()
    return await _download(request, project, content, "json", MarkedJSONResponse.media_type)


async def _add_tasks(request: Request, project: UUID, new: Sequence[NewTask]) -> list[str]:
    markings = [portions(request).of(task.marking, f"tasks.{number}.marking") for number, task in enumerate(new)]
    async with database(request).transaction(request, {label for label, _ in markings}) as transaction:
        added = await records.add_tasks(transaction, project, new, markings)
        # The log learns which project holds which tasks: what a trace of a spill goes by. Without it, a roll-back.
        for start in range(0, len(added), NAMED):
            named = added[start : start + NAMED]
            detail = {"project": str(project), "tasks": named}
            await _monitor(request).record("records.create", token_of(request), detail=detail)
    await publication(request).added(request, project, added)
    return added


async def _exported(request: Request, context: CurrentContext, project: UUID) -> list[Row]:
    """What leaves, once its originators agreed: the monitor knows their decisions, the records their markings.

    Raises:
        HTTPException: 404: a task is under ORCON and no recorded decision covers this reader and path.
    """
    async with database(request).transaction(request) as transaction:
        rows = await records.exported(transaction, project)
    controlled = [str(row["id"]) for row in rows if not ORCON.isdisjoint(parse(row["marking"]).obligations)]
    if controlled and context.originator_decision is None:
        detail = {"project": str(project), "rule": "originator.no-decision"}
        await _monitor(request).record("records.refuse", token_of(request), detail=detail | {"tasks": len(controlled)})
        raise not_found()
    return rows


async def _download(request: Request, project: UUID, content: bytes, suffix: str, media_type: str) -> Response:
    await _monitor(request).record(
        "records.export",
        token_of(request),
        outputs=[f"sha256:{hashlib.sha256(content).hexdigest()}"],
        detail={"project": str(project), "bytes": len(content)},
    )
    marking = "-".join("".join(c if c.isalnum() else " " for c in portions(request).enclave.portion).split())
    disposition = f'attachment; filename="preferences-{project}-{marking}.{suffix}"'
    return Response(content, media_type=media_type, headers={"Content-Disposition": disposition})


def _line(row: Row) -> dict[str, Any]:
    return {
        "id": row["id"],
        "project": row["project"],
        "marking": row["marking"],
        "prompt": row["prompt"],
        "answers": [row["answer_a"], row["answer_b"]],
        "source": row["source"],
        "preferences": row["preferences"],
    }


def _label_studio(row: Row) -> dict[str, Any]:
    def result(choice: str) -> dict[str, Any]:
        if choice == "tie":
            return {"from_name": "tie", "to_name": "prompt", "type": "choices", "value": {"choices": ["tie"]}}
        selected = {"a": "left", "b": "right"}[choice]
        return {"from_name": "preference", "to_name": "answer1", "type": "pairwise", "value": {"selected": selected}}

    return {
        "id": row["id"],
        "data": {
            "prompt": row["prompt"],
            "answer1": row["answer_a"],
            "answer2": row["answer_b"],
            "marking": row["marking"],
        },
        "annotations": [
            {"completed_by": given["annotator"], "created_at": given["created"], "result": [result(given["choice"])]}
            for given in row["preferences"]
        ],
    }
