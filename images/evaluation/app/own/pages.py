"""The pages of suites and packs: what there is, a form for a pack, a form for a suite."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Form, Request, Response, UploadFile
from fastapi.responses import RedirectResponse
from pydantic import ValidationError

from appliance.errors import ApplianceError, first_finding
from appliance.service.database import database_of
from appliance.service.web.current import pages_of
from appliance.service.web.middleware import context_of
from appliance.service.web.responses import not_found
from workbench.evaluation import packs, suites
from workbench.evaluation.scorers import SCORERS

from ..jobs import Jobs
from . import store, work
from .model import NewPack, NewSuite

router = APIRouter(prefix="/evaluation")
EXAMPLES = 8
DIMENSIONS = ("capability", "safety", "robustness", "reliability", "fairness", "security")
_CARD = ("name", "title", "source", "licence", "evidence")


@router.get("/suites")
async def list_suites(request: Request) -> Response:
    """The project's suites, and the suites and packs of the site."""
    async with database_of(request).transaction(request) as transaction:
        own, found = await store.suites(transaction), await store.packs(transaction)
    return _render(request, "suites.html", suites=suites.standard().values(), own=work.by_name(own), packs=found)


@router.get("/packs/new")
async def show_pack_form(request: Request) -> Response:
    """A form for a pack."""
    return _pack_form(request, {})


@router.post("/packs")
async def add_pack(  # noqa: PLR0913, PLR0917 - the fields of the form
    request: Request,
    file: UploadFile,
    name: Annotated[str, Form()] = "",
    title: Annotated[str, Form()] = "",
    source: Annotated[str, Form()] = "",
    licence: Annotated[str, Form()] = "",
    evidence: Annotated[str, Form()] = "",
    marking: Annotated[str, Form()] = "",
    groups: Annotated[list[str], Form()] = [],  # noqa: B006 - FastAPI copies it
) -> Response:
    """Add a pack, or show what is wrong and keep what was filled in."""
    said = {"name": name, "title": title, "source": source, "licence": licence, "evidence": evidence}
    try:
        new = NewPack.model_validate(
            {"card": said, "marking": marking.strip(), "groups": [one for one in groups if one]}
        )
        added = await work.add_pack(request, new, await file.read(), str(file.filename or ""))
    except ValidationError as error:
        return _pack_form(request, said | {"marking": marking}, ApplianceError(first_finding(error)))
    except ApplianceError as error:
        return _pack_form(request, said | {"marking": marking}, error)
    return RedirectResponse(f"/evaluation/packs/{added.id}", 303)


@router.get("/packs/{pack}")
async def show_pack(request: Request, pack: UUID) -> Response:
    """A pack with its card and some of its items."""
    async with database_of(request).transaction(request) as transaction:
        found, content = await store.pack(transaction, pack), await store.content(transaction, pack)
    if found is None or content is None:
        raise not_found()
    return _render(request, "pack.html", pack=found, examples=packs.kept(content)[:EXAMPLES])


@router.get("/suites/new")
async def show_suite_form(request: Request, pack: str = "") -> Response:
    """A form for a suite."""
    return await _suite_form(request, {"packs": [pack]} if pack else {})


@router.post("/suites")
async def add_suite(request: Request) -> Response:
    """Add a suite, or show what is wrong and keep what was filled in."""
    form = await request.form()
    said: dict[str, Any] = {name: str(value).replace("\r\n", "\n") for name, value in form.items() if value != ""}
    said |= {
        "packs": [str(one) for one in form.getlist("packs")],
        "groups": [str(o) for o in form.getlist("groups") if o],
    }
    jobs: Jobs = request.app.state.jobs
    try:
        added = await work.add_suite(request, NewSuite.model_validate(said), jobs.policy)
    except ValidationError as error:
        return await _suite_form(request, said, ApplianceError(first_finding(error)))
    except ApplianceError as error:
        return await _suite_form(request, said, error)
    return RedirectResponse(f"/evaluation/suites/own/{added.id}", 303)


@router.get("/suites/own/{suite}")
async def show_suite(request: Request, suite: UUID) -> Response:
    """A suite of the site: what it asks, with examples, and a form to run it."""
    async with database_of(request).transaction(request) as transaction:
        own = await store.suite(transaction, suite)
        if own is None:
            raise not_found()
        found = await work.filled(transaction, own)
    size = sum(len(items) for items in found.contents.values()) if isinstance(found, suites.PackSuite) else None
    return _render(
        request, "own-suite.html", own=own, suite=found, size=size, examples=found.make(EXAMPLES, key=b"")[:EXAMPLES]
        if size else [], scorer=SCORERS.get(found.scorer), models=request.app.state.models,
    )  # fmt: skip


def _pack_form(request: Request, values: dict[str, str], error: ApplianceError | None = None) -> Response:
    filled = dict.fromkeys((*_CARD, "marking"), "") | values
    return _render(
        request, "new-pack.html", 409 if error else 200, values=filled, error=error, groups=context_of(request).groups,
        most=packs.MOST_ITEMS,
    )  # fmt: skip


async def _suite_form(request: Request, values: dict[str, Any], error: ApplianceError | None = None) -> Response:
    async with database_of(request).transaction(request, writes=False) as transaction:
        known = work.by_name(await store.packs(transaction))
    defaults = {"name": "", "title": "", "purpose": "", "dimension": "capability", "packs": [], "scorer": "choice",
                "instruction": "", "items": "300", "maximum_tokens": "64", "constrained": ""}  # fmt: skip
    return _render(
        request, "new-suite.html", 409 if error else 200, values=defaults | values, error=error, packs=known,
        scorers=SCORERS.values(), dimensions=DIMENSIONS, groups=context_of(request).groups,
    )  # fmt: skip


def _render(request: Request, template: str, status: int = 200, **values: Any) -> Response:
    return pages_of(request).render(request, template, status, **values)
