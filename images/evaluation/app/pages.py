"""The pages below ``/evaluation/``: jobs, one job with its progress and results, its log."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from appliance.contract.context import HEADER
from appliance.service.web.middleware import SECURITY_HEADERS, CurrentContext, context_of
from appliance.service.web.pages import Pages

from .api import AnyJob, job_of, jobs
from .jobs import SIZES, NewJob

router = APIRouter(prefix="/evaluation")


@router.get("/")
async def index(request: Request) -> Response:
    """All jobs, and a form for a new one."""
    models = request.app.state.models
    return _pages(request).render(
        request, "jobs.html", jobs=jobs(request).known(context_of(request).reader), models=models, datasets=SIZES
    )


@router.post("/")
async def start(request: Request, context: CurrentContext, new: Annotated[NewJob, Form()]) -> Response:
    """Start a job and show it."""
    job = await jobs(request).start(new, evaluator=context.subject, context=request.headers[HEADER])
    return RedirectResponse(f"/evaluation/jobs/{job.id}", 303)


@router.get("/jobs/{job}")
async def show_job(request: Request, job: AnyJob) -> Response:
    """One job; while it runs the page loads itself again."""
    found = job_of(request, job)
    return _pages(request).render(request, "job.html", job=found, results=jobs(request).results(job))


@router.get("/jobs/{job}/log")
async def show_log(request: Request, job: AnyJob) -> Response:
    """The job's log in Inspect's viewer, between the banners."""
    page = _pages(request).render(request, "log.html", job=job_of(request, job))
    page.headers["Content-Security-Policy"] = f"{SECURITY_HEADERS['Content-Security-Policy']}; frame-src 'self'"
    return page


def _pages(request: Request) -> Pages:
    pages: Pages = request.app.state.pages
    return pages
