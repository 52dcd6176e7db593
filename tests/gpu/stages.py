"""The stages of a run: each has a name and its time, and one that fails leaves the others to run."""

import json
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

Found = TypeVar("Found")
RESERVE = 20
"""Seconds that must be left for a stage to begin."""


class Stages:
    """One run: its figures, what failed, and the time that is left.

    Args:
        out: folder for ``figures.json``.
        budget: seconds in all.
        about: what the figures are of.
    """

    def __init__(self, out: Path, budget: float, about: dict[str, Any]) -> None:
        self.figures: dict[str, Any] = {"machine": about}
        self.failed: list[str] = []
        self._file = out / "figures.json"
        self._end = time.monotonic() + budget

    def do(self, name: str, work: Callable[[], Found]) -> Found | None:
        """Do ``work`` if there is time, and keep what it returns under ``name``."""
        began, found = time.monotonic(), None
        if self._end - began < RESERVE:
            self.failed.append(f"{name}: no time was left")
            return None
        try:
            found = work()
        except Exception as error:  # noqa: BLE001  # the other stages go on
            self.failed.append(f"{name}: {type(error).__name__}: {str(error)[-600:]}")
            traceback.print_exc()
        if found is not None:
            self.figures[name] = found
        ended = time.monotonic()
        print(f"## {name}: {ended - began:.1f} s, {self._end - ended:.0f} s left: {json.dumps(found)}", flush=True)
        self._file.write_text(json.dumps({"figures": self.figures, "failed": self.failed}, indent=1))
        return found
