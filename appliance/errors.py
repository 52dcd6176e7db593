"""The one error that reaches a person: what is wrong, by which rule, and what to do."""

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import ValidationError

UNSEEN = "\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb"
"""Characters that a terminal obeys or hides, as the inside of a class of a regular expression."""
_OBEYED = re.compile(f"(?![\n\t])[{UNSEEN}\ud800-\udfff]")


def visible(text: str) -> str:
    """Text of others, for example the name of a file on a medium, made fit for a terminal.

    What a terminal would obey or hide, and bytes that are no text, stand as ``%xx`` of their UTF-8.
    """
    if text.isascii() and text.isprintable():
        return text
    return _OBEYED.sub(lambda one: "".join(f"%{byte:02x}" for byte in one[0].encode(errors="surrogateescape")), text)


class ApplianceError(Exception):
    """A refusal that names the file or field, the rule with its source, and the remedy.

    Attributes:
        status: the command's exit status.

    Args:
        message: what is wrong, naming the file or field.
        rule: the rule that refuses it and where the rule is written.
        remedy: what the reader can do now.
    """

    status = 1

    def __init__(self, message: str, *, rule: str = "", remedy: str = "") -> None:
        self.message = visible(message)
        self.rule = rule
        self.remedy = visible(remedy)
        super().__init__(self.message)

    def as_dict(self) -> dict[str, str]:
        """The refusal as JSON for ``--json`` output."""
        return {"error": self.message, "rule": self.rule, "remedy": self.remedy}


PLAIN = {
    "missing": "is missing",
    "extra_forbidden": "is not a field that it may have",
    "model_type": "should be fields with values",
    "model_attributes_type": "should be fields with values",
    "dict_type": "should be fields with values",
    "list_type": "should be a list",
    "tuple_type": "should be a list",
    "frozen_set_type": "should be a list",
    "string_type": "should be text",
    "int_type": "should be a whole number",
}
"""What pydantic finds, in the words of people who write YAML."""


def first_words(error: "ValidationError") -> tuple[str, str]:
    """The first field that is wrong, and why, for people who wrote the document by hand."""
    first = error.errors(include_url=False, include_input=False)[0]
    field = ".".join(str(part)[:64] for part in first["loc"]) or "the document"
    return field, PLAIN.get(first["type"], first["msg"].removeprefix("Value error, "))


def first_finding(error: "ValidationError") -> str:
    """The first field that is wrong and why, without repeating what was given: ``enclaves.0.name: ...``."""
    first = error.errors(include_url=False, include_input=False)[0]
    field = ".".join(str(part)[:64] for part in first["loc"]) or "the document"
    return f"{field}: {first['msg'].removeprefix('Value error, ')}"
