"""Logs that grow no more: whole, under their last checkpoint, beside the one that goes on.

A log that was restored from a backup never grows again: what it would sign now could contradict what it had signed
before the disk died. Another log begins, with a key and a name of its own, and its first record names the one before.
"""

from pathlib import Path

from appliance.enclave.render import HostPaths

FOLDER = "ended"


def ended(paths: HostPaths) -> list[Path]:
    """The folders of the ended logs, the first one first."""
    folder = paths.root / FOLDER
    return sorted((one for one in folder.glob("*") if one.name.isdecimal()), key=lambda one: int(one.name))


def origin(paths: HostPaths, site: str) -> str:
    """The name of the log that goes on: a name is used for one log."""
    number = len(ended(paths)) + 1
    return f"{site}.appliance/audit" + (f"/{number}" if number > 1 else "")
