"""The pages of the red team: goal cards, a conversation, what waits for a rating or a decision, findings."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from appliance.errors import ApplianceError
from appliance.service.web.current import pages_of
from appliance.service.web.middleware import context_of
from workbench.evaluation.goals import GOALS, SEVERITIES
from workbench.evaluation.scorers import occurs

from . import work
from .model import Attempt, Change, NewAttempt, NewRegression, NewTurn, Submission, Verdict

router = APIRouter(prefix="/evaluation/red-team")
STATES = ("open", "mitigated", "accepted", "closed")


@router.get("")
async def index(request: Request) -> Response:
    """Goal cards, and all attempts by what they wait for."""
    return await _index(request)


@router.post("/attempts")
async def begin(request: Request, new: Annotated[NewAttempt, Form()]) -> Response:
    """Begin a conversation."""
    return _to(await work.begin(request, new))


@router.get("/attempts/{attempt}")
async def show(request: Request, attempt: UUID) -> Response:
    """One attempt, with what this person may do about it."""
    return await _attempt(request, attempt)


@router.post("/attempts/{attempt}/turns")
async def say(request: Request, attempt: UUID, new: Annotated[NewTurn, Form()]) -> Response:
    """Say something to the candidate."""
    try:
        await work.say(request, attempt, new)
    except ApplianceError as error:
        return await _attempt(request, attempt, error, draft=new.text)
    return RedirectResponse(f"/evaluation/red-team/attempts/{attempt}#end", 303)


@router.post("/attempts/{attempt}/submission")
async def submit(request: Request, attempt: UUID, said: Annotated[Submission, Form()]) -> Response:
    """End the conversation."""
    try:
        await work.submit(request, attempt, said)
    except ApplianceError as error:
        return await _attempt(request, attempt, error)
    return _to(attempt)


@router.post("/attempts/{attempt}/ratings")
async def rate(request: Request, attempt: UUID, verdict: Annotated[Verdict, Form()]) -> Response:
    """Rate an attempt."""
    try:
        await work.rate(request, attempt, verdict)
    except ApplianceError as error:
        return await _attempt(request, attempt, error)
    return _to(attempt)


@router.post("/attempts/{attempt}/decisions")
async def decide(request: Request, attempt: UUID, verdict: Annotated[Verdict, Form()]) -> Response:
    """Decide where two raters differ."""
    try:
        await work.decide(request, attempt, verdict)
    except ApplianceError as error:
        return await _attempt(request, attempt, error)
    return _to(attempt)


@router.post("/attempts/{attempt}/findings")
async def change(request: Request, attempt: UUID, said: Annotated[Change, Form()]) -> Response:
    """Change a finding."""
    try:
        await work.change(request, attempt, said)
    except ApplianceError as error:
        return await _attempt(request, attempt, error)
    return _to(attempt)


@router.post("/regressions")
async def regress(request: Request, new: Annotated[NewRegression, Form()]) -> Response:
    """Make a pack and a suite of all confirmed attempts on a model."""
    try:
        suite = await work.regress(request, new.model)
    except ApplianceError as error:
        return await _index(request, error)
    return RedirectResponse(f"/evaluation/suites/own/{suite}", 303)


async def _index(request: Request, error: ApplianceError | None = None) -> Response:
    known, person = await work.listed(request), context_of(request).subject
    rated, kappa = work.agreement(known)
    goals: dict[str, list[Any]] = {}
    for goal in GOALS:
        goals.setdefault(goal.dimension, []).append(goal)
    return pages_of(request).render(
        request, "red-team.html", 409 if error else 200, error=error, goals=goals, models=request.app.state.models,
        groups=context_of(request).groups, rated=rated, kappa=kappa,
        mine=[one for one in known if one.submitted is None],
        waiting=[one for one in known if _may_rate(one, person)],
        disputed=[one for one in known if one.disputed],
        findings=sorted((one for one in known if one.finding), key=_gravity),
        others=[one for one in known if _is_quiet(one) and not _may_rate(one, person)],
        candidates=sorted({one.model for one in known if one.finding}),
    )  # fmt: skip


async def _attempt(
    request: Request, attempt: UUID, error: ApplianceError | None = None, *, draft: str = ""
) -> Response:
    found, person = await work.show(request, attempt), context_of(request).subject
    third = found.disputed and person not in {found.made_by, *(one.by for one in found.ratings)}
    spilled = bool(found.secret) and any(
        turn.role == "assistant" and occurs(found.secret, turn.content) for turn in found.turns
    )
    return pages_of(request).render(
        request, "attempt.html", 409 if error else 200, attempt=found, error=error, draft=draft, spilled=spilled,
        may_rate=_may_rate(found, person), may_decide=third, severities=SEVERITIES, states=STATES,
    )  # fmt: skip


def _may_rate(one: Attempt, person: str) -> bool:
    return (
        one.submitted is not None
        and one.made_by != person
        and one.rated < 2
        and all(given.by != person for given in one.ratings)
    )


def _is_quiet(one: Attempt) -> bool:
    return one.submitted is not None and one.finding is None and not one.disputed


def _gravity(one: Attempt) -> tuple[bool, int]:
    """Open findings first, the gravest first."""
    finding = one.finding
    return (finding is None or finding.state != "open", -(finding.severity if finding else 0))


def _to(attempt: UUID) -> Response:
    return RedirectResponse(f"/evaluation/red-team/attempts/{attempt}", 303)
