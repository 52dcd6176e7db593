"""The pages below ``/evaluation/``: start, watch, read, compare, and hold-outs."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from appliance.contract.context import HEADER
from appliance.service.database import database_of
from appliance.service.web.current import pages_of
from appliance.service.web.middleware import SECURITY_HEADERS, CurrentContext, context_of
from appliance.service.web.responses import not_found
from workbench.evaluation import suites
from workbench.evaluation.advice import advise, plan
from workbench.evaluation.regenerate import check, describe
from workbench.evaluation.suites import Suite, SuiteError
from workbench.markbench.item import PUBLISHED
from workbench.statistics.power import provable

from .api import AnyJob, job_of, jobs, publish, results_of
from .custody import Half
from .model import Job, NewJob
from .own.store import suites as own_suites
from .own.work import by_name, filled_by_id
from .results import board, chart, printed, report
from .results.examples import Example, answers_of, examples
from .results.summary import Summary

router = APIRouter(prefix="/evaluation")
EXAMPLES = 3


@router.get("/")
async def index(request: Request) -> Response:
    """All jobs, and what can be started."""
    policy = jobs(request).policy
    async with database_of(request).transaction(request, writes=False) as transaction:
        own = by_name(await own_suites(transaction))
    return _render(
        request, "jobs.html", own=own, jobs=_known(request), models=request.app.state.models, tiers=list(policy.tiers),
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
    made = suite.make(EXAMPLES * len(suite.generators), key=PUBLISHED)[: max(EXAMPLES, len(suite.generators))]
    baselines = report.baselines(suite)
    return _render(
        request, "suite.html", suite=suite, sizes=sizes, examples=made, baselines=baselines,
        models=request.app.state.models,
    )  # fmt: skip


@router.get("/jobs/{job}")
async def show_job(request: Request, job: AnyJob) -> Response:
    """One job; while it runs the page loads itself again."""
    found, summary = job_of(request, job), jobs(request).store.summary(job)
    wanted = (
        {part.suite: [*part.worst, *(one for s in part.slices for one in s.worst)] for part in summary.suites}
        if summary
        else {}
    )
    return _render(
        request, "job.html", job=found, summary=summary, others=_others(request, found),
        examples=await _examples(request, found, wanted),
    )  # fmt: skip


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


@router.get("/jobs/{job}/report.{form}")
async def show_report(request: Request, job: AnyJob, form: Literal["html", "pdf"]) -> Response:
    """The report of a job that ended, as a file."""
    found, summary = job_of(request, job), jobs(request).store.summary(job)
    if summary is None or not found.over:
        raise not_found()
    report_of = printed.Report(found, _placed(summary), request.state.classification.marking)
    if form == "pdf":
        content, media = await asyncio.to_thread(printed.pdf, report_of), "application/pdf"
    else:
        charts = (Path(__file__).parent / "assets" / "evaluation.css").read_text()
        text = pages_of(request).published(
            "report.html", report_of.marking, report=report_of, chart=chart, demand=printed.demand, charts=charts
        )
        content, media = text.encode(), "text/html; charset=utf-8"
    name = f"evaluation-{found.id[:12]}.{form}"
    return Response(content, media_type=media, headers={"Content-Disposition": f'attachment; filename="{name}"'})


@router.get("/compare/{first}/{second}")
async def compare(request: Request, first: AnyJob, second: AnyJob) -> Response:
    """Two jobs on the items that both answered."""
    differences = report.compare(results_of(request, first), results_of(request, second))
    both = job_of(request, first), job_of(request, second)
    wanted: dict[str, list[str]] = {}
    for one in differences:
        wanted.setdefault(one.suite, []).extend([*one.lost[:EXAMPLES], *one.won[:EXAMPLES]])
    said = [await _examples(request, job, wanted) for job in both]
    return _render(
        request, "compare.html", first=both[0], second=both[1], differences=differences, said=said, most=EXAMPLES
    )


@router.get("/board")
async def show_board(request: Request) -> Response:
    """The newest results of each model and suite, side by side."""
    return _render(request, "board.html", tables=_board(request))


@router.get("/holdouts")
async def holdouts(request: Request) -> Response:
    """The hold-outs whose key is here, and a form for a custodian."""
    custody = jobs(request).custody
    return _render(
        request, "holdouts.html", entered=custody.entered(), burnt=custody.burnt(), published=custody.published()
    )


@router.get("/holdouts/{generation}")
async def show_published(request: Request, generation: int) -> Response:
    """A hold-out whose key is published: its items are made again, and its answers scored again."""
    custody, store = jobs(request).custody, jobs(request).store
    key = custody.published().get(generation)
    if key is None:
        raise not_found()
    known = {job.id: job for job in _known(request)}
    checked = []
    for job in [known[one] for one in custody.burnt().get(generation, []) if one in known]:
        results = store.results(job.id)
        if results is not None:
            found = await asyncio.to_thread(check, results, answers_of(store.folder(job.id)), bytes.fromhex(key))
            checked.append((job, found))
    return _render(request, "published.html", generation=generation, key=key, checked=checked, describe=describe)


@router.post("/holdouts/publications")
async def publish_half(request: Request, context: CurrentContext, half: Annotated[Half, Form()]) -> Response:
    """Enter half of a burnt hold-out's key."""
    done = await publish(request, half, context.subject)
    return RedirectResponse(f"/evaluation/holdouts/{half.generation}" if done else "/evaluation/holdouts", 303)


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


def _board(request: Request) -> list[board.Table]:
    """The newest results of each model and measure, ranked where a test tells models apart."""
    store = jobs(request).store
    summaries = [(job, store.summary(job.id)) for job in _known(request)[:100] if job.reached is not None]
    return board.tables([(job, _placed(found)) for job, found in summaries if found], store.paired)


def _placed(summary: Summary) -> Summary:
    """The summary, each row with its suite: one of an earlier version does not say it."""
    known = suites.standard()
    placed = []
    for row in summary.rows:
        of = [known[part.suite] for part in summary.suites if part.suite in known]
        suite = next((one for one in of if row.measure in one.measures), None)
        placed.append(
            row if row.suite or not suite else replace(row, suite=suite.name, score=suite.measures[row.measure])
        )
    return summary.model_copy(update={"rows": placed})


async def _suites_of(request: Request, job: Job) -> dict[str, Suite]:
    """The suites of a job as they were, as far as the reader may read their packs."""
    if job.own_suite is None:
        return suites.standard()
    try:
        async with database_of(request).transaction(request, writes=False) as transaction:
            own = await filled_by_id(transaction, job.own_suite)
    except SuiteError:
        return {}
    return {own.name: own}


async def _examples(request: Request, job: Job, wanted: dict[str, list[str]]) -> dict[str, Example]:
    """Items of a job by identifier, where their suites are still what they were."""
    summary = jobs(request).store.summary(job.id)
    known = await _suites_of(request, job)
    found: dict[str, Example] = {}
    for part in summary.suites if summary else []:
        suite = known.get(part.suite)
        if suite is not None and suite.sha256 == part.sha256:
            found |= await asyncio.to_thread(
                examples, jobs(request).store.folder(job.id), job, suite, wanted.get(part.suite, [])
            )
    return found
