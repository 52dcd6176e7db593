"""Whether a file may pass between an enclave and a medium: its size, what it is, what is in it, what a scanner says."""

import hashlib
import json
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from appliance.enclave.site import Enclave, Exchange
from appliance.errors import ApplianceError
from appliance.markings import MarkingError, dominates, parse
from appliance.trust import canonical
from appliance.trust.files import read_limited

# What magika may find a file of each declared type to be. It judges by form alone and takes a short file for text, so
# the file is also parsed; what parses as JSON is no program, picture or archive.
FOUND_AS = {"json": {"json", "jsonl", "txt"}, "jsonl": {"jsonl", "json", "txt"}}
SCAN_SECONDS = 600
CLASSIFICATION = "classification"


MARK = b"\xef\xbb\xbf"
"""The byte order mark that Windows puts before UTF-8; a reader may ignore it (RFC 8259, 8.1)."""


@dataclass(frozen=True)
class Content:
    """A file that may pass.

    Attributes:
        marking: the banner that the file itself carries, or None.
        rows: its records.
        places: where each record stands in the file, for people: ``line 7`` or ``record 7``.
        sha256: of the bytes that were read, hexadecimal.
    """

    marking: str | None
    rows: list[dict[str, Any]]
    places: list[str]
    sha256: str


def check_file(path: Path, rules: Exchange) -> Content:
    """Judge a file by size, detected type, form and scanner, in this order.

    The file is read once. What is parsed, named by its digest and given to the scanner are these same bytes, whatever
    becomes of the file on its medium meanwhile.

    Raises:
        ApplianceError: names the file, what is wrong with it and by which rule.
    """
    data = read_limited(path, rules.maximum_bytes)
    kind = path.suffix.removeprefix(".").lower()
    if kind not in rules.types:
        raise ApplianceError(
            f"{path}: files of type {kind or 'none'} do not pass",
            rule=f"the site lets pass: {', '.join(rules.types)} (site.yml, exchange.types)",
            remedy="convert the file to one of them, or have two officers sign a site.yml that lets it pass",
        )
    if encoding := canonical.other_encoding(data):
        raise ApplianceError(
            f"{path}: {encoding}",
            rule="JSON that is exchanged is in UTF-8 (RFC 8259, 8.1)",
            remedy="save the file again with the encoding UTF-8",
        )
    if (found := detected(data)) not in FOUND_AS[kind]:
        raise ApplianceError(
            f"{path}: named {kind}, but it is {found}",
            rule="what a file is counts, not its name (magika)",
            remedy="ask whoever made it what it is; do not rename it",
        )
    content = read_rows(data, kind, str(path))
    with _sealed_copy(data, path.name) as copy:
        scan(copy, rules.scanner, str(path))
    return content


@contextmanager
def _sealed_copy(data: bytes, name: str) -> Iterator[Path]:
    """A copy of what was read, which only this user can read and whose name ends as the file's."""
    with tempfile.TemporaryDirectory(prefix="mls-exchange-") as folder:
        copy = Path(folder) / name
        copy.touch(mode=0o600)
        copy.write_bytes(data)
        copy.chmod(0o400)
        yield copy


def detected(data: bytes) -> str:
    """What magika, whose model is part of the package, finds ``data`` to be: one of its content types."""
    from magika import Magika  # noqa: PLC0415 - its model takes a second to load

    return str(Magika().identify_bytes(data).output.label)


def read_rows(data: bytes, kind: str, name: str) -> Content:
    """The records of a JSON or JSON Lines file, and the marking at its beginning.

    Raises:
        ApplianceError: it is not that, a record is not an object, or can be read in two ways; names the record.
    """
    text = data.removeprefix(MARK)
    if kind == "jsonl":
        lines = [(f"line {number}", line) for number, line in enumerate(text.split(b"\n"), start=1) if line.strip()]
        places = [place for place, _ in lines]
        document: Any = [_value(line, kind, f"{name}, {place}") for place, line in lines]
    else:
        document, places = _value(text, kind, name), []
    marked: Any = None
    if isinstance(document, dict):
        marked, document = document.get(CLASSIFICATION), document.get("records")
    elif (
        isinstance(document, list)
        and document
        and isinstance(document[0], dict)
        and set(document[0]) == {CLASSIFICATION}
    ):
        marked, document, places = document[0][CLASSIFICATION], document[1:], places[1:]
    if not isinstance(document, list) or not document:
        raise ApplianceError(
            f"{name}: holds no records",
            rule="a file that passes is a list of objects",
            remedy="name a file with at least one task",
        )
    places = places or [f"record {number}" for number in range(1, len(document) + 1)]
    for row, place in zip(document, places, strict=True):
        if not isinstance(row, dict):
            raise ApplianceError(
                f"{name}, {place}: is {canonical.described(row)}, so the file holds no records",
                rule="a file that passes is a list of objects",
                remedy="write each task as an object, {...}",
            )
    marking = marked.get("marking") if isinstance(marked, dict) else None
    return Content(marking if isinstance(marking, str) else None, document, places, hashlib.sha256(data).hexdigest())


def _value(data: bytes, kind: str, name: str) -> Any:
    """One JSON text, read so that no other reader could understand it differently.

    Raises:
        ApplianceError: it is no JSON, names something twice in an object, or holds what is no character or number.
    """
    try:
        return canonical.decode(data, name)
    except canonical.NotJsonError as error:
        raise ApplianceError(
            f"{name}: is not {kind}: {error.message.removeprefix(f'{name}: ')}",
            rule="RFC 8259; one object a line in JSON Lines",
            remedy="correct the file, or give it the ending of what it is",
        ) from error
    except canonical.CanonicalError as error:
        raise ApplianceError(
            error.message,
            rule="RFC 8259, 4 and 8.2: two readers must not see two contents",
            remedy="correct that record; nothing was imported",
        ) from error


def with_marking(rows: list[dict[str, Any]], kind: str, classification: dict[str, Any]) -> bytes:
    """The file with its marking as the first thing in it."""
    if kind == "json":
        return (
            json.dumps({CLASSIFICATION: classification, "records": rows}, ensure_ascii=False, indent=1).encode() + b"\n"
        )
    lines = [{CLASSIFICATION: classification}, *rows]
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines).encode()


def scan(path: Path, scanner: tuple[str, ...], name: str) -> None:
    """Let the site's scanner judge the file ``path``; errors call it ``name``.

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
            f"{name}: the scanner {scanner[0]} did not judge it: {error}",
            rule="where a scanner is named, nothing passes without it (site.yml, exchange.scanner)",
            remedy="repair the scanner",
        ) from error
    if answer.returncode != 0:
        said = (answer.stdout + answer.stderr).strip()[-500:]
        raise ApplianceError(f"{name}: the scanner refuses it: {said}", rule="site.yml, exchange.scanner")


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
