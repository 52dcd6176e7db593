"""The board: the newest results of each model by measure, with the groups that a test cannot tell apart.

Models are compared in pairs on the items that both answered: McNemar's exact test, and Holm over all pairs. A model has
the rank of the best one that it cannot be told from, so that nobody reads an order out of noise.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from workbench.statistics.paired import holm, mcnemar

from ..model import Job
from .report import Row
from .summary import Summary

ALPHA = 0.05


@dataclass(frozen=True, slots=True)
class Entry:
    """One model in one table.

    Attributes:
        job: whose results they are.
        row: the measure.
        rank: of its group, from 1.
        alone: whether it shares its rank with nobody.
    """

    job: Job
    row: Row
    rank: int = 0
    alone: bool = True


@dataclass(frozen=True, slots=True)
class Table:
    """The models that were asked the same items for one measure.

    Attributes:
        measure: its name.
        suite: the suite.
        items: hold-out and number of items, in words.
        entries: the models, the best first.
        pairs: how many pairs were tested.
        least: the smallest number of items that two of them share.
    """

    measure: str
    suite: str
    items: str
    entries: list[Entry]
    pairs: int
    least: int


Test = Callable[[str, str, str, str], tuple[float, int]]
"""The p value of two jobs for a score of a suite, and how many items both answered."""


def tables(done: Sequence[tuple[Job, Summary]], test: Test) -> list[Table]:
    """The board of ended jobs, the newest first.

    Args:
        done: jobs that the reader may know of, with their summaries.
        test: compares two of them.
    """
    chosen: dict[tuple[str, str, str], dict[str, tuple[Job, Row]]] = {}
    for job, summary in done:
        for row in summary.rows:
            part = next((one for one in summary.suites if one.suite == row.suite), None)
            if part is not None:
                key = row.measure, row.suite, part.hold_out.commitment
                chosen.setdefault(key, {}).setdefault(job.model, (job, row))
    return [_table(key, list(found.values()), test) for key, found in sorted(chosen.items())]


def _table(key: tuple[str, str, str], found: list[tuple[Job, Row]], test: Test) -> Table:
    measure, suite, _ = key
    better_first = -1 if not found[0][1].bad else 1
    ordered = sorted(found, key=lambda one: (better_first * one[1].interval.value, one[0].model))
    pairs = list(combinations(range(len(ordered)), 2))
    tested = [test(ordered[a][0].id, ordered[b][0].id, suite, ordered[a][1].score) for a, b in pairs]
    differ = {pair for pair, p in zip(pairs, holm([p for p, _ in tested]), strict=True) if p < ALPHA}
    ranks = [1 + next(a for a in range(b + 1) if a == b or (a, b) not in differ) for b in range(len(ordered))]
    generation = ordered[0][0].generation
    return Table(
        measure, suite, f"hold-out {generation}" if generation else "published items",
        [Entry(job, row, rank, ranks.count(rank) == 1) for (job, row), rank in zip(ordered, ranks, strict=True)],
        len(pairs), min((shared for _, shared in tested), default=0),
    )  # fmt: skip


def paired(first: Mapping[str, bool], second: Mapping[str, bool]) -> tuple[float, int]:
    """McNemar's p value over the items that both answered, and their number."""
    shared = sorted(first.keys() & second.keys())
    return mcnemar([first[one] for one in shared], [second[one] for one in shared]).p, len(shared)
