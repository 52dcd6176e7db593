"""Keeps the monitor's own log small, whatever others make it say: so many lines of one kind, then a count.

What was decided is in the audit log. This one is for whoever repairs the host, and nobody shall be able to fill its
disk by failing often.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from structlog.typing import EventDict, WrappedLogger

AT_ONCE = 10
SECONDS = 30.0
"""Between two lines of a kind once ``AT_ONCE`` of them came quickly."""


@dataclass
class _Kind:
    left: float
    filled: float
    held_back: int = 0


class Quiet:
    """A processor of structlog that drops lines of a kind that comes too often; the next one says how many there were.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kinds: dict[str, _Kind] = {}

    def __call__(self, _: WrappedLogger, __: str, event: EventDict) -> EventDict:
        """Pass ``event`` on or drop it; its kind is its text, of which the monitor has few."""
        now = self._clock()
        kind = self._kinds.setdefault(str(event.get("event")), _Kind(AT_ONCE, now))
        kind.left = min(AT_ONCE, kind.left + (now - kind.filled) / SECONDS)
        kind.filled = now
        if kind.left < 1:
            kind.held_back += 1
            raise structlog.DropEvent
        kind.left -= 1
        if kind.held_back:
            event["held_back"], kind.held_back = kind.held_back, 0
        return event
