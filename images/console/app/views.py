"""The pages below ``/console/``, for officers."""

import asyncio
import base64
import hashlib
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import ValidationError

from appliance.audit.events.text import printable
from appliance.audit.log.note import Note
from appliance.audit.log.tiles import CHECKPOINT
from appliance.audit.review import evidence
from appliance.contract.calendar import FILE as CALENDAR
from appliance.contract.calendar import Calendar
from appliance.contract.context import Context
from appliance.errors import ApplianceError
from appliance.markings import Clearance
from appliance.service.monitor import MonitorClient
from appliance.service.web.middleware import CurrentContext, token_of
from appliance.service.web.responses import not_found
from appliance.trust.files import read_limited

from . import charts
from .health import Watch
from .index import FACETS, Index
from .records import Markings, Reader
from .search import COUNTED, Query, Search
from .searches import Searches
from .words import REFUSALS

OFFICER = "officer"
MAXIMUM_CALENDAR = 16 << 20
EXPORTED = COUNTED  # as far as is counted, the page knows whether the list can be exported
RANGES = {"1h": "Last hour", "24h": "Last 24 hours", "7d": "Last 7 days", "30d": "Last 30 days", "all": "All time"}
_SPANS = {"1h": timedelta(hours=1), "24h": timedelta(days=1), "7d": timedelta(days=7), "30d": timedelta(days=30)}
FACET_NAMES = {
    "subject": "Subject",
    "decision": "Decision",
    "enclave": "Enclave",
    "label": "Label",
    "rule": "Rule",
    "activity": "Activity",
}


@dataclass
class Console:
    """What the pages share: the log's folder, its index and watch, texts of labels, and the way to the monitor."""

    log: Path
    index: Index
    watch: Watch
    markings: Markings
    monitor: MonitorClient
    searches: Searches
    key_from_log: bool

    @contextmanager
    def search(self, context: Context) -> Iterator[Search]:
        """Searches for the officer of a request."""
        clearance = Clearance(context.level, frozenset(context.need), frozenset(context.nationalities))
        database = self.index.connect()
        try:
            yield Search(database, clearance)
        finally:
            database.close()

    def reader(self) -> Reader:
        """Reads records against the checkpoint of now."""
        return Reader(self.log, self.watch.verifier, self.markings)


def officer(context: CurrentContext) -> Context:
    """Only officers; to others there is nothing here."""
    if OFFICER not in context.roles:
        raise not_found()
    return context


def console_of(request: Request) -> Console:
    """The console of the application."""
    console: Console = request.app.state.console
    return console


Officer = Annotated[Context, Depends(officer)]
TheConsole = Annotated[Console, Depends(console_of)]
router = APIRouter(prefix="/console")


class Asked:
    """A search as it is asked for in a query string or a form, and as links and forms repeat it."""

    def __init__(self, given: Mapping[str, str]) -> None:
        known = {name: value.strip()[:500] for name, value in given.items() if value.strip()}
        self.fields = {name: known[name] for name in (*FACETS, "text", "range", "since", "until") if name in known}
        self.since, self.until = _moment(known.get("since")), _moment(known.get("until"), last=True)
        self.range = "custom" if self.since or self.until else known.get("range", "7d")
        since = self.since
        if self.range in _SPANS:
            since = datetime.now(UTC) - _SPANS[self.range]
        before = known.get("before", "")
        self.query = Query(
            **{name: known.get(name, "") for name in (*FACETS, "text")},
            since=_milliseconds(since),
            until=_milliseconds(self.until),
            before=int(before) if before.isdecimal() and len(before) < 16 else None,
        )

    def link(self, **changes: Any) -> str:
        """The address of this search with some fields changed; None removes one."""
        fields = {name: value for name, value in (self.fields | changes).items() if value is not None}
        return "/console/?" + urlencode(fields)

    def period(self, since: int, until: int) -> str:
        """The address of this search within a stretch of time, in milliseconds."""
        return self.link(since=str(since), until=str(until), range=None)


@router.get("/")
def timeline(request: Request, context: Officer, console: TheConsole) -> Response:
    """Decisions, the newest first, with charts and filters."""
    asked = Asked(request.query_params)
    with console.search(context) as search:
        places, more, count = search.listed(asked.query)
        rows = console.reader().rows(places)
        return page(
            request,
            console,
            "timeline.html",
            asked=asked,
            rows=rows,
            count=f"more than {COUNTED:,}" if count == COUNTED + 1 else f"{count:,}",
            found=count,
            older=asked.link(before=str(rows[-1].index)) if more else "",
            saved=console.searches.of(context.subject),
            choices=search.choices(),
            facet_names=FACET_NAMES,
            exported=EXPORTED,
            ranges=RANGES,
            withheld=search.withheld,
            bars=charts.over_time(search.over_time(asked.query)),
            denials=charts.by_rule(search.denials(asked.query)),
            flows=charts.flows(search.flows(asked.query), console.markings),
            markings=console.markings,
        )


@router.post("/export")
async def export(request: Request, context: Officer, console: TheConsole) -> Response:
    """The records of a search as one archive of evidence; recorded before it leaves."""
    form = await request.form()
    asked = Asked({name: value for name, value in form.items() if isinstance(value, str)})
    data, count = await asyncio.to_thread(_archive, console, context, asked.query)
    detail = {"records": count, **{name: printable(value) for name, value in asked.fields.items()}}
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    await console.monitor.record("evidence.export", token_of(request), outputs=[digest], detail=detail)
    return download(console, context, data, f"evidence-{datetime.now(UTC):%Y%m%d-%H%M%S}.zip", "application/zip")


def _archive(console: Console, context: Context, query: Query) -> tuple[bytes, int]:
    """An archive of what matches, under the officers' last checkpoint if that covers it, else under the log's own."""
    wanted, reader, health = query.as_filter(), console.reader(), console.watch.health()
    with console.search(context) as search:
        if search.count(query) > EXPORTED:
            raise ApplianceError(
                f"more than {EXPORTED:,} records match", remedy="narrow the search, or use the command"
            )
        rows = reader.rows(search.all(query, EXPORTED))
    unsound = [row.index for row in rows if row.state not in ("intact", "waiting")]
    if unsound or health.checkpoint is None:
        raise ApplianceError(
            f"record {unsound[0]} is not what the log committed to" if unsound else "the log has no valid checkpoint",
            rule="evidence is proven under the log's checkpoint",
            remedy="log health names the damage",
        )
    found = [(row.record, row.event) for row in rows if row.record and row.event and row.state == "intact"]
    records = [record for record, event in found if wanted.admits(event, record.body)]
    reviewed = health.review.checkpoint.size if health.review else 0
    if health.review and (not records or records[-1].index < reviewed):
        note, size = health.review.note, reviewed
    else:
        note, size = Note.decode((console.log / CHECKPOINT).read_bytes()), health.checkpoint.size
    records = [record for record in records if record.index < size]
    selection = evidence.Selection(wanted=wanted, first=0, end=size)
    return evidence.archive(console.log, note.encode(), records, selection), len(records)


@router.post("/searches")
async def save_search(request: Request, context: Officer, console: TheConsole) -> Response:
    """Keep a search under a name, or forget the one of that name."""
    form = {name: value for name, value in (await request.form()).items() if isinstance(value, str)}
    link = Asked(form).link()
    if form.get("forget"):
        console.searches.forget(context.subject, form["forget"])
    else:
        console.searches.keep(context.subject, form.get("name", ""), link)
    return RedirectResponse(link, 303)


@router.get("/events/{index}")
def event(request: Request, context: Officer, console: TheConsole, index: int) -> Response:
    """One record: what happened, why, and the proof that the log has it."""
    with console.search(context) as search:
        try:
            place = search.place(index)
        except LookupError:
            raise not_found() from None
        if not place.readable:
            raise not_found()
        reader = console.reader()
        row = reader.row(place)
        uid = row.event.metadata.correlation_uid if row.event else None
        related = [other for other in reader.rows(search.related(uid)) if other.index != index] if uid else []
        return page(
            request,
            console,
            "event.html",
            row=row,
            proof=reader.proof(row.record, index) if row.record else None,
            related=related,
            refusals=REFUSALS,
            size=search.size,
            markings=console.markings,
        )


@router.get("/events/{index}/record.json")
def record(context: Officer, console: TheConsole, index: int) -> Response:
    """The record exactly as the log has it."""
    found = _readable(context, console, index).record
    if found is None:
        raise not_found()
    return download(console, context, found.line(), f"record-{index}.json", "application/json")


@router.get("/events/{index}/record.tlog-proof")
def proof_file(context: Officer, console: TheConsole, index: int) -> Response:
    """The inclusion proof with the checkpoint, in the C2SP form that anyone can verify without this host."""
    row = _readable(context, console, index)
    proof = console.reader().proof(row.record, index) if row.record else None
    if proof is None or not proof.holds:
        raise not_found()
    lines = ["c2sp.org/tlog-proof@v1", f"index {index}", *(base64.b64encode(hash_).decode() for hash_ in proof.hashes)]
    note = Note.decode((console.log / CHECKPOINT).read_bytes())
    data = "\n".join([*lines, "", ""]).encode() + note.encode()
    return download(console, context, data, f"record-{index}.tlog-proof", "application/octet-stream")


@router.get("/health-of-log")
def health(request: Request, _context: Officer, console: TheConsole) -> Response:
    """Whether the log is whole, signed, and has room."""
    with console.search(_context) as search:
        return page(
            request,
            console,
            "health.html",
            indexed=search.size,
            withheld=search.withheld,
            gaps=search.count(Query(activity="spool.gap")),
            refused=search.count(Query(activity="record.refuse")),
            vkey=console.watch.verifier.encode(),
            key_from_log=console.key_from_log,
            note=_note(console),
        )


@router.get("/calendar")
def calendar(request: Request, _context: Officer, console: TheConsole) -> Response:
    """What expires or falls due on this host, as its watcher judged it last."""
    try:
        found = Calendar.model_validate_json(read_limited(console.log / CALENDAR, MAXIMUM_CALENDAR))
    except (ApplianceError, ValidationError):
        found = None
    stale = found is not None and datetime.now(UTC) - found.made > timedelta(days=1)
    return page(request, console, "calendar.html", calendar=found, stale=stale)


@router.post("/health-of-log/verify")
async def verify_now(_context: Officer, console: TheConsole) -> Response:
    """Verify the whole log now."""
    await console.watch.verify()
    return RedirectResponse("/console/health-of-log", 303)


@router.get("/labels.css")
def label_colours(console: TheConsole) -> Response:
    """The colours of the levels."""
    return Response(console.markings.style(), media_type="text/css")


def _readable(context: Context, console: Console, index: int) -> Any:
    with console.search(context) as search:
        try:
            place = search.place(index)
        except LookupError:
            raise not_found() from None
    if not place.readable:
        raise not_found()
    return console.reader().row(place)


def page(request: Request, console: Console, template: str, **values: Any) -> Response:
    """A page of the console with the state of the log on top."""
    now = datetime.now(UTC)
    rendered: Response = request.app.state.pages.render(
        request, template, health=console.watch.health(), now=now, ago=lambda moment: _ago(now - moment), **values
    )
    return rendered


def _note(console: Console) -> str:
    try:
        return (console.log / CHECKPOINT).read_text(errors="replace")
    except OSError:
        return ""


def download(console: Console, context: Context, data: bytes, name: str, media_type: str) -> Response:
    """A file for the officer's own disk, with the marking of the answer in its name."""
    banner = console.markings.of(context.label).text
    marked = re.sub(r"[^A-Za-z0-9-]+", "_", banner.replace("//", "--"))
    disposition = f'attachment; filename="{marked}.{name}"'
    return Response(data, media_type=media_type, headers={"Content-Disposition": disposition})


def _moment(text: str | None, *, last: bool = False) -> datetime | None:
    """A time in the query: milliseconds since the epoch, or as a browser's field gives it, in UTC."""
    if not text:
        return None
    try:
        if text.isdecimal():
            return datetime.fromtimestamp(int(text) / 1000, UTC)
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError):
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return moment + timedelta(seconds=59, milliseconds=999) if last and len(text) == 16 else moment


def _milliseconds(moment: datetime | None) -> int | None:
    return None if moment is None else round(moment.timestamp() * 1000)


def _ago(span: timedelta) -> str:
    seconds = max(0, int(span.total_seconds()))
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length} {unit} ago"
    return f"{seconds} s ago" if seconds else "now"
