"""What no store of ours can hold is refused at the boundary of a service, naming the field.

PostgreSQL's text has no U+0000 (PostgreSQL 15, 8.3), UTF-8 has no lone surrogates (RFC 3629, 3), and JSON has no NaN
and no infinity (RFC 8259, 6) and, with us, no name twice in an object: two readers would see two contents.
"""

import json
import math
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl

JSON_TYPE, FORM_TYPE = "application/json", "application/x-www-form-urlencoded"


def problem_in(body: bytes, content_type: str) -> str | None:
    """What of a request's body cannot be stored, as ``field: why``; None if all of it can, or if it is no JSON or form.

    Args:
        body: the whole body.
        content_type: the header of that name.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind == FORM_TYPE:
        pairs = parse_qsl(body.decode("utf-8", "surrogateescape"), keep_blank_values=True, errors="surrogateescape")
        return next(_problems(dict(pairs), "body"), None)
    if kind != JSON_TYPE:
        return None
    try:
        return json_in(body, "body")[1]
    except RecursionError:
        return "body: is nested too deeply"
    except ValueError:
        return None  # no JSON at all: the service says so


def json_in(text: bytes | str, field: str) -> tuple[Any, str | None]:
    """A JSON text, and what of it cannot be stored, as ``field: why``.

    Raises:
        ValueError: it is no JSON.
        RecursionError: it is nested too deeply.
    """
    try:
        value = json.loads(text, object_pairs_hook=_object, parse_constant=_constant)
    except _UnstorableError as error:
        return None, f"{field}: {error}"
    return value, next(_problems(value, field), None)


class _UnstorableError(Exception):
    """Something that JSON's grammar lets through or Python reads beyond it."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _UnstorableError(f"names {twice[:40]!a} twice in one object")
    return found


def _constant(name: str) -> Any:
    raise _UnstorableError(f"holds {name}, which is no number of JSON")


def _problems(value: Any, field: str) -> Iterator[str]:
    """Every problem below ``value``, depth first."""
    waiting = [(value, field)]
    while waiting:
        one, where = waiting.pop()
        if isinstance(one, dict):
            for name, child in reversed(one.items()):
                if why := _wrong(name):
                    yield f"{where}: a name {why}"
                waiting.append((child, f"{where}.{name[:40]}"))
        elif isinstance(one, list):
            waiting += [(child, f"{where}.{number}") for number, child in reversed(list(enumerate(one)))]
        elif isinstance(one, str):
            if why := _wrong(one):
                yield f"{where}: {why}"
        elif isinstance(one, float) and not math.isfinite(one):
            yield f"{where}: is a number too large to hold"


def _wrong(text: str) -> str | None:
    if "\0" in text:
        return "holds U+0000, which no record can hold"
    try:
        text.encode()
    except UnicodeEncodeError as error:
        return f"holds U+{ord(text[error.start]):04X} alone, which is no character (RFC 3629)"
    return None
