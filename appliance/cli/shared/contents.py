"""What lies in a folder or stands in a word: a bundle, a log, a site, a marking, looked at before a command runs."""

import os
from pathlib import Path

from appliance.cli.shared.checks import is_file, is_folder
from appliance.errors import ApplianceError

FINGERPRINT_DIGITS = 64
MARKS = {"current", "generations", "registries", "verifications", "hooks.d", "step.lock"}
"""Names that the appliance alone makes in its folder."""

OWN = MARKS | {
    *("break-glass", "bundle", "containers", "copies", "enclaves", "etc", "exchange", "helpers", "jobs.json"),
    *(
        "last-use.json",
        "lock",
        "log",
        "monitor.log",
        "monitor.log.1",
        "networks",
        "repeats",
        "restoring",
        "revocations",
        "secrets",
    ),
    *("software", "spool", "staged", "trusted", "venv", "volumes", "watcher.log"),
}
"""All names in its folder: a removal that was killed leaves some of them."""

FROM_OFFICERS = {
    "officers": "get it from the officers (`appliance site officers`)",
    "certificates": "issue them: appliance site issue-certificates",
    "site": "have it signed: appliance site sign --kind site",
    "subjects": "have it signed: appliance site sign --kind subjects",
    "access": "have it signed: appliance site sign --kind access",
}


def _holds(path: Path, what: str, thing: str, *names: str, remedy: str, rule: str = "") -> None:
    """Refuse what is no folder, or lacks a file by which ``thing`` is known; the rule is ``what`` unless given."""
    is_folder(path, what)
    for name in names:
        if not (path / name).exists():
            raise ApplianceError(
                f"{path}: holds no {thing}: there is no {name} in it", rule=rule or what, remedy=remedy
            )


def is_bundle(path: Path, what: str) -> None:
    """Refuse a folder in which no signed bundle is."""
    from appliance.trust import furniture

    remedy = "give the folder that has metadata/ and targets/; `appliance bundle build` makes one"
    metadata = next((path / name for name in ("metadata", "METADATA") if (path / name).is_dir()), path)
    if path.is_dir() and furniture.plain_iso(entry.name for entry in metadata.iterdir()):
        raise ApplianceError(
            f"{path}: the names on this disc are cut, as plain ISO 9660 does without Rock Ridge or UDF",
            rule=what,
            remedy=furniture.BURN,
        )
    _holds(path, what, "signed bundle", "metadata/1.root.json", remedy=remedy)


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
    """Refuse what is no marking by any profile; which one counts is the site's to say."""
    from appliance.markings import MarkingError, parse_by_any

    try:
        parse_by_any(value)
    except MarkingError as error:
        first = error.violations[0]
        raise ApplianceError(
            f"{value!r} is not a marking: {first.message}",
            rule=f"{what}. {first.rule}, {first.source}",
            remedy=first.suggestion or "see: appliance marking check",
        ) from error


def is_feed(path: Path, what: str) -> None:
    """Refuse a file that is no feed of advisories."""
    from appliance.bundle.advisories.feed import LIMIT, read_feed
    from appliance.trust.files import read_limited

    is_file(path, what)
    read_feed(read_limited(path, LIMIT), str(path))


def is_metadata(path: Path, what: str) -> None:
    """Refuse a folder without the metadata of a bundle: with nothing to compare, nothing old would be refused."""
    remedy = "give the metadata/ of the bundle, or /var/lib/appliance/trusted/tuf of a host"
    _holds(path, what, "metadata of a bundle", "1.root.json", remedy=remedy)


def is_earlier(path: Path, what: str) -> None:
    """Refuse what is neither a signed bundle nor a host's inventory."""
    is_bundle(path, what) if path.is_dir() else is_file(path, what)


def is_chain(path: Path, what: str) -> None:
    """Refuse a folder without the chain of roots of a supplier."""
    _holds(path, what, "chain of roots", "1.root.json", remedy="give the root/ in the folder of `appliance keys init`")


def is_authority(path: Path, what: str) -> None:
    """Refuse a folder without the site's certificate authority."""
    remedy = "give the ca/ in the folder of `appliance keys init`"
    _holds(path, what, "certificate authority", "ca.pem", "ca.key", remedy=remedy)


def is_log(path: Path, what: str) -> None:
    """Refuse a folder that holds no audit log: of a log that is not there, nothing can be known."""
    rule = "where no log is, nobody can know what happened; that is not the same as that nothing happened"
    remedy = "give the folder of the log, on the host itself /var/lib/appliance/log"
    _holds(path, what, "audit log", "checkpoint", remedy=remedy, rule=rule)


def is_whole_log(path: Path, what: str) -> None:
    """Refuse a log that cannot answer: its checkpoint is damaged, or the records below it are not there."""
    from appliance.audit.log import bodies
    from appliance.audit.review.query import checkpoint_of

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
    from appliance.trust.fingerprint import digits_of

    plain = digits_of(value)
    strange = sorted({one for one in plain if one not in "0123456789abcdef"})
    if strange or len(plain) != FINGERPRINT_DIGITS:
        why = f"{strange[0]!r} is no hexadecimal digit" if strange else f"it has {len(plain)} digits"
        raise ApplianceError(
            f"{value!r} is no fingerprint: {why}",
            rule=f"{what}. A SHA-256 has {FINGERPRINT_DIGITS} hexadecimal digits; blanks and colons between do no harm",
            remedy="copy the whole line from the paper",
        )
