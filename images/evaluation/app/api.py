"""The JSON interface below ``/evaluation/api/``, and the logs in Inspect's own viewer."""

import json
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from fastapi import Path as PathParameter
from fastapi.responses import FileResponse

from appliance.contract.context import HEADER
from appliance.service.web.middleware import CurrentContext, context_of
from appliance.service.web.responses import not_found

from .jobs import Job, JobId, Jobs, NewJob

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


@router.post("/api/jobs", status_code=202)
async def start_job(request: Request, context: CurrentContext, new: NewJob) -> dict[str, Any]:
    """Start an evaluation."""
    job = await jobs(request).start(new, evaluator=context.subject, context=request.headers[HEADER])
    return job.model_dump(mode="json")


@router.get("/api/jobs")
async def list_jobs(request: Request) -> dict[str, Any]:
    """All jobs, the newest first."""
    return {"jobs": [job.model_dump(mode="json") for job in jobs(request).known(context_of(request).reader)]}


@router.get("/api/jobs/{job}")
async def show_job(request: Request, job: AnyJob) -> dict[str, Any]:
    """One job with its progress."""
    return job_of(request, job).model_dump(mode="json")


@router.get("/api/jobs/{job}/results")
async def show_results(request: Request, job: AnyJob) -> dict[str, Any]:
    """The results document, which a person certifies."""
    job_of(request, job)
    results = jobs(request).results(job)
    if results is None:
        raise not_found()
    return results.model_dump(mode="json")


@router.get("/api/jobs/{job}/log")
async def download_log(request: Request, job: AnyJob) -> Response:
    """Inspect's log."""
    found = job_of(request, job)
    path = jobs(request).folder(job) / "logs" / f"{found.dataset}.eval"
    if not path.is_file():
        raise not_found()
    return FileResponse(path, filename=f"{job}.eval", media_type="application/octet-stream")


@router.api_route("/view/{job}/{path:path}", methods=["GET", "HEAD"])
async def view(request: Request, job: AnyJob, path: str) -> Response:
    """A file of Inspect's viewer over one log: its own code from the package, page and log from the job."""
    job_of(request, job)
    base = viewer() if path.startswith("assets/") else jobs(request).folder(job) / "view"
    file = (base / (path or "index.html")).resolve()
    if not file.is_relative_to(base.resolve()) or not file.is_file():
        raise not_found()
    return FileResponse(file, headers={"Content-Security-Policy": viewer_policy(), "X-Frame-Options": "SAMEORIGIN"})


@cache
def viewer() -> Path:
    """The folder of the viewer inside the inspect_ai package, found without the seconds that importing it takes."""
    spec = find_spec("inspect_ai")
    if spec is None or spec.origin is None:
        raise not_found()
    return Path(spec.origin).parent / "_view" / "dist"


@cache
def viewer_policy() -> str:
    """The content security policy that comes with the viewer; only this service's own pages may frame it."""
    directives = json.loads((viewer() / "content-security-policy.json").read_text())["directives"]
    return "; ".join(" ".join([name, *values]) for name, values in directives.items()) + "; frame-ancestors 'self'"
