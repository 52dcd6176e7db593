"""Whether what lies on a disk is encrypted there, as the kernel tells: dm-crypt anywhere below a path's file system."""

import os
from pathlib import Path

from appliance.errors import ApplianceError

SYSFS = Path("/sys/dev/block")
CRYPT = "CRYPT-"


def encryption(path: Path, sysfs: Path = SYSFS) -> str | None:
    """The dm-crypt device below the file system of ``path``, as ``LUKS2 dm-0``, or None where there is none.

    A file system without a block device of its own (overlay, network, memory) counts as not encrypted: nobody here can
    tell.

    Args:
        path: what is asked about.
        sysfs: where the kernel lists block devices by number.

    Raises:
        ApplianceError: ``path`` cannot be looked at.
    """
    try:
        device = path.stat().st_dev
    except OSError as error:
        raise ApplianceError(f"{path}: cannot be looked at: {error.strerror}") from error
    return _crypt((sysfs / f"{os.major(device)}:{os.minor(device)}").resolve())


def _crypt(device: Path) -> str | None:
    """The first dm-crypt device on the way down from ``device``; of several below it, each must lie on one."""
    try:
        identity = (device / "dm" / "uuid").read_text()
    except OSError:
        identity = ""
    if identity.startswith(CRYPT):
        return f"{identity.split('-')[1]} {device.name}"
    backing = device / "loop" / "backing_file"
    if backing.exists():
        return encryption(Path(backing.read_text().strip()))
    below = sorted((device / "slaves").glob("*"))
    found = [_crypt(slave.resolve()) for slave in below]
    return found[0] if found and all(found) else None
