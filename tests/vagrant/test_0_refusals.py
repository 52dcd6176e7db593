"""What a machine needs of the one that runs it is checked before anything is made: one message, and what to do."""

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from demo.instance import REPOSITORY
from tests.vagrant.media import DISCS

# What is missing, the command that takes it away for one process alone, what is said, the remedy.
MISSING = {
    "box": ("true", "the box host-[0-9a-f]+ is missing or stale", "make box"),
    "libvirt": ("mount -t tmpfs none /run/libvirt", "libvirt does not run", "systemctl start libvirtd"),
    "discs": (f"mount -t tmpfs none {shlex.quote(str(DISCS))}", "disc-01.iso is missing", "make vagrant-media"),
    "memory": (
        "sed 's/^MemAvailable:.*/MemAvailable: 100000 kB/' /proc/meminfo >meminfo; mount --bind meminfo /proc/meminfo",
        "97 MiB of memory are free, the machine needs 1536 MiB",
        "stop other machines",
    ),
    "disk": (
        "mount -t tmpfs -o size=100m none /var/lib/libvirt/images",
        "/var/lib/libvirt/images has 100 MiB free, a machine needs 10240 MiB",
        "make room",
    ),
}


@pytest.mark.parametrize(("without", "said", "remedy"), MISSING.values(), ids=MISSING)
def test_what_is_missing_is_said_before_anything_is_made(
    tmp_path: Path, request: pytest.FixtureRequest, without: str, said: str, remedy: str
) -> None:
    script = f"{without}; cd {shlex.quote(str(REPOSITORY))}; exec vagrant up enclave2"
    empty = {"APPLIANCE_CACHE": str(tmp_path)} if request.node.callspec.id == "box" else {}
    machines = ["virsh", "list", "--all", "--name"]
    before = subprocess.run(machines, capture_output=True, text=True, check=True).stdout
    answer = subprocess.run(
        ["unshare", "--mount", "sh", "-ec", script],
        cwd=tmp_path,
        env=os.environ | empty,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode != 0
    lines = [line for line in answer.stderr.splitlines() if line.strip()]
    assert len(lines) == 2, answer.stdout + answer.stderr
    assert re.search(said, lines[0]), lines
    assert lines[1].strip() == f"remedy: {remedy}"
    assert subprocess.run(machines, capture_output=True, text=True, check=True).stdout == before
