"""How much a person may signal downwards by what they read below: one bit a second on average.

A session at a higher level that reads a page below chooses one of the published pages, and a moment. Both are
information of the higher level, whoever may see them below. The choice is worth log2 of the number of pages, and the
moment ``MOMENT_BITS``: which of 2**12 moments of about 7 ms in the half minute that a page has on average. Who reads
more than this allows is refused until enough time has passed, and an officer finds it in the review.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

BITS_A_SECOND = 1.0
SAVED_BITS = 3600.0
MOMENT_BITS = 12


def cost(choices: int) -> int:
    """Bits that reading one of ``choices`` pages at a chosen moment can carry."""
    return math.ceil(math.log2(max(choices, 1))) + MOMENT_BITS


@dataclass
class _Saved:
    bits: float
    seen: float


class Channel:
    """What each person has left; whoever did not read for an hour has ``SAVED_BITS``.

    Args:
        clock: seconds, by a clock that nobody sets.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._people: dict[str, _Saved] = {}

    def take(self, person: str, choices: int) -> float:
        """Take what one page costs; returns 0, or in how many seconds ``person`` can read it, having taken nothing."""
        now = self._clock()
        saved = self._people.setdefault(person, _Saved(SAVED_BITS, now))
        saved.bits = min(SAVED_BITS, saved.bits + (now - saved.seen) * BITS_A_SECOND)
        saved.seen = now
        price = cost(choices)
        if saved.bits < price:
            return (price - saved.bits) / BITS_A_SECOND
        saved.bits -= price
        return 0.0
