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

FINGERPRINT_DIGITS = 64
MARKS = {"current", "generations", "registries", "verifications", "hooks.d", "step.lock"}
"""Names that the appliance alone makes in its folder."""

OWN = MARKS | {
    *("break-glass", "bundle", "containers", "copies", "enclaves", "etc", "exchange", "helpers", "last-use.json"),
    *("lock", "log", "monitor.log", "networks", "restoring", "secrets", "software", "spool", "staged", "trusted"),
    *("venv", "watcher.log"),
}
"""All names in its folder: a removal that was killed leaves some of them."""

FROM_OFFICERS = {
    "officers": "get it from the officers (`appliance site officers`)",
    "certificates": "issue them: appliance site issue-certificates",
    "site": "have it signed: appliance site sign --kind site",
    "subjects": "have it signed: appliance site sign --kind subjects",
    "access": "have it signed: appliance site sign --kind access",
}


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


def is_bundle(path: Path, what: str) -> None:
    """Refuse a folder in which no signed bundle is."""
    is_folder(path, what)
    if not (path / "metadata" / "1.root.json").exists():
        raise ApplianceError(
            f"{path}: holds no signed bundle: there is no metadata/1.root.json in it",
            rule=what,
            remedy="give the folder that has metadata/ and targets/; `appliance bundle build` makes one",
        )


def is_whole_bundle(path: Path, what: str) -> None:
    """Refuse a folder in which no signed bundle is, and a single disc of one."""
    is_bundle(path, what)
    if (path / "volume.json").exists():
        raise ApplianceError(
            f"{path}: is one disc of a bundle, not a bundle",
            rule=what,
            remedy="put the bundle together first: appliance bundle gather",
        )


def is_disc(path: Path, what: str) -> None:
    """Refuse a folder that is no disc of a bundle."""
    is_bundle(path, what)
    if not (path / "volume.json").exists():
        raise ApplianceError(
            f"{path}: is a bundle, not one of its discs: there is no volume.json in it",
            rule=what,
            remedy="a whole bundle needs no gathering; name it alone",
        )


def is_built(path: Path, what: str) -> None:
    """Refuse a folder that no bundle was built into: nobody signs nothing."""
    is_folder(path, what)
    if not (path / "targets").is_dir() or not any((path / "targets").iterdir()):
        raise ApplianceError(
            f"{path}: holds no built bundle: there is nothing in targets/",
            rule=what,
            remedy="build one: appliance bundle build",
        )


def is_marking(value: str, what: str) -> None:
    """Refuse what is no marking."""
    from appliance.markings.parse import examine

    _, violations = examine(value)
    if violations:
        first = violations[0]
        raise ApplianceError(
            f"{value!r} is not a marking: {first.message}",
            rule=f"{what}. {first.rule}, {first.source}",
            remedy=first.suggestion or "see: appliance marking check",
        )


def is_feed(path: Path, what: str) -> None:
    """Refuse a file that is no feed of advisories."""
    from appliance.bundle.advisories import LIMIT, read_feed
    from appliance.trust.files import read_limited

    is_file(path, what)
    read_feed(read_limited(path, LIMIT), str(path))


def is_metadata(path: Path, what: str) -> None:
    """Refuse a folder without the metadata of a bundle: with nothing to compare, nothing old would be refused."""
    is_folder(path, what)
    if not (path / "1.root.json").exists():
        raise ApplianceError(
            f"{path}: holds no metadata of a bundle: there is no 1.root.json in it",
            rule=what,
            remedy="give the metadata/ of the bundle, or /var/lib/appliance/trusted/tuf of a host",
        )


def is_earlier(path: Path, what: str) -> None:
    """Refuse what is neither a signed bundle nor a host's inventory."""
    is_bundle(path, what) if path.is_dir() else is_file(path, what)


def is_chain(path: Path, what: str) -> None:
    """Refuse a folder without the chain of roots of a supplier."""
    is_folder(path, what)
    if not (path / "1.root.json").exists():
        raise ApplianceError(
            f"{path}: holds no chain of roots: there is no 1.root.json in it",
            rule=what,
            remedy="give the root/ in the folder of `appliance keys init`",
        )


def is_authority(path: Path, what: str) -> None:
    """Refuse a folder without the site's certificate authority."""
    is_folder(path, what)
    for name in ("ca.pem", "ca.key"):
        if not (path / name).exists():
            raise ApplianceError(
                f"{path}: holds no certificate authority: there is no {name} in it",
                rule=what,
                remedy="give the ca/ in the folder of `appliance keys init`",
            )


def is_log(path: Path, what: str) -> None:
    """Refuse a folder that holds no audit log: of a log that is not there, nothing can be known."""
    is_folder(path, what)
    if not (path / "checkpoint").exists():
        raise ApplianceError(
            f"{path}: holds no audit log: there is no checkpoint in it",
            rule="where no log is, nobody can know what happened; that is not the same as that nothing happened",
            remedy="give the folder of the log, on the host itself /var/lib/appliance/log",
        )


def is_whole_log(path: Path, what: str) -> None:
    """Refuse a log that cannot answer: its checkpoint is damaged, or the records below it are not there."""
    from appliance.audit import bodies
    from appliance.audit.query import checkpoint_of

    is_log(path, what)
    size = checkpoint_of(path).size
    if size and not any(int(file.stem) <= size - 1 for file in bodies.segments(path)):
        raise ApplianceError(
            f"{path}: the checkpoint is over {size} records, and none of them is there",
            rule="what a missing record said, nobody can know: an answer without it would be wrong",
            remedy="take the log from a copy; appliance audit verify says what is missing",
        )


def is_label(value: str, what: str) -> None:
    """Refuse what is no encoded label."""
    from appliance.markings import Label, MarkingError

    try:
        Label.decode(value)
    except MarkingError as error:
        raise ApplianceError(
            f"{value!r} is not an encoded label: {error.violations[0].message}",
            rule=f"{what}. Level, need-to-know and nations stand between semicolons",
            remedy="see the label of a marking: appliance marking parse MARKING",
        ) from error


def is_root(path: Path, what: str) -> None:
    """Refuse a folder in which the appliance is not installed."""
    if not os.path.lexists(path / "current"):
        raise ApplianceError(
            f"nothing is installed in {path}",
            rule=what,
            remedy="appliance host install --help",
        )


def is_state(path: Path, what: str) -> None:
    """Refuse a folder that is not the appliance's: what is deleted must be its own, whole or begun."""
    is_folder(path, what)
    found = {entry.name for entry in path.iterdir() if not entry.name.startswith(".")}
    if not found & MARKS and not (found and found <= OWN):
        raise ApplianceError(
            f"{path}: is not the appliance's folder; nothing was removed",
            rule="removing deletes the folder with all that is in it, so it must be the appliance's own",
            remedy="correct --root",
        )


def is_site(path: Path, what: str) -> None:
    """Refuse a folder that is no site's."""
    is_folder(path, what)
    for name in ("officers.json", "site.dsse.json", "subjects.dsse.json", "access.dsse.json", "certificates/ca.pem"):
        if not (path / name).exists():
            raise ApplianceError(
                f"{path}: is not the folder of a site: there is no {name} in it",
                rule="a site folder has officers.json, the signed site, subjects and access, and certificates/",
                remedy=f"{FROM_OFFICERS[name.partition('.')[0].partition('/')[0]]}, or correct the path",
            )


def check_digits(value: str, what: str) -> None:
    """Refuse what is no fingerprint, as :func:`appliance.trust.fingerprint.check_fingerprint` reads one."""
    plain = "".join(one for one in value.lower() if one not in " :\n-").removeprefix("sha256")
    strange = sorted({one for one in plain if one not in "0123456789abcdef"})
    if strange or len(plain) != FINGERPRINT_DIGITS:
        why = f"{strange[0]!r} is no hexadecimal digit" if strange else f"it has {len(plain)} digits"
        raise ApplianceError(
            f"{value!r} is no fingerprint: {why}",
            rule=f"{what}. A SHA-256 has {FINGERPRINT_DIGITS} hexadecimal digits; blanks and colons between do no harm",
            remedy="copy the whole line from the paper",
        )
