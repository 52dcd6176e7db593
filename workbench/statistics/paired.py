"""Two models on the same items: differences are taken item by item, which needs far fewer items than two samples."""

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from appliance.contract.distributions import binomial_cdf
from workbench.statistics.intervals import Interval


@dataclass(frozen=True, slots=True)
class McNemar:
    """The exact test of McNemar.

    Attributes:
        only_first: items that the first alone got right.
        only_second: items that the second alone got right.
        p: two-sided p value.
    """

    only_first: int
    only_second: int
    p: float


def mcnemar(first: Sequence[bool], second: Sequence[bool]) -> McNemar:
    """McNemar's exact (binomial) test on the items that the two models differ on.

    Raises:
        ValueError: the two have different lengths.
    """
    pairs = list(zip(first, second, strict=True))
    only_first = sum(a and not b for a, b in pairs)
    only_second = sum(b and not a for a, b in pairs)
    n = only_first + only_second
    p = min(1.0, 2 * binomial_cdf(min(only_first, only_second), n, 0.5)) if n else 1.0
    return McNemar(only_first, only_second, p)


def bootstrap_difference(
    first: Sequence[float],
    second: Sequence[float],
    clusters: Sequence[str],
    *,
    confidence: float = 0.95,
    repetitions: int = 2000,
    seed: int = 1,
) -> Interval:
    """The percentile interval of the mean of ``second - first``, whole clusters drawn anew each time.

    Raises:
        ValueError: the three have different lengths, or are empty.
    """
    groups: dict[str, list[float]] = defaultdict(list)
    for a, b, cluster in zip(first, second, clusters, strict=True):
        groups[cluster].append(b - a)
    if not groups:
        raise ValueError("nothing to compare")
    parts = [(sum(values), len(values)) for values in groups.values()]
    chance = random.Random(seed)
    draws = []
    for _ in range(repetitions):
        drawn = chance.choices(parts, k=len(parts))
        draws.append(sum(total for total, _ in drawn) / sum(size for _, size in drawn))
    draws.sort()
    tail = (1 - confidence) / 2
    low, high = draws[int(tail * repetitions)], draws[min(repetitions - 1, int((1 - tail) * repetitions))]
    value = sum(total for total, _ in parts) / sum(size for _, size in parts)
    return Interval(value, low, high, "paired-bootstrap")


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p values of Holm, Scandinavian Journal of Statistics 6 (1979) 65, in the order given."""
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    adjusted = [0.0] * len(p_values)
    greatest = 0.0
    for rank, index in enumerate(order):
        greatest = max(greatest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = greatest
    return adjusted
