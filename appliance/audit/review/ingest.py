"""Taking the spool's events into the log, and finding what is missing between them."""

import os
import re
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from pydantic import BaseModel

from appliance.audit.events import kinds as events
from appliance.audit.events import ocsf, schema, spool
from appliance.audit.events.text import printable
from appliance.audit.log import bodies
from appliance.audit.log.writer import Log
from appliance.errors import ApplianceError
from appliance.trust.files import replace_file

STATE = "spool.json"
_BATCH = 256
_LINE = re.compile(rb'\{"sequence": (\d{1,18}), "previous": "([0-9a-f]{64})", "event": (.+)\}\n')


class _Pending(BaseModel):
    """A batch that was about to be appended: the log's size before, and how many events."""

    size: int
    events: int


class _State(BaseModel):
    """How far the log has the spool: the next sequence number, the digest of the last line, and an open batch."""

    next: int = 0
    last: str = spool.FIRST
    pending: _Pending | None = None


@dataclass(frozen=True)
class _Line:
    """A line of the spool: the state behind it, its event (label and bytes) or None, and what is wrong with it."""

    after: _State
    event: tuple[str, bytes] | None
    problems: tuple[str, ...]


class Ingested(BaseModel):
    """What ``ingest`` did: events taken in, and every gap it found (also recorded in the log)."""

    taken: int = 0
    gaps: list[str] = []


async def ingest(folder: Path, log: Log, *, label: str) -> Ingested:
    """Append every event of the spool in ``folder`` that ``log`` does not have yet, each exactly once.

    Before a batch is appended, a file says so; after a crash the log itself shows how much of the batch it has.

    Args:
        folder: the spool's folder; an absent one is empty.
        log: the open log.
        label: encoded label of the records about gaps, the system-high one.

    Raises:
        LogError: the log cannot be written.
    """
    result = Ingested()
    state_file = log.path / STATE
    state = _State.model_validate_json(state_file.read_bytes()) if state_file.exists() else _State()
    lines = _new_lines(_lines(folder), state)
    if state.pending and (present := _present(log.path, state.pending, [line.event for line in lines if line.event])):
        behind = [number for number, line in enumerate(lines, 1) if line.event][present - 1]
        state, lines = lines[behind - 1].after, lines[behind:]
        replace_file(state_file, state.model_dump_json().encode())
    for at in range(0, len(lines), _BATCH):
        batch = lines[at : at + _BATCH]
        for problem in (problem for line in batch for problem in line.problems):
            await _gap(log, label, result, problem)
        if found := [line.event for line in batch if line.event]:
            pending = _Pending(size=log.size, events=len(found))
            replace_file(state_file, state.model_copy(update={"pending": pending}).model_dump_json().encode())
            await log.append(found)
        result.taken += len(found)
        state = batch[-1].after
        replace_file(state_file, state.model_dump_json().encode())
    if lines:
        _shorten(folder, state.last)
    return result


def _new_lines(lines: list[bytes], state: _State) -> list[_Line]:
    """The lines behind ``state``, each with its event and with what is wrong with it."""
    known = [spool.digest(line) for line in lines]
    start = known.index(state.last) + 1 if state.last in known else 0
    lost = []
    if state.next and not start:
        lost = [f"the spool no longer has line {state.next - 1}, the last that was taken in"]
        state = _State()
    found = []
    for line, digest in zip(lines[start:], known[start:], strict=True):
        state, event, problems = _read(line, digest, state)
        found.append(_Line(state, event, (*lost, *problems)))
        lost = []
    if lost:
        found.append(_Line(state, None, tuple(lost)))
    return found


def _read(line: bytes, digest: str, before: _State) -> tuple[_State, tuple[str, bytes] | None, list[str]]:
    match = _LINE.fullmatch(line)
    if match is None:
        return _State(next=before.next + 1, last=digest), None, [f"line {before.next} of the spool is damaged"]
    sequence, problems = int(match[1]), []
    if (sequence, match[2].decode()) != (before.next, before.last):
        problems.append(f"line {sequence} of the spool does not follow line {before.next - 1}")
    after = _State(next=sequence + 1, last=digest)
    try:
        label = ocsf.read(match[3]).label
        bodies.check(label, match[3])
        schema.check(match[3])
    except ApplianceError as error:
        return after, None, [*problems, f"line {sequence} of the spool is no event: {error.message}"]
    return after, (label, match[3]), problems


def _present(log: Path, pending: _Pending, found: list[tuple[str, bytes]]) -> int:
    """How many events of the interrupted batch the log has: neighbours, from the size on that it had before."""
    wanted = [body for _, body in found[: pending.events]]
    records = bodies.scan(log, pending.size - pending.size % bodies.SEGMENT)
    have = [record.body for _, _, record in records if record and record.index >= pending.size]
    starts = [at for at, body in enumerate(have) if wanted[:1] == [body]]
    runs = [sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(have[at:], wanted))) for at in starts]  # noqa: B905
    return max(runs, default=0)


async def _gap(log: Log, label: str, result: Ingested, problem: str) -> None:
    problem = printable(problem)
    result.gaps.append(problem)
    event = events.activity(events.Scope(label=label), "host", "spool.gap", detail={"problem": problem})
    await log.append([event.record()])


def _lines(folder: Path) -> list[bytes]:
    """The spool's whole lines; what follows the last line end was never acknowledged."""
    if not (folder / spool.FILE).exists():
        return []
    return [line + b"\n" for line in (folder / spool.FILE).read_bytes().split(b"\n")[:-1]]


def _shorten(folder: Path, last: str) -> None:
    """Drop the lines before the last one taken in; that one stays, because the next names its digest."""
    if not folder.is_dir():
        return
    with spool.locked(os.fspath(folder)):
        lines = _lines(folder)
        known = [spool.digest(line) for line in lines]
        if last in known[1:]:
            replace_file(folder / spool.FILE, b"".join(lines[known.index(last) :]))
