"""JSON with one possible spelling: what is signed has exactly one byte form, and every other form is refused."""

import json
import math
import re
from itertools import chain, islice
from typing import Any

import yaml

from appliance.errors import ApplianceError

MAXIMUM_DEPTH = 32
MAXIMUM_VALUES = 200_000
"""Of a document that people wrote, its anchors written out."""
RULE = "signed JSON is in the canonical form of RFC 8785, without duplicate keys"
_SURROGATE = re.compile("[\ud800-\udfff]")
_ESCAPED_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


class CanonicalError(ApplianceError):
    """Bytes that are not the one canonical form of a JSON value."""


class NotJsonError(CanonicalError):
    """Bytes that are no JSON at all, for example a YAML file."""


def encode(value: Any) -> bytes:
    """The canonical bytes of ``value`` (RFC 8785).

    Raises:
        CanonicalError: the value cannot be written as JSON.
    """
    import rfc8785  # noqa: PLC0415  # services that only read have it not in their images

    try:
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, UnicodeEncodeError) as error:
        raise CanonicalError(f"a value cannot be written as canonical JSON: {error}", rule=RULE) from error


def decode(data: bytes, name: str) -> Any:
    """Read JSON of any spelling, refusing what two readers could understand differently.

    Args:
        data: the bytes.
        name: the file or field, for the error.

    Raises:
        CanonicalError: not UTF-8 JSON, a duplicate key, a number that is not finite, half of a surrogate pair, or
            nesting beyond 32 levels.
    """

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        result = dict(items)
        if len(result) != len(items):
            names = [key for key, _ in items]
            twice = next(key for key in names if names.count(key) > 1)
            raise CanonicalError(
                f"{name}: the key {twice!r} appears twice in one object",
                rule=RULE,
                remedy="correct the file if you wrote it; otherwise carry it again from its source",
            )
        return result

    def constant(text: str) -> Any:
        raise CanonicalError(f"{name}: {text} is not a JSON number", rule=RULE)

    def finite(text: str) -> float:
        number = float(text)
        return number if math.isfinite(number) else constant(text[:40])

    try:
        text = data.decode("utf-8")
        value = json.loads(text, object_pairs_hook=pairs, parse_constant=constant, parse_float=finite)
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise NotJsonError(
            f"{name}: cannot be read as JSON: {other_encoding(data) or _why(error)}",
            rule=RULE,
            remedy="see that it is the right file; if it is, carry it again from its source",
        ) from error
    if _depth(value, MAXIMUM_DEPTH) > MAXIMUM_DEPTH:
        raise CanonicalError(f"{name}: nested deeper than {MAXIMUM_DEPTH} levels", rule=RULE)
    if _ESCAPED_SURROGATE.search(text) and (where := find_text(value, _SURROGATE)) is not None:
        raise CanonicalError(
            f"{name}: {where or 'the text'} holds half of a surrogate pair, which is no character",
            rule="text is Unicode: UTF-8 has no lone surrogates (RFC 3629, 3; RFC 8259, 8.2)",
            remedy="correct the text in the program that wrote it",
        )
    return value


def find_text(value: Any, pattern: re.Pattern[str]) -> str | None:
    """The field, as ``data.answers.1``, of the first text or name in ``value`` in which ``pattern`` is found."""
    waiting: list[tuple[Any, tuple[str, ...]]] = [(value, ())]
    while waiting:
        one, where = waiting.pop()
        if isinstance(one, str) and pattern.search(one):
            return ".".join(where)
        if isinstance(one, dict):
            for key in one:
                if pattern.search(key):
                    return ".".join((*where, ascii(key)[1:40]))
            waiting += [(child, (*where, key[:40])) for key, child in reversed(one.items())]
        elif isinstance(one, list):
            waiting += [(child, (*where, str(number))) for number, child in reversed(list(enumerate(one)))]
    return None


def other_encoding(data: bytes) -> str | None:
    """What encoding ``data`` seem to have instead of UTF-8, in words; None where they seem to have no other.

    RFC 8259, 8.1 demands UTF-8. Byte order marks and the zero bytes beside ASCII say so (RFC 4627, 3).
    """
    if data.startswith((b"\xff\xfe\0\0", b"\0\0\xfe\xff")) or b"\0\0\0" in data[:8]:
        return "it is text in UTF-32, not in UTF-8"
    if data.startswith((b"\xff\xfe", b"\xfe\xff")) or (len(data) > 1 and (data[0] == 0) != (data[1] == 0)):
        return "it is text in UTF-16, not in UTF-8"
    return None


def decode_canonical(data: bytes, name: str) -> Any:
    """Read JSON whose bytes are exactly canonical.

    Raises:
        CanonicalError: as :func:`decode`, or any byte differs from the canonical form.
    """
    value = decode(data, name)
    if encode(value) != data:
        raise CanonicalError(
            f"{name}: the bytes are not in canonical form",
            rule=RULE,
            remedy="it was written by another program, or changed after it was made; carry it again from its source",
        )
    return value


def decode_yaml(text: str, name: str) -> Any:
    """Read YAML that people write, refusing duplicate keys and everything that JSON cannot say.

    Raises:
        CanonicalError: not YAML, a duplicate key, or a value that JSON has no word for.
    """
    try:
        value = yaml.load(text, Loader=_StrictLoader)  # noqa: S506  # a SafeLoader with one rule more
    except yaml.YAMLError as error:
        mark, what = getattr(error, "problem_mark", None), getattr(error, "problem", None) or str(error)
        if isinstance(error, yaml.reader.ReaderError):
            what = "it is not text"
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise CanonicalError(
            f"{name}: cannot be read as YAML: {place}{' '.join(what.split())}",
            rule="site files are YAML 1.1",
            remedy="correct that line" if mark else "see that it is the right file",
        ) from error
    except (RecursionError, ValueError) as error:
        raise CanonicalError(
            f"{name}: cannot be read as YAML: it is nested too deeply, or has a number that is too long",
            rule=f"a document is nested at most {MAXIMUM_DEPTH} levels deep",
            remedy="see that it is the right file",
        ) from error
    _require_small(value, name)
    encode(value)
    return value


def _require_small(value: Any, name: str) -> None:
    """Refuse what is nested too deeply or is too much: a few lines with anchors may stand for billions of values."""
    level, count, depth = [value], 0, 0
    while level:
        depth, count = depth + 1, count + len(level)
        if depth > MAXIMUM_DEPTH or count > MAXIMUM_VALUES:
            raise CanonicalError(
                f"{name}: is nested deeper than {MAXIMUM_DEPTH} levels, or has more than {MAXIMUM_VALUES:,} values",
                rule=RULE,
                remedy="see that it is the right file, and write out what its anchors (&name, *name) stand for",
            )
        children = (one.values() if isinstance(one, dict) else one if isinstance(one, list) else () for one in level)
        level = list(islice(chain.from_iterable(children), MAXIMUM_VALUES + 1))


def described(value: Any) -> str:
    """What a document is that is not what it should be, in a few words."""
    if isinstance(value, dict) and {"payload", "payloadType", "signatures"} <= set(value):
        return f"a signed statement of the type {str(value['payloadType'])[:80]!r}"
    if isinstance(value, dict):
        names = ", ".join(str(key)[:40] for key in list(value)[:4])
        return f"a document with the fields {names}" if names else "an empty document"
    return {list: "a list", str: "a text", type(None): "nothing"}.get(type(value), "a single value")


def _why(error: Exception) -> str:
    """What a JSON parser found, in a few words."""
    if isinstance(error, UnicodeDecodeError):
        return "it is not text in UTF-8"
    if isinstance(error, json.JSONDecodeError):
        return f"line {error.lineno}, column {error.colno}: {error.msg}"
    return str(error)


def _depth(value: Any, limit: int) -> int:
    if limit < 0:
        return 1
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + max((_depth(child, limit - 1) for child in children), default=0)


class _StrictLoader(yaml.SafeLoader):
    """YAML's safe loader, refusing a key that is written twice and leaving dates as the text they are."""

    yaml_implicit_resolvers = {  # noqa: RUF012  # the attribute of PyYAML's own class
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"the key {key!r} appears twice", node.start_mark)
        return super().construct_mapping(node, deep=deep)
