"""The queue of what looks poisoned, and versions: made, shown, compared, taken back in part."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Form, Path, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import ValidationError

from appliance.errors import ApplianceError, first_finding
from appliance.service.database import database_of
from appliance.service.web.middleware import CurrentContext
from workbench.exchange import formats_of

from .. import checks, versioning
from ..api.versions import OWN, PARTS
from ..models import DIGEST, CheckDecision, NewVersion, Withdrawal
from ..store import projects, reviews, versions
from .excerpts import excerpt
from .shown import render

router = APIRouter(prefix="/labeling")
Digest = Annotated[str, Path(pattern=DIGEST)]
SHOWN, NAMED = 100, 4
"""Findings of one sort that are shown at once; the others follow when these are decided. Records named of each."""


@router.get("/projects/{project}/review/checks")
async def show_checks(request: Request, context: CurrentContext, project: UUID) -> Response:
    """What looks poisoned, with the reasons, for people to decide."""
    return await _checks(request, context.subject, project)


@router.post("/projects/{project}/review/checks")
async def decide_checks(
    request: Request,
    context: CurrentContext,
    project: UUID,
    decision: Annotated[str, Form()],
    finding: Annotated[list[str], Form()] = [],  # noqa: B006 - FastAPI copies it
    comment: Annotated[str, Form()] = "",
) -> Response:
    """Decide the findings that were chosen."""
    try:
        new = CheckDecision.model_validate({"decision": decision, "comment": comment})
        await versioning.decide(request, project, finding, new)
    except ValidationError as error:
        return await _checks(request, context.subject, project, ApplianceError(first_finding(error)))
    except ApplianceError as error:
        return await _checks(request, context.subject, project, error)
    return RedirectResponse(f"/labeling/projects/{project}/review/checks", 303)


@router.post("/projects/{project}/review/checks/{finding}/open")
async def open_check(
    request: Request,
    context: CurrentContext,
    project: UUID,
    finding: Annotated[str, Path(pattern="^[0-9a-f]{32}$")],
) -> Response:
    """Take one's own decision back."""
    try:
        await versioning.reopen(request, project, finding)
    except ApplianceError as error:
        return await _checks(request, context.subject, project, error)
    return RedirectResponse(f"/labeling/projects/{project}/review/checks", 303)


@router.get("/projects/{project}/review/versions")
async def list_versions(request: Request, project: UUID) -> Response:
    """All versions that the reader may know of, and the form for the next one."""
    return await _versions(request, project)


@router.post("/projects/{project}/review/versions")
async def make_version(
    request: Request, project: UUID, name: Annotated[str, Form()] = "", split_by: Annotated[str, Form()] = ""
) -> Response:
    """Make a version, or say why it is not possible and keep what was filled in."""
    values = {"name": name, "split_by": split_by}
    try:
        digest = await versioning.make(request, project, NewVersion.model_validate(values))
    except ValidationError as error:
        return await _versions(request, project, values, ApplianceError(first_finding(error)))
    except ApplianceError as error:
        return await _versions(request, project, values, error)
    return RedirectResponse(f"/labeling/projects/{project}/review/versions/{digest}", 303)


@router.get("/projects/{project}/review/versions/{digest}")
async def show_version(request: Request, project: UUID, digest: Digest) -> Response:
    """What a version was made from, what was decided before, and how to get it."""
    found, manifest, gone = await versioning.show(request, project, digest)
    parts = {name: sum(member.split == name for member in manifest.records) for name in manifest.shares}
    return render(
        request,
        "version.html",
        project=found,
        version=manifest,
        digest=digest,
        sizes=parts,
        gone=gone,
        formats={name: one.title for name, one in {**formats_of(found["kind"]), **OWN}.items()},
        downloads=PARTS,
        sorts=checks.SORTS,
    )


@router.get("/projects/{project}/review/versions/{digest}/since/{other}")
async def compare_versions(request: Request, project: UUID, digest: Digest, other: Digest) -> Response:
    """What changed since an earlier version."""
    found, pair, changes, said = await versioning.compare(request, project, digest, other)
    return render(request, "difference.html", project=found, pair=pair, digest=digest, changes=changes, said=said)


@router.get("/projects/{project}/review/withdrawals")
async def show_withdrawal(request: Request, project: UUID) -> Response:
    """The form to take back a record or one person's work."""
    return await _withdrawal(request, project)


@router.post("/projects/{project}/review/withdrawals")
async def withdraw(
    request: Request,
    project: UUID,
    what: Annotated[str, Form()] = "",
    name: Annotated[str, Form()] = "",
    reason: Annotated[str, Form()] = "",
) -> Response:
    """Take back a record or all that one person answered."""
    values = {"what": what, "name": name, "reason": reason}
    field = "task" if what == "task" else "annotator"
    try:
        new = Withdrawal.model_validate({field: name.strip(), "reason": reason})
        done = await versioning.withdraw(request, project, new)
    except ValidationError as error:
        return await _withdrawal(request, project, values, ApplianceError(first_finding(error)))
    except ApplianceError as error:
        return await _withdrawal(request, project, values, error)
    return await _withdrawal(request, project, done=done)


async def _checks(request: Request, reader: str, project: UUID, error: ApplianceError | None = None) -> Response:
    found, parts = await versioning.queue(request, project)
    words = {str(row["id"]): excerpt(found.project, row) for row in found.rows}
    return render(
        request,
        "checks.html",
        409 if error else 200,
        project=found.project,
        restrictions=[part | {"sorts": _sorted(part)} for part in parts],
        decided=[(part, one) for part in parts for one in part["findings"] if one["decision"]],
        words=words,
        named=NAMED,
        leaves=checks.LEAVES,
        waiting=len(checks.undecided(parts)),
        reader=reader,
        error=error,
    )


def _sorted(part: dict[str, Any]) -> list[dict[str, Any]]:
    """Findings of a restriction that wait, by sort."""
    waiting = {
        sort: [one for one in part["findings"] if one["sort"] == sort and one["decision"] is None]
        for sort in checks.SORTS
    }
    return [
        {"name": sort, "title": checks.SORTS[sort], "findings": found[:SHOWN], "more": max(len(found) - SHOWN, 0)}
        for sort, found in waiting.items()
        if found
    ]


async def _versions(
    request: Request, project: UUID, values: dict[str, str] | None = None, error: ApplianceError | None = None
) -> Response:
    async with database_of(request).transaction(request, writes=False) as transaction:
        found = await projects.project(transaction, project)
        listed = await versions.versions(transaction, project)
    values = values or {"name": "", "split_by": ""}
    return render(
        request,
        "versions.html",
        409 if error else 200,
        project=found,
        versions=listed,
        known={one["digest"] for one in listed},
        values=values,
        error=error,
    )


async def _withdrawal(
    request: Request,
    project: UUID,
    values: dict[str, str] | None = None,
    error: ApplianceError | None = None,
    done: dict[str, int] | None = None,
) -> Response:
    async with database_of(request).transaction(request, writes=False) as transaction:
        found = await projects.project(transaction, project)
        people = await reviews.people(transaction, project)
    return render(
        request,
        "withdrawal.html",
        409 if error else 200,
        project=found,
        people=people,
        values=values or {"what": "annotator", "name": "", "reason": ""},
        error=error,
        done=done,
    )
