"""`vagrant destroy` leaves no machine, no disk and no network behind; boxes stay for the next time."""

import subprocess

import pytest

from demo.instance import REPOSITORY
from tests.vagrant.machine import Machine

MACHINES = ("enclave1", "enclave2", "workstation")
NETWORKS = {"appliance-site", "appliance-vagrant"}


def listed(*command: str) -> set[str]:
    """The first word of each line that libvirt answers."""
    answer = subprocess.run(["virsh", "-q", *command], capture_output=True, text=True, check=True).stdout
    return {line.split()[0] for line in answer.splitlines() if line.strip()}


def test_destroyed_machines_leave_nothing(request: pytest.FixtureRequest, machine: Machine) -> None:
    if request.config.getoption("--keep"):
        pytest.skip("the machines are to be kept")
    assert listed("list", "--all", "--name") >= {machine.domain}
    for name in MACHINES:
        Machine(name).destroy()
    left = listed("list", "--all", "--name") | listed("vol-list", "default")
    assert {name for name in left if name.startswith(f"{REPOSITORY.name}_")} == set()
    assert listed("net-list", "--all", "--name") & NETWORKS == set()
