"""The watcher on who enters a container without podman, and on podman's interface."""

from pathlib import Path

import pytest

from appliance.enclave.paths import HostPaths
from appliance.host.watching import visitors
from appliance.host.watching.running import Running

HOST, INSIDE = 1, 2
CONTAINERS = [Running("low-labeling", "a" * 64, "image", 100)]


def process(proc: Path, pid: int, parent: int, pids: int, command: str, **environment: str) -> None:
    folder = proc / str(pid)
    (folder / "ns").mkdir(parents=True)
    (folder / "ns" / "pid").symlink_to(f"pid:[{pids}]")
    (folder / "stat").write_text(f"{pid} (a (strange) name) S {parent} 1 1 0")
    (folder / "cmdline").write_bytes(b"\0".join(word.encode() for word in command.split()) + b"\0")
    (folder / "environ").write_bytes(b"\0".join(f"{k}={v}".encode() for k, v in environment.items()))


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    process(tmp_path, 1, 0, HOST, "init")
    process(tmp_path, 90, 1, HOST, "conmon")
    process(tmp_path, 100, 90, INSIDE, "python3 -m app")
    process(tmp_path, 101, 100, INSIDE, "a worker")
    process(tmp_path, 102, 101, INSIDE, "a worker's child")
    return tmp_path


@pytest.fixture
def paths(tmp_path: Path) -> HostPaths:
    return HostPaths(tmp_path / "appliance", tmp_path / "run")


def test_what_a_container_started_is_no_visitor(paths: HostPaths, proc: Path) -> None:
    assert visitors.findings(paths, CONTAINERS, proc) == []


@pytest.mark.parametrize("parent", [1, 90, 500], ids=["orphan of the host", "brought by conmon", "of a gone process"])
def test_a_process_that_entered_by_another_way_is_found(paths: HostPaths, proc: Path, parent: int) -> None:
    process(proc, 200, parent, INSIDE, "sh -i")
    process(proc, 201, 200, INSIDE, "cat /run/secrets/workload.key")
    found = visitors.findings(paths, CONTAINERS, proc)
    assert [finding.key for finding in found] == ["processes of container low-labeling"] * 2
    assert "process 200 (sh -i)" in found[0].found
    assert "cat /run/secrets/workload.key" in found[1].found


def test_two_that_call_each_other_parent_end_the_search(paths: HostPaths, proc: Path) -> None:
    process(proc, 300, 301, INSIDE, "x")
    process(proc, 301, 300, INSIDE, "x")
    assert len(visitors.findings(paths, CONTAINERS, proc)) == 2


@pytest.mark.parametrize(
    ("command", "found"),
    [
        ("podman --root {root}/containers/storage system service", 1),
        ("/srv/copy-of-podman --log-level debug system service -t 0 unix://{run}/podman.sock", 1),
        ("podman system service", 0),
        ("podman --root /srv/containers system service", 0),
        ("podman --root {root}/containers/storage ps", 0),
    ],
)
def test_an_interface_of_podman_on_the_store_is_found(paths: HostPaths, proc: Path, command: str, found: int) -> None:
    elsewhere = {"HOME": "/nonexistent", "CONTAINERS_CONF": "/nonexistent", "CONTAINERS_STORAGE_CONF": "/nonexistent"}
    process(proc, 400, 1, HOST, command.format(root=paths.root, run=paths.run), **elsewhere)
    assert [one.key for one in visitors.findings(paths, CONTAINERS, proc)] == ["interface of podman"] * found


def test_the_store_of_a_served_interface_is_found_in_its_settings(paths: HostPaths, proc: Path) -> None:
    own = {"CONTAINERS_CONF": f"{paths.root}/etc/containers.conf", "CONTAINERS_STORAGE_CONF": "/nonexistent"}
    process(proc, 401, 1, HOST, "podman system service", **own)
    assert [one.key for one in visitors.findings(paths, CONTAINERS, proc)] == ["interface of podman"]
