"""The JSON interface below ``/evaluation/api/``, and the logs in Inspect's own viewer."""

import dataclasses
import json
from functools import cache
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from fastapi import Path as PathParameter
from fastapi.responses import FileResponse

from appliance.contract.context import HEADER
from appliance.contract.evaluation import Results
from appliance.service.web.middleware import CurrentContext, context_of
from appliance.service.web.responses import not_found
from workbench.evaluation.advice import advise

from .custody import Half
from .jobs import Jobs
from .model import Job, JobId, NewJob
from .results import report
from .results.eval_log import NAME, viewer

router = APIRouter(prefix="/evaluation")
AnyJob = Annotated[JobId, PathParameter()]


def jobs(request: Request) -> Jobs:
    """The jobs of this service."""
    found: Jobs = request.app.state.jobs
    return found


def job_of(request: Request, identifier: str) -> Job:
    """The job with this identifier.

    Raises:
        HTTPException: 404: there is none, or the reader may not know of it.
    """
    job = jobs(request).get(identifier)
    if job is None or not job.known_to(context_of(request).reader):
        raise not_found()
    return job


def results_of(request: Request, identifier: str) -> Results:
    """The results of a job that ended.

    Raises:
        HTTPException: 404: there are none, or the reader may not know of the job.
    """
    job_of(request, identifier)
    results = jobs(request).store.results(identifier)
    if results is None:
        raise not_found()
    return results


@router.post("/api/jobs", status_code=202)
async def start_job(request: Request, new: NewJob) -> dict[str, Any]:
    """Queue an evaluation."""
    job = await jobs(request).start(new, request)
    return job.model_dump(mode="json")


@router.get("/api/jobs")
async def list_jobs(request: Request) -> dict[str, Any]:
    """All jobs, the newest first."""
    return {"jobs": [job.model_dump(mode="json") for job in jobs(request).known(context_of(request).reader)]}


@router.get("/api/jobs/{job}")
async def show_job(request: Request, job: AnyJob) -> dict[str, Any]:
    """One job with its progress."""
    return job_of(request, job).model_dump(mode="json")


@router.post("/api/jobs/{job}/cancel")
async def cancel_job(request: Request, job: AnyJob) -> dict[str, Any]:
    """Ask no further item; what was answered becomes the results."""
    job_of(request, job)
    return (await jobs(request).cancel(job, request)).model_dump(mode="json")


@router.post("/api/jobs/{job}/resume", status_code=202)
async def resume_job(request: Request, job: AnyJob) -> dict[str, Any]:
    """Go on with a job that was interrupted."""
    job_of(request, job)
    again = await jobs(request).resume(job, request)
    return again.model_dump(mode="json")


@router.get("/api/jobs/{job}/results")
async def show_results(request: Request, job: AnyJob) -> dict[str, Any]:
    """The results document, which a person certifies."""
    return results_of(request, job).model_dump(mode="json")


@router.get("/api/jobs/{job}/report")
async def show_report(request: Request, job: AnyJob) -> dict[str, Any]:
    """Every measure with interval, bound, baselines and threshold."""
    job_of(request, job)
    summary = jobs(request).store.summary(job)
    if summary is None:
        raise not_found()
    return {"job": job, "measures": [dataclasses.asdict(row) | {"threshold": _plain(row)} for row in summary.rows]}


@router.get("/api/jobs/{job}/log")
async def download_log(request: Request, job: AnyJob) -> Response:
    """The log in Inspect's format."""
    job_of(request, job)
    path = jobs(request).store.folder(job) / "view" / "logs" / NAME
    if not path.is_file():
        raise not_found()
    return FileResponse(path, filename=f"{job}.eval", media_type="application/octet-stream")


@router.get("/api/jobs/{job}/answers")
async def download_answers(request: Request, job: AnyJob) -> Response:
    """The answers of a job that ended, one a line; of a hold-out sealed under its key."""
    path = jobs(request).store.folder(job) / "answers.jsonl"
    if not job_of(request, job).over or not path.is_file():
        raise not_found()
    return FileResponse(path, filename=f"{job}.jsonl", media_type="application/jsonl")


@router.get("/api/compare/{first}/{second}")
async def compare(request: Request, first: AnyJob, second: AnyJob) -> dict[str, Any]:
    """Two jobs on the items that both answered."""
    found = report.compare(results_of(request, first), results_of(request, second))
    return {"first": first, "second": second, "differences": [dataclasses.asdict(one) for one in found]}


@router.get("/api/tiers")
async def list_tiers(request: Request) -> dict[str, Any]:
    """The tiers, with what their items can prove."""
    policy = jobs(request).policy
    return {
        "policy": policy.digest,
        "tiers": {
            name: policy.effective(name).model_dump(mode="json")
            | {"advice": [dataclasses.asdict(one) | {"threshold": None} for one in advise(policy, name)]}
            for name in policy.tiers
        },
    }


@router.post("/api/holdouts", status_code=201)
async def enter_half(request: Request, context: CurrentContext, half: Half) -> dict[str, Any]:
    """Enter half of a hold-out's key, as one of two custodians."""
    entered = await jobs(request).custody.enter(half, context.subject, request.headers[HEADER])
    return {"generation": half.generation, "custodians": entered}


@router.get("/api/holdouts")
async def list_holdouts(request: Request) -> dict[str, Any]:
    """The generations whose halves are here, and who entered them; those that are burnt; and published keys."""
    custody, reader = jobs(request).custody, context_of(request).reader
    known = {job.id for job in jobs(request).known(reader)}
    return {
        "holdouts": {str(number): names for number, names in custody.entered().items()},
        "burnt": {str(n): [one for one in burnt if one in known] for n, burnt in custody.burnt().items()},
        "published": {str(number): key for number, key in custody.published().items()},
    }


@router.post("/api/holdouts/publications")
async def publish_half(request: Request, context: CurrentContext, half: Half) -> dict[str, Any]:
    """Enter half of a burnt hold-out's key; with both halves the key is published."""
    done = await publish(request, half, context.subject)
    return {"generation": half.generation, "published": done}


async def publish(request: Request, half: Half, custodian: str) -> bool:
    """Take a half for publication; the key must be the one that the results under it name."""
    found = [jobs(request).store.results(job) for job in jobs(request).custody.burnt().get(half.generation, [])]
    committed = {part.hold_out.commitment for results in found if results for part in results.suites}
    return await jobs(request).custody.publish(half, custodian, request.headers[HEADER], committed)


@router.api_route("/view/{job}/{path:path}", methods=["GET", "HEAD"])
async def view(request: Request, job: AnyJob, path: str) -> Response:
    """A file of Inspect's viewer over one log: its own code from the package, page and log from the job."""
    job_of(request, job)
    base = viewer() if path.startswith("assets/") else jobs(request).store.folder(job) / "view"
    file = (base / (path or "index.html")).resolve()
    if not file.is_relative_to(base.resolve()) or not file.is_file():
        raise not_found()
    return FileResponse(file, headers={"Content-Security-Policy": viewer_policy(), "X-Frame-Options": "SAMEORIGIN"})


@cache
def viewer_policy() -> str:
    """The content security policy that comes with the viewer; only this service's own pages may frame it."""
    directives = json.loads((viewer() / "content-security-policy.json").read_text())["directives"]
    return "; ".join(" ".join([name, *values]) for name, values in directives.items()) + "; frame-ancestors 'self'"


def _plain(row: report.Row) -> dict[str, Any] | None:
    return row.threshold.model_dump(mode="json") if row.threshold else None
