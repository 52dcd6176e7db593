"""All keyed generators by name, each with its scorer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from workbench.evaluation import conduct, instruction, logistics, reports
from workbench.markbench import baselines
from workbench.markbench.item import Item, Maker
from workbench.markbench.score import Scores
from workbench.markbench.score import score as score_marking
from workbench.markbench.tasks import TASKS

ClusterScorer = Callable[[Sequence[Item], Sequence[str]], list[Scores]]


@dataclass(frozen=True)
class Generator:
    """A keyed generator.

    Attributes:
        name: as suites name it.
        make: makes the items of one draw, which share a cluster.
        score: scores the answers of one draw.
        rules: what answers without a model, or None.
    """

    name: str
    make: Maker
    score: ClusterScorer
    rules: Callable[[Item], str] | None = None


def each(score: Callable[[Item, str], Scores]) -> ClusterScorer:
    """A scorer of clusters that scores each answer by itself."""
    return lambda items, outputs: [score(item, output) for item, output in zip(items, outputs, strict=True)]


GENERATORS: dict[str, Generator] = {
    **{
        f"markbench.{task}": Generator(f"markbench.{task}", make, each(score_marking), baselines.rule_engine)
        for task, make in TASKS.items()
    },
    "instruction": Generator("instruction", instruction.make, each(instruction.score)),
    "abstention": Generator("abstention", reports.abstention, each(reports.score_abstention)),
    "consistency": Generator("consistency", reports.consistency, reports.score_consistency),
    "injection": Generator("injection", reports.injection, each(reports.score_injection)),
    "refusal": Generator("refusal", conduct.refusal, each(conduct.score_refusal)),
    "fairness": Generator("fairness", conduct.fairness, each(conduct.score_fairness)),
    "logistics": Generator("logistics", logistics.make, each(logistics.score)),
}
