"""The few forms of Markdown that the generated pages use, and what the tests read out of a page."""

import re
import textwrap
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
DOCS = REPOSITORY / "docs"
_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table; cells may have any text."""
    head = list(head)
    lines = [head, ["---"] * len(head), *([cell(text) for text in row] for row in rows)]
    return "\n".join(f"|{'|'.join(f' {text} ' if text else ' ' for text in line)}|" for line in lines)


def cell(text: str) -> str:
    """A text for a cell of a table: one line, without what would end the cell."""
    return prose(" ".join(text.split())).replace("|", "\\|")


def prose(text: str) -> str:
    """A text of the code as Markdown: reStructuredText's quotes become Markdown's, and ``<name>`` stays visible."""
    parts = re.split(r"(`[^`]*`)", text.replace("``", "`"))
    return "".join(part if part.startswith("`") else part.replace("<", "&lt;") for part in parts)


def code(text: str) -> str:
    """Something to type or read literally; nothing stays nothing."""
    return f"`{text}`" if text else ""


def fences(page: str) -> Iterator[tuple[str, str]]:
    """Language and content of each fenced block, those in lists too."""
    for match in _FENCE.finditer(page):
        yield match.group(2), textwrap.dedent(match.group(3))


def unfenced(page: str) -> str:
    """The page without its fenced blocks."""
    return _FENCE.sub("", page)


def links(page: str) -> list[str]:
    """Targets of all links and pictures."""
    return _LINK.findall(re.sub(r"`[^`\n]*`", "", unfenced(page)))


def spans(page: str) -> list[str]:
    """What stands in backticks, in one line each."""
    return [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", unfenced(page))]


def anchors(page: str) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    seen: Counter[str] = Counter()
    found = set()
    for heading in _HEADING.findall(unfenced(page)):
        name = anchor(heading)
        found.add(f"{name}-{seen[name]}" if seen[name] else name)
        seen[name] += 1
    return found


def anchor(heading: str) -> str:
    """The anchor of one heading: lower case, without punctuation, a dash for each space."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
    kept = (c for c in text.lower() if c in " -_" or unicodedata.category(c)[0] in "LN")
    return "".join(kept).strip().replace(" ", "-")
