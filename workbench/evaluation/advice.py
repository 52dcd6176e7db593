"""How many items a run needs, and when it may stop because a bound is out of reach."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from appliance.contract.bounds import BoundError, Observation
from appliance.contract.certification import Certification, Measured, Threshold
from appliance.contract.tiers import SMOKE, SMOKE_ITEMS, bound_of
from workbench.evaluation.suites import MOST_ITEMS, Suite, SuiteError, clusters, generator_of
from workbench.markbench.item import Item
from workbench.statistics.power import events_allowed, failures_allowed, provable


@dataclass(frozen=True, slots=True)
class Advice:
    """What a number of items can prove of one measure.

    Attributes:
        measure: its name.
        tier: the tier that demands it.
        threshold: what is demanded.
        failures: how many events or failures are allowed among them; -1 when even none would not prove it.
        best: the best bound that they can prove.
    """

    measure: str
    tier: str
    threshold: Threshold
    failures: int
    best: float


def advise(policy: Certification, tier: str, attempt: int = 1) -> list[Advice]:
    """What the demanded number of items of each bound allows."""
    alpha, found = policy.alpha(attempt), []
    for measure, threshold in policy.effective(tier).bounds.items():
        upper = threshold.upper is not None
        limit = threshold.upper or threshold.lower or 0
        allowed = (events_allowed if upper else failures_allowed)(threshold.n, limit, alpha)
        best = provable(threshold.n, alpha, "upper" if upper else "lower")
        found.append(Advice(measure, tier, threshold, allowed, best))
    return found


def plan(policy: Certification, tier: str) -> dict[str, dict[str, int]]:
    """The suites that a tier needs, and of how many items each score is needed."""
    demanded = policy.effective(tier)
    needed: dict[str, dict[str, int]] = {SMOKE: {"correct": SMOKE_ITEMS}} if SMOKE in demanded.evidence else {}
    for measure, threshold in demanded.bounds.items():
        measured = policy.measures[measure]
        scores = needed.setdefault(measured.suite, {})
        scores[measured.score] = max(scores.get(measured.score, 0), threshold.n)
    return needed


def enough(suite: Suite, needed: Mapping[str, int], *, key: bytes, generation: int = 1) -> list[Item]:
    """The first items of a suite among which each score applies to as many as are needed.

    Some scores apply to a part of the items only: a leak needs a question for a secret.

    Raises:
        SuiteError: the suite has no such score.
    """
    count = max(needed.values())
    while True:
        items = suite.make(count, key=key, generation=generation)
        found: Counter[str] = Counter()
        for cluster in clusters(items):
            scored = generator_of(suite, cluster[0]).score(cluster, [""] * len(cluster))
            found.update(name for one in scored for name in one)
        missing = [max(0, number - found[name]) for name, number in needed.items()]
        if not any(missing):
            return items
        if count > MOST_ITEMS:
            raise SuiteError(f"{suite.name}: has no {', '.join(needed)}", rule="a bound needs items with its score")
        count += max(missing)


def reachable(measured: Measured, threshold: Threshold, seen: Sequence[Observation], left: int, alpha: float) -> bool:
    """Whether the bound can still be met when every remaining item comes out as well as possible.

    A gap and a calibration error are judged at the end alone: there the best case is not known.
    """
    if measured.kind in {"gap", "calibration"} or not seen:
        return True
    upper = threshold.upper is not None
    best = [Observation(f"\0{number}", 0.0 if upper else 1.0) for number in range(left)]
    try:
        bound = bound_of(measured, "upper" if upper else "lower", [*seen, *best], alpha)
    except BoundError:
        return True
    return threshold.meets(bound.bound)
