"""What the monitor tells its host is what it serves: not before its sockets answer, and never a later generation."""

import socket
import tempfile
import time
from pathlib import Path

import pytest

from appliance.enclave.paths import HostPaths
from appliance.monitor.serve.announcement import Announcement, announced, expected, withdraw
from tests.unit.monitor.gateway import running


@pytest.fixture
def paths(tmp_path: Path) -> HostPaths:
    root, run = tmp_path / "root", tmp_path / "run"
    for folder in (root / "generations/1", root / "generations/2", root / "registries/a", root / "registries/b", run):
        folder.mkdir(parents=True)
    (root / "current").symlink_to("generations/1")
    (root / "registries/current").symlink_to("a")
    return HostPaths(root, run)


def point(link: Path, target: str) -> None:
    link.unlink()
    link.symlink_to(target)


def test_nothing_is_announced_before_it_serves_and_after_its_end(paths: HostPaths) -> None:
    (paths.run / "monitor.serves").write_text(expected(paths))  # left by one that was killed
    one = Announcement(paths)
    assert announced(paths) is None
    one.make()
    assert announced(paths) == expected(paths)
    withdraw(paths)
    assert announced(paths) is None


def test_a_generation_that_took_over_meanwhile_is_not_claimed(paths: HostPaths) -> None:
    one = Announcement(paths)
    point(paths.root / "current", "generations/2")
    one.make()
    assert announced(paths) != expected(paths)


def test_registries_that_it_put_in_force_itself_are(paths: HostPaths) -> None:
    one = Announcement(paths)
    point(paths.registries / "current", "b")
    assert announced(paths) != expected(paths)
    one.make()
    assert announced(paths) == expected(paths)


@pytest.mark.parametrize("address", ["{folder}/notify", "@appliance-test-{name}"], ids=["file", "abstract"])
def test_systemd_is_told(paths: HostPaths, monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    address = address.format(folder=paths.run, name=paths.root.parent.name)
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(f"\0{address[1:]}" if address.startswith("@") else address)
        systemd.settimeout(5)
        one = Announcement(paths)
        one.make()
        assert systemd.recv(64) == b"READY=1"


def test_a_real_monitor_announces_and_withdraws() -> None:
    with tempfile.TemporaryDirectory() as folder:
        with running(Path(folder)) as rig:
            deadline = time.monotonic() + 10  # its sockets answer a moment before it says so
            while announced(rig.paths) is None and time.monotonic() < deadline:
                time.sleep(0.01)
            assert announced(rig.paths) == expected(rig.paths)
        assert announced(rig.paths) is None
