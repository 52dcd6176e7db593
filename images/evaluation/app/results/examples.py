"""Items that went wrong, with the model's words: of published items alone, made again or read from their pack."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from workbench.evaluation.suites import Suite
from workbench.markbench.item import PUBLISHED, Item

from ..journal import Journal
from ..model import Job


@dataclass(frozen=True, slots=True)
class Example:
    """One item and what the model answered."""

    item: Item
    answer: str


def answers_of(folder: Path) -> list[dict[str, str | None]]:
    """The answers of a job, as the check of a published hold-out reads them."""
    journal = Journal(folder / "answers.jsonl")
    journal.close()
    return [{"suite": line.suite, "item": line.item, "sealed": line.sealed} for line in journal.lines.values()]


def examples(folder: Path, job: Job, suite: Suite, wanted: Iterable[str]) -> dict[str, Example]:
    """Of the items ``wanted`` of ``suite`` those that ``job`` answered, by identifier; of a hold-out none.

    Args:
        folder: of the job.
        job: that asked them.
        suite: as it was when they were asked.
        wanted: identifiers.
    """
    names = set(wanted)
    if job.generation is not None or not names:
        return {}
    journal = Journal(folder / "answers.jsonl")
    journal.close()
    made = suite.make(job.suites.get(suite.name, suite.items), key=PUBLISHED)
    found = {}
    for item in made:
        line = journal.lines.get((suite.name, item.id))
        if item.id in names and line:
            found[item.id] = Example(item, line.text or line.problem)
    return found
