"""`make attack`: try every row on a running site, print what came of it, and write `build/attack.json`."""

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table

from demo.instance import DEMO, REPOSITORY, TEST, Instance
from demo.stages import bring_up, tear_down
from tests.attack.row import Actor
from tests.attack.table import ROWS, section, write
from tests.attack.world import Result, attack, opened

PAGE = REPOSITORY / "docs" / "attacks.md"
HEADING = "## Every attempt of `make attack`\n\n"


def main() -> int:
    """Run the red team; 0 when every attempt came to nothing and left its record."""
    parser = argparse.ArgumentParser(prog="python -m tests.attack", description=__doc__)
    parser.add_argument("--actor", choices=[str(actor) for actor in Actor], help="only this actor's attempts")
    parser.add_argument("--quick", action="store_true", help="only what continuous integration runs")
    parser.add_argument("--write", action="store_true", help="write the table into docs/attacks.md; attack nothing")
    parser.add_argument("--out", type=Path, default=REPOSITORY / "build" / "attack.json", help="where the results go")
    arguments = parser.parse_args()
    if arguments.write:
        before, _, _ = PAGE.read_text().partition(HEADING)
        PAGE.write_text(f"{before.rstrip()}\n\n{HEADING}{section().rstrip()}\n")
        return 0
    rows = [row for row in ROWS if arguments.actor in (None, row.actor) and (row.quick or not arguments.quick)]
    console = Console(stderr=True)
    results = []
    with running_site() as site, opened(site) as world:
        for number, row in enumerate(rows, 1):
            result = attack(world, row)
            results.append(result)
            good = result.withstood and result.recorded
            if not good or console.is_terminal:
                console.print(f"{number:>4}/{len(rows)} {verdict(result):<14} {row.name}", highlight=False)
    write(results, arguments.out)
    Console().print(table(results))
    return 0 if all(result.withstood and result.recorded for result in results) else 1


@contextmanager
def running_site() -> Iterator[Instance]:
    """The site that runs here, the tests' or the demonstration's; otherwise the tests', until this is done."""
    present = [one for one in (TEST, DEMO) if Path(f"/run/netns/{one.namespace}").exists()]
    if present:
        yield present[0]
        return
    report = bring_up(TEST)
    try:
        if not report.passed:
            raise RuntimeError(f"the site did not come up: {report.stages[-1].error}")
        yield TEST
    finally:
        tear_down(TEST)


def verdict(result: Result) -> str:
    """What a result means, in a word or two."""
    if not result.withstood:
        return "SUCCEEDED"
    return "withstood" if result.recorded else "NOT RECORDED"


def table(results: list[Result]) -> Table:
    """How many attempts of each actor came to what, and each that did not come to nothing."""
    shown = Table(title="Attempts")
    for column in ("actor", "attempts", "withstood", "recorded", "what went wrong"):
        shown.add_column(column)
    for actor in Actor:
        mine = [result for result in results if result.row.actor is actor]
        wrong = [result for result in mine if not (result.withstood and result.recorded)]
        told = "\n".join(f"{verdict(one)}: {one.row.attempt}: {one.said} (not {one.row.expect})" for one in wrong)
        good = sum(one.withstood for one in mine), sum(one.recorded for one in mine)
        shown.add_row(actor, str(len(mine)), str(good[0]), str(good[1]), told)
    return shown


if __name__ == "__main__":
    sys.exit(main())
