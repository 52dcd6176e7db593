"""Logs that grow no more: whole, under their last checkpoint, beside the one that goes on.

A log ends where its host was restored from a backup, since what it would sign now could contradict what it had signed
before the disk died; and where its key is replaced, since the key is its name. Another begins, with a key and a name of
its own, and its first record names the one before.

``log.next`` says that the log is to end. What :func:`advance` does can be repeated after a kill, and goes on.
"""

import shutil
from pathlib import Path
from typing import Any

from appliance.audit.events import kinds as events
from appliance.audit.events import spool
from appliance.audit.events.kinds import Scope
from appliance.audit.log.note import Checkpoint, Note
from appliance.audit.log.tiles import CHECKPOINT
from appliance.audit.review.ingest import STATE
from appliance.enclave.paths import HostPaths
from appliance.trust.files import replace_file, sync

FOLDER, NEXT = "ended", "log.next"
END = "log.end"


def ended(paths: HostPaths) -> list[Path]:
    """The folders of the ended logs, the first one first."""
    folder = paths.root / FOLDER
    return sorted((one for one in folder.glob("*") if one.name.isdecimal()), key=lambda one: int(one.name))


def origin(paths: HostPaths, site: str) -> str:
    """The name of the log that goes on: a name is used for one log."""
    number = len(ended(paths)) + 1
    return f"{site}.appliance/audit" + (f"/{number}" if number > 1 else "")


def is_ending(paths: HostPaths) -> bool:
    """Whether the log is to end, or has ended and no other was made."""
    return (paths.root / NEXT).is_dir() or (bool(ended(paths)) and not (paths.root / "log" / CHECKPOINT).exists())


def begin(paths: HostPaths) -> None:
    """Decide that the log ends; durable when this returns."""
    (paths.root / NEXT).mkdir(mode=0o750, exist_ok=True)
    sync(paths.root)


def advance(paths: HostPaths, label: str) -> bool:
    """End the log, while no monitor has it open; True when it was to end. Its key is destroyed.

    Args:
        paths: where.
        label: encoded label of the record that says so, the first one of the next log.
    """
    if not is_ending(paths):
        return False
    log, following = paths.root / "log", paths.root / NEXT
    if (log / CHECKPOINT).exists():
        said = Checkpoint.decode(Note.decode((log / CHECKPOINT).read_bytes()).text)
        _record(paths, label, said)
        if (log / STATE).exists():
            replace_file(following / STATE, (log / STATE).read_bytes())
        (paths.root / FOLDER).mkdir(mode=0o700, exist_ok=True)
        log.rename(paths.root / FOLDER / str(len(ended(paths)) + 1))
        sync(paths.root / FOLDER)
    if following.is_dir():
        shutil.rmtree(log, ignore_errors=True)
        following.rename(log)
        sync(paths.root)
    (paths.root / "secrets" / "log.key").unlink(missing_ok=True)
    (log / "log.vkey").unlink(missing_ok=True)
    return True


def _record(paths: HostPaths, label: str, said: Checkpoint) -> None:
    """Spool how the log ends, once."""
    detail: dict[str, Any] = {"log": said.origin, "records": said.size, "root": said.root.hex()}
    file = paths.root / "spool" / spool.FILE
    if file.exists() and said.root.hex().encode() in file.read_bytes().rpartition(b"\n{")[2]:
        return
    event = events.activity(Scope(label=label), "host", END, detail=detail)
    spool.record(paths.root, event)
