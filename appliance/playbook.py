"""Run the project's Ansible playbooks and tell, as they go, what each task did."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from appliance.errors import ApplianceError

CALLBACK_FOLDER = Path(__file__).parent / "ansible_callbacks"


class TaskEvent(BaseModel):
    """One line of a playbook's progress."""

    model_config = ConfigDict(extra="forbid")

    event: str
    role: str = ""
    task: str = ""
    changed: bool = False
    seconds: float = 0.0
    message: str = ""


def run_playbook(
    playbook: Path,
    variables: dict[str, Any],
    *,
    on_event: Callable[[TaskEvent], None],
    check: bool = False,
    environment: dict[str, str] | None = None,
) -> list[TaskEvent]:
    """Run ``playbook`` against this host and report each finished task.

    Args:
        playbook: path of the playbook; its roles are in ``roles/`` beside it.
        variables: extra variables.
        on_event: called with each event as it happens.
        check: only tell what would change.
        environment: added to the process environment.

    Raises:
        ApplianceError: a task failed; the message is the task's own.
    """
    command = [
        *("setpriv", "--pdeathsig", "KILL"),  # a playbook must not go on when the command that runs it was killed
        sys.executable,
        "-m",
        "ansible.cli.playbook",
        "-i",
        "localhost,",
        "-c",
        "local",
        "-e",
        json.dumps({"ansible_python_interpreter": sys.executable} | variables),
        *(["--check"] if check else []),
        str(playbook),
    ]
    settings = {
        "ANSIBLE_STDOUT_CALLBACK": "progress_lines",
        "ANSIBLE_CALLBACK_PLUGINS": str(CALLBACK_FOLDER),
        "ANSIBLE_ROLES_PATH": str(playbook.parent / "roles"),
        "ANSIBLE_RETRY_FILES_ENABLED": "0",
        "ANSIBLE_PIPELINING": "1",  # quicker, and no module lies in a temporary file
        "ANSIBLE_NOCOLOR": "1",
        "LC_ALL": "C.UTF-8",
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        env=os.environ | settings | (environment or {}),
    ) as process:
        assert process.stdout is not None  # noqa: S101  # PIPE was asked for one line above
        events: list[TaskEvent] = []
        stray: list[str] = []
        for event in _events(process.stdout, stray):
            events.append(event)
            on_event(event)
    failed = [event for event in events if event.event == "failed"]
    if failed:
        raise _refusal(failed[-1], stray)
    if process.returncode != 0:
        raise ApplianceError(f"{playbook.name} could not be run: " + "\n".join(stray[-20:]))
    return events


def _refusal(event: TaskEvent, stray: list[str]) -> ApplianceError:
    """The error of a failed task: what our own command refused, or the task's message."""
    for line in event.message.splitlines():
        if line.startswith('{"error":'):
            return ApplianceError(**{("message" if k == "error" else k): v for k, v in json.loads(line).items()})
    return ApplianceError(event.message or "\n".join(stray[-20:]), rule=f"{event.role}: {event.task}")


def _events(lines: Iterator[str], stray: list[str]) -> Iterator[TaskEvent]:
    for line in lines:
        if line.startswith('{"event":'):
            yield TaskEvent.model_validate_json(line)
        elif line.strip():
            stray.append(line.rstrip())
