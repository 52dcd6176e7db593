"""Two-sided intervals, for people to read; a certificate uses the one-sided bounds of `appliance.contract.bounds`."""

from collections.abc import Sequence
from dataclasses import dataclass

from appliance.contract.bounds import Observation, clustered_mean, exact
from appliance.contract.distributions import t_quantile


@dataclass(frozen=True, slots=True)
class Interval:
    """A point estimate between its limits."""

    value: float
    low: float
    high: float
    estimator: str


def proportion(events: int, trials: int, confidence: float = 0.95) -> Interval:
    """Clopper and Pearson's interval; it covers at least ``confidence``.

    Raises:
        BoundError: there is no trial.
    """
    tail = (1 - confidence) / 2
    low, high = exact(events, trials, tail, "lower"), exact(events, trials, tail, "upper")
    return Interval(events / trials, low, high, "clopper-pearson")


def clustered(observations: Sequence[Observation], confidence: float = 0.95) -> Interval:
    """The CR2 t interval of a mean.

    Raises:
        BoundError: there are fewer than 30 clusters.
    """
    mean = clustered_mean(observations)
    half = t_quantile(1 - (1 - confidence) / 2, mean.degrees) * mean.standard_error
    return Interval(mean.value, mean.value - half, mean.value + half, "cr2-t")


def interval(observations: Sequence[Observation], confidence: float = 0.95) -> Interval:
    """The interval that fits: clustered where there are clusters enough and variance, exact over clusters otherwise.

    The exact one counts a cluster as one trial that succeeded when more than half of its value did.

    Raises:
        BoundError: there is no observation.
    """
    names = {one.cluster for one in observations}
    binary = all(one.value in (0, 1) for one in observations)
    if binary and len(names) == len(observations):
        return proportion(sum(one.value > 0 for one in observations), len(observations), confidence)
    if len(names) >= 30:
        found = clustered(observations, confidence)
        if found.high > found.low:
            return Interval(found.value, max(0.0, found.low), min(1.0, found.high), found.estimator)
    sums = {name: [one.value for one in observations if one.cluster == name] for name in names}
    events = sum(sum(values) * 2 > len(values) for values in sums.values())
    found = proportion(events, len(names), confidence)
    value = sum(one.value for one in observations) / len(observations)
    return Interval(value, min(found.low, value), max(found.high, value), found.estimator)
