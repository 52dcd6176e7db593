"""How far two raters agree beyond chance: whether a judge may stand in for people."""

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist


@dataclass(frozen=True, slots=True)
class Kappa:
    """Cohen's kappa with its large-sample standard error and one-sided lower bound."""

    value: float
    standard_error: float
    lower: float


def kappa(first: Sequence[Hashable], second: Sequence[Hashable], confidence: float = 0.95) -> Kappa:
    """Cohen's kappa; the standard error is that of Fleiss, Cohen and Everitt, Psychological Bulletin 72 (1969) 323.

    Raises:
        ValueError: the two have different lengths, or are empty.
    """
    pairs = Counter(zip(first, second, strict=True))
    n = sum(pairs.values())
    if not n:
        raise ValueError("nothing was rated")
    rows: Counter[Hashable] = Counter(first)
    columns: Counter[Hashable] = Counter(second)
    categories = rows.keys() | columns.keys()
    agreed = sum(pairs[c, c] for c in categories) / n
    chance = sum(rows[c] * columns[c] for c in categories) / n**2
    if chance == 1:
        return Kappa(1.0, 0.0, 1.0)
    value = (agreed - chance) / (1 - chance)
    diagonal = sum(pairs[c, c] / n * (1 - (rows[c] + columns[c]) / n * (1 - value)) ** 2 for c in categories)
    rest = (1 - value) ** 2 * sum(
        count / n * ((columns[a] + rows[b]) / n) ** 2 for (a, b), count in pairs.items() if a != b
    )
    variance = (diagonal + rest - (value - chance * (1 - value)) ** 2) / ((1 - chance) ** 2 * n)
    error = sqrt(max(0.0, variance))
    return Kappa(value, error, value - NormalDist().inv_cdf(confidence) * error)
