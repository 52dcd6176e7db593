"""What can be deleted on a full system disk, how much each frees, and what is given up by it."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from appliance.audit.events import kinds as events
from appliance.audit.events import spool
from appliance.audit.events.kinds import Scope
from appliance.enclave.paths import HostPaths
from appliance.host.change import converge
from appliance.host.state import generation
from appliance.host.state.generation import Facts
from appliance.monitor.in_force.statements import installed_statements

FREE = "space.free"


class What(StrEnum):
    """What can be deleted."""

    COPIES = "copies"
    FAILED = "failed"
    BUNDLES = "bundles"
    LOGS = "logs"


GIVEN_UP = {
    What.COPIES: "going back with the data as they were at the update (`rollback --restore-data`, `undo-restore`)",
    What.FAILED: "looking at generations that were given up",
    What.BUNDLES: "bundles and software that no kept generation needs, and discs that were read for the next",
    What.LOGS: "the older of the logs of monitor, watcher and containers; not the audit log",
}


@dataclass(frozen=True)
class Freeable:
    """Something that can be deleted: what, where, and the bytes that it takes on the disk."""

    what: What
    path: Path
    length: int


def freeable(paths: HostPaths) -> list[Freeable]:
    """What can be deleted now; nothing is changed to find out."""
    found = [*_copies(paths), *_failed(paths), *_unused(paths), *_logs(paths)]
    return [Freeable(what, path, _size(path)) for what, path in found]


def free(paths: HostPaths, wanted: What, *, dry_run: bool = False) -> list[Freeable]:
    """Delete what ``wanted`` names, recorded first; returns it with the bytes that it took.

    Args:
        paths: where the appliance lives.
        wanted: what.
        dry_run: say it, and delete nothing.

    Raises:
        ApplianceError: another command is at it, or a restoration is unfinished.
    """
    with converge.exclusive(paths):
        found = [one for one in freeable(paths) if one.what is wanted]
        if dry_run or not found:
            return found
        label = installed_statements(paths).site.system_high.marking.label.encode()
        detail = {"what": wanted.value, "bytes": sum(one.length for one in found), "paths": len(found)}
        event = events.activity(Scope(label=label), "host", FREE, detail=dict(detail))
        spool.record(paths.root, event)
        for one in found:
            shutil.rmtree(one.path, ignore_errors=True) if one.path.is_dir() else one.path.unlink(missing_ok=True)
    return found


def _copies(paths: HostPaths) -> Iterator[tuple[What, Path]]:
    folder = paths.root / "copies"
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        yield What.COPIES, path


def _failed(paths: HostPaths) -> Iterator[tuple[What, Path]]:
    kept = generation.kept(paths)
    yield from (
        (What.FAILED, one) for one in generation.generations(paths) if generation.failure(one) and one not in kept
    )


def _unused(paths: HostPaths) -> Iterator[tuple[What, Path]]:
    needed = {Facts.of(one).bundle for one in generation.kept(paths)}
    for name in ("bundle", "software"):
        folder = paths.root / name
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            if path.name not in needed and not path.is_symlink():
                yield What.BUNDLES, path


def _logs(paths: HostPaths) -> Iterator[tuple[What, Path]]:
    yield from ((What.LOGS, path) for path in sorted(paths.root.glob("*.log.1")))


def _size(path: Path) -> int:
    """Bytes that a file, or the files below a folder, take on the disk."""
    files = [path, *path.rglob("*")] if path.is_dir() else [path]
    return sum(file.lstat().st_blocks * 512 for file in files)
