"""The JSON interface of the red team."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request

from . import work
from .model import Attempt, Change, NewAttempt, NewRegression, NewTurn, Submission, Verdict

router = APIRouter(prefix="/evaluation/api/red-team")


@router.get("/attempts")
async def list_attempts(request: Request) -> dict[str, Any]:
    """The newest attempts that the reader may know of, with the agreement of their raters."""
    known = await work.listed(request)
    rated, kappa = work.agreement(known)
    agreed = {"rated": rated, "kappa": kappa.value if kappa else None, "lower": kappa.lower if kappa else None}
    return {"attempts": [_shown(one) for one in known], "agreement": agreed}


@router.post("/attempts", status_code=201)
async def begin(request: Request, new: NewAttempt) -> dict[str, Any]:
    """Begin a conversation with a candidate under a goal card."""
    return {"id": str(await work.begin(request, new))}


@router.get("/attempts/{attempt}")
async def show(request: Request, attempt: UUID) -> dict[str, Any]:
    """One attempt."""
    return _shown(await work.show(request, attempt))


@router.post("/attempts/{attempt}/turns")
async def say(request: Request, attempt: UUID, new: NewTurn) -> dict[str, Any]:
    """Say something to the candidate; the answer is the last turn."""
    return _shown(await work.say(request, attempt, new))


@router.post("/attempts/{attempt}/submission")
async def submit(request: Request, attempt: UUID, said: Submission) -> dict[str, Any]:
    """End the conversation, for two others to rate."""
    await work.submit(request, attempt, said)
    return _shown(await work.show(request, attempt))


@router.post("/attempts/{attempt}/ratings")
async def rate(request: Request, attempt: UUID, verdict: Verdict) -> dict[str, Any]:
    """Rate an attempt of another person."""
    await work.rate(request, attempt, verdict)
    return _shown(await work.show(request, attempt))


@router.post("/attempts/{attempt}/decisions")
async def decide(request: Request, attempt: UUID, verdict: Verdict) -> dict[str, Any]:
    """Decide where two raters differ."""
    await work.decide(request, attempt, verdict)
    return _shown(await work.show(request, attempt))


@router.post("/attempts/{attempt}/findings")
async def change(request: Request, attempt: UUID, said: Change) -> dict[str, Any]:
    """Change severity or state of a finding."""
    await work.change(request, attempt, said)
    return _shown(await work.show(request, attempt))


@router.post("/regressions", status_code=201)
async def regress(request: Request, new: NewRegression) -> dict[str, Any]:
    """Make a pack and a suite of all confirmed attempts on a model."""
    return {"suite": str(await work.regress(request, new.model))}


def _shown(one: Attempt) -> dict[str, Any]:
    settled = one.settled
    return one.model_dump(mode="json", exclude={"restriction_id"}) | {
        "state": one.state,
        "settled": settled.model_dump(mode="json") if settled else None,
    }
