"""What a path or a fingerprint has to be, looked at before a command runs: nothing was read, written or made by then.

A check says what the thing is, what it should be, and what to do.
"""

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

from appliance.errors import ApplianceError

Check = Callable[[Any, str], None]
"""Looks at a path; the text says what the path should be, for the refusal."""


def existing(path: Path, what: str) -> os.stat_result:
    """What is at ``path``.

    Args:
        path: what was given.
        what: what it should be.

    Raises:
        ApplianceError: nothing is there, or this user may not look.
    """
    try:
        return path.stat()
    except FileNotFoundError:
        if path.is_symlink():
            raise ApplianceError(
                f"{path}: is a link to {path.readlink()}, which is not there", rule=what, remedy="correct the path"
            ) from None
        raise ApplianceError(
            f"{path}: there is no such file or folder", rule=what, remedy="correct the path, or mount its medium"
        ) from None
    except NotADirectoryError:
        raise ApplianceError(f"{path}: a part of this path is a file", rule=what, remedy="correct the path") from None
    except PermissionError as error:
        raise forbidden(path, what) from error
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise ApplianceError(f"{str(path)[:200]!r} cannot be a path: {why}", rule=what, remedy="correct it") from error


def forbidden(path: Path | str, what: str = "") -> ApplianceError:
    """The refusal for what this user may not read or write."""
    return ApplianceError(
        f"{path}: this user may not read or write it",
        rule=what or "files of the appliance belong to root and to the users of its services",
        remedy="run the command as somebody who may, for example with sudo",
    )


def is_file(path: Path, what: str) -> None:
    """Refuse what is no readable file with something in it; a pipe is one."""
    found = existing(path, what)
    if stat.S_ISDIR(found.st_mode):
        raise ApplianceError(f"{path}: is a folder, not a file", rule=what, remedy="give the path of the file itself")
    if not os.access(path, os.R_OK):
        raise forbidden(path, what)
    if stat.S_ISREG(found.st_mode) and found.st_size == 0:
        raise ApplianceError(f"{path}: is empty", rule=what, remedy="carry or make the file again")


def is_folder(path: Path, what: str) -> None:
    """Refuse what is no readable folder."""
    if not stat.S_ISDIR(existing(path, what).st_mode):
        raise ApplianceError(f"{path}: is a file, not a folder", rule=what, remedy="give the path of the folder")
    if not os.access(path, os.R_OK | os.X_OK):
        raise forbidden(path, what)


def is_anything(path: Path, what: str) -> None:
    """Refuse what is neither a readable file nor a readable folder."""
    is_folder(path, what) if stat.S_ISDIR(existing(path, what).st_mode) else is_file(path, what)


def can_be_file(path: Path, what: str) -> None:
    """Refuse a place where no file can be written: a folder, or in a folder that does not exist."""
    _has_parent(path, what)
    if path.is_dir():
        raise ApplianceError(f"{path}: is a folder, not a file", rule=what, remedy="give the name of a file in it")


def can_be_folder(path: Path, what: str) -> None:
    """Refuse a place where no folder can be made: a file, or in a folder that does not exist."""
    _has_parent(path, what)
    if path.exists() and not path.is_dir():
        raise ApplianceError(f"{path}: is a file, not a folder", rule=what, remedy="give the path of a folder")


def _has_parent(path: Path, what: str) -> None:
    folder = path.absolute().parent
    try:
        found = folder.stat()
        path.exists()
    except (FileNotFoundError, NotADirectoryError):
        raise ApplianceError(
            f"{path}: there is no folder {folder} for it; nothing was written",
            rule=what,
            remedy=f"correct the path, mount its medium, or: mkdir -p {folder}",
        ) from None
    except PermissionError as error:
        raise forbidden(path, what) from error
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise ApplianceError(f"{str(path)[:200]!r} cannot be a path: {why}", rule=what, remedy="correct it") from error
    if not stat.S_ISDIR(found.st_mode):
        raise ApplianceError(f"{path}: {folder} is a file, not a folder", rule=what, remedy="correct the path")
    if not os.access(path if path.exists() else folder, os.W_OK):
        raise forbidden(path, what)
