"""The pages below ``/tuning/``: begin with a version, plan, watch, compare, look up, trace both ways, withdraw."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import ValidationError

from appliance.errors import ApplianceError, first_finding
from appliance.service.database import Row, database_of
from appliance.service.jobs import CurrentQueue
from appliance.service.web.current import pages_of
from appliance.service.web.middleware import context_of
from workbench.tuning.states import LOADABLE, NEXT

from . import chart, planning, registry, work
from .api import Sha256
from .store import adapters, lineage, runs, versions

router = APIRouter(prefix="/tuning")
FIELDS = ("epochs", "batch", "length", "rank", "alpha", "learning_rate", "warmup", "patience", "beta", "seed")


@router.get("/")
async def index(request: Request) -> Response:
    """Where a run begins, and the newest runs."""
    return await _index(request)


@router.post("/versions")
async def take(request: Request, project: Annotated[str, Form()], version: Annotated[str, Form()]) -> Response:
    """Read a version and show what a run over it would take, or say why none can be."""
    named, digest = registry.identifier(project.strip()), version.strip().removeprefix("sha256:")
    if named is None or len(digest) != 64:
        return await _index(request, ApplianceError("choose a project and one of its versions"))
    try:
        await planning.take(request, named, digest)
    except ApplianceError as error:
        return await _index(request, error)
    return RedirectResponse(f"/tuning/versions/{digest}", 303)


@router.get("/versions/{version}")
async def plan(request: Request, version: Sha256) -> Response:
    """What a run over a version would take, with the defaults."""
    return await _plan(request, version, {})


@router.post("/versions/{version}")
async def plan_again(request: Request, version: Sha256) -> Response:
    """The same with what was filled in."""
    return await _plan(request, version, await _filled(request))


@router.post("/versions/{version}/runs")
async def start(request: Request, version: Sha256) -> Response:
    """Start a run, or say why not and keep what was filled in."""
    values = await _filled(request)
    try:
        found = await planning.show(request, version)
        named = values.get("name", "").strip() or found["name"]
        wanted = planning.suited(found, {name: value for name, value in values.items() if name != "name"})
        run = await work.start(request, version, named[:100], wanted)
    except ApplianceError as error:
        return await _plan(request, version, values, error)
    return RedirectResponse(f"/tuning/runs/{run}", 303)


@router.get("/runs/{run}")
async def show_run(request: Request, queue: CurrentQueue, run: UUID) -> Response:
    """One run; while it goes on, the page renews its curve."""
    async with database_of(request).transaction(request) as transaction:
        found = await runs.run(transaction, run)
    job = await queue.get(request, run)
    others = [one for one in await _runs(request) if one["id"] != run][:5]
    return _render(request, "run.html", run=found, job=job, others=others, chart=chart)


@router.post("/runs/{run}/cancel")
async def cancel(request: Request, queue: CurrentQueue, run: UUID) -> Response:
    """Cancel a run: one that waits ends now, one that learns ends soon."""
    await queue.cancel(request, run)
    return RedirectResponse(f"/tuning/runs/{run}", 303)


@router.get("/compare/{first}/{second}")
async def compare(request: Request, first: UUID, second: UUID) -> Response:
    """Two runs side by side: their data, their settings, their results."""
    async with database_of(request).transaction(request) as transaction:
        pair = [await runs.run(transaction, one) for one in (first, second)]
    return _render(request, "compare.html", pair=pair, chart=chart)


@router.get("/adapters")
async def show_registry(request: Request) -> Response:
    """The registry."""
    async with database_of(request).transaction(request) as transaction:
        found = await adapters.newest(transaction)
    return _render(request, "registry.html", adapters=found)


@router.get("/adapters/{sha256}")
async def show_adapter(request: Request, sha256: Sha256) -> Response:
    """One adapter: where it comes from, what became of it, what can be done."""
    return await _adapter(request, sha256)


@router.get("/adapters/{sha256}/records/{record}")
async def show_records(request: Request, sha256: Sha256, record: UUID) -> Response:
    """A page of the records that stand behind an adapter."""
    async with database_of(request).transaction(request) as transaction:
        one = await adapters.adapter(transaction, sha256)
        behind = await lineage.behind(transaction, one, record)
    return _render(request, "records.html", one=one, behind=behind, more=len(behind) == lineage.PAGE)


@router.post("/adapters/{sha256}/state")
async def change(
    request: Request, sha256: Sha256, state: Annotated[str, Form()], reason: Annotated[str, Form()] = ""
) -> Response:
    """Change an adapter's state."""
    try:
        await registry.change(request, sha256, registry.Change.model_validate({"state": state, "reason": reason}))
    except ValidationError as error:
        return await _adapter(request, sha256, ApplianceError(first_finding(error)))
    except ApplianceError as error:
        return await _adapter(request, sha256, error)
    return RedirectResponse(f"/tuning/adapters/{sha256}", 303)


@router.get("/lineage")
async def show_lineage(request: Request) -> Response:
    """Where a record or a version went: a form."""
    return _render(request, "lineage.html", name="", found=None, problem=None)


@router.get("/lineage/{name}")
async def trace(request: Request, name: str) -> Response:
    """The adapters that descend from a record or a version."""
    return await _trace(request, name)


@router.post("/lineage")
async def find(name: Annotated[str, Form()]) -> Response:
    """To the page of a name, if it is one."""
    known = name.strip().removeprefix("sha256:")
    plain = len(known) <= 64 and known.replace("-", "").isalnum() and known.isascii()
    return RedirectResponse(f"/tuning/lineage/{known}" if plain else "/tuning/lineage", 303)


@router.post("/purges")
async def purge(request: Request, name: Annotated[str, Form()], reason: Annotated[str, Form()] = "") -> Response:
    """Suspend what descends from a record or a version."""
    try:
        await registry.purge(request, registry.Purge.model_validate({"name": name.strip(), "reason": reason}))
    except ValidationError as error:
        return await _trace(request, name, ApplianceError(first_finding(error)))
    return RedirectResponse(f"/tuning/lineage/{name.strip().removeprefix('sha256:')}", 303)


async def _filled(request: Request) -> dict[str, str]:
    form = await request.form()
    return {name: str(form[name]) for name in (*FIELDS, "name") if form.get(name)}


async def _runs(request: Request) -> list[Row]:
    async with database_of(request).transaction(request, writes=False) as transaction:
        return await runs.newest(transaction)


async def _index(request: Request, problem: ApplianceError | None = None) -> Response:
    async with database_of(request).transaction(request, writes=False) as transaction:
        known = await versions.newest(transaction)
        found = await runs.newest(transaction)
    states = {job.id: job for job in await request.app.state.queue.newest(request)}
    return _render(request, "index.html", versions=known, runs=found, jobs=states, problem=problem)


async def _plan(
    request: Request, version: str, values: dict[str, str], problem: ApplianceError | None = None
) -> Response:
    found = await planning.show(request, version)
    wanted = planning.suited(found, {})
    try:
        wanted = planning.suited(found, {name: value for name, value in values.items() if name != "name"})
    except ApplianceError as error:
        problem = problem or error
    plan = await planning.planned(request, found, wanted)
    name = values.get("name") or f"{found['project_name']}, {found['name']}"[:100]
    filled = wanted.model_dump() | values
    return _render(request, "plan.html", version=found, plan=plan, filled=filled, name=name, problem=problem)


async def _adapter(request: Request, sha256: str, problem: ApplianceError | None = None) -> Response:
    async with database_of(request).transaction(request, writes=False) as transaction:
        one = await adapters.adapter(transaction, sha256)
        events = await adapters.events(transaction, one)
        samples = await lineage.samples(transaction, one)
    ways = [state for state in NEXT[one["state"]] if state != "certified" or one["state"] == "serving"]
    return _render(
        request, "adapter.html", one=one, events=events, samples=samples, ways=ways, problem=problem,
        leaves=one["state"] in LOADABLE,
    )  # fmt: skip


async def _trace(request: Request, name: str, problem: ApplianceError | None = None) -> Response:
    known = name.strip().removeprefix("sha256:")
    record = registry.identifier(known) if len(known) == 36 else None
    async with database_of(request).transaction(request, writes=False) as transaction:
        if record:
            found = await lineage.from_record(transaction, record)
        else:
            found = await lineage.from_version(transaction, known)
    return _render(request, "lineage.html", name=known, found=found, problem=problem)


def _render(request: Request, template: str, **values: Any) -> Response:
    context = context_of(request)
    given = {"problem": None, "writable": context.working == context.label} | values
    return pages_of(request).render(request, template, **given)
