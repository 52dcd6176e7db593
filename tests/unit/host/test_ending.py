"""When a process that was told to stop counts as ended."""

import subprocess
from collections.abc import Iterator

import psutil
import pytest

from appliance.host.state.ending import wait_until_ended


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    """A process that sleeps, whose entry nobody clears before the test ends."""
    child = subprocess.Popen(["sleep", "60"])
    yield child
    child.kill()
    child.wait()


def test_one_that_runs_has_not_ended(child: subprocess.Popen[bytes]) -> None:
    assert not wait_until_ended(psutil.Process(child.pid), 0.1)


def test_one_whose_parent_does_not_clear_its_entry_has_ended(child: subprocess.Popen[bytes]) -> None:
    process = psutil.Process(child.pid)
    process.terminate()
    assert wait_until_ended(process, 30)
    assert process.status() == psutil.STATUS_ZOMBIE


def test_one_whose_entry_is_gone_has_ended(child: subprocess.Popen[bytes]) -> None:
    process = psutil.Process(child.pid)
    child.kill()
    child.wait()
    assert wait_until_ended(process, 30)
