"""How full the log's disk is, and what follows from it (AU-5: warn, then administration only, then halt)."""

import shutil
from enum import StrEnum
from pathlib import Path

WARN, ADMINISTRATION = 0.75, 0.95
RESERVE = 16 << 20


class Storage(StrEnum):
    """What the fill of the log's disk allows."""

    GOOD = "good"
    WARN = "warn"
    ADMINISTRATION = "administration"
    HALT = "halt"


def used(path: Path) -> tuple[float, int]:
    """Share of the disk in use (0 to 1) as its unprivileged users see it, and bytes free."""
    disk = shutil.disk_usage(path)
    return disk.used / max(1, disk.used + disk.free), disk.free


def storage(path: Path) -> Storage:
    """What the fill of the disk that holds ``path`` allows."""
    return judged(*used(path))


def judged(share: float, free: int) -> Storage:
    """``WARN`` from 75 % (an officer should look), ``ADMINISTRATION`` from 95 %, ``HALT`` when 16 MiB are left."""
    if free < RESERVE:
        return Storage.HALT
    if share >= ADMINISTRATION:
        return Storage.ADMINISTRATION
    return Storage.WARN if share >= WARN else Storage.GOOD
