"""Agreement of annotators beyond chance.

Cohen (1960), Fleiss (1971), Krippendorff, Content Analysis (2018), chapter 12. Intervals are percentiles of a bootstrap
over units (Hayes and Krippendorff, 2007, resample pairs; units keep what belongs together).
"""

import math
from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.tasks.kind import Scale, Value

Matrix = npt.NDArray[np.float64]
Table = Sequence[Mapping[str, Value]]
"""For each unit the value that each annotator gave it."""

SAMPLES = 500


@dataclass(frozen=True)
class Measured:
    """A measure with its 95 % interval; None where it is not defined, for example without any pair of answers."""

    value: float | None
    low: float | None
    high: float | None


def cohen(pairs: Sequence[tuple[Hashable, Hashable]]) -> float | None:
    """Cohen's kappa of two annotators over the units that both answered; None if chance alone explains all."""
    count = len(pairs)
    if count == 0:
        return None
    observed = sum(one == other for one, other in pairs) / count
    left, right = Counter(one for one, _ in pairs), Counter(other for _, other in pairs)
    expected = sum(left[value] * right[value] for value in left) / count**2
    return None if math.isclose(expected, 1) else (observed - expected) / (1 - expected)


def fleiss(counts: npt.ArrayLike) -> float | None:
    """Fleiss' kappa of a matrix with a row for each unit and a column for each category; rows have equal sums.

    Raises:
        ValueError: the sums differ, or are below two.
    """
    matrix = np.asarray(counts, dtype=float)
    sums = matrix.sum(axis=1)
    if len(matrix) == 0 or sums[0] < 2 or not np.all(sums == sums[0]):
        raise ValueError("each unit has the same number of answers, at least two")
    raters = sums[0]
    observed = float((((matrix**2).sum(axis=1) - raters) / (raters * (raters - 1))).mean())
    expected = float(((matrix.sum(axis=0) / matrix.sum()) ** 2).sum())
    return None if math.isclose(expected, 1) else (observed - expected) / (1 - expected)


def krippendorff(table: Table, scale: Scale = "nominal", *, samples: int = SAMPLES, seed: int = 0) -> Measured:
    """Krippendorff's alpha with its interval.

    Args:
        table: the values of each unit; units with fewer than two are left out.
        scale: how values are compared; numbers for ``ordinal`` and ``interval``.
        samples: of the bootstrap; 0 for no interval.
        seed: of the bootstrap.
    """
    counts, values = _counted(table)
    if len(counts) == 0:
        return Measured(None, None, None)
    distance = _distances(values, scale, counts.sum(axis=0))
    alpha = _alpha(counts, distance)
    if alpha is None or samples == 0:
        return Measured(alpha, None, None)
    generator = np.random.default_rng(seed)
    found = [
        one
        for _ in range(samples)
        if (one := _alpha(counts[generator.integers(0, len(counts), len(counts))], distance)) is not None
    ]
    low, high = np.percentile(found, [2.5, 97.5]) if found else (math.nan, math.nan)
    return Measured(alpha, float(low), float(high))


def bootstrap(
    units: Sequence[Any], statistic: Callable[[Sequence[Any]], float | None], *, samples: int = SAMPLES, seed: int = 0
) -> Measured:
    """A statistic over units with its interval."""
    value = statistic(units)
    if value is None:
        return Measured(None, None, None)
    generator = np.random.default_rng(seed)
    found = []
    for _ in range(samples):
        one = statistic([units[place] for place in generator.integers(0, len(units), len(units))])
        if one is not None:
            found.append(one)
    low, high = np.percentile(found, [2.5, 97.5]) if found else (math.nan, math.nan)
    return Measured(value, float(low), float(high))


def _counted(table: Table) -> tuple[Matrix, list[Value]]:
    """How often each value was given to each unit."""
    compared = [unit for unit in table if len(unit) > 1]
    values = sorted({value for unit in compared for value in unit.values()}, key=lambda v: (str(type(v)), v))
    place = {value: number for number, value in enumerate(values)}
    counts = np.zeros((len(compared), len(values)))
    for number, unit in enumerate(compared):
        for value in unit.values():
            counts[number, place[value]] += 1
    return counts, values


def _distances(values: Sequence[Value], scale: Scale, totals: Matrix) -> Matrix:
    """Squared differences of values (Krippendorff, 12.3.4)."""
    if scale == "nominal":
        return 1 - np.eye(len(values))
    if scale == "interval":
        numbers = np.array([float(value) for value in values])
        return np.asarray((numbers[:, None] - numbers[None, :]) ** 2)
    middle = np.cumsum(totals) - totals / 2
    return np.asarray((middle[:, None] - middle[None, :]) ** 2)


def _alpha(counts: Matrix, distance: Matrix) -> float | None:
    sizes = counts.sum(axis=1)
    totals = counts.sum(axis=0)
    count = sizes.sum()
    # Pairs of one answer with itself have no distance, so they need not be taken out.
    observed = float((((counts @ distance) * counts).sum(axis=1) / (sizes - 1)).sum()) / count
    expected = float(totals @ distance @ totals) / (count * (count - 1))
    return None if expected == 0 else 1 - observed / expected
