"""Whether a file may pass between an enclave and a medium: its size, what it is, what is in it, what a scanner says."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from appliance.enclave.site import Enclave, Exchange
from appliance.errors import ApplianceError
from appliance.markings import MarkingError, dominates, parse
from appliance.trust.files import read_limited

# What magika may find a file of each declared type to be. It judges by form alone and takes a short file for text, so
# the file is also parsed; what parses as JSON is no program, picture or archive.
FOUND_AS = {"json": {"json", "jsonl", "txt"}, "jsonl": {"jsonl", "json", "txt"}}
SCAN_SECONDS = 600
CLASSIFICATION = "classification"


@dataclass(frozen=True)
class Content:
    """A file that may pass.

    Attributes:
        marking: the banner that the file itself carries, or None.
        rows: its records.
    """

    marking: str | None
    rows: list[dict[str, Any]]


def check_file(path: Path, rules: Exchange) -> Content:
    """Judge a file by size, detected type, form and scanner, in this order.

    Raises:
        ApplianceError: names the file, what is wrong with it and by which rule.
    """
    data = read_limited(path, rules.maximum_bytes)
    kind = path.suffix.removeprefix(".")
    if kind not in rules.types:
        raise ApplianceError(
            f"{path}: files of type {kind or 'none'} do not pass",
            rule=f"the site lets pass: {', '.join(rules.types)} (site.yml, exchange.types)",
            remedy="convert the file to one of them, or have two officers sign a site.yml that lets it pass",
        )
    if (found := detected(data)) not in FOUND_AS[kind]:
        raise ApplianceError(
            f"{path}: named {kind}, but it is {found}",
            rule="what a file is counts, not its name (magika)",
            remedy="ask whoever made it what it is; do not rename it",
        )
    content = read_rows(data, kind, str(path))
    scan(path, rules.scanner)
    return content


def detected(data: bytes) -> str:
    """What magika, whose model is part of the package, finds ``data`` to be: one of its content types."""
    from magika import Magika  # noqa: PLC0415 - its model takes a second to load

    return str(Magika().identify_bytes(data).output.label)


def read_rows(data: bytes, kind: str, name: str) -> Content:
    """The records of a JSON or JSON Lines file, and the marking at its beginning.

    Raises:
        ApplianceError: it is not that, or a record is not an object.
    """
    try:
        if kind == "jsonl":
            document: Any = [json.loads(line) for line in data.split(b"\n") if line.strip()]
        else:
            document = json.loads(data)
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise ApplianceError(
            f"{name}: is not {kind}: {error}",
            rule="RFC 8259; one object a line in JSON Lines",
            remedy="correct the file, or give it the ending of what it is",
        ) from error
    marked: Any = None
    if isinstance(document, dict):
        marked, document = document.get(CLASSIFICATION), document.get("records")
    elif document and isinstance(document[0], dict) and set(document[0]) == {CLASSIFICATION}:
        marked, document = document[0][CLASSIFICATION], document[1:]
    if not isinstance(document, list) or not document or not all(isinstance(row, dict) for row in document):
        raise ApplianceError(
            f"{name}: holds no records",
            rule="a file that passes is a list of objects",
            remedy="name a file with at least one task",
        )
    marking = marked.get("marking") if isinstance(marked, dict) else None
    return Content(marking if isinstance(marking, str) else None, document)


def with_marking(rows: list[dict[str, Any]], kind: str, classification: dict[str, Any]) -> bytes:
    """The file with its marking as the first thing in it."""
    if kind == "json":
        return (
            json.dumps({CLASSIFICATION: classification, "records": rows}, ensure_ascii=False, indent=1).encode() + b"\n"
        )
    lines = [{CLASSIFICATION: classification}, *rows]
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines).encode()


def scan(path: Path, scanner: tuple[str, ...]) -> None:
    """Let the site's scanner judge a file.

    Raises:
        ApplianceError: it refuses, does not end, or is not there.
    """
    if not scanner:
        return
    try:
        answer = subprocess.run(
            [*scanner, str(path)], capture_output=True, text=True, errors="replace", check=False, timeout=SCAN_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ApplianceError(
            f"{path}: the scanner {scanner[0]} did not judge it: {error}",
            rule="where a scanner is named, nothing passes without it (site.yml, exchange.scanner)",
            remedy="repair the scanner",
        ) from error
    if answer.returncode != 0:
        said = (answer.stdout + answer.stderr).strip()[-500:]
        raise ApplianceError(f"{path}: the scanner refuses it: {said}", rule="site.yml, exchange.scanner")


def label_within(marking: str | None, enclave: Enclave, name: str) -> str:
    """The canonical banner of a file, which must not be above the enclave.

    Raises:
        ApplianceError: no marking, not a valid one, or above the enclave's.
    """
    if marking is None:
        raise ApplianceError(
            f"{name}: carries no marking", rule="unmarked is an error, never unclassified", remedy="name it: --marking"
        )
    try:
        parsed = parse(marking, enclave.marking.vocabulary)
    except MarkingError as error:
        raise ApplianceError(f"{name}: {error}", rule="each file carries a valid marking") from error
    if not dominates(enclave.lattice, parsed.label):
        raise ApplianceError(
            f"{name}: {parsed.banner} is above enclave {enclave.name}",
            rule="an enclave holds nothing that its own label does not dominate",
            remedy="use an enclave that does",
        )
    return parsed.banner
