"""The work of one job: its items by suite, what they scored so far, and whether its tier is still within reach."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import zip_longest

from appliance.contract.bounds import Observation
from appliance.contract.certification import Certification
from appliance.contract.evaluation import HoldOut, ItemResult, SuiteResult
from appliance.contract.tiers import percent
from workbench.evaluation import holdout
from workbench.evaluation.advice import enough, plan, reachable
from workbench.evaluation.suites import Suite, clusters, generator_of
from workbench.markbench.item import PUBLISHED, Item

from .journal import Journal

CHECK_EVERY = 10


@dataclass
class Part:
    """One suite of a job.

    Attributes:
        suite: its definition.
        items: all items in their order.
        clusters: the same by cluster.
        scores: the scores of the items of finished clusters, by identifier.
    """

    suite: Suite
    items: list[Item]
    clusters: list[list[Item]] = field(init=False)
    scores: dict[str, dict[str, float]] = field(default_factory=dict)
    _open: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        self.clusters = clusters(self.items)
        self._open = {cluster[0].cluster: number for number, cluster in enumerate(self.clusters)}

    def score(self, item: Item, journal: Journal) -> bool:
        """Score the cluster of ``item`` if all of it was answered; return whether it is scored now."""
        cluster = self.clusters[self._open[item.cluster]]
        lines = [journal.lines.get((self.suite.name, one.id)) for one in cluster]
        known = [line for line in lines if line]
        if len(known) < len(cluster) or cluster[0].id in self.scores:
            return False
        kept = {line.item: line.scores for line in known if line.scores is not None}
        if len(kept) < len(cluster):
            scored = generator_of(self.suite, cluster[0]).score(cluster, [line.text for line in known])
            kept = {one.id: found for one, found in zip(cluster, scored, strict=True)}
            journal.scored(self.suite.name, kept)
        self.scores.update(kept)
        return True

    def result(self, hold_out: HoldOut) -> SuiteResult:
        """The results of the items that were scored."""
        items = tuple(
            ItemResult(id=one.id, cluster=one.cluster, group=one.group, scores=self.scores[one.id])
            for one in self.items
            if one.id in self.scores
        )
        return SuiteResult(
            suite=self.suite.name,
            sha256=self.suite.sha256,
            dimension=self.suite.dimension,
            hold_out=hold_out,
            complete=len(items) == len(self.items),
            items=items,
        )


class Work:
    """All parts of a job.

    Args:
        policy: the certification policy.
        tier: the tier that is tried.
        attempt: the how many-th time.
        wanted: the suites and how many items of each; those that the tier needs when empty.
        known: all suites that may be asked, by name.
        key: of the items.
        generation: of the hold-out.
    """

    def __init__(
        self,
        policy: Certification,
        tier: str,
        attempt: int,
        wanted: Mapping[str, int],
        *,
        known: Mapping[str, Suite],
        key: bytes = PUBLISHED,
        generation: int = 1,
    ) -> None:
        self._policy = policy
        self._tier = tier
        self._alpha = policy.alpha(attempt)
        self._key = key
        self._generation = generation
        if wanted:
            made = [Part(known[n], known[n].make(count, key=key, generation=generation)) for n, count in wanted.items()]
        else:
            needed = plan(policy, tier)
            made = [Part(known[n], enough(known[n], s, key=key, generation=generation)) for n, s in needed.items()]
        self.parts = made

    @property
    def total(self) -> int:
        """How many items there are."""
        return sum(len(part.items) for part in self.parts)

    def left(self, journal: Journal) -> list[tuple[Part, Item]]:
        """What is still to be asked, the suites in turn, so that a bound out of reach shows early.

        What the journal holds is scored.
        """
        open_items = []
        for part in self.parts:
            for cluster in part.clusters:
                part.score(cluster[0], journal)
            open_items.append([(part, one) for one in part.items if (part.suite.name, one.id) not in journal.lines])
        return [pair for row in zip_longest(*open_items) for pair in row if pair]

    def hold_out(self, part: Part, exposure: str = "") -> HoldOut:
        """The part's items as arithmetic; those of a pack are public, and their suite's digest names them."""
        return HoldOut(
            published=bool(part.suite.packs) or self._key == PUBLISHED,
            generation=self._generation,
            commitment=part.suite.sha256
            if part.suite.packs
            else holdout.commitment(self._key, part.suite.name, self._generation),
            root=holdout.root(part.items),
            exposure=exposure,
        )

    def out_of_reach(self) -> str:
        """Why the tier cannot be reached any more however the remaining items come out, or an empty text."""
        for measure, threshold in self._policy.effective(self._tier).bounds.items():
            measured = self._policy.measures[measure]
            for part in self.parts:
                if part.suite.name != measured.suite:
                    continue
                seen = [
                    Observation(one.cluster, part.scores[one.id][measured.score], one.group)
                    for one in part.items
                    if measured.score in part.scores.get(one.id, {})
                ]
                if not reachable(measured, threshold, seen, len(part.items) - len(part.scores), self._alpha):
                    word = "at most" if threshold.upper else "at least"
                    side = f"{word} {percent(threshold.upper or threshold.lower or 0)}"
                    rate = percent(sum(one.value for one in seen) / len(seen))
                    return f"{measure} is {rate} after {len(seen)} items: {side} is out of reach"
        return ""
