"""Files of an image that a page brings along: one record a session and service, and how often it went on.

What lies below ``/<service>/static/``, ``vendor/`` and ``assets/`` is made when an image is built and holds nothing of
anybody. Its first request in a session is recorded before it is answered, as any other. Those that follow are counted
in a file that survives a killed monitor. The count becomes a record when the session ends, half an hour after the last
of them, eight hours after the first, when the monitor stops, or when it starts again after a crash. Nothing else is
ever counted: a refusal, a write, a read of what a service keeps and all that is read from above has its own record.
"""

import mmap
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from appliance.errors import ApplianceError
from appliance.monitor.decide.decision import READS
from appliance.monitor.record.outcome import Outcome, Recorder

FILE = "repeats"
ASSET = re.compile(r"/([a-z]+)/(?:static|vendor|assets)/[A-Za-z0-9_.-]+")
PERMITTED = "access.permitted"
LONGEST_SECONDS, IDLE_SECONDS = 8 * 3600.0, 1800.0
SLOTS = 4096
_REFERENCE, _COUNT = 32, 8
_SIZE = _REFERENCE + _COUNT

Closed = Callable[[Outcome | None, str, int], Awaitable[None]]
"""Records how often it went on after a first record: its outcome, where that is still known, and its reference."""


@dataclass
class _Held:
    outcome: Outcome
    slot: int
    begun: float
    used: float

    def ended(self, now: float) -> bool:
        return now - self.begun > LONGEST_SECONDS or now - self.used > IDLE_SECONDS


class Repeats:
    """Records outcomes, and counts what only repeats the first request for an image's files.

    Args:
        record: makes an outcome durable in the log or raises.
        closed: records a count.
        file: where the counts stand.
        clock: seconds, by a clock that nobody sets.
    """

    def __init__(
        self, record: Recorder, closed: Closed, file: Path, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._record, self._closed, self._clock = record, closed, clock
        self._held: dict[tuple[str, ...], _Held] = {}
        with file.open("a+b") as opened:
            file.chmod(0o600)
            opened.truncate(SLOTS * _SIZE)
            self._counts = mmap.mmap(opened.fileno(), SLOTS * _SIZE)
        self._left = [slot for slot in range(SLOTS) if self._read(slot)[1]]
        self._free = [slot for slot in reversed(range(SLOTS)) if slot not in set(self._left)]

    async def outcome(self, outcome: Outcome) -> None:
        """Make one decision durable, or count it where it repeats one that is.

        Raises:
            LogError: it cannot be recorded, so nothing may follow from it.
        """
        key = _key(outcome)
        if key is None:
            await self._record(outcome)
            if outcome.decision.action == "session" and outcome.method in ("POST", "DELETE"):
                await self._close([k for k in self._held if k[0] == outcome.subject])
            return
        now, held = self._clock(), self._held.get(key)
        if held and not held.ended(now):
            held.used = now
            reference, count = self._read(held.slot)
            self._write(held.slot, reference, count + 1)
            return
        if held:
            await self._close([key])
        await self._record(outcome)
        if self._free and key not in self._held:
            slot = self._free.pop()
            self._write(slot, outcome.request, 0)
            self._held[key] = _Held(outcome, slot, now, now)

    async def sweep(self) -> None:
        """Record the counts of what has ended."""
        await self._close([key for key, held in self._held.items() if held.ended(self._clock())])

    async def recover(self) -> None:
        """Record the counts that a monitor left that was killed."""
        while self._left:
            slot = self._left[-1]
            await self._closed(None, *self._read(slot))
            self._free.append(self._left.pop())
            self._write(slot, "", 0)

    async def stop(self) -> None:
        """Record all counts."""
        await self._close(list(self._held))

    async def _close(self, keys: list[tuple[str, ...]]) -> None:
        for key in keys:
            held = self._held.pop(key, None)
            if held is None:
                continue
            reference, count = self._read(held.slot)
            try:
                if count:
                    await self._closed(held.outcome, reference, count)
            except ApplianceError:
                self._held.setdefault(key, held)
                raise
            self._write(held.slot, "", 0)
            self._free.append(held.slot)

    def _read(self, slot: int) -> tuple[str, int]:
        at = slot * _SIZE
        reference = self._counts[at : at + _REFERENCE].rstrip(b"\0").decode("ascii", "replace")
        return reference, int.from_bytes(self._counts[at + _REFERENCE : at + _SIZE], "big")

    def _write(self, slot: int, reference: str, count: int) -> None:
        at = slot * _SIZE
        text = reference.encode("ascii", "replace")[:_REFERENCE].ljust(_REFERENCE, b"\0")
        self._counts[at : at + _SIZE] = text + count.to_bytes(_COUNT, "big")


def _key(outcome: Outcome) -> tuple[str, ...] | None:
    """What repeats one another: subject, session, enclave, service and policy; None for what is always recorded."""
    found = ASSET.fullmatch(outcome.path)
    decision = outcome.decision
    plain = decision.allow and decision.rule == PERMITTED and decision.action == "read" and not outcome.detail
    if not (found and plain and outcome.session and outcome.method in READS):
        return None
    if outcome.origin is None or outcome.origin.name != outcome.enclave.name:
        return None
    return outcome.subject, outcome.session, outcome.enclave.name, found[1], outcome.policy
