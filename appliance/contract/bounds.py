"""One-sided confidence bounds of the measures that a certificate rests on.

An observation belongs to a cluster: what shares a template, a document or a paraphrased question is not independent.
Means get a t bound on the cluster-robust CR2 variance; rates of rare events, whose variance would be zero without an
event, get an exact binomial bound in which a cluster is one trial.

Bell and McCaffrey, Survey Methodology 28 (2002) 169 (CR2 and its degrees of freedom); Clopper and Pearson,
Biometrika 26 (1934) 404; Miller, arXiv 2411.00640 (why clusters matter in evaluations of models).
"""

import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil, sqrt
from typing import Literal

from appliance.contract.distributions import beta_quantile, t_quantile
from appliance.errors import ApplianceError

MINIMUM_CLUSTERS = 30
RARE = 10
"""Fewer clusters with a difference than these: a gap is bounded by their exact rate, since its variance says little."""
Side = Literal["lower", "upper"]


class BoundError(ApplianceError):
    """The observations do not allow this bound."""


@dataclass(frozen=True, slots=True)
class Observation:
    """One scored item.

    Attributes:
        cluster: what it shares chance with.
        value: its score; 1 and 0 for an event and none.
        group: for a gap, the group that it stands for.
        confidence: for a calibration error, how sure the model was.
    """

    cluster: str
    value: float
    group: str = ""
    confidence: float = 1.0


@dataclass(frozen=True, slots=True)
class Bound:
    """A one-sided bound.

    Attributes:
        estimate: the point estimate.
        bound: the bound.
        n: number of items.
        clusters: number of clusters.
        estimator: its name, as a certificate shows it.
    """

    estimate: float
    bound: float
    n: int
    clusters: int
    estimator: str


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean with its CR2 standard error and degrees of freedom."""

    value: float
    standard_error: float
    degrees: float
    n: int
    clusters: int


def exact(events: int, trials: int, alpha: float, side: Side) -> float:
    """Clopper and Pearson's bound of a probability.

    Raises:
        BoundError: there is no trial, or more events than trials.
    """
    if not 0 <= events <= trials or trials == 0:
        raise BoundError(
            f"{events} events in {trials} trials", rule="an exact bound needs trials, and events among them"
        )
    if side == "lower":
        return 0.0 if events == 0 else beta_quantile(alpha, events, trials - events + 1)
    return 1.0 if events == trials else beta_quantile(1 - alpha, events + 1, trials - events)


def clustered_mean(observations: Sequence[Observation]) -> Mean:
    """The mean with its CR2 standard error.

    For a mean, the adjustment matrix of CR2 acts on a cluster's summed residuals as ``(1 - n_g/n)^(-1/2)``, and the
    degrees of freedom under a working model without correlation have the closed form below (``G - 1`` for clusters of
    equal size).

    Raises:
        BoundError: there are fewer than 30 clusters.
    """
    sums: dict[str, float] = defaultdict(float)
    sizes: dict[str, int] = defaultdict(int)
    n = len(observations)
    value = sum(one.value for one in observations) / n if n else 0.0
    for one in observations:
        sums[one.cluster] += one.value - value
        sizes[one.cluster] += 1
    if len(sizes) < MINIMUM_CLUSTERS:
        raise BoundError(
            f"{len(sizes)} clusters",
            rule=f"a clustered interval needs at least {MINIMUM_CLUSTERS} clusters: with fewer it covers too little",
            remedy="ask more items of other clusters",
        )
    variance = sum(sums[name] ** 2 / (1 - size / n) for name, size in sizes.items()) / n**2
    weights = [size**2 / (1 - size / n) for size in sizes.values()]
    off_diagonal = (sum(weights) ** 2 - sum(weight**2 for weight in weights)) / n**2
    degrees = n**2 / (sum(size**2 for size in sizes.values()) + off_diagonal)
    return Mean(value, sqrt(variance), degrees, n, len(sizes))


def rate_bound(observations: Sequence[Observation], alpha: float, side: Side) -> Bound:
    """The exact bound of the probability that a cluster has an event; an event is any value above 0."""
    clusters: dict[str, bool] = defaultdict(bool)
    for one in observations:
        clusters[one.cluster] |= one.value > 0
    events = sum(clusters.values())
    bound = exact(events, len(clusters), alpha, side)
    return Bound(events / len(clusters), bound, len(observations), len(clusters), "clopper-pearson")


def mean_bound(observations: Sequence[Observation], alpha: float, side: Side) -> Bound:
    """The bound of a mean: exact where every value is 0 or 1 and each item its own cluster, CR2 t otherwise.

    Raises:
        BoundError: there is no observation, or too few clusters.
    """
    single = len({one.cluster for one in observations}) == len(observations)
    if single and all(one.value in (0, 1) for one in observations):
        return rate_bound(observations, alpha, side)
    mean = clustered_mean(observations)
    if mean.standard_error == 0 and mean.value in (0, 1):  # all alike: no width, so the exact bound of clusters
        trials = mean.clusters
        bound = exact(trials if mean.value else 0, trials, alpha, side)
        return Bound(mean.value, bound, mean.n, mean.clusters, "clopper-pearson")
    half = t_quantile(1 - alpha, mean.degrees) * mean.standard_error
    bound = max(0.0, mean.value - half) if side == "lower" else min(1.0, mean.value + half)
    return Bound(mean.value, bound, mean.n, mean.clusters, "cr2-t")


def gap_bound(observations: Sequence[Observation], alpha: float) -> Bound:
    """The upper bound of the largest difference between a group's mean and that of its counterparts.

    Items of one cluster differ in the group alone, so differences are taken within clusters. Two one-sided bounds of
    each difference share ``alpha`` with those of all other groups (Bonferroni). Where fewer than 10 clusters differ at
    all, the exact bound of the rate of differing clusters stands in: no difference of means can exceed it.

    Raises:
        BoundError: there are fewer than two groups, or too few clusters.
    """
    groups = sorted({one.group for one in observations})
    clusters: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for one in observations:
        clusters[one.cluster][one.group].append(one.value)
    if len(groups) < 2:
        raise BoundError(f"{len(groups)} groups", rule="a gap is between at least two groups")
    means = {name: {group: _mean(values) for group, values in found.items()} for name, found in clusters.items()}
    differing = sum(len(set(found.values())) > 1 for found in means.values())
    differences = {group: _differences(means, group) for group in groups}
    estimate = max(abs(_mean(one.value for one in found)) for found in differences.values())
    if differing < RARE:
        bound = exact(differing, len(means), alpha, "upper")
        return Bound(estimate, bound, len(observations), len(means), "clopper-pearson")
    share = alpha / (2 * len(groups))
    bounds = []
    for found in differences.values():
        mean = clustered_mean(found)
        bounds.append(abs(mean.value) + t_quantile(1 - share, mean.degrees) * mean.standard_error)
    return Bound(estimate, min(1.0, max(bounds)), len(observations), len(means), "cr2-t")


def calibration_bound(observations: Sequence[Observation], alpha: float, repetitions: int = 1000) -> Bound:
    """The upper bound of the expected calibration error (ten bins of equal width), by drawing whole clusters anew.

    The plug-in error is biased upward, so the percentile of its bootstrap is an upper bound on the safe side. The draws
    are seeded: whoever computes the bound again gets the same.

    Raises:
        BoundError: there are fewer than 30 clusters.
    """
    clusters: dict[str, list[Observation]] = defaultdict(list)
    for one in observations:
        clusters[one.cluster].append(one)
    if len(clusters) < MINIMUM_CLUSTERS:
        raise BoundError(f"{len(clusters)} clusters", rule=f"a bootstrap needs at least {MINIMUM_CLUSTERS} clusters")
    parts = [_bins(found) for found in clusters.values()]
    chance = random.Random(1)  # noqa: S311 - a simulation, repeatable by its seed
    draws = sorted(_calibration_error(chance.choices(parts, k=len(parts))) for _ in range(repetitions))
    bound = draws[min(repetitions - 1, ceil((1 - alpha) * repetitions))]
    return Bound(_calibration_error(parts), bound, len(observations), len(parts), "ece-bootstrap")


def _bins(observations: Iterable[Observation]) -> list[tuple[int, float]]:
    return [(min(9, int(one.confidence * 10)), one.confidence - one.value) for one in observations]


def _calibration_error(parts: Iterable[list[tuple[int, float]]]) -> float:
    sums, n = [0.0] * 10, 0
    for part in parts:
        n += len(part)
        for index, difference in part:
            sums[index] += difference
    return sum(abs(total) for total in sums) / n


def _differences(means: dict[str, dict[str, float]], group: str) -> list[Observation]:
    return [
        Observation(name, found[group] - _mean(value for other, value in found.items() if other != group))
        for name, found in means.items()
        if group in found and len(found) > 1
    ]


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return sum(found) / len(found)
