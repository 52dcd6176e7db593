"""Load with faults: writers that are killed at random moments, over and over, on a log of their own.

What a writer was told is durable is its receipt; here the receipt stands for the effect that may follow. After every
SIGKILL each receipt must be found in the log, and at the end the log must verify from its bodies to its signature.
"""

import asyncio
import os
import random
import select
import signal
import time
from collections.abc import Callable
from pathlib import Path

from pydantic import BaseModel

from appliance.audit.events.kinds import Lineage, Scope, activity
from appliance.audit.events.ocsf import Event
from appliance.audit.log import bodies
from appliance.audit.log.tiles import LogError
from appliance.audit.log.writer import Log
from appliance.audit.review.fsck import UNFINISHED, fsck
from appliance.errors import ApplianceError

LABELS = ("U;;*", "S;;GBR,USA", "TS;SI;USA")
CHECKPOINT_INTERVAL = 0.02
RECEIPT = 65


class Hammered(BaseModel):
    """What came of it.

    Attributes:
        rounds: how often a writer was killed.
        acknowledged: receipts that writers got.
        lost: receipts whose record is not in the log; every one is a defect.
        records: records in the log at the end; may exceed ``acknowledged`` by what was durable but not yet answered.
        unfinished: how often a kill left an unfinished record, which was put aside.
        findings: damage that the final verification found; every one is a defect.
        seconds: time under load.
    """

    rounds: int = 0
    acknowledged: int = 0
    lost: int = 0
    records: int = 0
    unfinished: int = 0
    findings: list[str] = []
    seconds: float = 0

    @property
    def holds(self) -> bool:
        """Whether the log kept its promise."""
        return not self.lost and not self.findings


def hammer(
    folder: Path,
    *,
    rounds: int,
    writers: int = 32,
    longest: float = 0.1,
    seed: int | None = None,
    progress: Callable[[Hammered], None] = lambda _: None,
) -> Hammered:
    """Kill a loaded log ``rounds`` times and check it each time.

    Args:
        folder: new folder for the log; it stays for inspection.
        rounds: how many processes to kill.
        writers: concurrent writers in each.
        longest: seconds under load after which a process is killed at the latest; the moment is random, and may lie in
            the opening, which takes longer on a busy machine.
        seed: makes the moments repeatable, as far as the machine does.
        progress: called after every round.

    Raises:
        ApplianceError: ``folder`` exists, or a log does not open any more after a kill.
    """
    if folder.exists():
        raise ApplianceError(f"{folder} exists", rule="the hammer uses a log of its own", remedy="name a new folder")
    vkey = Log.create(folder / "log", folder / "log.key", "hammer.example/audit")
    chance = random.Random(seed)  # noqa: S311 - moments, not secrets
    result, started = Hammered(), time.monotonic()
    _event(0, 0).record()  # compiles the schema here, so that the killed processes spend their time writing
    opening = 0.0
    for _ in range(rounds):
        receipts = _killed_after(chance.uniform(0, longest + opening), folder, writers)
        result.rounds += 1
        result.acknowledged += len(receipts)
        result.lost += len(receipts - _entries_from(folder / "log", result.records))
        began = time.monotonic()
        result.records, unfinished = asyncio.run(_reopened(folder))
        opening = 2 * (time.monotonic() - began)
        result.unfinished += unfinished
        progress(result)
    result.seconds = round(time.monotonic() - started, 3)
    report = fsck(folder / "log", vkey)
    damage = [found for found in report.findings if not found.file.startswith(UNFINISHED)]
    result.findings = [f"{found.file}: {found.problem}" for found in damage]
    if report.size != result.records:
        result.findings.append(f"the checkpoint covers {report.size} records of {result.records}")
    return result


def _killed_after(seconds: float, folder: Path, writers: int) -> set[str]:
    """Run a loaded log in a process, kill it, and return the receipts that it got out."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        try:
            asyncio.run(_load(folder, writers, writing))
        finally:
            os._exit(1)
    os.close(writing)
    deadline, told = time.monotonic() + seconds, bytearray()
    while (left := deadline - time.monotonic()) > 0:
        if select.select([reading], [], [], left)[0]:
            told += os.read(reading, 65_536)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    while data := os.read(reading, 65_536):
        told += data
    os.close(reading)
    return {told[at : at + 64].decode() for at in range(0, len(told) - len(told) % RECEIPT, RECEIPT)}


async def _load(folder: Path, writers: int, out: int) -> None:
    log = Log.open(folder / "log", folder / "log.key", checkpoint_interval=CHECKPOINT_INTERVAL)

    async def write(number: int) -> None:
        count = 0
        while True:
            made = [_event(number, count + n) for n in range(1 + (number + count) % 3)]
            receipts = await log.append([event.record() for event in made])
            os.write(out, "".join(f"{receipt}\n" for receipt in receipts).encode())
            count += len(made)

    await asyncio.gather(*(write(number) for number in range(writers)))


def _event(writer: int, count: int) -> Event:
    scope = Scope(label=LABELS[writer % len(LABELS)], enclave="hammer", request=f"{writer}-{count}")
    return activity(scope, f"writer-{writer}", "hammer.write", Lineage(inputs=(f"{count:064x}",)))


def _entries_from(log: Path, first: int) -> set[str]:
    """Entries of the whole records from index ``first`` on, before anything is repaired."""
    found = set()
    for path in bodies.segments(log):
        if int(path.stem) + bodies.SEGMENT <= first:
            continue
        for _, line in bodies.lines(path):
            try:
                record = bodies.Record.decode(line)
            except LogError:
                break
            if record.index >= first:
                found.add(record.entry.hex())
    return found


async def _reopened(folder: Path) -> tuple[int, bool]:
    log = Log.open(folder / "log", folder / "log.key")
    size, unfinished = log.size, log.recovered is not None
    await log.close()
    return size, unfinished
