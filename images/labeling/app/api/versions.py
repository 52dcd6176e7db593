"""What looks poisoned and what was decided about it; versions, their difference, and withdrawals.

The action is ``review``. Versions leave by the action ``export``.
"""

import hashlib
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Request, Response
from fastapi.concurrency import run_in_threadpool

from appliance.markings import Restriction, joined
from appliance.service.database import Row, database_of
from appliance.service.web.current import monitor_of
from appliance.service.web.middleware import CurrentContext, token_of
from appliance.service.web.responses import not_found
from workbench.exchange import FORMATS, Format, formats_of
from workbench.exchange.record import Project
from workbench.versions import croissant
from workbench.versions.content import canonical, record_of
from workbench.versions.manifest import Manifest

from .. import versioning, work
from ..models import DIGEST, CheckDecision, NewVersion, Withdrawal
from ..store import projects, versions
from .exports import leave

router = APIRouter(prefix="/labeling/api")
Digest = Annotated[str, Path(pattern=DIGEST)]
FindingName = Annotated[str, Path(pattern="^[0-9a-f]{32}$")]
PARTS = ("all", "train", "validation", "test")
OWN = {
    "manifest": Format("Manifest: its SHA-256 is the version", "json", "application/json", FORMATS["jsonl"].write),
    "proof": Format("Contents with the salt of each digest", "jsonl", "application/jsonl", FORMATS["jsonl"].write),
    "croissant": Format("Croissant 1.1 with PROV-O", "json", "application/ld+json", FORMATS["jsonl"].write),
}


@router.get("/projects/{project}/review/checks")
async def show_checks(request: Request, project: UUID) -> dict[str, Any]:
    """What looks poisoned, for each restriction by itself, with what was decided about it."""
    return {"restrictions": (await versioning.queue(request, project))[1]}


@router.post("/projects/{project}/review/checks/{finding}", status_code=201)
async def decide_check(request: Request, project: UUID, finding: FindingName, new: CheckDecision) -> dict[str, Any]:
    """Decide whether data that look poisoned stay or are left out of versions."""
    await versioning.decide(request, project, [finding], new)
    return {"finding": finding, "decision": new.decision}


@router.post("/projects/{project}/review/checks/{finding}/open")
async def open_check(request: Request, project: UUID, finding: FindingName) -> dict[str, Any]:
    """Take one's own decision back."""
    await versioning.reopen(request, project, finding)
    return {"finding": finding, "decision": None}


@router.get("/projects/{project}/review/versions")
async def list_versions(request: Request, project: UUID) -> dict[str, Any]:
    """All versions that the reader may know of, the newest first."""
    async with database_of(request).transaction(request) as transaction:
        await projects.project(transaction, project)
        return {"versions": await versions.versions(transaction, project)}


@router.post("/projects/{project}/review/versions", status_code=201)
async def make_version(request: Request, project: UUID, new: NewVersion) -> dict[str, Any]:
    """Make a version of what the reader may read, once all that looks poisoned is decided; the log has its digest."""
    return {"digest": await versioning.make(request, project, new)}


@router.get("/projects/{project}/review/versions/{digest}")
async def show_version(request: Request, project: UUID, digest: Digest) -> dict[str, Any]:
    """The manifest of a version with its lineage, and which of its records were withdrawn since."""
    _, manifest, gone = await versioning.show(request, project, digest)
    return {"digest": digest, "manifest": manifest.model_dump(mode="json"), "withdrawn": gone}


@router.get("/projects/{project}/review/versions/{digest}/since/{other}")
async def compare_versions(request: Request, project: UUID, digest: Digest, other: Digest) -> dict[str, Any]:
    """What is new, gone, labelled otherwise or in another part since an earlier version."""
    _, _, changes, said = await versioning.compare(request, project, digest, other)
    return changes.model_dump(mode="json") | {"labels": said}


@router.post("/projects/{project}/review/withdrawals", status_code=201)
async def withdraw(request: Request, project: UUID, new: Withdrawal) -> dict[str, Any]:
    """Take back a record, or all that one person answered; versions keep the digests alone."""
    return dict(await versioning.withdraw(request, project, new))


@router.get("/export/{project}/versions/{digest}/{part}/{form}")
async def export_version(
    request: Request, context: CurrentContext, project: UUID, digest: Digest, part: str, form: str
) -> Response:
    """A version, or its part train, validation or test: as a project's formats, manifest, proof or croissant."""
    async with database_of(request).transaction(request) as transaction:
        found = await projects.project(transaction, project)
        if part not in PARTS or form not in {**formats_of(found["kind"]), **OWN}:
            raise not_found()
        one = await versions.version(transaction, project, digest)
        manifest = Manifest.model_validate_json(one["manifest"])
        wanted = [member.digest for member in manifest.records if part in ("all", member.split)]
        kept = await versions.contents(transaction, project, one, wanted)
    limit = Restriction.decode(manifest.restriction)
    if not context.reader.can_receive(limit):
        detail = {"project": str(project), "rule": "originator.no-decision", "tasks": len(wanted)}
        await monitor_of(request).record("records.refuse", token_of(request), detail=detail)
        raise not_found()
    content = await run_in_threadpool(_written, form, one["manifest"], manifest, [kept[name] for name in wanted])
    detail = {"version": digest, "part": part, "form": form}
    limit = joined(work.restrictions(request).restriction, limit)
    return await leave(request, found, content, OWN.get(form) or FORMATS[form], limit, detail)


def _written(form: str, text: str, manifest: Manifest, kept: list[Row]) -> bytes:
    if form == "manifest":
        return text.encode()
    if form == "proof":
        names = ("digest", "salt", "content", "tombstone")
        return "".join(canonical({name: row[name] for name in names}) + "\n" for row in kept).encode()
    records = [record_of(row["content"]) for row in kept if row["content"] is not None]
    project = manifest.project
    described = Project(project["id"], project["name"], manifest.marking, project["kind"], project["schema"])
    if form == "croissant":
        lines = "".join(FORMATS["jsonl"].write(described, records))
        return croissant.describe(manifest, "records.jsonl", hashlib.sha256(lines.encode()).hexdigest()).encode()
    return "".join(FORMATS[form].write(described, records)).encode()
