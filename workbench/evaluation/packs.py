"""Packs: a site's own items with a card that says where they come from and under which licence they may be used.

A file of items is JSON lines or CSV. It is taken whole or not at all, and what is wrong is named by its line and field.
"""

import csv
import hashlib
import io
import json
import re
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator

from appliance.errors import ApplianceError, first_words

MOST_ITEMS = 20_000
MOST_TEXT = 32_768
"""Characters of one text of an item."""
MOST_BYTES = 3 << 20
"""Bytes of a file of items."""
_LIST = ("answer", "choices")
_COLUMNS = ("id", "system", "user", "answer", "choices", "cluster", "group", "marking")
_FORMULA = ("=", "+", "-", "@")
_SIGNED = re.compile(r"[+-]\d[\d.,]*\s*")
PACK_RULE = "docs/evaluation.md, Packs and suites of your own"

PackName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{1,29}$")]
ItemName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,47}$")]


def _no_formula(text: str) -> str:
    """Refuse what a spreadsheet would run when somebody opens an export (OWASP, CSV Injection)."""
    begin = text.lstrip()
    if begin.startswith(_FORMULA) and not _SIGNED.fullmatch(begin):
        raise ValueError(f"begins with {begin[0]!r} as a formula of a spreadsheet does")
    if any(character < " " and character not in "\t\n\r" for character in text) or "\x7f" in text:
        raise ValueError("holds a control character")
    return text


class PackError(ApplianceError):
    """A file of items is wrong."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Turn(_Part):
    """One earlier turn of a conversation, said again before the question."""

    role: Literal["user", "assistant"]
    content: Annotated[str, StringConstraints(min_length=1, max_length=MOST_TEXT)]


class PackItem(_Part):
    """One item of a pack.

    Attributes:
        id: unique in its pack.
        user: what is asked.
        system: what the model is told first; the suite's instruction when empty.
        answer: what is right, any of several; or, for the scorer `avoids`, what must not be said.
        choices: the possible answers, for questions that have some.
        cluster: items that share a text, a document or an author have the same; each stands alone when absent.
        group: of which kind it is, for slices of the results; for a gap between groups, whom it names.
        marking: its own marking, which the pack's must dominate; the pack's when absent.
        turns: the conversation before the question.
    """

    id: ItemName
    user: Annotated[str, StringConstraints(min_length=1, max_length=MOST_TEXT)]
    system: Annotated[str, StringConstraints(max_length=MOST_TEXT)] = ""
    answer: Annotated[tuple[Annotated[str, StringConstraints(min_length=1, max_length=2000)], ...],
                      Field(min_length=1, max_length=20)]  # fmt: skip
    choices: Annotated[tuple[Annotated[str, StringConstraints(min_length=1, max_length=200)], ...],
                       Field(max_length=26)] = ()  # fmt: skip
    cluster: ItemName | Literal[""] = ""
    group: Annotated[str, StringConstraints(pattern=r"^([A-Za-z0-9][A-Za-z0-9 ._-]{0,39})?$")] = ""
    marking: Annotated[str, StringConstraints(min_length=1, max_length=300)] | None = None
    turns: Annotated[tuple[Turn, ...], Field(max_length=40)] = ()

    @field_validator("answer", mode="before")
    @classmethod
    def _one_or_several(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    def texts(self) -> list[tuple[str, str]]:
        """Its texts, each with the name of its field."""
        fields = [("user", self.user), ("system", self.system)]
        fields += [("answer", one) for one in self.answer] + [("choices", one) for one in self.choices]
        return fields + [("turns", one.content) for one in self.turns]


class Card(_Part):
    """What is said of a pack.

    Attributes:
        name: of the pack; the same name again makes the next version.
        title: for people.
        source: who made the items and from what.
        licence: its name, for example an SPDX identifier.
        evidence: the text of the licence, or who allowed the use when and for what.
    """

    name: PackName
    title: Annotated[str, StringConstraints(min_length=3, max_length=80, strip_whitespace=True)]
    source: Annotated[str, StringConstraints(min_length=3, max_length=400, strip_whitespace=True)]
    licence: Annotated[str, StringConstraints(min_length=2, max_length=60, strip_whitespace=True)]
    evidence: Annotated[str, StringConstraints(min_length=10, max_length=20_000, strip_whitespace=True)]

    @field_validator("title", "source", "licence", "evidence")
    @classmethod
    def _text(cls, value: str) -> str:
        return _no_formula(value)


def read_items(data: bytes, name: str) -> list[PackItem]:
    """The items of a file, whose name ends in ``.jsonl`` or ``.csv``.

    Raises:
        PackError: it is none, or an item is wrong, stands twice or asks what another one asks.
    """
    text = _text(data)
    if name.lower().endswith(".csv"):
        found = _checked(_table(text))
    elif name.lower().endswith((".jsonl", ".ndjson")):
        found = _checked(_lines(text))
    else:
        raise PackError(
            f"{name[:80] or 'the file'}: is no .jsonl or .csv", rule="the name of a file says how it is read",
            remedy="name it by its form",
        )  # fmt: skip
    if not found:
        raise PackError("the file has no item", rule=PACK_RULE, remedy="choose another file")
    return found


def content(items: Sequence[PackItem]) -> bytes:
    """The items as they are kept: canonical JSON lines, whose SHA-256 is the digest of the pack."""
    lines = (json.dumps(one.model_dump(mode="json", exclude_defaults=True), sort_keys=True) for one in items)
    return "".join(f"{line}\n" for line in lines).encode()


def kept(data: bytes) -> tuple[PackItem, ...]:
    """The items of :func:`content`."""
    return tuple(PackItem.model_validate_json(line) for line in data.splitlines())


def digest(data: bytes) -> str:
    """SHA-256 of a pack's content."""
    return hashlib.sha256(data).hexdigest()


def _text(data: bytes) -> str:
    if len(data) > MOST_BYTES:
        raise PackError(
            f"the file has {len(data)} bytes, more than {MOST_BYTES}", rule=PACK_RULE, remedy="make two packs of it"
        )
    try:
        text = data.decode().removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        what = ", but UTF-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else ""
        raise PackError(
            f"byte {error.start}: is not UTF-8{what}", rule="files of items are text in UTF-8",
            remedy="save it as UTF-8",
        ) from error  # fmt: skip
    if "\0" in text:
        raise PackError("the file holds U+0000", rule="files of items are text in UTF-8", remedy="save it as UTF-8")
    return text


def _lines(text: str) -> Iterator[tuple[str, Any]]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                yield f"line {number}", json.loads(line, object_pairs_hook=_once)
            except (ValueError, RecursionError) as error:
                why = str(error) if isinstance(error, _TwiceError) else "is no JSON"
                raise PackError(
                    f"line {number}: {why}", rule="RFC 8259, one object a line", remedy="correct the line"
                ) from error


class _TwiceError(ValueError):
    pass


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _TwiceError("names a field twice")
    return found


def _table(text: str) -> Iterator[tuple[str, Any]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
        for name in header:
            if name not in _COLUMNS or header.count(name) > 1:
                raise PackError(
                    f"line 1: the column {name[:40]!r} is unknown or stands twice", rule=PACK_RULE,
                    remedy=f"columns are {', '.join(_COLUMNS)}",
                )  # fmt: skip
        for row in reader:
            if row:
                yield f"line {reader.line_num}", _record(header, row, reader.line_num)
    except csv.Error as error:
        raise PackError(
            f"line {reader.line_num}: is no CSV: {error}", rule="RFC 4180", remedy="correct the line"
        ) from error


def _record(header: Sequence[str], row: Sequence[str], line: int) -> dict[str, Any]:
    if len(row) != len(header):
        raise PackError(
            f"line {line}: has {len(row)} fields, the first line has {len(header)}", rule="RFC 4180",
            remedy="put texts with commas in quotes",
        )  # fmt: skip
    filled = {name: value for name, value in zip(header, row, strict=True) if value}
    return {n: [p.strip() for p in v.split("|")] if n in _LIST else v for n, v in filled.items()}


def _refuse_formulas(item: PackItem, where: str) -> None:
    for field, text in item.texts():
        try:
            _no_formula(text)
        except ValueError as error:
            raise PackError(
                f"{where}: {field}: {error}", rule="what a spreadsheet would run is refused (OWASP, CSV injection)",
                remedy="begin the text with another character",
            ) from error  # fmt: skip


def _checked(records: Iterator[tuple[str, Any]]) -> list[PackItem]:
    found: list[PackItem] = []
    names: dict[str, str] = {}
    asked: dict[tuple[object, ...], str] = {}
    for where, record in records:
        try:
            item = PackItem.model_validate(record)
            _refuse_formulas(item, where)
        except ValidationError as error:
            raise PackError(
                f"{where}: {': '.join(first_words(error))}", rule=PACK_RULE, remedy="correct the line and try again"
            ) from error
        if item.id in names:
            raise PackError(
                f"{where}: the id {item.id} stands in {names[item.id]} already", rule="an item has its own id",
                remedy="give each item another id",
            )  # fmt: skip
        question = (item.system, item.turns, " ".join(item.user.split()))
        if question in asked:
            raise PackError(
                f"{where}: asks what {asked[question]} asks", rule="a question that stands twice counts twice",
                remedy="take one of them out",
            )  # fmt: skip
        names[item.id] = asked[question] = where
        found.append(item)
        if len(found) > MOST_ITEMS:
            raise PackError(
                f"{where}: is item {len(found)}, a pack has at most {MOST_ITEMS}", rule=PACK_RULE,
                remedy="make two packs of it",
            )  # fmt: skip
    return found
