"""Whether a process that was told to stop has ended."""

import time

import psutil


def wait_until_ended(process: psutil.Process, seconds: float) -> bool:
    """Whether ``process`` ends within ``seconds``.

    A zombie has ended: it holds no file, socket or memory any more, and only its parent can clear its entry. Where
    process 1 does not do that (a container without an init), the entry stays as long as the machine runs.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if not process.is_running() or process.status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.02)
    return False
