"""Refuse before anything is written when a disk has no room for it."""

import shutil
from pathlib import Path

from appliance.errors import ApplianceError


def require_space(folder: Path, needed: int, what: str) -> None:
    """Refuse when the file system of ``folder`` has less than ``needed`` bytes free.

    Args:
        folder: where it will be written; need not exist yet.
        needed: bytes.
        what: what will be written, for the error.

    Raises:
        ApplianceError: says how much is needed where and how much there is.
    """
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(existing).free
    if free < needed:
        raise ApplianceError(
            f"{folder}: {what} need {needed / 1e6:.0f} MB, {free / 1e6:.0f} MB are free",
            rule="room is checked before anything is written",
            remedy="make room, or choose a folder on another disk",
        )
