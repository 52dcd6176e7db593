"""The pages below ``/evaluation/``: start, watch, read, compare, and hold-outs."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from appliance.contract.context import HEADER
from appliance.service.web.current import pages_of
from appliance.service.web.middleware import SECURITY_HEADERS, CurrentContext, context_of
from appliance.service.web.responses import not_found
from workbench.evaluation import suites
from workbench.evaluation.advice import advise, plan
from workbench.markbench.item import PUBLISHED
from workbench.statistics.power import provable

from .api import AnyJob, job_of, jobs, results_of
from .custody import Half
from .journal import Journal
from .model import Job, NewJob
from .results import chart, report
from .results.summary import Part

router = APIRouter(prefix="/evaluation")
EXAMPLES = 3


@router.get("/")
async def index(request: Request) -> Response:
    """All jobs, and what can be started."""
    policy = jobs(request).policy
    return _render(
        request, "jobs.html", jobs=_known(request), models=request.app.state.models, tiers=list(policy.tiers),
        suites=suites.standard().values(), generations=_usable(request),
    )  # fmt: skip


@router.post("/")
async def start(request: Request, new: Annotated[NewJob, Form()]) -> Response:
    """Start a job and show it."""
    job = await jobs(request).start(new, request)
    return RedirectResponse(f"/evaluation/jobs/{job.id}", 303)


@router.get("/tiers/{tier}")
async def show_tier(request: Request, tier: str) -> Response:
    """What a tier demands, what its items can prove, and a form to try it."""
    policy = jobs(request).policy
    if tier not in policy.tiers:
        raise not_found()
    return _render(
        request, "tier.html", name=tier, tier=policy.effective(tier), advice=advise(policy, tier),
        plan=plan(policy, tier), suites=suites.standard(), alpha=policy.alpha(1), attempts=len(policy.attempts),
        models=request.app.state.models, generations=_usable(request),
    )  # fmt: skip


@router.get("/suites/{name}")
async def show_suite(request: Request, name: str) -> Response:
    """What a suite asks, with examples, and how many items tell how much."""
    suite = suites.standard().get(name)
    if suite is None:
        raise not_found()
    sizes = [(n, provable(n, 0.05, "lower"), provable(n, 0.05, "upper")) for n in (20, 60, 100, 150, 300, 500, 1000)]
    examples = suite.make(EXAMPLES * len(suite.generators), key=PUBLISHED)[: max(EXAMPLES, len(suite.generators))]
    baselines = report.baselines(name)
    return _render(
        request, "suite.html", suite=suite, sizes=sizes, examples=examples, baselines=baselines,
        models=request.app.state.models,
    )  # fmt: skip


@router.get("/jobs/{job}")
async def show_job(request: Request, job: AnyJob) -> Response:
    """One job; while it runs the page loads itself again."""
    found, summary = job_of(request, job), jobs(request).store.summary(job)
    examples = _examples(request, found, summary.suites) if summary and not found.generation else []
    return _render(request, "job.html", job=found, summary=summary, others=_others(request, found), examples=examples)


@router.post("/jobs/{job}/cancel")
async def cancel(request: Request, job: AnyJob) -> Response:
    """Stop a job."""
    job_of(request, job)
    await jobs(request).cancel(job, request)
    return RedirectResponse(f"/evaluation/jobs/{job}", 303)


@router.post("/jobs/{job}/resume")
async def resume(request: Request, job: AnyJob) -> Response:
    """Go on with a job."""
    job_of(request, job)
    await jobs(request).resume(job, request)
    return RedirectResponse(f"/evaluation/jobs/{job}", 303)


@router.get("/jobs/{job}/log")
async def show_log(request: Request, job: AnyJob) -> Response:
    """The job's log in Inspect's viewer, between the banners."""
    page = _render(request, "log.html", job=job_of(request, job))
    page.headers["Content-Security-Policy"] = f"{SECURITY_HEADERS['Content-Security-Policy']}; frame-src 'self'"
    return page


@router.get("/compare/{first}/{second}")
async def compare(request: Request, first: AnyJob, second: AnyJob) -> Response:
    """Two jobs on the items that both answered."""
    differences = report.compare(results_of(request, first), results_of(request, second))
    both = job_of(request, first), job_of(request, second)
    return _render(request, "compare.html", first=both[0], second=both[1], differences=differences)


@router.get("/board")
async def board(request: Request) -> Response:
    """The newest results of each model and suite, side by side."""
    return _render(request, "board.html", table=_board(request))


@router.get("/holdouts")
async def holdouts(request: Request) -> Response:
    """The hold-outs whose key is here, and a form for a custodian."""
    return _render(request, "holdouts.html", entered=jobs(request).custody.entered())


@router.post("/holdouts")
async def enter_half(request: Request, context: CurrentContext, half: Annotated[Half, Form()]) -> Response:
    """Enter half a key."""
    await jobs(request).custody.enter(half, context.subject, request.headers[HEADER])
    return RedirectResponse("/evaluation/holdouts", 303)


def _render(request: Request, template: str, **values: Any) -> Response:
    return pages_of(request).render(request, template, chart=chart, **values)


def _known(request: Request) -> list[Job]:
    """The jobs that the reader may know of, the newest first."""
    return jobs(request).known(context_of(request).reader)


def _usable(request: Request) -> list[int]:
    return [number for number, names in jobs(request).custody.entered().items() if len(names) == 2]


def _others(request: Request, job: Job) -> list[Job]:
    """Ended jobs that asked the same, for a comparison."""
    same = [one for one in _known(request) if one.id != job.id and set(one.suites) & set(job.suites)]
    return [one for one in same if one.reached is not None][:5]


def _examples(request: Request, job: Job, parts: list[Part]) -> list[tuple[str, Any, str]]:
    """Items of the published key that went wrong: question, expected, answer."""
    journal = Journal(jobs(request).store.folder(job.id) / "answers.jsonl")
    journal.close()
    found = []
    for part in parts:
        suite = suites.standard().get(part.suite)
        if suite is None or suite.sha256 != part.sha256 or not part.worst:
            continue
        items = {item.id: item for item in suite.make(job.suites.get(part.suite, suite.items), key=PUBLISHED)}
        for identifier in part.worst:
            line = journal.lines.get((part.suite, identifier))
            if identifier in items and line:
                found.append((part.suite, items[identifier], line.text or line.problem))
    return found


def _board(request: Request) -> dict[str, list[tuple[Job, report.Row]]]:
    """By measure, each model's newest finished job that measured it, the best first."""
    table: dict[str, dict[str, tuple[Job, report.Row]]] = {}
    store = jobs(request).store
    for job in _known(request)[:100]:
        summary = store.summary(job.id) if job.reached is not None else None
        for row in summary.rows if summary else []:
            table.setdefault(row.measure, {}).setdefault(job.model, (job, row))
    return {measure: _ranked(list(found.values())) for measure, found in sorted(table.items())}


def _ranked(found: list[tuple[Job, report.Row]]) -> list[tuple[Job, report.Row]]:
    return sorted(found, key=lambda one: one[1].interval.value, reverse=not found[0][1].bad)
