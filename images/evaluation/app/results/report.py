"""What people read of results: intervals, baselines, thresholds, slices, failures, comparisons, and the board."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

from appliance.contract.bounds import Bound, BoundError, Observation
from appliance.contract.certification import Certification, Threshold
from appliance.contract.evaluation import ItemResult, Results, SuiteResult
from appliance.contract.tiers import bound_of, observed
from workbench.evaluation import suites
from workbench.evaluation.suites import PackSuite, Suite, clusters, generator_of
from workbench.markbench.baselines import majority
from workbench.markbench.item import PUBLISHED
from workbench.statistics.intervals import Interval, interval
from workbench.statistics.paired import bootstrap_difference, holm, mcnemar

BASELINE_ITEMS = 150
BASELINE_KEY = b"baselines"


@dataclass(frozen=True, slots=True)
class Row:
    """One measure of one suite; of a job of an earlier version, suite and score are empty."""

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
    suite: str = ""
    score: str = ""

    @property
    def idle(self) -> bool:
        """Whether the model is not shown to be better than giving the most frequent answer always."""
        return self.majority is not None and not self.bad and self.interval.low <= self.majority


@dataclass(frozen=True, slots=True)
class Slice:
    """The items of one kind, and which of them went wrong."""

    name: str
    interval: Interval
    n: int
    worst: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Difference:
    """One score of two models on the same items.

    Attributes:
        suite: the suite.
        score: the score.
        first: mean of the first.
        second: mean of the second.
        interval: of the mean difference.
        n: items that both answered.
        p: of McNemar's exact test.
        adjusted: the same after Holm over all that is compared.
        lost: identifiers of items that the first had above one half and the second not.
        won: the other way round.
    """

    suite: str
    score: str
    first: float
    second: float
    interval: Interval
    n: int
    p: float
    adjusted: float
    lost: tuple[str, ...] = ()
    won: tuple[str, ...] = ()


def rows(results: Results, policy: Certification, known: Mapping[str, Suite]) -> list[Row]:
    """Every measure with its interval, and the bound where the tier that was tried demands one."""
    bounds = policy.effective(results.tier).bounds
    alpha = policy.attempts[min(results.attempt, len(policy.attempts)) - 1]
    found = []
    for part in results.suites:
        suite = known.get(part.suite)
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
            rules, most = baselines(suite).get(score, (None, None))
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
                    part.suite,
                    score,
                )
            )
    return found


def main_score(suite: Suite | None) -> str:
    """The score of a suite's first measure; empty when the suite is not here any more."""
    return next(iter(suite.measures.values())) if suite else ""


def is_bad(score: str) -> bool:
    """Whether a score counts what should not happen."""
    return score in {"leak", "harm", "injected", "undermark", "overmark", "over_refusal", "invented", "broken"}


def observations(part: SuiteResult, score: str) -> list[Observation]:
    """The observations of a score."""
    return [Observation(one.cluster, one.scores[score], one.group) for one in part.items if score in one.scores]


def slices(part: SuiteResult, score: str, most: int) -> list[Slice]:
    """A score by group, or by the generator or pack that the items come from, each with its worst items."""
    kinds: dict[str, list[ItemResult]] = defaultdict(list)
    for item in part.items:
        if score in item.scores:
            kinds[item.group or item.cluster.removeprefix(f"{part.suite}.").rsplit("-", 1)[0]].append(item)
    return [
        Slice(
            name,
            interval([Observation(one.cluster, one.scores[score]) for one in items]),
            len(items),
            tuple(failures(items, most)),
        )
        for name, items in sorted(kinds.items())
    ]


def failures(items: Sequence[ItemResult], most: int) -> list[str]:
    """Identifiers of items that went wrong, the worst first."""
    wrong = [
        (any(is_bad(name) and value for name, value in item.scores.items()), item.id)
        for item in items
        if item.scores.get("correct", 1) == 0 or any(is_bad(name) and value for name, value in item.scores.items())
    ]
    return [identifier for _, identifier in sorted(wrong, key=lambda one: not one[0])[:most]]


def baselines(suite: Suite) -> dict[str, tuple[float | None, float | None]]:
    """What rules and the most frequent answer reach without a model, by score; None where none answers."""
    if isinstance(suite, PackSuite):
        made = suite.make(suites.MOST_ITEMS)
        said = [suite.majority] * len(made)
        scored = [generator_of(suite, one).score([one], [text])[0] for one, text in zip(made, said, strict=True)]
        return {"correct": (None, _mean([one["correct"] for one in scored if "correct" in one]))} if scored else {}
    return _of_generators(suite.name) if suite.name in suites.standard() else {}


@cache
def _of_generators(name: str) -> dict[str, tuple[float | None, float | None]]:
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
                lost = tuple(one.id for one, other in both if one.scores[score] > 0.5 >= other.scores[score])
                won = tuple(one.id for one, other in both if one.scores[score] <= 0.5 < other.scores[score])
                p = mcnemar([x > 0.5 for x in a], [y > 0.5 for y in b]).p
                found.append(
                    Difference(one.suite, score, _mean(a) or 0, _mean(b) or 0, spread, len(both), p, p, lost, won)
                )
    adjusted = holm([one.p for one in found])
    return [replace(one, adjusted=value) for one, value in zip(found, adjusted, strict=True)]


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
