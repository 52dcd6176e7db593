"""Ansible callback that prints one JSON line a finished task, for `appliance.playbook`."""

import json
import time
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: progress_lines
type: stdout
short_description: one JSON line a finished task
description: Prints a JSON object for each started and finished task.
"""


def _spoken(output: Any) -> str:
    """The message of a command of ours, which prints a JSON object."""
    try:
        return str(json.loads(output)["message"])
    except (TypeError, ValueError, KeyError):
        return ""


class CallbackModule(CallbackBase):  # type: ignore[misc]  # ansible ships no types
    """Prints `started`, `ok`, `skipped` and `failed` events."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "progress_lines"

    def __init__(self) -> None:
        super().__init__()
        self._started = time.monotonic()

    def _print(self, event: str, task: Any, result: dict[str, Any] | None = None) -> None:
        answer = result or {}
        role = getattr(task, "_role", None)
        text = answer.get("msg") or _spoken(answer.get("stdout"))
        if event == "failed" and answer.get("stderr"):
            text = str(answer["stderr"])
        line = {
            "event": event,
            "role": role.get_name() if role else "",
            "task": task.get_name().split(" : ")[-1],
            "changed": bool(answer.get("changed")),
            "seconds": round(time.monotonic() - self._started, 3),
            "message": str(text),
        }
        print(json.dumps(line), flush=True)

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:  # noqa: ARG002
        """A task begins."""
        self._started = time.monotonic()
        self._print("started", task)

    def v2_runner_on_ok(self, result: Any) -> None:
        """A task succeeded."""
        self._print("ok", result._task, result._result)

    def v2_runner_on_skipped(self, result: Any) -> None:
        """A task was not needed."""
        self._print("skipped", result._task, result._result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        """A task failed, unless its failure is expected."""
        self._print("ok" if ignore_errors else "failed", result._task, result._result)

    def v2_runner_on_unreachable(self, result: Any) -> None:
        """The host could not be reached."""
        self._print("failed", result._task, result._result)
