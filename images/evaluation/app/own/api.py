"""The JSON interface of packs and suites of the site."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request

from appliance.service.database import CurrentDatabase
from appliance.service.web.responses import not_found
from workbench.evaluation import suites

from ..jobs import Jobs
from . import store, work
from .model import NewSuite, OwnSuite, Pack, PackUpload

router = APIRouter(prefix="/evaluation/api")


@router.get("/packs")
async def list_packs(request: Request, database: CurrentDatabase) -> dict[str, Any]:
    """The newest packs that the reader may know of."""
    async with database.transaction(request) as transaction:
        return {"packs": [_shown(one) for one in await store.packs(transaction)]}


@router.post("/packs", status_code=201)
async def add_pack(request: Request, new: PackUpload) -> dict[str, Any]:
    """Add a pack; a name that is here already gets its next version."""
    return _shown(await work.add_pack(request, new, new.items.encode(), new.file))


@router.get("/packs/{pack}")
async def show_pack(request: Request, pack: UUID, database: CurrentDatabase) -> dict[str, Any]:
    """One pack with its card."""
    async with database.transaction(request) as transaction:
        found = await store.pack(transaction, pack)
    if found is None:
        raise not_found()
    return _shown(found)


@router.get("/suites")
async def list_suites(request: Request, database: CurrentDatabase) -> dict[str, Any]:
    """All suites: the project's, and those of the site that the reader may know of."""
    async with database.transaction(request) as transaction:
        own = await store.suites(transaction)
    return {
        "suites": [suite.model_dump(mode="json") for suite in suites.standard().values()],
        "own": [_shown(one) for one in own],
    }


@router.post("/suites", status_code=201)
async def add_suite(request: Request, new: NewSuite) -> dict[str, Any]:
    """Add a suite of the site; a name that is here already gets its next version."""
    jobs: Jobs = request.app.state.jobs
    return _shown(await work.add_suite(request, new, jobs.policy))


def _shown(one: Pack | OwnSuite) -> dict[str, Any]:
    return one.model_dump(mode="json") | {"reference": one.reference}
