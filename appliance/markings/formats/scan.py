"""Scanning a document: every banner and portion in it, the roll-up, and every paragraph that is not marked."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from appliance.markings.documents import Content, Paragraph, paragraphs_of
from appliance.markings.errors import MarkingError, Violation
from appliance.markings.formats.conventions import from_file_name, from_headers, from_subject, looks_like_marking
from appliance.markings.label import dominates
from appliance.markings.marking import Marking
from appliance.markings.reading.parse import examine
from appliance.markings.rollup import Rollup, rollup
from appliance.markings.verify import verify
from appliance.markings.vocabulary import Vocabulary, default

# A portion mark, after the sign of a list, a number or a heading.
_PORTION = re.compile(
    r"(?:(?:[#>|*+\u2022\u25aa\u25e6\u2013\u2014-]+|\d+(?:\.\d+)*[.)]?|[A-Za-z][.)])\s+)*"
    r"\((?P<mark>[^()]{1,400})\)",
    re.DOTALL,
)
_AUTHORITY = re.compile(
    r"(?:derivatively\s+)?(?:classified by|derived from|declassify on|downgrade to|reason|controlled by"
    r"|cui categor(?:y|ies)|distribution/dissemination control|ldc|poc|sources?)\s*:",
    re.IGNORECASE,
)
"""Lines of the classification authority block and of the CUI designation indicator, which have no portion mark."""


@dataclass(frozen=True, slots=True)
class Found:
    """A marking in the document.

    Attributes:
        text: as it stands there.
        place: where.
        marking: what it says; None when it cannot be read.
        violations: the rules that it breaks.
    """

    text: str
    place: str
    marking: Marking | None
    violations: tuple[Violation, ...]


@dataclass(frozen=True, slots=True)
class Scan:
    """What a document says about its markings.

    Attributes:
        banners: banner lines, those of heads and feet of pages and those of headers and the file name.
        portions: portion marks.
        unmarked: paragraphs without a portion mark.
        unread: what was not looked at.
        result: the roll-up of the portions, when there are any and all are valid.
        violations: what is wrong with the banners beside the portions.
    """

    banners: tuple[Found, ...]
    portions: tuple[Found, ...]
    unmarked: tuple[Paragraph, ...]
    unread: tuple[str, ...]
    result: Rollup | None
    violations: tuple[Violation, ...]

    @property
    def valid(self) -> bool:
        """Whether every marking is valid, every paragraph marked, and every banner what the portions demand."""
        wrong = any(found.violations for found in (*self.banners, *self.portions))
        return not (wrong or self.unmarked or self.violations or not self.banners)


def scan_file(path: Path, *, kind: str = "", vocabulary: Vocabulary | None = None) -> Scan:
    """Scan a file; see ``scan``.

    Raises:
        DocumentError: the document cannot be read.
        OSError: the file cannot be opened.
    """
    vocabulary = vocabulary or default()
    return scan(paragraphs_of(path, kind), vocabulary=vocabulary, name=path.name)


def scan(content: Content, *, vocabulary: Vocabulary | None = None, name: str = "") -> Scan:
    """Find the markings of a document, roll its portions up and compare.

    Args:
        content: its paragraphs.
        vocabulary: the words and rules; those of the package when None.
        name: its file name, which may begin with a marking.
    """
    vocabulary = vocabulary or default()
    banners: list[Found] = []
    portions: list[Found] = []
    unmarked: list[Paragraph] = []
    for paragraph in content.paragraphs:
        _sort(paragraph, vocabulary, banners, portions, unmarked)
    banners += _named(name, "file name", from_file_name, vocabulary)
    if not portions and banners and all(_plain(found) for found in banners):
        unmarked = []  # CAPCO C.1: a document that is UNCLASSIFIED without controls needs no portion marks
    given = next((found.marking for found in banners if found.marking and not found.violations), None)
    result, violations = _compare(given, portions, banners, vocabulary)
    return Scan(tuple(banners), tuple(portions), tuple(unmarked), tuple(content.unread), result, tuple(violations))


def _sort(
    paragraph: Paragraph,
    vocabulary: Vocabulary,
    banners: list[Found],
    portions: list[Found],
    unmarked: list[Paragraph],
) -> None:
    """Put one paragraph among banners, portions or unmarked paragraphs."""
    text, place = paragraph.text, paragraph.place
    if paragraph.part == "header":
        banners += _checked(text, place, vocabulary)
        return
    if (mark := _PORTION.match(text)) and looks_like_marking(mark["mark"], vocabulary):
        portions.append(_found(f"({mark['mark']})", place, vocabulary))
    elif looks_like_marking(text, vocabulary) or _looks_damaged(text, vocabulary):
        banners.append(_found(text, place, vocabulary))
    elif paragraph.part == "subject":
        banners += _named(text, place, from_subject, vocabulary) if text else []
    elif paragraph.part == "body" and not _AUTHORITY.match(text) and re.search(r"[^\W\d_]", text):
        unmarked.append(paragraph)


def _found(text: str, place: str, vocabulary: Vocabulary) -> Found:
    marking, violations = examine(text, vocabulary)
    return Found(text, place, marking, tuple(violations))


def _looks_damaged(text: str, vocabulary: Vocabulary) -> bool:
    """Whether a line is a banner but for case or spacing: secret//noforn, SECRET // NOFORN."""
    if "//" not in text or len(text) > 200:
        return False
    return looks_like_marking(re.sub(r"\s*//\s*", "//", text.strip()).upper(), vocabulary)


def _checked(text: str, place: str, vocabulary: Vocabulary) -> list[Found]:
    """The marking of a header of e-mail."""
    try:
        ((_, marking),) = from_headers([("X-Classification", text)], vocabulary)
    except MarkingError as error:
        return [Found(text, place, None, error.violations)]
    return [Found(text, place, marking, ())]


def _named(
    text: str, place: str, read: Callable[[str, Vocabulary], Marking | None], vocabulary: Vocabulary
) -> list[Found]:
    """The marking that a file name or a subject begins with, or what is wrong with it."""
    try:
        marking = read(text, vocabulary)
    except MarkingError as error:
        return [Found(text, place, None, error.violations)]
    return [Found(text, place, marking, ())] if marking is not None else []


def _plain(found: Found) -> bool:
    return found.marking is not None and not found.violations and found.marking.banner == "UNCLASSIFIED"


def _compare(
    given: Marking | None, portions: list[Found], banners: Iterable[Found], vocabulary: Vocabulary
) -> tuple[Rollup | None, list[Violation]]:
    """The roll-up, and what the first banner and the others have wrong beside it."""
    violations: list[Violation] = []
    if given is not None:
        for found in banners:
            if found.marking and not found.violations and not dominates(given.label, found.marking.label):
                message = f"{found.place}: {found.text} asks for more than the first banner, {given.banner}"
                violations.append(vocabulary.violation("rollup-level", (0, len(found.text)), message))
    markings = [found.marking for found in portions if found.marking and not found.violations]
    if not markings or len(markings) < len(portions):
        return None, violations
    result = rollup(markings, banner=given, vocabulary=vocabulary)
    if given is not None:
        violations += verify(given, markings, vocabulary=vocabulary)
    return result, violations
