"""Options and output that several subcommands share."""

import getpass
import json
import os
import sys
import time
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

import typer

from appliance.errors import ApplianceError

Json = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]
Bundle = Annotated[Path, typer.Argument(help="Folder with metadata/ and targets/.")]
RootFingerprint = Annotated[str | None, typer.Option(help="SHA-256 of 1.root.json, from paper.")]
Root = Annotated[Path, typer.Option(help="Where the appliance keeps its state.")]
Run = Annotated[Path, typer.Option(help="Where its sockets are.")]
ROOT, RUN = Path("/var/lib/appliance"), Path("/run/appliance")
LOG_UMASK = 0o027
"""What is written into the log is read by the console's group and by nobody else, whatever mask a host sets."""
PassphraseFile = Annotated[
    Path | None,
    typer.Option(help="File with the passphrase of the keys; otherwise APPLIANCE_PASSPHRASE, otherwise a prompt."),
]


def open_key(path: Path, passphrase_file: Path | None) -> Any:
    """A person's key, opened with the passphrase in ``passphrase_file`` or as the holder is asked; or in its token.

    Raises:
        ApplianceError: the key or the passphrase cannot be read, or they don't belong together.
    """
    from appliance.trust.people import load_signing_key  # noqa: PLC0415

    return load_signing_key(path, (lambda _: read_passphrase(passphrase_file)) if passphrase_file else None)


def add_officer(out: Path, value: Any, kind: str, key: Path, passphrase_file: Path | None) -> int:
    """Sign ``value`` with an officer's key, into a new file or beside the signature that ``out`` has already.

    Args:
        out: the statement.
        value: its content.
        kind: its DSSE payload type.
        key: the officer's key file.
        passphrase_file: has its passphrase, or None.

    Returns:
        How many signatures it has now.

    Raises:
        ApplianceError: the key does not open, or the file states something else.
    """
    from appliance.trust import canonical, dsse  # noqa: PLC0415

    opened = open_key(key, passphrase_file)
    signed = dsse.sign(value, kind, [opened])
    if out.exists():
        if dsse.payload_of(out.read_bytes(), str(out)) != (
            kind,
            canonical.decode(canonical.encode(value), "the content"),
        ):
            raise ApplianceError(f"{out} states something else", remedy="name a new file, or give the same content")
        signed = dsse.add_signature(out.read_bytes(), opened, str(out))
    out.write_bytes(signed)
    return len(canonical.decode(signed, str(out))["signatures"])


def read_passphrase(path: Path) -> bytes:
    """The passphrase in a file, without the line's end.

    Raises:
        ApplianceError: the file cannot be read.
    """
    try:
        return path.read_bytes().rstrip(b"\r\n")
    except OSError as error:
        raise ApplianceError(f"{path}: the passphrase cannot be read: {error.strerror}") from error


def read_yaml(file: Path) -> Any:
    """The data in a YAML file.

    Raises:
        ApplianceError: it cannot be read, or is ambiguous.
    """
    from appliance.trust import canonical  # noqa: PLC0415

    try:
        text = file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise ApplianceError(f"{file}: cannot be read: {error}") from error
    return canonical.decode_yaml(text, str(file))


def print_json(value: Any) -> None:
    """Print one JSON document."""
    print(json.dumps(value, indent=2, sort_keys=True))


def asker() -> Callable[[str], None] | None:
    """Asks for another disc, at a terminal; None when nobody is there to insert one."""
    if not sys.stdin.isatty():
        return None

    def ask(wanted: str) -> None:
        print(wanted, file=sys.stderr)
        typer.prompt("Insert a disc and press Enter", default="", show_default=False, err=True)

    return ask


def told(*, quiet: bool) -> Callable[[str], None]:
    """Tells progress on the error output, with the seconds since the beginning, unless ``quiet``."""
    from rich.console import Console  # noqa: PLC0415

    console, started = Console(stderr=True), time.monotonic()

    def say(text: str) -> None:
        if not quiet:
            console.print(f"[dim]{time.monotonic() - started:6.1f} s[/dim] {text}", highlight=False, soft_wrap=True)

    return say


def size(count: int) -> str:
    """A number of bytes for people, in powers of ten."""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000 or unit == "GB":
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    raise AssertionError


def new_passphrase(file: Path | None) -> Callable[[str], bytes]:
    """Where the passphrases of new keys come from: a file, the environment, or the terminal, each asked twice.

    Raises:
        ApplianceError: none of them is at hand.
    """
    from appliance.trust.keys import PASSPHRASE_VARIABLE  # noqa: PLC0415

    if file is not None:
        secret = read_passphrase(file)
        return lambda _: secret
    if PASSPHRASE_VARIABLE in os.environ:
        secret = os.environ[PASSPHRASE_VARIABLE].encode()
        return lambda _: secret
    if not sys.stdin.isatty():
        raise ApplianceError(
            "no passphrase for the new keys",
            rule="a private key is kept encrypted",
            remedy=f"run in a terminal, set {PASSPHRASE_VARIABLE}, use --passphrase-file, or --demo",
        )
    return lru_cache(_twice)


def _twice(name: str) -> bytes:
    first = getpass.getpass(f"New passphrase of {name}: ")
    if first != getpass.getpass("The same again: "):
        raise ApplianceError(f"the two passphrases of {name} differ", remedy="begin again")
    return first.encode()
