"""A service whose one job writes a row for each step; one test runs it as a process of its own, and kills it."""

import asyncio
import os
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request

from appliance.service.jobs import CurrentQueue, Work
from appliance.service.web.service import Service

ADD = "INSERT INTO notes.notes (label_id, author, body) VALUES (appliance.label_id(%s), %s, %s)"
HAVE = "SELECT body FROM notes.notes WHERE body LIKE %s"
router = APIRouter(prefix="/notes")


@router.post("/count", status_code=202)
async def start(request: Request, queue: CurrentQueue, spec: dict[str, Any]) -> dict[str, str]:
    """Queue a job."""
    groups = spec.pop("groups", [])
    priority, attempts = spec.pop("priority", 5), spec.pop("attempts", 3)
    job = await queue.submit(request, "count", spec, groups=groups, priority=priority, attempts=attempts)
    return {"id": str(job)}


async def count(work: Work) -> None:
    """Write each step that is not there yet; the step at which it is killed waits for that."""
    name, steps = str(work.job.spec["name"]), int(work.job.spec["steps"])
    async with work.transaction(writes=False) as transaction:
        found = await (await transaction.execute(HAVE, [f"{name} %"])).fetchall()
    for step in range(len(found), steps):
        work.check()
        if step == work.job.spec.get("hangs") and work.job.attempts == 1:
            (Path(os.environ["APPLIANCE_STATE"]) / "hangs").touch()
            await asyncio.sleep(600)
        async with work.transaction(["S;;GBR,USA"]) as transaction:
            await transaction.execute(ADD, ["S;;GBR,USA", work.job.subject, f"{name} {step}"])
        work.progress(step + 1, steps)
        await asyncio.sleep(float(work.job.spec.get("pause", 0)))
    work.result["steps"] = steps


service = Service(Path(__file__).parent, [router], database=True, jobs={"count": count})
