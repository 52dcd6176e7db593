"""The closing table: each stage, its time, its size, whether it passed, and where to look next."""

import json
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

CONSOLE = Console(stderr=True)


@dataclass
class Stage:
    """One stage that was run."""

    name: str
    passed: bool
    seconds: float
    bytes: int
    look: str
    facts: dict[str, Any] = field(default_factory=dict)
    error: str = ""


@dataclass
class Report:
    """All stages so far."""

    stages: list[Stage] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether every stage passed."""
        return all(stage.passed for stage in self.stages)

    def run(self, name: str, look: str, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Run one stage unless an earlier one failed, and note what it said."""
        if not self.passed:
            return {}
        CONSOLE.print(f"[bold]{name}[/bold]", highlight=False)
        started = time.monotonic()
        facts: dict[str, Any] = {}
        error = ""
        try:
            facts = work()
        except Exception as problem:  # noqa: BLE001  # a stage may fail in any way; the report says how
            error = "".join(traceback.format_exception_only(problem)).strip()
            CONSOLE.print_exception(max_frames=4)
        seconds = round(time.monotonic() - started, 1)
        self.stages.append(Stage(name, not error, seconds, int(facts.get("bytes", 0)), look, facts, error))
        CONSOLE.print(f"  {'done' if not error else 'FAILED'} in {seconds} s", highlight=False)
        return facts

    def write(self, path: Path) -> None:
        """Keep the report as JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        total = round(sum(stage.seconds for stage in self.stages), 1)
        document = {"passed": self.passed, "seconds": total, "stages": [asdict(stage) for stage in self.stages]}
        path.write_text(json.dumps(document, indent=2, default=str) + "\n")

    def table(self) -> Table:
        """The report for people."""
        table = Table(title=f"The appliance's life in {sum(stage.seconds for stage in self.stages):.0f} s")
        for column, justify in (("stage", "left"), ("s", "right"), ("MiB", "right"), ("", "left"), ("look at", "left")):
            table.add_column(column, justify=justify)  # type: ignore[arg-type]  # rich names the alternatives itself
        for stage in self.stages:
            size = f"{stage.bytes / 2**20:.1f}" if stage.bytes else ""
            verdict = "[green]pass[/green]" if stage.passed else "[red]FAIL[/red]"
            table.add_row(
                stage.name, f"{stage.seconds:.1f}", size, verdict, stage.look if stage.passed else stage.error
            )
        return table
