"""Documents of OSCAL against NIST's own schema, and the references in and between them, which no schema checks."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib.resources import files
from posixpath import normpath
from typing import Any

import fastjsonschema

from appliance.host.report.evidence.oscal.common import FOLDER

SCHEMA = "oscal_schema.json"
_LETTERS, _NUMBERS = "A-Za-z\u00aa-\U0010ffff", "0-9"
"""Python's expressions know no ``\\p{L}``; what these allow beyond it, an identifier in these documents never has."""
_REFERENCES = ("component-uuid", "observation-uuid", "finding-uuid", "risk-uuid", "activity-uuid", "party-uuid")
_UUID = re.compile(r"#?[0-9a-f]{8}-[0-9a-f]{4}-[45][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


@cache
def validator() -> Callable[[Any], Any]:
    """NIST's schema of all models, compiled once."""
    text = (files(__package__) / SCHEMA).read_text()
    text = text.replace(r"\\p{L}", f"[{_LETTERS}]").replace(r"\\p{N}", f"[{_NUMBERS}]")
    made: Callable[[Any], Any] = fastjsonschema.compile(json.loads(text))
    return made


def problem(document: Any) -> str:
    """What the schema has against ``document``, or an empty text."""
    try:
        validator()(document)
    except fastjsonschema.JsonSchemaException as error:
        return str(error)[:500]
    return ""


def dangling(documents: Mapping[str, Any], names: set[str]) -> Iterator[str]:
    """References that lead nowhere.

    Args:
        documents: the documents of a pack by path.
        names: all files of the pack.
    """
    for path, document in documents.items():
        known = {value for key, value in _pairs(document) if key == "uuid"}
        for key, value in _pairs(document):
            if key in _REFERENCES and value not in known:
                yield f"{path}: {key} {value} is of nothing in it"
            elif key == "href" and _UUID.fullmatch(value) and value.removeprefix("#") not in known:
                yield f"{path}: the reference {value} is of nothing in it"
            elif key == "href" and ":" not in value and normpath(f"{FOLDER}/{value}") not in names:
                yield f"{path}: {value} is not in the pack"


def repeated(documents: Mapping[str, Any]) -> Iterator[str]:
    """Identifiers that stand for two things of one document."""
    for path, document in documents.items():
        found = [value for key, value in _pairs(document) if key == "uuid"]
        yield from (f"{path}: the UUID {one} stands twice" for one in sorted({u for u in found if found.count(u) > 1}))


def _pairs(value: Any) -> Iterator[tuple[str, str]]:
    """Every name with a text as its value, at any depth."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if isinstance(inner, str):
                yield key, inner
            else:
                yield from _pairs(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _pairs(inner)
