"""Weights of processor and disk: what this host offers is found by using it, and the hook gives what it admitted."""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.enclave import admission_hook
from appliance.enclave.render import OWN_WEIGHT, SHARES
from appliance.host.enforce import weights
from appliance.host.enforce.platform import is_root

pytestmark = pytest.mark.skipif(not is_root(), reason="control groups are made by root")


@pytest.fixture
def group() -> Iterator[tuple[int, Path]]:
    """A process in a control group of its own, as a container has one, and the file of its weight on the disk."""
    given = weights.detect(Path("/"))
    unified = (weights.CGROUPS / "cgroup.controllers").exists()
    folder = (weights.CGROUPS if unified else weights.CGROUPS / "blkio") / "appliance-test-weight"
    folder.mkdir(exist_ok=True)
    with subprocess.Popen(["/bin/sleep", "60"]) as process:
        (folder / "cgroup.procs").write_text(str(process.pid))
        yield process.pid, folder / given.disk
        process.kill()
        process.wait()
    with contextlib.suppress(OSError):
        folder.rmdir()


def test_the_hook_gives_the_weight_where_the_kernel_offers_one(group: tuple[int, Path]) -> None:
    pid, file = group
    if not file.is_file():
        assert admission_hook.weigh(pid, 1000) is None  # type: ignore[no-untyped-call]
        return
    for weight in (1, 50, OWN_WEIGHT):
        assert admission_hook.weigh(pid, weight * SHARES) == os.fspath(file)  # type: ignore[no-untyped-call]
        assert file.read_text().split()[-1] == str(weight)


def test_a_weight_that_cannot_be_given_is_told(tmp_path: Path) -> None:
    (tmp_path / "proc" / "7").mkdir(parents=True)
    (tmp_path / "proc" / "7" / "cgroup").write_text("3:cpu:/x\n2:blkio:/x\n")
    assert admission_hook.weigh(7, 1000, str(tmp_path), str(tmp_path / "proc")) is None  # type: ignore[no-untyped-call]
    (tmp_path / "blkio" / "x" / "blkio.bfq.weight").mkdir(parents=True)
    with pytest.raises(OSError, match="directory"):
        admission_hook.weigh(7, 1000, str(tmp_path), str(tmp_path / "proc"))  # type: ignore[no-untyped-call]


def test_what_this_host_offers_is_found_and_nothing_stays_behind() -> None:
    given = weights.detect(Path("/var/lib/appliance-that-is-not-there"))
    assert given.processor in ("cpu.shares", "cpu.weight")
    assert given.schedulers, "no disk below the root's file system"
    assert all(given.schedulers.values())
    assert not list(weights.CGROUPS.glob(f"*/{weights.PROBE}"))


@pytest.mark.parametrize(
    ("schedulers", "counts", "said"),
    [
        ({"sda": "[bfq] none"}, True, "scheduler of sda bfq"),
        ({"sda": "none [mq-deadline] bfq"}, False, "only bfq heeds weights"),
        ({"sda": "[bfq]", "sdb": "[none]"}, False, "sdb none: only bfq heeds weights"),
        ({}, False, "no disk is seen"),
    ],
    ids=["bfq", "another", "one of two", "unknown"],
)
def test_a_weight_counts_only_where_every_disk_heeds_it(
    tmp_path: Path, schedulers: dict[str, str], counts: bool, said: str
) -> None:
    device = tmp_path.stat().st_dev
    volume = tmp_path / "dev" / f"{os.major(device)}:{os.minor(device)}"
    (volume / "slaves").mkdir(parents=True)
    for name, text in schedulers.items():
        (tmp_path / "disks" / name / "queue").mkdir(parents=True)
        (tmp_path / "disks" / name / "queue" / "scheduler").write_text(text)
        (volume / "slaves" / name).symlink_to(tmp_path / "disks" / name)
    found = weights.detect(tmp_path, sysfs=tmp_path / "dev")
    if found.disk:
        assert found.disk_counts is counts
        assert said in found.why
    else:
        assert "offers no weight" in found.why
