"""Kill a process at each of its steps: SIGKILL just before the n-th time that it touches the file system."""

import itertools
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

TOUCHES = {
    "open", "os.chmod", "os.chown", "os.link", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.symlink",
    "os.truncate", "shutil.rmtree", "subprocess.Popen",
}  # fmt: skip


def at_each_step(folder: Path, action: Callable[[], object]) -> Iterator[int]:
    """Run ``action`` in a process of its own, killed one step later each time, until it comes to its end.

    Args:
        folder: steps are what touches a path below it, as Python's audit events tell (PEP 578), or starts a program.
        action: what is killed.

    Yields:
        The number of steps after which it was killed; the caller looks at what is there, and may clear it away.
    """
    for steps in itertools.count():
        child = os.fork()
        if child == 0:
            _die_after(steps, folder)
            action()
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if os.WIFEXITED(status):
            assert os.WEXITSTATUS(status) == 0
            return
        assert os.WTERMSIG(status) == signal.SIGKILL
        yield steps


def _die_after(steps: int, folder: Path) -> None:
    left = steps

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal left
        below = any(isinstance(a, str | Path) and str(a).startswith(str(folder)) for a in arguments)
        if event in TOUCHES and (below or event == "subprocess.Popen"):
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            left -= 1

    sys.addaudithook(hook)
