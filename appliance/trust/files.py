"""Reading files that nobody has vouched for yet, and writing them so that no crash leaves half of one."""

import errno
import os
import stat
from collections.abc import Sequence
from pathlib import Path

from appliance.errors import ApplianceError


class FileRefusedError(ApplianceError):
    """A file that is absent, is not a plain file, or is longer than it may be."""


def open_regular(path: Path, name: str | None = None) -> int:
    """Open a regular file for reading, never through a symbolic link, and return its descriptor.

    Args:
        path: the file.
        name: how the error names it; by default the path.

    Raises:
        FileRefusedError: absent, unreadable, a symbolic link, or not a regular file.
    """
    name = name or str(path)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise FileRefusedError(f"{name}: missing", remedy="carry it again from its source") from error
    except OSError as error:
        why = "a symbolic link" if error.errno == errno.ELOOP else f"cannot be read: {error.strerror}"
        raise FileRefusedError(
            f"{name}: {why}", rule="only regular files are read", remedy="give the file itself, readable for you"
        ) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise FileRefusedError(
            f"{name}: not a regular file", rule="only regular files are read", remedy="give the file itself"
        )
    return descriptor


def read_limited(path: Path, limit: int, name: str | None = None) -> bytes:
    """Read a regular file of at most ``limit`` bytes.

    Raises:
        FileRefusedError: as :func:`open_regular`, or longer.
    """
    try:
        with os.fdopen(open_regular(path, name), "rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise FileRefusedError(
            f"{name or path}: cannot be read: {error.strerror}", remedy="the medium is damaged; carry it again"
        ) from error
    if len(data) > limit:
        raise FileRefusedError(
            f"{name or path}: longer than {limit} bytes",
            rule="over-long files are refused before they are parsed",
            remedy="see that it is the right file",
        )
    return data


def replace_link(path: Path, target: Path) -> None:
    """Point the symbolic link ``path`` at ``target`` durably, so that a reader finds the old target or the new one."""
    draft = path.with_name(f".{path.name}.new")
    draft.unlink(missing_ok=True)
    draft.symlink_to(target)
    draft.replace(path)
    sync(path.parent)


def replace_file(path: Path, data: bytes, *, mode: int | None = None, owner: int | None = None) -> None:
    """Write ``data`` to ``path`` durably, so that a reader finds the old bytes or the new ones, whatever crashes.

    Args:
        path: the file.
        data: all of its bytes.
        mode: its permissions; by default what the umask leaves.
        owner: the number of its user and group; by default who runs this. Nobody else reads it before it is theirs.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.new")
    draft.unlink(missing_ok=True)
    made = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666 if mode is None else 0o600)
    with os.fdopen(made, "wb") as file:
        file.write(data)
        if owner is not None:
            os.fchown(made, owner, owner)
        if mode is not None:
            os.fchmod(made, mode)
        file.flush()
        os.fsync(made)
    draft.replace(path)
    sync(path.parent)


def replace_files(files: Sequence[tuple[Path, bytes]]) -> None:
    """Write each file as :func:`replace_file` does; all are durable when this returns.

    Everything is written before anything is made durable: the file system's journal then commits for all files about
    once, not twice for each, and others who wait for that disk wait less.
    """
    drafts = [(path.with_name(f".{path.name}.new"), path) for path, _ in files]
    for (draft, path), (_, data) in zip(drafts, files, strict=True):
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_bytes(data)
    for draft, _ in drafts:
        sync(draft)
    for draft, path in drafts:
        draft.replace(path)
    for folder in {path.parent for path, _ in files}:
        sync(folder)


def sync(path: Path) -> None:
    """Make durable what the file ``path`` holds, or the names in that folder."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
