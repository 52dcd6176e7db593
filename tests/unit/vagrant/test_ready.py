"""Without libvirt the scenarios end with one message that says what is missing and how to get it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.vagrant import ready

FAILS = "echo 'error: failed to connect to the hypervisor' >&2; exit 1"


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of programs that is all there is on PATH; `virsh` there answers."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ready.PROGRAMS:
        write(folder / name, "exit 0")
    monkeypatch.setenv("PATH", str(folder))
    return folder


def write(program: Path, script: str) -> None:
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


def test_where_libvirtd_answers_nothing_is_said(programs: Path) -> None:
    assert ready.problem() == ""


@pytest.mark.parametrize("name", ready.PROGRAMS)
def test_a_program_that_is_not_installed_is_named(programs: Path, name: str) -> None:
    (programs / name).unlink()
    assert ready.problem() == f"not installed: {name}. Install them and make the machines' box: make box"


@pytest.mark.parametrize(
    ("systemd", "command"), [(True, "systemctl start libvirtd"), (False, "virtlogd --daemon && libvirtd --daemon")]
)
def test_a_libvirtd_that_does_not_run_is_said_with_the_command_that_starts_it(
    programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, systemd: bool, command: str
) -> None:
    write(programs / "virsh", FAILS)
    monkeypatch.setattr(ready, "SYSTEMD", tmp_path if systemd else tmp_path / "nowhere")
    said = ready.problem()
    assert said.startswith("libvirtd does not run")
    assert "failed to connect to the hypervisor" in said
    assert said.endswith(f"Start it as root: {command}")


def test_a_libvirtd_that_hangs_is_said(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(programs / "virsh", "while :; do :; done")
    monkeypatch.setattr(ready, "SECONDS", 0.2)
    assert ready.problem().startswith("libvirtd does not answer")


def test_the_smoke_test_ends_with_one_message_and_no_assertion(programs: Path) -> None:
    write(programs / "virsh", FAILS)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "tests/vagrant/test_1_smoke.py"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ)
    assert answer.returncode == 1, answer.stdout + answer.stderr
    assert answer.stdout.count("libvirtd does not run") == 1
    assert "AssertionError" not in answer.stdout + answer.stderr
    assert "failed" not in answer.stdout.replace("failed to connect", "")
