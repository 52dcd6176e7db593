"""`make bench`: measure everything that has a goal, and say whether each goal holds."""

import argparse
import importlib
import json
import sys
import traceback

from rich.console import Console
from rich.table import Table

from demo.instance import REPOSITORY
from tests.bench.budgets import ATTACKS
from tests.bench.measure import Measurement

# The names of each module's figures, so that `--only` runs no other module.
BENCHMARKS = {
    "markings": ("markings.dominates", "markings.parse", "markings.rollup", "markings.rows"),
    "gateway": ("gateway.p50_added",),
    "monitor": ("monitor.p50_added", "monitor.p99_added", "monitor.decisions", "monitor.reload"),
    "budgets": tuple(f"budgets.{attack}" for attack in ATTACKS),
    "audit": ("audit.append", "audit.append_p50", "audit.verify", "audit.search_p95"),
    "carry": ("bundle.verify_copy", "bundle.peak_memory"),
    "host": ("host.backup",),
    "assemble": ("bundle.assemble",),
    "admission": ("admission.added",),
    "cli": ("cli.help",),
    "evaluation": ("evaluation.cpu_per_sample", "evaluation.generation", "evaluation.report_100000"),
    "objects": ("objects.upload", "objects.check", "objects.memory"),
    "lineage": ("lineage.behind", "lineage.descendants"),
    "tuning": ("tuning.step", "tuning.memory", "tuning.adapter_load"),
    "stream": (
        "inference.stream_ratio_64",
        "inference.stream_ratio_128",
        "inference.ttft_burst",
        "inference.cpu_per_token",
    ),
    "stack": ("inference.throughput", "stack.rss"),
    "demo": ("demo.first_answer", "demo.warm"),
}


def main() -> int:
    """Run the benchmarks; 0 when every figure was measured and every goal holds."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--only", metavar="NAME", default="", help="figures whose name begins with NAME; not kept")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    arguments = parser.parse_args()
    wanted = [name for names in BENCHMARKS.values() for name in names if name.startswith(arguments.only)]
    if not wanted:
        parser.error(f"no figure begins with {arguments.only}")
    figures = [figure for module in BENCHMARKS for figure in measure(module, wanted)]
    document = json.dumps([figure.model_dump() for figure in figures], indent=2) + "\n"
    if not arguments.only:
        file = REPOSITORY / "build" / "bench.json"
        file.parent.mkdir(exist_ok=True)
        file.write_text(document)
    if arguments.json:
        print(document, end="")
    else:
        Console().print(table(figures))
    return 0 if len(figures) == len(wanted) and all(figure.holds for figure in figures) else 1


def measure(module: str, wanted: list[str]) -> list[Measurement]:
    """The wanted figures of one module; none when it could not measure, and standard error says why."""
    names = [name for name in BENCHMARKS[module] if name in wanted]
    if not names:
        return []
    print(f"measuring {', '.join(names)}", file=sys.stderr, flush=True)
    try:
        found = importlib.import_module(f"tests.bench.{module}").measurements()
        figures = {figure.name: figure for figure in map(Measurement.model_validate, found)}
        return [figures[name] for name in names]
    except Exception as problem:  # noqa: BLE001  # the others are measured whatever happened to one
        print(f"NOT MEASURED {', '.join(names)}:", file=sys.stderr)
        traceback.print_exception(problem, limit=-4)
        return []


def table(figures: list[Measurement]) -> Table:
    """The figures for people."""
    shown = Table(title="Figures and goals")
    for column, justify in (
        ("figure", "left"),
        ("value", "right"),
        ("goal", "left"),
        ("", "left"),
        ("against", "left"),
    ):
        shown.add_column(column, justify=justify)  # type: ignore[arg-type]  # rich names the alternatives itself
    for figure in figures:
        verdict = "[green]holds[/green]" if figure.holds else "[red]FAILS[/red]"
        value = f"{figure.value:,.3f}".rstrip("0").rstrip(".")
        shown.add_row(figure.name, f"{value} {figure.unit}", figure.goal, verdict, figure.reference)
    return shown


if __name__ == "__main__":
    sys.exit(main())
