"""Anyone makes a published hold-out again, and scores its answers again: results are checked without trust.

``python -m workbench.evaluation.regenerate RESULTS ANSWERS KEY`` with the results document and the answers of a job,
which are on the page of the hold-out, and the published key in hexadecimal. It ends with 1 when anything differs.
"""

import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from appliance.contract.evaluation import Results, SuiteResult, read_results
from appliance.errors import ApplianceError
from workbench.evaluation import holdout, suites
from workbench.evaluation.suites import Suite, clusters, generator_of
from workbench.markbench.item import Item

MOST_TRIES = 1000
"""So many more items than were scored are tried for the root of a job that stopped early and does not say how many."""


_ROOT = {
    True: "the items are those that were asked",
    False: "OTHER ITEMS WERE ASKED",
    None: "it stopped too early to say of which items its root is",
}


@dataclass
class Checked:
    """One suite of a job, made and scored again.

    Attributes:
        suite: its name.
        problem: why it cannot be made again, or an empty text.
        commitment: whether the key is the one that was committed.
        root: whether the items are those that were asked; None of a job that stopped so early that nobody can say.
        scored: how many items have the score that the results say.
        differ: items with another score, without an answer, or that are not among those made.
    """

    suite: str
    problem: str = ""
    commitment: bool = False
    root: bool | None = False
    scored: int = 0
    differ: list[str] = field(default_factory=list)

    @property
    def right(self) -> bool:
        """Whether everything is as the results say."""
        return not self.problem and self.commitment and self.root is not False and not self.differ


def check(results: Results, answers: Iterable[Mapping[str, Any]], key: bytes) -> list[Checked]:
    """Make and score every suite of ``results`` again.

    Args:
        results: of the job.
        answers: its answers, each with ``suite``, ``item`` and ``sealed``.
        key: the published key.
    """
    seal = holdout.Seal(key, results.job)
    said: dict[tuple[str, str], str] = {}
    for one in answers:
        try:
            said[one["suite"], one["item"]] = seal.open(one["suite"], one["item"], one["sealed"])
        except (KeyError, TypeError, ValueError):
            continue  # an item without an answer that opens is among those that differ
    return [_suite(part, said, key) for part in results.suites]


def _suite(part: SuiteResult, said: Mapping[tuple[str, str], str], key: bytes) -> Checked:
    suite = suites.standard().get(part.suite)
    if suite is None or suite.sha256 != part.sha256:
        return Checked(part.suite, "this release has another definition of the suite")
    generation = part.hold_out.generation
    made = _made(suite, part, key)
    found = Checked(
        part.suite,
        commitment=holdout.commitment(key, part.suite, generation) == part.hold_out.commitment,
        root=True if made else (None if not part.complete else False),
    )
    items = made or suite.make(len(part.items), key=key, generation=generation)
    scores = _scores(suite, items, said)
    for one in part.items:
        if scores.get(one.id) == one.scores:
            found.scored += 1
        else:
            found.differ.append(one.id)
    return found


def _made(suite: Suite, part: SuiteResult, key: bytes) -> list[Item] | None:
    """The items whose root the results name, or None."""
    for more in (0,) if part.complete else (0, MOST_TRIES):
        made = suite.make(max(1, len(part.items)) + more, key=key, generation=part.hold_out.generation)
        for number, found in enumerate(holdout.roots(made), 1):
            if found == part.hold_out.root and number >= len(part.items):
                return made[:number]
    return None


def _scores(suite: Suite, items: list[Item], said: Mapping[tuple[str, str], str]) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for cluster in clusters(items):
        texts = [said.get((suite.name, one.id)) for one in cluster]
        known = [text for text in texts if text is not None]
        if len(known) == len(cluster):
            scored = generator_of(suite, cluster[0]).score(cluster, known)
            found |= {one.id: scores for one, scores in zip(cluster, scored, strict=True)}
    return found


def describe(one: Checked) -> str:
    """What was found of a suite, in a line."""
    if one.problem:
        return f"{one.suite}: {one.problem}"
    key = "the key is the one that was committed" if one.commitment else "ANOTHER KEY WAS COMMITTED"
    root = _ROOT[one.root]
    differ = f"; {len(one.differ)} DIFFER, among them {', '.join(one.differ[:3])}" if one.differ else ""
    return f"{one.suite}: {key}; {root}; {one.scored} items have the score that the results say{differ}"


def main(arguments: list[str]) -> int:
    """Check a job from files; see the module."""
    if len(arguments) != 3:
        sys.stderr.write(f"usage: {(__doc__ or '').splitlines()[2].split('``')[1]}\n")
        return 2
    results, answers, key = arguments
    try:
        lines = [json.loads(line) for line in Path(answers).read_text().splitlines() if line.strip()]
        read = read_results(Path(results).read_bytes(), results)
        found = check(read, lines, bytes.fromhex(key))
    except (OSError, ValueError, ApplianceError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write("".join(f"{describe(one)}\n" for one in found))
    return 0 if all(one.right for one in found) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
