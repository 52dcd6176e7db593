"""The page and the interface of a service's jobs, below ``/<service>/jobs`` and ``/<service>/api/jobs``.

The manifest names them: ``{path: /<service>/jobs/**, methods: [POST], action: write}`` and the same below ``api``.
"""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from appliance.service.jobs.queue import CurrentQueue
from appliance.service.web.current import CurrentPages
from appliance.service.web.responses import not_found


def router(service: str) -> APIRouter:
    """The routes of the jobs of ``service``."""
    routes = APIRouter(prefix=f"/{service}")

    @routes.get("/jobs")
    async def page(request: Request, queue: CurrentQueue, pages: CurrentPages) -> Response:
        """The newest jobs; while one waits or runs, the page loads itself again."""
        return pages.render(request, "jobs_of_service.html", jobs=await queue.newest(request))

    @routes.post("/jobs/{job}/cancel")
    async def cancel_here(request: Request, queue: CurrentQueue, job: UUID) -> Response:
        """Cancel a job."""
        await _cancel(request, queue, job)
        return RedirectResponse(f"/{service}/jobs", 303)

    @routes.get("/api/jobs")
    async def jobs(request: Request, queue: CurrentQueue) -> dict[str, Any]:
        """The newest jobs that the reader may know of."""
        return {"jobs": [job.model_dump(mode="json") for job in await queue.newest(request)]}

    @routes.get("/api/jobs/{job}")
    async def show(request: Request, queue: CurrentQueue, job: UUID) -> dict[str, Any]:
        """One job with its progress."""
        found = await queue.get(request, job)
        if found is None:
            raise not_found()
        return found.model_dump(mode="json")

    @routes.post("/api/jobs/{job}/cancel")
    async def cancel(request: Request, queue: CurrentQueue, job: UUID) -> dict[str, Any]:
        """Cancel a job: one that waits ends now, one that runs ends soon."""
        return {"id": str(job), "state": await _cancel(request, queue, job)}

    return routes


async def _cancel(request: Request, queue: CurrentQueue, job: UUID) -> str:
    if await queue.get(request, job) is None:
        raise not_found()
    return await queue.cancel(request, job)
