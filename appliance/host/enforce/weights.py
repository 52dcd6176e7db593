"""Whether this host gives containers their parts of processor and disk, found out and never assumed.

Processor: shares of a control group, everywhere. Disk: a weight counts only where the disk's scheduler is bfq; with
another scheduler each request comes in turn, and what bounds a container there is the size of its enclave's volume.
"""

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")
SYSFS = Path("/sys/dev/block")
PROBE = "appliance-preflight"
DISK_FILES = ("io.bfq.weight", "io.weight", "blkio.bfq.weight", "blkio.weight")


@dataclass(frozen=True)
class Weights:
    """What enforces the weights here.

    Attributes:
        processor: the file of a control group that does, or empty.
        disk: the same for the disk, or empty.
        schedulers: of each disk below the appliance's folder, by its name.
    """

    processor: str
    disk: str
    schedulers: dict[str, str]

    @property
    def disk_counts(self) -> bool:
        """Whether a weight on the disk has an effect."""
        return bool(self.disk and self.schedulers) and set(self.schedulers.values()) == {"bfq"}

    @property
    def why(self) -> str:
        """What the disk's weights rest on, or what is missing, in words."""
        if not self.disk:
            return "this kernel offers no weight of a control group on the disk"
        disks = ", ".join(f"{name} {scheduler}" for name, scheduler in self.schedulers.items()) or "no disk is seen"
        return f"{self.disk}; scheduler of {disks}" + ("" if self.disk_counts else ": only bfq heeds weights")


def detect(root: Path, cgroups: Path = CGROUPS, sysfs: Path = SYSFS) -> Weights:
    """Look at this host.

    Args:
        root: the appliance's folder, or where it will be.
        cgroups: where control groups are mounted.
        sysfs: where the kernel lists block devices by number.
    """
    while not root.exists():
        root = root.parent
    unified = (cgroups / "cgroup.controllers").exists()
    tree = cgroups if unified else cgroups / "cpu"
    processor = _offered(tree, ("cpu.weight", "cpu.shares"))
    disk = _offered(cgroups if unified else cgroups / "blkio", DISK_FILES)
    device = root.stat().st_dev
    return Weights(processor, disk, dict(_schedulers((sysfs / f"{os.major(device)}:{os.minor(device)}").resolve())))


def _offered(tree: Path, names: tuple[str, ...]) -> str:
    """The first of ``names`` that a group of its own has; the uppermost group has no weight."""
    probe = tree / PROBE
    with contextlib.suppress(OSError):
        probe.mkdir(exist_ok=True)
        try:
            return next((name for name in names if (probe / name).exists()), "")
        finally:
            probe.rmdir()
    return ""


def _schedulers(device: Path) -> list[tuple[str, str]]:
    """Name and scheduler of each disk below ``device``, which may be a partition or a mapping."""
    below = sorted((device / "slaves").glob("*"))
    if below:
        return [found for slave in below for found in _schedulers(slave.resolve())]
    disk = device if (device / "queue").is_dir() else device.parent
    with contextlib.suppress(OSError):
        text = (disk / "queue" / "scheduler").read_text()
        return [(disk.name, text.partition("[")[2].partition("]")[0] or "none")]
    return []
