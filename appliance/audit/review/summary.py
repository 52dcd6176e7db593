"""What an officer reviews: what happened in the log from one size to another, and what deserves a word.

A review covers the records since the last checkpoint that the officers' quorum cosigned (CCI-000148: at least every
seven days, and with a trail of the reviews themselves).
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from appliance.audit.events import ocsf
from appliance.audit.events.ocsf import ENTITY_MANAGEMENT, Event
from appliance.audit.log import bodies
from appliance.audit.log.policy import Policy, PolicyError, Signed
from appliance.audit.log.tiles import LogError
from appliance.audit.log.verify import Damage
from appliance.audit.log.witness import COSIGNED, cosigned_sizes
from appliance.errors import ApplianceError
from appliance.markings import Label, join

FINISHED = "review.finish"
OVERDUE = 7 * 24 * 3600
_BREAK_GLASS = "break-glass"
_ORDER = ("integrity", "gap", _BREAK_GLASS, "anomaly", "denials", "new subject", "export", "change")
_ANOMALIES = {
    "record.unattributed": "a service asked for a record that is not its own, or in nobody's name",
    "quota.exceed": "an enclave recorded more than its quota",
    "storage.warn": "the log's disk was 75 % full",
    "storage.administration": "the log's disk was 95 % full: only administration went on",
    "storage.halt": "the log's disk was full: nothing was done",
    "review.overdue": "the review of the log was overdue",
    "calendar.due": "something expired, or is due to be renewed",
}


OVER_RATE = "read-down.over-rate"
_TOO_MUCH = "more than a bit a second: what they choose to read, and when, can be a message"


class Finding(BaseModel):
    """Something that deserves a word from the officer.

    Attributes:
        id: by which a note refers to it; the same as long as the range is.
        kind: ``integrity``, ``gap``, ``break-glass``, ``anomaly``, ``denials``, ``new subject``, ``export``,
            ``change``.
        text: what happened.
        count: how often.
        first: index of the first record concerned.
    """

    id: str
    kind: str
    text: str
    count: int
    first: int


class Review(BaseModel):
    """The records from ``start`` up to (not with) ``end``, summed up, and what deserves a word.

    ``label`` is the join of their labels, encoded: notes about them are no lower.
    """

    start: int
    end: int
    label: str = "U;;*"
    decisions: dict[str, int] = {}
    subjects: dict[str, int] = {}
    findings: list[Finding] = []


def last_review(log: Path, policy: Policy) -> Signed | None:
    """The largest checkpoint of the log that the policy's quorum cosigned, or None."""
    for size in reversed(cosigned_sizes(log)):
        try:
            return policy.require((log / COSIGNED / str(size)).read_bytes())
        except (ApplianceError, OSError):
            continue
    return None


def overdue(last: Signed | None, now: int, begun: int | None) -> bool:
    """Whether more than seven days have passed since ``last`` was cosigned, or since the log began without one.

    Args:
        last: the last review, or None.
        now: seconds since the epoch.
        begun: when the log's first event happened, in seconds since the epoch; None for an empty log.
    """
    since = max(last.cosigned.values(), default=begun) if last else begun
    return since is not None and now - since > OVERDUE


def review(log: Path, start: int, end: int, damage: Iterable[Damage] = ()) -> Review:
    """Sum up the records of ``log`` from ``start`` up to (not with) ``end``.

    Args:
        log: the log's folder.
        start: first record.
        end: record behind the last.
        damage: what a verification of the log found.

    Raises:
        LogError: ``start`` lies behind ``end``.
    """
    if not 0 <= start <= end:
        raise LogError(
            f"there are no records from {start} to {end}",
            rule="a review is of records that are there",
            remedy="leave --start out, or name a smaller number",
        )
    made = _Sum()
    for one in damage:
        made.note("integrity", f"{one.file}: {one.problem}", one.index or 0)
    index = 0
    for path, _, record in bodies.scan(log, 0):
        if index == end:
            break
        event = _event(record.body) if record else None
        if event is None:
            made.note("integrity", f"{path.name} has a record that cannot be read", index)
        else:
            made.add(event, index, reviewed=index >= start)
        index += 1
    if index < end:
        made.note("integrity", "records are missing from here on", index)
    return Review(
        start=start,
        end=end,
        label=join(*(Label.decode(label) for label in made.labels)).encode(),
        decisions=dict(made.decisions.most_common()),
        subjects=dict(made.subjects.most_common()),
        findings=made.findings(),
    )


class _Sum:
    """What has been seen so far."""

    def __init__(self) -> None:
        self.decisions = Counter[str]()
        self.subjects = Counter[str]()
        self.labels = set[str]()
        self._known = set[str]()
        self._found: dict[tuple[str, str], list[int]] = {}

    def add(self, event: Event, index: int, *, reviewed: bool) -> None:
        if reviewed:
            self.decisions[event.decision or "recorded"] += 1
            self.subjects[event.subject] += 1
            self.labels.add(event.label)
            if event.subject not in self._known:
                self.note(*new_subject(event), index)
            for kind, text in remarks(event):
                self.note(kind, text, index)
        self._known.add(event.subject)

    def note(self, kind: str, text: str, index: int) -> None:
        self._found.setdefault((kind, text), []).append(index)

    def findings(self) -> list[Finding]:
        return ranked({what: (len(where), where[0]) for what, where in self._found.items()})


def ranked(found: dict[tuple[str, str], tuple[int, int]]) -> list[Finding]:
    """Findings by importance, from (kind, text) -> (count, first record); their ids are the places in this order."""
    ordered = sorted(found.items(), key=lambda one: (_ORDER.index(one[0][0]), -one[1][0], one[1][1]))
    return [
        Finding(id=f"F{number}", kind=kind, text=text, count=count, first=first)
        for number, ((kind, text), (count, first)) in enumerate(ordered, 1)
    ]


def new_subject(event: Event) -> tuple[str, str]:
    """The remark on the first event of a subject."""
    return "new subject", f"{event.subject} appears for the first time"


def unreviewed_break_glass(log: Path, start: int, end: int) -> list[int]:
    """Records from ``start`` up to (not with) ``end`` about break-glass that no review covers, not even a later one.

    Args:
        log: the log's folder.
        start: first record, as a rule the size that the quorum cosigned last.
        end: record behind the last.
    """
    open_ones: list[int] = []
    for _, _, record in bodies.scan(log, start - start % bodies.SEGMENT):
        event = _event(record.body) if record and record.index >= start else None
        if event is None or record is None:
            continue
        if record.index < end and any(kind == _BREAK_GLASS for kind, _ in remarks(event)):
            open_ones.append(record.index)
        detail = event.unmapped.detail or {}
        first, behind = detail.get("start"), detail.get("end")
        if event.activity == FINISHED and isinstance(first, int) and isinstance(behind, int):
            open_ones = [index for index in open_ones if not first <= index < behind]
    return open_ones


def require_reviewed(log: Path, start: int, end: int) -> None:
    """Refuse a cosignature over break-glass that nobody reviewed.

    Raises:
        PolicyError: naming the first record.
    """
    if left := unreviewed_break_glass(log, start, end):
        raise PolicyError(
            f"break-glass was used and not reviewed: {len(left)} records, the first is {left[0]}",
            rule="unreviewed break-glass blocks the next cosignature",
            remedy="say a word to each finding: appliance audit review --notes, or the console's review",
        )


def check_notes(made: Review, notes: dict[str, str]) -> None:
    """A review is finished when every finding has a note.

    Raises:
        PolicyError: a finding has none, or a note refers to no finding.
    """
    ids = {finding.id for finding in made.findings}
    missing = [finding.id for finding in made.findings if not notes.get(finding.id, "").strip()]
    if missing or notes.keys() - ids:
        raise PolicyError(
            f"findings without a note: {', '.join(missing) or 'none'}; "
            f"notes without a finding: {', '.join(sorted(notes.keys() - ids)) or 'none'}",
            rule="an officer says a word to each finding of a review",
            remedy='give the notes as JSON: {"F1": "expected: ..."}',
        )


def _event(body: bytes) -> Event | None:
    try:
        return ocsf.read(body)
    except ApplianceError:
        return None


def _counted(activity: str, detail: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What an event says that stands for many requests."""
    count, enclave = detail.get("count"), detail.get("enclave")
    if activity == "spool.gap":
        yield "gap", f"events were lost: {detail.get('problem', '')}"
    elif activity == "record.refuse":
        yield "gap", f"{count} requests of {enclave} were refused without a record"
    elif activity == "identity.flood":
        yield "denials", f"{count} requests without a certificate of this site were refused in {enclave}"
    elif activity == "subject.flood":
        over = f"{detail.get('name')} went over the budget of records in {enclave}"
        yield "anomaly", f"{over}: {count} requests had no effect"


def remarks(event: Event) -> list[tuple[str, str]]:
    """What in one event deserves a word, as (kind, text); equal texts are counted together."""
    rule = event.policy.name if event.policy else ""
    detail = event.unmapped.detail or {}
    found = list(_counted(event.activity, detail))
    if event.activity in _ANOMALIES:
        enclave = f": {detail['enclave']}" if "enclave" in detail else ""
        found.append(("anomaly", _ANOMALIES[event.activity] + enclave))
    if _BREAK_GLASS in (rule, event.activity.partition(".")[0]):
        found.append((_BREAK_GLASS, f"{event.subject}: {event.message}"))
    if rule == OVER_RATE:
        found.append(("anomaly", f"{event.subject} read from a higher level in {event.unmapped.enclave} {_TOO_MUCH}"))
    if event.decision == "denied":
        found.append(("denials", f"{event.subject} was denied in {event.unmapped.enclave} by rule {rule}"))
    if event.activity.endswith(".export"):
        found.append(("export", f"{event.subject}: {event.activity} in {event.unmapped.enclave}"))
    if event.class_uid == ENTITY_MANAGEMENT:
        found.append(("change", event.message))
    return found
