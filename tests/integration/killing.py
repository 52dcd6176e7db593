"""Commands that are killed where they say that they have come to."""

import contextlib
import os
import signal
import subprocess
from pathlib import Path

import psutil

from demo.instance import REPOSITORY, Instance, command_line


def begun(site: Instance, stage: str, *words: str | Path) -> subprocess.Popen[str]:
    """Start ``appliance`` with ``words`` on the disconnected host; return when it tells that ``stage`` begins."""
    command = command_line(site, *words, inside=True)
    process = subprocess.Popen(command, cwd=REPOSITORY, stderr=subprocess.PIPE, text=True, start_new_session=True)
    assert process.stderr
    said = []
    for line in process.stderr:
        said.append(line)
        if stage in line:
            return process
    raise AssertionError(f"no stage {stage!r}; exit {process.wait()}: {''.join(said[-5:])}")


def kill_all(process: subprocess.Popen[str]) -> None:
    """Kill the command and everything it started, at once; what runs as a service of its own goes on."""
    parent = psutil.Process(process.pid)
    for member in [parent, *parent.children(recursive=True)]:
        with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):  # it ended meanwhile, or is a zombie
            if not {"conmon", "monitor", "reconcile"} & {member.name(), *member.cmdline()}:
                os.kill(member.pid, signal.SIGKILL)
    process.wait()
