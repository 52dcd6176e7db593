"""The JSON interface below ``/tuning/api/``."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from appliance.service.database import Row, database_of
from appliance.service.web.current import CurrentContext

from . import planning, registry, work
from .card import make_mlbom
from .store import adapters, lineage, runs, versions

router = APIRouter(prefix="/tuning/api")
Sha256 = Annotated[str, Path(pattern="^[0-9a-f]{64}$")]
HIDDEN = {"key", "restriction_id", "label_id", "object", "checkpoint"}
"""Of a row, what stays here."""


class Named(BaseModel):
    """A version of labeling."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    project: UUID
    version: Annotated[str, Field(pattern="^(sha256:)?[0-9a-f]{64}$")]


class NewRun(BaseModel):
    """A run that is asked for."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00]*$")]
    configuration: dict[str, Any] = {}


def shown(row: Row) -> dict[str, Any]:
    """A row as it leaves."""
    return {name: value for name, value in row.items() if name not in HIDDEN}


@router.get("/versions")
async def list_versions(request: Request) -> dict[str, Any]:
    """The versions that were read."""
    async with database_of(request).transaction(request) as transaction:
        return {"versions": [shown(one) for one in await versions.newest(transaction)]}


@router.post("/versions", status_code=201)
async def take_version(request: Request, named: Named) -> dict[str, Any]:
    """Read and judge a version of labeling; afterwards a run over it can be planned."""
    return {"version": await planning.take(request, named.project, named.version.removeprefix("sha256:"))}


@router.post("/versions/{version}/plan")
async def show_plan(request: Request, version: Sha256, wanted: dict[str, Any]) -> dict[str, Any]:
    """What a run with this configuration would take."""
    found = await planning.show(request, version)
    configuration = planning.suited(found, wanted)
    plan = await planning.planned(request, found, configuration)
    return {"configuration": configuration.model_dump(mode="json"), "plan": plan.model_dump(mode="json")}


@router.post("/versions/{version}/runs", status_code=201)
async def start_run(request: Request, version: Sha256, new: NewRun) -> dict[str, Any]:
    """Start a run."""
    found = await planning.show(request, version)
    wanted = planning.suited(found, new.configuration)
    return {"run": str(await work.start(request, version, new.name, wanted))}


@router.get("/runs")
async def list_runs(request: Request) -> dict[str, Any]:
    """The newest runs."""
    async with database_of(request).transaction(request) as transaction:
        return {"runs": [shown(one) for one in await runs.newest(transaction)]}


@router.get("/runs/{run}")
async def show_run(request: Request, run: UUID) -> dict[str, Any]:
    """One run with its curve."""
    async with database_of(request).transaction(request) as transaction:
        return shown(await runs.run(transaction, run))


@router.get("/adapters")
async def list_adapters(request: Request) -> dict[str, Any]:
    """The registry."""
    async with database_of(request).transaction(request) as transaction:
        return {"adapters": [shown(one) for one in await adapters.newest(transaction)]}


@router.get("/adapters/{sha256}")
async def show_adapter(request: Request, sha256: Sha256) -> dict[str, Any]:
    """One adapter, with what became of it."""
    async with database_of(request).transaction(request) as transaction:
        one = await adapters.adapter(transaction, sha256)
        return shown(one) | {"events": await adapters.events(transaction, one)}


@router.get("/adapters/{sha256}/mlbom")
async def show_mlbom(request: Request, sha256: Sha256) -> dict[str, Any]:
    """Its bill of materials (CycloneDX 1.6)."""
    async with database_of(request).transaction(request) as transaction:
        one = await adapters.adapter(transaction, sha256)
    return make_mlbom(one["card"], one["created"])


@router.get("/adapters/{sha256}/records/after/{record}")
async def records_behind(request: Request, sha256: Sha256, record: UUID) -> dict[str, Any]:
    """A page of the records that stand behind an adapter, those after ``record`` (begin with zeros)."""
    async with database_of(request).transaction(request) as transaction:
        one = await adapters.adapter(transaction, sha256)
        return {"records": await lineage.behind(transaction, one, record)}


@router.get("/descendants/{name}")
async def descendants(request: Request, name: str) -> dict[str, Any]:
    """The adapters that descend from a record (its identifier) or a version (its digest)."""
    async with database_of(request).transaction(request) as transaction:
        record = registry.identifier(name) if len(name) == 36 else None
        found = lineage.from_record(transaction, record) if record else lineage.from_version(transaction, name)
        return {"adapters": await found}


@router.post("/adapters/{sha256}/state")
async def change_state(request: Request, sha256: Sha256, wanted: registry.Change) -> dict[str, Any]:
    """Bring an adapter to another state."""
    await registry.change(request, sha256, wanted)
    return {"state": wanted.state}


@router.post("/adapters/{sha256}/certificate", status_code=201)
async def enter_certificate(request: Request, sha256: Sha256) -> dict[str, Any]:
    """Enter the certificate of an adapter (the DSSE envelope that ``appliance model certify`` made)."""
    await registry.certify(request, sha256, await request.body())
    return {"state": "certified"}


@router.post("/purges", status_code=201)
async def purge(request: Request, wanted: registry.Purge) -> dict[str, Any]:
    """Suspend every adapter that descends from a record or a version."""
    await registry.purge(request, wanted)
    return {"purged": wanted.name}


@router.get("/adapters/{sha256}/file")
async def export_file(request: Request, context: CurrentContext, sha256: Sha256) -> Response:
    """The file of an adapter."""
    one, data = await registry.file_of(request, context, sha256)
    headers = {"Content-Disposition": f'attachment; filename="{sha256[:16]}.gguf"', "X-Restriction": one["restriction"]}
    return Response(data, media_type="application/octet-stream", headers=headers)
