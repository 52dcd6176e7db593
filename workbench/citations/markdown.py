"""A product as Markdown (CommonMark), its banner first and last."""

import re
from collections.abc import Iterator

from .layout import Block, Laid

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|!~&])")


def write(laid: Laid) -> bytes:
    """The file."""
    lines = [laid.banner, "", *_lines(laid), laid.banner, ""]
    return "\n".join(lines).encode()


def _lines(laid: Laid) -> Iterator[str]:
    for block in laid.blocks:
        mark = f"({block.portion}) " if block.portion else ""
        words = f"{mark}{escaped(block.text)}"
        if block.style == "title":
            yield f"# {words}"
        elif block.style == "heading":
            yield f"## {words}"
        elif block.style == "table":
            yield from _table(block, words)
        else:
            yield words
            if block.note:
                yield ""
                yield f"> {escaped(block.note)}"
        yield ""


def _table(block: Block, words: str) -> Iterator[str]:
    yield words
    yield ""
    head, *rows = (tuple(map(escaped, row)) for row in block.rows)
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    yield from (f"| {' | '.join(row)} |" for row in rows)


def escaped(text: str) -> str:
    """Text in one line of which Markdown reads nothing as its own."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))
