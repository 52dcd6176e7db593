"""Reading files that nobody has vouched for yet."""

import errno
import os
import stat
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
        raise FileRefusedError(f"{name}: {why}", rule="only regular files are read") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise FileRefusedError(f"{name}: not a regular file", rule="only regular files are read")
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
            f"{name or path}: longer than {limit} bytes", rule="over-long files are refused before they are parsed"
        )
    return data


def replace_link(path: Path, target: Path) -> None:
    """Point the symbolic link ``path`` at ``target`` durably, so that a reader finds the old target or the new one."""
    draft = path.with_name(f".{path.name}.new")
    draft.unlink(missing_ok=True)
    draft.symlink_to(target)
    draft.replace(path)
    _sync_folder(path.parent)


def replace_file(path: Path, data: bytes) -> None:
    """Write ``data`` to ``path`` durably, so that a reader finds the old bytes or the new ones."""
    draft = path.with_name(f".{path.name}.new")
    with draft.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    _sync_folder(path.parent)


def _sync_folder(path: Path) -> None:
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
