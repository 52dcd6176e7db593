"""Arguments and options that name files, folders, fingerprints and words, each with its check and the word for it.

Whether a file can be read is the check's to say, not typer's: for typer it would be wrong usage.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import typer

from appliance.cli.shared import checks, contents

PENDING = "appliance.checks"
"""Where typer's context keeps what is to be checked."""


@dataclass(frozen=True)
class Pending:
    """A path or fingerprint that was given, and the check that it has to pass."""

    check: checks.Check
    value: Any
    what: str
    is_option: bool


def guard(check: checks.Check) -> Callable[..., Any]:
    """A callback for typer that keeps each value with its check; None and completion are left alone."""

    def keep(context: typer.Context, parameter: typer.CallbackParam, value: Any) -> Any:
        if value is not None and not context.resilient_parsing:
            is_option = parameter.param_type_name == "option"
            name = parameter.opts[0] if is_option else parameter.metavar
            values = value if isinstance(value, list | tuple) else [value]
            kept = context.meta.setdefault(PENDING, [])
            kept += [Pending(check, one, f"{name}: {_phrase(parameter)}", is_option) for one in values]
        return value

    return keep


def check_all(context: typer.Context) -> None:
    """Check what the words name once all of them are understood: arguments first, then options in their order.

    Raises:
        ApplianceError: something is not what it has to be.
    """
    for pending in sorted(context.meta.pop(PENDING, []), key=lambda one: one.is_option):
        pending.check(pending.value, pending.what)


def _phrase(parameter: Any) -> str:
    """What a parameter is, in the words of its own help."""
    text = (parameter.help or "").removesuffix(".")
    return text if text[1:2].isupper() or text[1:2] == "-" else text[:1].lower() + text[1:]


def file_argument(text: str, *, check: checks.Check = checks.is_file, metavar: str = "FILE", **settings: Any) -> Any:
    """A file that is read."""
    return word_argument(metavar, text, callback=guard(check), **settings)


def file_option(
    text: str, *names: str, check: checks.Check = checks.is_file, metavar: str = "FILE", **settings: Any
) -> Any:
    """A file that is read."""
    return word_option(metavar, text, *names, callback=guard(check), **settings)


def folder_argument(
    text: str, *, check: checks.Check = checks.is_folder, metavar: str = "FOLDER", **settings: Any
) -> Any:
    """A folder that is read or written into."""
    return word_argument(metavar, text, callback=guard(check), **settings)


def folder_option(
    text: str, *names: str, check: checks.Check = checks.is_folder, metavar: str = "FOLDER", **settings: Any
) -> Any:
    """A folder that is read or written into."""
    return word_option(metavar, text, *names, callback=guard(check), **settings)


def new_file_argument(text: str, **settings: Any) -> Any:
    """A file that is written."""
    return word_argument("FILE", text, callback=guard(checks.can_be_file), **settings)


def new_file_option(text: str, *names: str, **settings: Any) -> Any:
    """A file that is written."""
    return word_option("FILE", text, *names, callback=guard(checks.can_be_file), **settings)


def new_folder_argument(text: str, **settings: Any) -> Any:
    """A folder that is made, where it is not there yet."""
    return word_argument("FOLDER", text, callback=guard(checks.can_be_folder), **settings)


def new_folder_option(text: str, *names: str, **settings: Any) -> Any:
    """A folder that is made, where it is not there yet."""
    return word_option("FOLDER", text, *names, callback=guard(checks.can_be_folder), **settings)


def fingerprint_option(text: str, *names: str) -> Any:
    """The SHA-256 of a file, as it stands on paper."""
    return word_option("SHA256", text, *names, callback=guard(contents.check_digits))


def marking_option(text: str, *names: str) -> Any:
    """A classification marking."""
    return word_option("MARKING", text, *names, callback=guard(contents.is_marking))


def label_option(text: str, *names: str) -> Any:
    """An encoded label."""
    return word_option("LABEL", text, *names, callback=guard(contents.is_label))


def word_argument(metavar: str, text: str, **settings: Any) -> Any:
    """A name, an identifier or another word."""
    return typer.Argument(metavar=metavar, help=text, show_default=False, readable=False, **settings)


def word_option(metavar: str, text: str, *names: str, **settings: Any) -> Any:
    """A name, a number or another word."""
    return typer.Option(*names, metavar=metavar, help=text, readable=False, **settings)
