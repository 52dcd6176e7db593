"""What the demonstration tells: a line for each stage as it ends, the stages inside it, and why one failed."""

import json
import sys
import time
import traceback
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.status import Status

from demo.instance import StageError

Say = Callable[[str], None]
LINE = 58


@dataclass(frozen=True)
class Stage:
    """One stage of the demonstration.

    Attributes:
        name: what it does.
        work: does it, telling the stages inside it as they end; returns facts, the size in ``bytes`` among them.
    """

    name: str
    work: Callable[[Say], dict[str, Any]]


@dataclass
class Result:
    """How one stage went; ``seconds`` since it began, ``bytes`` that it made or moved."""

    name: str
    passed: bool
    seconds: float
    bytes: int
    facts: dict[str, Any] = field(default_factory=dict)
    error: str = ""
    remedy: str = ""


@dataclass
class Report:
    """All stages so far.

    Args:
        log: file that keeps everything that was said.
        total: how many stages there will be.
    """

    log: Path
    total: int
    stages: list[Result] = field(default_factory=list)
    console: Console = field(default_factory=lambda: Console(highlight=False, soft_wrap=True))

    @property
    def passed(self) -> bool:
        """Whether every stage passed."""
        return all(stage.passed for stage in self.stages)

    def facts(self, name: str) -> dict[str, Any]:
        """What a stage reported."""
        return next(stage.facts for stage in self.stages if stage.name == name)

    def run(self, stages: Iterable[Stage]) -> bool:
        """Run stages until one fails; False when one did."""
        return all(self._run(stage) for stage in stages)

    def _run(self, stage: Stage) -> bool:
        head = f"stage {len(self.stages) + 1:>2} of {self.total}  {stage.name}"
        began = time.monotonic()
        with self._waiting(head) as waiting:

            def say(text: str) -> None:
                if not inside:
                    self._print(head)
                inside.append(text)
                self._print(f"              {text}")
                waiting.update(head)

            inside: list[str] = []
            result = self._result(stage, say)
        result.seconds = round(time.monotonic() - began, 1)
        self.stages.append(result)
        size = f"{result.bytes / 1e6:8.1f} MB" if result.bytes else ""
        name = "              together" if inside and result.passed else head
        verdict = f"{result.seconds:8.1f} s {size}" if result.passed else f"  FAILED after {result.seconds:.1f} s"
        self._print(f"{name:<{LINE}}{verdict}".rstrip())
        if not result.passed:
            self._print(f"    cause: {result.error}")
            self._print(f"   remedy: {result.remedy}")
        return result.passed

    def _result(self, stage: Stage, say: Say) -> Result:
        try:
            facts = stage.work(say)
            return Result(stage.name, passed=True, seconds=0, bytes=int(facts.get("bytes", 0)), facts=facts)
        except Exception as problem:  # noqa: BLE001  # a stage may fail in any way; the report says how
            with self.log.open("a") as log:
                log.write("".join(traceback.format_exception(problem)))
            cause = str(problem).strip().splitlines() or [type(problem).__name__]
            remedy = problem.remedy if isinstance(problem, StageError) else ""
            remedy = remedy or f"read the end of {self.log}, correct the cause and start again"
            error = cause[0] if isinstance(problem, StageError) else f"{type(problem).__name__}: {cause[0]}"
            return Result(stage.name, passed=False, seconds=0, bytes=0, error=error, remedy=remedy)

    def _waiting(self, head: str) -> Status:
        """A line that shows, on a terminal, what is being done."""
        return Status(head, console=Console(file=sys.stdout, highlight=False), spinner="line")

    def _print(self, text: str) -> None:
        self.console.print(text, markup=False)
        with self.log.open("a") as log:
            log.write(f"{text}\n")

    def write(self, path: Path) -> None:
        """Keep the report as JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        total = round(sum(stage.seconds for stage in self.stages), 1)
        document = {"passed": self.passed, "seconds": total, "stages": [asdict(stage) for stage in self.stages]}
        path.write_text(json.dumps(document, indent=2, default=str) + "\n")
