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

from appliance.cli.shared import completion, contents, inputs
from appliance.errors import ApplianceError

WIDE = 1000
"""Columns of a table that no terminal shows: nothing in it is cut off."""

ROOT, RUN = Path("/var/lib/appliance"), Path("/run/appliance")
ROOT_IS = "--root: folder in which the appliance keeps its state"
LOG_IS = "--log: folder of the audit log"
SPOOL_IS = "--spool: folder of the spool through which the monitor records the step"
LOG_UMASK = 0o027
"""What is written into the log is read by the console's group and by nobody else, whatever mask a host sets."""

Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs, and nothing else on standard output.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Check everything, change nothing.")]
Demo = Annotated[bool, typer.Option("--demo", help="Keys that protect nothing, marked DEMO everywhere.")]
Bundle = Annotated[
    Path,
    inputs.folder_argument(
        "Folder of the bundle, with metadata/ and targets/.", check=contents.is_whole_bundle, metavar="BUNDLE"
    ),
]
UnsignedBundle = Annotated[
    Path,
    inputs.folder_argument("Folder of the built bundle, with targets/.", check=contents.is_built, metavar="BUNDLE"),
]
RootFingerprint = Annotated[str, inputs.fingerprint_option("SHA-256 of the bundle's 1.root.json, from paper.")]
MaybeFingerprint = Annotated[
    str | None, inputs.fingerprint_option("SHA-256 of the bundle's 1.root.json, from paper.", "--root-fingerprint")
]
Trusted = Annotated[
    Path | None,
    inputs.folder_option(
        "Metadata of the bundle that this host accepted last; what is older is refused.", check=contents.is_metadata
    ),
]
Root = Annotated[Path, inputs.folder_option("Folder in which the appliance keeps its state.", check=contents.is_root)]
AnyRoot = Annotated[Path, inputs.word_option("FOLDER", "Folder in which the appliance keeps its state.")]
NewRoot = Annotated[Path, inputs.new_folder_option("Folder in which the appliance keeps its state.")]
Run = Annotated[Path, inputs.new_folder_option("Folder of its sockets and process ids.")]
AnyRun = Annotated[Path, inputs.word_option("FOLDER", "Folder of its sockets and process ids.")]
Log = Annotated[Path, inputs.folder_option("Folder of the audit log.", "--log", check=contents.is_whole_log)]
AnyLog = Annotated[Path, inputs.folder_option("Folder of the audit log.", "--log", check=contents.is_log)]
Spool = Annotated[
    Path, inputs.new_folder_option("Folder of the spool through which the monitor records the step.", "--spool")
]
EnclaveName = Annotated[
    str, inputs.word_argument("ENCLAVE", "Name of the enclave.", autocompletion=completion.enclaves)
]
SubjectName = Annotated[
    str, inputs.word_argument("SUBJECT", "The subject's registered name.", autocompletion=completion.subjects)
]
OfficerKey = Annotated[Path, inputs.file_option("The officer's key file.", "--key")]
Statement = Annotated[
    Path, inputs.new_file_option("The statement; a second officer adds a signature to the same file.", "--out", "-o")
]
Authority = Annotated[
    Path, inputs.folder_option("Folder of the site's authority, with ca.pem and ca.key.", check=contents.is_authority)
]
PassphraseFile = Annotated[
    Path | None,
    inputs.file_option("File with the passphrase of the keys; otherwise APPLIANCE_PASSPHRASE, otherwise a prompt."),
]


def open_key(path: Path, passphrase_file: Path | None) -> Any:
    """A person's key, opened with the passphrase in ``passphrase_file`` or as the holder is asked; or in its token.

    Raises:
        ApplianceError: the key or the passphrase cannot be read, or they don't belong together.
    """
    from appliance.trust.people import load_signing_key

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
    from appliance.trust import canonical, dsse

    opened = open_officer_key(key, passphrase_file)
    signed = dsse.sign(value, kind, [opened])
    if out.exists():
        if dsse.payload_of(out.read_bytes(), str(out)) != (
            kind,
            canonical.decode(canonical.encode(value), "the content"),
        ):
            raise ApplianceError(
                f"{out}: states something else already",
                rule="officers sign the same statement, each adding a signature to the same file",
                remedy="name a new file, or give the same content",
            )
        signed = dsse.add_signature(out.read_bytes(), opened, str(out))
    out.write_bytes(signed)
    return len(canonical.decode(signed, str(out))["signatures"])


def sign_as_officer(
    file: Path, model: Any, kind: str, key: Path, out: Path, passphrase_file: Path | None, *, as_json: bool
) -> None:
    """Sign the statement that ``file`` describes, beside an officer who signed before, and say how many signed it.

    Args:
        file: YAML.
        model: what the statement must be.
        kind: of the statement, for example ``erase``.
        key: the officer's key file.
        out: the statement.
        passphrase_file: has the passphrase of the key, or None.
        as_json: say it as JSON.

    Raises:
        ApplianceError: the file is no such statement, the key does not open, or ``out`` states something else.
    """
    from appliance.enclave.site import validated
    from appliance.trust.officers import payload_type

    value = validated(model, read_yaml(file), file.name).model_dump(mode="json")
    count = add_officer(out, value, payload_type(kind), key, passphrase_file)
    print_json({"file": str(out), "signatures": count}) if as_json else print(f"{out}: {count} of 2 signatures")


DRAFT = "give the YAML file that was written by hand, for example site.yml"


def open_officer_key(path: Path, passphrase_file: Path | None) -> Any:
    """An officer's key, opened as :func:`open_key` opens it.

    Raises:
        ApplianceError: it does not open, or signs with the algorithm that statements of a site do not have.
    """
    from appliance.trust.keys import ECDSA

    opened = open_key(path, passphrase_file)
    if opened.public.scheme != ECDSA:
        raise ApplianceError(
            f"{path}: is an ML-DSA key",
            rule="officers sign the statements of a site with their ECDSA keys",
            remedy=f"name {path.name.replace('.ml-dsa', '')}, the key beside it",
        )
    return opened


def print_table(table: Any) -> None:
    """Print a table of rich: as wide as the terminal is, and for programs and files as wide as it has to be."""
    from rich.console import Console

    console = Console()
    console.print(table) if console.is_terminal else Console(width=WIDE).print(table)


def read_passphrase(path: Path) -> bytes:
    """The passphrase in a file, without the line's end.

    Raises:
        ApplianceError: the file cannot be read.
    """
    try:
        return path.read_bytes().rstrip(b"\r\n")
    except OSError as error:
        raise ApplianceError(
            f"{path}: the passphrase cannot be read: {error.strerror}",
            rule="a private key is kept encrypted, and opens with its holder's passphrase",
            remedy="give the file with the passphrase, or leave the option out to be asked",
        ) from error


def read_yaml(file: Path) -> Any:
    """The data in a YAML file.

    Raises:
        ApplianceError: it cannot be read, or is ambiguous.
    """
    from appliance.trust import canonical

    try:
        data = file.read_bytes()
        text = data.decode()
    except UnicodeDecodeError as error:
        what = (canonical.other_encoding(data) or "").removeprefix("it is text").removesuffix(", not in UTF-8")
        raise ApplianceError(
            f"{file}: is not text in UTF-8{what and f', but{what}'}, so it is no YAML",
            rule="statements are written as YAML in UTF-8",
            remedy=DRAFT,
        ) from error
    except OSError as error:
        raise ApplianceError(f"{file}: cannot be read: {error.strerror}", remedy=DRAFT) from error
    value = canonical.decode_yaml(text, str(file))
    if isinstance(value, dict) and {"payload", "payloadType"} <= set(value):
        raise ApplianceError(
            f"{file}: is a signed statement, where its unsigned draft is meant",
            rule="people write and check the YAML file; signing it makes a .dsse.json file beside it",
            remedy="give the YAML file that it was signed from",
        )
    return value


def print_json(value: Any) -> None:
    """Print one JSON document."""
    print(json.dumps(value, indent=2, sort_keys=True))


def disc_prompt() -> Callable[[str], None] | None:
    """Asks for another disc, at a terminal; None when nobody is there to insert one."""
    if not sys.stdin.isatty():
        return None

    def ask(wanted: str) -> None:
        print(wanted, file=sys.stderr)
        typer.prompt("Insert a disc and press Enter", default="", show_default=False, err=True)

    return ask


def progress_printer(*, quiet: bool) -> Callable[[str], None]:
    """Tells progress on the error output, with the seconds since the beginning, unless ``quiet``."""
    from rich.console import Console

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
    from appliance.trust.keys import PASSPHRASE_VARIABLE

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
            remedy=f"run in a terminal, set {PASSPHRASE_VARIABLE}, or use --passphrase-file",
        )
    return lru_cache(_twice)


def _twice(name: str) -> bytes:
    first = getpass.getpass(f"New passphrase of {name}: ")
    if first != getpass.getpass("The same again: "):
        raise ApplianceError(f"the two passphrases of {name} differ", remedy="begin again")
    return first.encode()
