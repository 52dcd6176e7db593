"""Taking the spool's events into the log, and finding what is missing between them."""

import os
import re
from pathlib import Path

from pydantic import BaseModel

from appliance.audit import bodies, events, ocsf, schema, spool
from appliance.audit.log import Log
from appliance.audit.text import printable
from appliance.audit.tiles import write_lasting
from appliance.errors import ApplianceError

STATE = "spool.json"
_BATCH = 256
_LINE = re.compile(rb'\{"sequence": (\d{1,18}), "previous": "([0-9a-f]{64})", "event": (.+)\}\n')


class _State(BaseModel):
    """How far the log has the spool: the next sequence number and the digest of the last line."""

    next: int = 0
    last: str = spool.FIRST


class Ingested(BaseModel):
    """What ``ingest`` did: events taken in, and every gap it found (also recorded in the log)."""

    taken: int = 0
    gaps: list[str] = []


async def ingest(folder: Path, log: Log, *, label: str) -> Ingested:
    """Append every event of the spool in ``folder`` that ``log`` does not have yet.

    A crash in between may take an event in twice, never lose one.

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
    lines = _lines(folder)
    known = [spool.digest(line) for line in lines]
    start = known.index(state.last) + 1 if state.last in known else 0
    if state.next and not start:
        await _gap(log, label, result, f"the spool no longer has line {state.next - 1}, the last that was taken in")
        state = _State()
    batch: list[tuple[str, bytes]] = []
    for line, digest in zip(lines[start:], known[start:], strict=True):
        match = _LINE.fullmatch(line)
        if match is None:
            await _gap(log, label, result, f"line {state.next} of the spool is damaged")
            state = _State(next=state.next + 1, last=digest)
            continue
        sequence = int(match[1])
        if (sequence, match[2].decode()) != (state.next, state.last):
            await _gap(log, label, result, f"line {sequence} of the spool does not follow line {state.next - 1}")
        state = _State(next=sequence + 1, last=digest)
        try:
            found = ocsf.read(match[3]).label
            bodies.check(found, match[3])
            schema.check(match[3])
            batch.append((found, match[3]))
        except ApplianceError as error:
            await _gap(log, label, result, f"line {sequence} of the spool is no event: {error.message}")
    for at in range(0, len(batch), _BATCH):
        await log.append(batch[at : at + _BATCH])
    result.taken = len(batch)
    write_lasting(state_file, state.model_dump_json().encode())
    _shorten(folder, state.last)
    return result


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
            write_lasting(folder / spool.FILE, b"".join(lines[known.index(last) :]))
