"""What people read of results: intervals, baselines, thresholds, slices, failures, comparisons, and the board."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from appliance.contract.bounds import Bound, BoundError, Observation
from appliance.contract.certification import Certification, Threshold
from appliance.contract.evaluation import Results, SuiteResult
from appliance.contract.tiers import bound_of, observed
from workbench.evaluation import suites
from workbench.evaluation.suites import clusters, generator_of
from workbench.markbench.baselines import majority
from workbench.markbench.item import PUBLISHED
from workbench.statistics.intervals import Interval, interval
from workbench.statistics.paired import bootstrap_difference, holm, mcnemar

BASELINE_ITEMS = 150
BASELINE_KEY = b"baselines"


@dataclass(frozen=True, slots=True)
class Row:
    """One measure of one suite."""

    measure: str
    title: str
    interval: Interval
    n: int
    clusters: int
    bad: bool
    rules: float | None
    majority: float | None
    threshold: Threshold | None
    bound: Bound | None
    met: bool | None


@dataclass(frozen=True, slots=True)
class Slice:
    """The items of one kind."""

    name: str
    interval: Interval
    n: int


@dataclass(frozen=True, slots=True)
class Difference:
    """One score of two models on the same items."""

    suite: str
    score: str
    first: float
    second: float
    interval: Interval
    n: int
    p: float
    adjusted: float


def rows(results: Results, policy: Certification) -> list[Row]:
    """Every measure with its interval, and the bound where the tier that was tried demands one."""
    bounds = policy.effective(results.tier).bounds
    alpha = policy.attempts[min(results.attempt, len(policy.attempts)) - 1]
    found = []
    for part in results.suites:
        suite = suites.standard().get(part.suite)
        for measure, score in (suite.measures if suite else {}).items():
            seen = observations(part, score)
            if not suite or not seen:
                continue
            threshold, measured = bounds.get(measure), policy.measures.get(measure)
            bound = None
            if threshold and measured:
                try:
                    side = "upper" if threshold.upper is not None else "lower"
                    bound = bound_of(measured, "upper" if side == "upper" else "lower", observed(part, measured), alpha)
                except BoundError:
                    bound = None
            rules, most = baselines(part.suite).get(score, (None, None))
            found.append(
                Row(
                    measure,
                    suite.title,
                    interval(seen),
                    len(seen),
                    len({one.cluster for one in seen}),
                    is_bad(score),
                    rules,
                    most,
                    threshold,
                    bound,
                    bound is not None and threshold.meets(bound.bound) if threshold else None,
                )
            )
    return found


def main_score(name: str) -> str:
    """The score of a suite's first measure; empty when the suite is not here any more."""
    suite = suites.standard().get(name)
    return next(iter(suite.measures.values())) if suite else ""


def is_bad(score: str) -> bool:
    """Whether a score counts what should not happen."""
    return score in {"leak", "harm", "injected", "undermark", "overmark", "over_refusal", "invented"}


def observations(part: SuiteResult, score: str) -> list[Observation]:
    """The observations of a score."""
    return [Observation(one.cluster, one.scores[score], one.group) for one in part.items if score in one.scores]


def slices(part: SuiteResult, score: str) -> list[Slice]:
    """A score by the generator that made the items, and by group."""
    kinds: dict[str, list[Observation]] = defaultdict(list)
    for item in part.items:
        if score in item.scores:
            name = item.group or item.cluster.removeprefix(f"{part.suite}.").rsplit("-", 1)[0]
            kinds[name].append(Observation(item.cluster, item.scores[score]))
    return [Slice(name, interval(seen), len(seen)) for name, seen in sorted(kinds.items())] if len(kinds) > 1 else []


def failures(part: SuiteResult, most: int = 8) -> list[str]:
    """Identifiers of items that went wrong, the worst first."""
    wrong = [
        (any(is_bad(name) and value for name, value in item.scores.items()), item.id)
        for item in part.items
        if item.scores.get("correct", 1) == 0 or any(is_bad(name) and value for name, value in item.scores.items())
    ]
    return [identifier for _, identifier in sorted(wrong, key=lambda one: not one[0])[:most]]


@cache
def baselines(name: str) -> dict[str, tuple[float | None, float | None]]:
    """What rules and the most frequent answer reach on a practice set, by score; None where none answers."""
    suite = suites.standard()[name]
    if any(not generator.startswith("markbench.") for generator in suite.generators):
        return {}
    test = suite.make(BASELINE_ITEMS, key=PUBLISHED)
    most = majority(suite.make(BASELINE_ITEMS, key=BASELINE_KEY))
    table: dict[str, tuple[list[float], list[float]]] = defaultdict(lambda: ([], []))
    for cluster in clusters(test):
        generator = generator_of(suite, cluster[0])
        for column, answer in enumerate((generator.rules, most)):
            said = [answer(item) for item in cluster] if answer else []
            for scores in generator.score(cluster, said) if answer else []:
                for score, value in scores.items():
                    table[score][column].append(value)
    return {score: (_mean(both[0]), _mean(both[1])) for score, both in table.items()}


def compare(first: Results, second: Results) -> list[Difference]:
    """Both on the items that both answered: paired bootstrap by cluster, McNemar, Holm over all that is compared."""
    found = []
    for one in first.suites:
        other = next((part for part in second.suites if part.suite == one.suite), None)
        if other is None or other.hold_out.commitment != one.hold_out.commitment or other.sha256 != one.sha256:
            continue
        answers = {item.id: item for item in other.items}
        pairs = [(item, answers[item.id]) for item in one.items if item.id in answers]
        for score in sorted({name for item, _ in pairs for name in item.scores} - {"confidence"}):
            both = [(a, b) for a, b in pairs if score in a.scores and score in b.scores]
            if both:
                a, b = [one.scores[score] for one, _ in both], [other.scores[score] for _, other in both]
                spread = bootstrap_difference(a, b, [item.cluster for item, _ in both], repetitions=500)
                p = mcnemar([x > 0.5 for x in a], [y > 0.5 for y in b]).p
                found.append(Difference(one.suite, score, _mean(a) or 0, _mean(b) or 0, spread, len(both), p, p))
    adjusted = holm([one.p for one in found])
    return [
        Difference(one.suite, one.score, one.first, one.second, one.interval, one.n, one.p, value)
        for one, value in zip(found, adjusted, strict=True)
    ]


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
