"""One consistent state of log and spool, taken while the monitor goes on: exactly the records under one checkpoint.

Full segments and full tiles never change. What still grows is taken as far as the checkpoint commits to it.
"""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from appliance.audit.events import spool
from appliance.audit.log import anchor, bodies, policy
from appliance.audit.log.note import Verifier, open_checkpoint
from appliance.audit.log.tiles import CHECKPOINT, TileReader, tiles_of
from appliance.audit.log.verify import writer_is_active
from appliance.audit.log.witness import COSIGNED
from appliance.audit.review.ingest import STATE
from appliance.errors import ApplianceError

PATIENCE = 3.0
"""Seconds for which a checkpoint over all durable records is awaited; the writer signs one each second."""
TRIES = 5


@dataclass(frozen=True)
class Member:
    """A file of the log as it is to be kept: the first ``length`` bytes of ``source``, or ``data``."""

    name: str
    source: Path | None = None
    length: int = 0
    data: bytes = b""


@dataclass(frozen=True)
class Cut:
    """The state: the checkpoint and what it says, the spool, and how far the log has taken it in."""

    note: bytes
    size: int
    root: bytes
    ingested: bytes
    spool: bytes


def cut(log: Path, spool_folder: Path, key: Verifier) -> Cut:
    """Find a state in which each spooled event is in the log or still in the spool, and in one of them alone.

    Args:
        log: the log's folder.
        spool_folder: the spool's folder.
        key: the log's key.

    Raises:
        ApplianceError: the checkpoint is damaged, or events come in without pause.
    """
    state, lines = _spooled(log, spool_folder)
    for _ in range(TRIES):
        note = _checkpoint(log)
        before, (state, lines) = state, _spooled(log, spool_folder)
        if before == state:
            said = open_checkpoint(note, key)
            return Cut(note, said.size, said.root, state, lines)
    raise ApplianceError(
        "the log takes in spooled events without pause",
        rule="a backup holds each event once",
        remedy="give the command again",
    )


def members(log: Path, found: Cut) -> Iterator[Member]:
    """The files of the log as the cut has them, by their names below the log's folder."""
    yield Member(CHECKPOINT, data=found.note)
    yield Member(STATE, data=found.ingested)
    for name in ("log.vkey", policy.FILE):
        if (log / name).is_file():
            yield Member(name, data=(log / name).read_bytes())
    for folder in (COSIGNED, anchor.ANCHORED):
        for file in sorted((log / folder).glob("*")):
            if file.name.isdecimal() and int(file.name) <= found.size:
                yield Member(f"{folder}/{file.name}", data=file.read_bytes())
    for file in bodies.segments(log):
        first = int(file.stem)
        if first < found.size:
            yield Member(str(file.relative_to(log)), file, _length(file, found.size - first))
    reader = TileReader(log, found.size)
    for name, level, number, full in tiles_of(found.size):
        if full:
            yield Member(name, log / name, (log / name).stat().st_size)
        else:
            yield Member(name, data=reader.read(level, number))


def _length(file: Path, records: int) -> int:
    """Bytes of the first ``records`` records of a segment."""
    if records >= bodies.SEGMENT:
        return file.stat().st_size
    for count, (offset, line) in enumerate(bodies.lines(file), 1):
        if count == records:
            return offset + len(line)
    raise ApplianceError(
        f"{file}: ends before the checkpoint does",
        rule="what is backed up is whole",
        remedy="appliance audit verify names the damage",
    )


def _spooled(log: Path, folder: Path) -> tuple[bytes, bytes]:
    """How far the log has taken the spool in, and the spool's lines; nobody appends meanwhile."""
    folder.mkdir(mode=0o700, exist_ok=True)
    with spool.locked(os.fspath(folder)):
        return _read(log / STATE), _read(folder / spool.FILE)


def _read(file: Path) -> bytes:
    return file.read_bytes() if file.exists() else b""


def _checkpoint(log: Path) -> bytes:
    """A checkpoint over all records that are durable now."""
    file, begun = log / CHECKPOINT, time.time()
    end = time.monotonic() + PATIENCE
    while writer_is_active(log) and file.stat().st_mtime <= begun and time.monotonic() < end:
        time.sleep(0.05)
    return file.read_bytes()
