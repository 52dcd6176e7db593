"""The weekly review below ``/console/review``: findings, notes, the request to sign, and the signed checkpoint back."""

from collections.abc import Iterable
from datetime import UTC, datetime

from fastapi import APIRouter, Request, Response, UploadFile
from fastapi.responses import RedirectResponse

from appliance.audit.events.text import printable
from appliance.audit.log import witness
from appliance.audit.review import summary as review
from appliance.audit.review.summary import Review, ranked
from appliance.contract.context import Context
from appliance.errors import ApplianceError
from appliance.service.web.middleware import token_of

from .past import Said, past, said_in, waiting
from .views import Console, Officer, TheConsole, download, page

MAXIMUM_NOTE = 16_384
router = APIRouter(prefix="/console/review")


@router.get("")
def show(request: Request, context: Officer, console: TheConsole) -> Response:
    """What happened since the officers last cosigned, a field for a word to each finding, and how to finish."""
    made, withheld = _made(context, console)
    policy = console.watch.policy
    with console.search(context) as search:
        decided = search.decided(made.start, made.end)
        said, before = ([], {}) if withheld else _words(made, said_in(search, console.reader()))
    unreviewed = review.unreviewed_break_glass(console.log, made.start, made.end)
    return page(
        request,
        console,
        "review.html",
        first=made.start,
        end=made.end,
        decided=decided,
        findings=made.findings,
        said=said,
        before=before,
        officer=context.subject,
        waiting=waiting(console.log, policy, made.start),
        withheld=withheld,
        unreviewed=unreviewed,
        witnesses=sorted(policy.witnesses) if policy else [],
    )


@router.get("/history")
def history(request: Request, context: Officer, console: TheConsole) -> Response:
    """The reviews that a quorum ended: their ranges, who cosigned them, and each officer's words."""
    with console.search(context) as search:
        withheld = search.withheld
        said = [] if withheld else list(said_in(search, console.reader()))
    ended = past(console.log, console.watch.policy, said)
    return page(request, console, "history.html", past=ended, withheld=withheld)


@router.post("/notes")
async def finish(request: Request, context: Officer, console: TheConsole) -> Response:
    """Record that the officer said a word to each finding."""
    form = {name: value for name, value in (await request.form()).items() if isinstance(value, str)}
    end = form.pop("end", "")
    made, withheld = _made(context, console, int(end) if end.isdecimal() and len(end) < 16 else None)
    if withheld:
        raise ApplianceError(
            f"{withheld} records are above your clearance: an officer who may read all of them finishes the review"
        )
    notes = {name: printable(word.strip(), 500) for name, word in form.items()}
    review.check_notes(made, notes)
    detail = {"start": made.start, "end": made.end, "notes": notes}
    await console.monitor.record(review.FINISHED, token_of(request), detail=detail)
    await console.watch.catch_up()
    return RedirectResponse("/console/review#finish", 303)


@router.get("/request")
def ask(context: Officer, console: TheConsole, old: int = 0) -> Response:
    """What an officer's own machine needs in order to cosign."""
    made = witness.request(console.log, console.watch.verifier, max(0, old))
    health = console.watch.health()
    review.require_reviewed(console.log, old, health.checkpoint.size if health.checkpoint else 0)
    return download(
        console, context, made.encode(), f"request-{datetime.now(UTC):%Y%m%d-%H%M%S}", "application/octet-stream"
    )


@router.post("/cosignature")
async def take(request: Request, _context: Officer, console: TheConsole, note: UploadFile) -> Response:
    """Take in the checkpoint that an officer cosigned; the monitor verifies, records and keeps it."""
    data = await note.read(MAXIMUM_NOTE + 1)
    policy = console.watch.policy
    if policy is None:
        raise ApplianceError("no policy says who must cosign", remedy="appliance audit policy FILE, on the host")
    if len(data) > MAXIMUM_NOTE:
        raise ApplianceError("the file is larger than any cosigned checkpoint", rule=f"at most {MAXIMUM_NOTE} bytes")
    witness.judge(console.log, data, console.watch.verifier, list(policy.witnesses.values()))
    await console.monitor.cosign(token_of(request), data.decode())
    return RedirectResponse("/console/review", 303)


def _words(made: Review, newest_first: Iterable[Said]) -> tuple[list[Said], dict[tuple[str, str], str]]:
    """What was said in this review, and the words of the last one before it."""
    said = list[Said]()
    before: dict[tuple[str, str], str] | None = None
    for one in newest_first:
        if one.start >= made.start:
            said.append(one)
        elif one.end <= made.start and before is None:
            before = one.words
        if one.index < made.start and before is not None:
            break  # what was recorded before this review began is not about it
    return said, before or {}


def _made(context: Context, console: Console, upto: int | None = None) -> tuple[Review, int]:
    """The review since the last cosigned checkpoint as this officer may see it, and how many records they may not.

    ``upto`` is the end that the officer had before them: showing the page has added records since.
    """
    health = console.watch.health()
    first = health.review.checkpoint.size if health.review else 0
    end = health.checkpoint.size if health.checkpoint else 0
    end = end if upto is None else min(end, upto)
    with console.search(context) as search:
        found = search.remarks(first, end)
        for damage in health.findings:
            found["integrity", f"{damage.file}: {damage.problem}"] = (1, damage.index or 0)
        return Review(start=first, end=end, findings=ranked(found)), search.withheld
