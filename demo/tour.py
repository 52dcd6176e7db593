"""`appliance-demo tour`: what the appliance promises, shown on the running site, one key a step."""

import json
import sys
import termios
import threading
import time
import tty
from typing import Any, TextIO

import httpx
import openai
from rich.console import Console

from appliance.enclave.paths import HostPaths
from appliance.host.state.monitor_process import monitor_process
from demo.closing import COMMAND
from demo.instance import Instance, StageError
from demo.tour_steps import STEPS, Step, Tour

KEYS = "any key: show it   s: skip   q: end"


def tour(instance: Instance, *, wait: bool, as_json: bool, keys: TextIO = sys.stdin) -> int:
    """Show every step; 0 when each did what it says.

    Args:
        instance: the site, on which the stand-ins' exercises have ended.
        wait: whether a person presses a key before each step.
        as_json: print what was seen as JSON at the end, and nothing else on standard output.
        keys: the terminal.

    Raises:
        StageError: no site runs, or its exercises have not ended.
    """
    _require_used(instance)
    shown = Console(file=sys.stderr if as_json else sys.stdout, highlight=False, soft_wrap=True)
    one = Tour(instance)
    ready = _Preparation(one)
    seen = []
    for number, step in enumerate(STEPS, start=1):
        shown.rule(f"{number} of {len(STEPS)}  {step.heading}", align="left")
        shown.print(step.says, markup=False)
        key = _pressed(keys, shown) if wait else " "
        if key == "q":
            break
        if key != "s":
            seen.append(_show(step, one, ready, shown))
    if as_json:
        print(json.dumps(seen, indent=1))
    shown.print(f"\n{len(seen)} of {len(STEPS)} steps were shown. The site is as it was; show them again at any time.")
    return 0


class _Preparation:
    """Signs what officers sign while a person reads what the first step will show."""

    def __init__(self, one: Tour) -> None:
        self._problem: Exception | None = None
        self._thread = threading.Thread(target=self._prepare, args=(one,), daemon=True)
        self._thread.start()

    def _prepare(self, one: Tour) -> None:
        try:
            one.prepare()
        except Exception as problem:  # noqa: BLE001  # told by the step that needs it
            self._problem = problem

    def wait(self) -> None:
        self._thread.join()
        if self._problem:
            raise self._problem


def _show(step: Step, one: Tour, ready: _Preparation, shown: Console) -> dict[str, Any]:
    ready.wait()
    began = time.monotonic()
    with shown.status("", spinner="line"):
        try:
            lines = step.work(one)
        except (httpx.HTTPError, openai.OpenAIError) as error:
            raise StageError(f"{step.heading}: {error}", f"read the end of {one.instance.log}") from error
    took = time.monotonic() - began
    for line in lines:
        shown.print(f"  {line}", markup=False)
    shown.print(f"  ({took:.1f} s)", style="dim")
    if step.reset:
        began = time.monotonic()
        lines += step.reset(one)
        shown.print(f"  {lines[-1]} ({time.monotonic() - began:.1f} s)", style="dim", markup=False)
    return {"step": step.heading, "seconds": round(took, 2), "shown": lines}


def _require_used(instance: Instance) -> None:
    if monitor_process(HostPaths(instance.root, instance.run)) is None:
        raise StageError("no site of the demonstration runs on this machine", f"{COMMAND} start")
    if not (instance.build / "results-refused.json").exists() or not (instance.build / "preferences.jsonl").exists():
        raise StageError("the stand-ins' exercises have not ended on this site", f"wait for them, or {COMMAND} start")


def _pressed(keys: TextIO, shown: Console) -> str:
    """One key, without Enter on a terminal; ``q`` at its end."""
    shown.print(KEYS, style="dim")
    if not keys.isatty():
        return keys.readline()[:1] or "q"
    before = termios.tcgetattr(keys)
    try:
        tty.setcbreak(keys)
        return keys.read(1).lower()
    finally:
        termios.tcsetattr(keys, termios.TCSADRAIN, before)
