"""Text of events: what officers read on screens and in terminals has no control or direction characters."""

import math
import re
from typing import Annotated

from pydantic import JsonValue, StringConstraints

from appliance.errors import UNSEEN

_PRINTABLE = f"^[^{UNSEEN}]*$"
_WRONG = re.compile(f"[{UNSEEN}\ud800-\udfff]")

Word = Annotated[str, StringConstraints(min_length=1, max_length=256, pattern=_PRINTABLE)]
Text = Annotated[str, StringConstraints(max_length=4096, pattern=_PRINTABLE)]
Digest = Annotated[str, StringConstraints(max_length=256, pattern=r"^[A-Za-z0-9:+/=_.-]*$")]


def printable(text: str, limit: int = 1024) -> str:
    """Untrusted text made fit to be recorded: unseen characters as ``%xx`` of their UTF-8, cut at ``limit``."""
    seen = text if text.isascii() and text.isprintable() else _WRONG.sub(_percent, text)
    return seen if len(seen) <= limit else seen[: limit - 1] + "…"


def check_plain(value: JsonValue, depth: int = 0) -> None:
    """Refuse unseen characters, deep nesting and numbers that JSON has not anywhere in ``value``.

    Raises:
        ValueError: it has some.
    """
    if depth > 8:
        raise ValueError("more than eight levels deep")
    if isinstance(value, str):
        if re.search(f"[{UNSEEN}]", value):
            raise ValueError("control or direction characters")
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError("a number that JSON has not")
    elif isinstance(value, dict):
        for key, item in value.items():
            check_plain(key, depth + 1)
            check_plain(item, depth + 1)
    elif isinstance(value, list):
        for item in value:
            check_plain(item, depth + 1)


def _percent(match: re.Match[str]) -> str:
    return "".join(f"%{byte:02x}" for byte in match[0].encode(errors="surrogateescape"))
