"""The watcher on namespaces: a container that shares one, and a process that made itself others."""

from pathlib import Path

import pytest

from appliance.host.watching import namespaces
from appliance.host.watching.running import Running

KINDS = ("cgroup", "ipc", "mnt", "net", "pid", "pid_for_children", "time", "time_for_children", "user", "uts")
HOST, LOW, HIGH = 1, 2, 3
CONTAINERS = [Running("low-labeling", "a" * 64, "image", 100), Running("high-labeling", "b" * 64, "image", 200)]


def process(proc: Path, name: str, group: str, of: int, **other: int) -> None:
    """A process in the namespaces ``of`` somebody, apart from ``other``."""
    folder = proc / name
    (folder / "ns").mkdir(parents=True)
    (folder / "cgroup").write_text(f"9:name=systemd:{group}\n0::{group}\n")
    for kind in KINDS:
        shared = HOST if kind in ("cgroup", "time", "time_for_children") else of
        (folder / "ns" / kind).symlink_to(f"{kind.partition('_')[0]}:[{other.get(kind, shared)}]")


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    process(tmp_path, "self", "/", HOST)
    process(tmp_path, "1", "/", HOST)
    process(tmp_path, "100", f"/libpod_parent/libpod-{'a' * 64}", LOW)
    process(tmp_path, "101", f"/libpod_parent/libpod-{'a' * 64}", LOW)
    process(tmp_path, "200", f"/machine.slice/libpod-{'b' * 64}.scope", HIGH)
    process(tmp_path, "201", "/libpod_parent/conmon", HOST)
    (tmp_path / "uptime").write_text("1 1\n")
    return tmp_path


def test_containers_in_namespaces_of_their_own_are_as_admitted(proc: Path) -> None:
    assert namespaces.findings(CONTAINERS, proc) == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_process_that_made_itself_another_namespace_is_found(proc: Path, kind: str) -> None:
    process(proc, "102", f"/libpod_parent/libpod-{'a' * 64}", LOW, **{kind: 77})
    (found,) = namespaces.findings(CONTAINERS, proc)
    assert found.key == "namespaces of container low-labeling"
    assert found.found == f"process 102 in another {kind}"


def test_a_process_below_a_group_that_it_made_itself_is_still_the_containers(proc: Path) -> None:
    process(proc, "103", f"/machine.slice/libpod-{'b' * 64}.scope/inner", HIGH, user=77, net=77)
    (found,) = namespaces.findings(CONTAINERS, proc)
    assert "process 103 in another net, user" in found.found


@pytest.mark.parametrize(("of", "whose"), [(HOST, "the host"), (LOW, "container low-labeling")])
def test_a_container_that_shares_a_namespace_is_found(proc: Path, of: int, whose: str) -> None:
    process(proc, "300", f"/libpod_parent/libpod-{'c' * 64}", 4, net=of)
    third = Running("third", "c" * 64, "image", 300)
    (found,) = namespaces.findings([*CONTAINERS, third], proc)
    assert (found.key, found.found) == ("namespaces of container third", f"net of {whose}")


def test_a_process_that_ended_meanwhile_is_no_finding(proc: Path) -> None:
    gone = [*CONTAINERS, Running("gone", "d" * 64, "image", 400)]
    assert namespaces.findings(gone, proc) == []
