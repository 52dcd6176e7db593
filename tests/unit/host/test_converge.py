"""One command at a time changes a host, and what a step refused reaches the person who asked."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.enclave.paths import HostPaths
from appliance.errors import ApplianceError
from appliance.host.change import converge
from appliance.host.change.remove import remove

HOLD = """
import pathlib, sys, time
from appliance.enclave.paths import HostPaths
from appliance.host.change import converge
paths = HostPaths(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[1]))
with getattr(converge, sys.argv[2])(paths):
    print("held", flush=True)
    time.sleep(float(sys.argv[3]))
"""


def holder(root: Path, lock: str, seconds: float) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", HOLD, str(root), lock, str(seconds)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_command_is_refused_until_the_first_is_gone_even_if_it_was_killed(tmp_path: Path) -> None:
    paths = HostPaths(tmp_path, tmp_path)
    process = holder(tmp_path, "alone", 60)
    with pytest.raises(ApplianceError, match="under way"), converge.alone(paths):
        pass
    with pytest.raises(ApplianceError, match="under way"):
        remove(paths, keep_state=False, progress=print)
    assert tmp_path.exists()
    process.kill()
    process.communicate()
    with converge.alone(paths):
        pass


def test_a_command_waits_for_a_step_that_outlived_its_own_command(tmp_path: Path) -> None:
    process = holder(tmp_path, "one_step", 1)
    with converge.alone(HostPaths(tmp_path, tmp_path)):
        assert process.wait(timeout=10) == 0, "the step was still under way"


def test_a_step_that_begins_after_its_command_was_killed_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = HostPaths(tmp_path, tmp_path)
    with converge.alone(paths):
        left = os.environ[converge.HOLDER]
        with converge.one_step(paths):
            pass
    assert converge.HOLDER not in os.environ
    with converge.one_step(paths):  # a step that a person gives by hand has no command that could be gone
        pass
    with converge.alone(paths):
        monkeypatch.setenv(converge.HOLDER, left)
        with pytest.raises(ApplianceError, match="another has taken the host"), converge.one_step(paths):
            pass


def test_the_error_of_a_step_is_told_whole() -> None:
    error = ApplianceError("no room", rule="there must be room", remedy="make room")
    found = converge.refusal(f"a warning\n{json.dumps(error.as_dict())}\n", "prepare")
    assert found.as_dict() == error.as_dict()
    assert "step prepare failed: Killed" in converge.refusal("Killed\n", "prepare").message
