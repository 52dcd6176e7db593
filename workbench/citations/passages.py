"""A marked document as passages: each paragraph with its portion mark, or with the document's banner for want of one.

A banner may stand in a head, a foot, a box, a title, a header of e-mail or the file name, and marked text in a note, a
comment or what was deleted. All of it is read, and what contradicts the banner holds the document back.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from appliance.errors import ApplianceError
from appliance.markings import Label, Marking, MarkingError, Restriction, controlled, dominates, join, parse
from appliance.markings.documents import Content
from appliance.markings.formats.conventions import looks_like_marking
from appliance.markings.formats.scan import Scan, scan
from appliance.markings.reading.parse import examine
from appliance.markings.rollup import rollup
from appliance.markings.vocabulary import Vocabulary

LONGEST_TITLE = 200
HIDDEN = "hidden"
"""The part of a paragraph that does not show when the document is read."""

_INNER = re.compile(r"(?<!\w)(?<!copyright )\(([^()]{1,400})\)", re.IGNORECASE)


class AboveError(ApplianceError):
    """Something in the document is marked above the enclave. Its text is not repeated."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A paragraph that can be quoted.

    Attributes:
        number: its place in the order of the document, from 1.
        text: without its portion mark.
        place: where it stands, for people.
        part: body, margin, subject, header or hidden.
        marking: its own, or that of the document.
        inherited: whether it has no mark of its own and so takes the document's.
        several: whether marks of other portions stand inside it, so that it has the roll-up of all.
    """

    number: int
    text: str
    place: str
    part: str
    marking: Marking
    inherited: bool
    several: bool = False


@dataclass(frozen=True, slots=True)
class Marked:
    """A document as it was read.

    Attributes:
        title: the first heading or subject, or the file's name.
        marking: of the whole.
        passages: in order.
        conflicts: why it must be held back; none when it may be found.
        remarks: what a reader should know of its markings, although it may be found.
        unread: what nobody looked at: pictures, embedded files.
    """

    title: str
    marking: Marking
    passages: tuple[Passage, ...]
    conflicts: tuple[str, ...]
    remarks: tuple[str, ...]
    unread: tuple[str, ...]


def read(
    content: Content, name: str, *, declared: str = "", enclave: Label, vocabulary: Vocabulary, title: str = ""
) -> Marked:
    """Read the markings of a document, paragraph by paragraph.

    Args:
        content: its paragraphs.
        name: its file name, which may begin with a marking.
        declared: the banner that the uploader states; needed where the document has none.
        enclave: the label of the enclave that takes it.
        vocabulary: the words and rules by which the site reads markings.
        title: what the uploader calls it.

    Raises:
        AboveError: a marking in it, or the join of all, is above the enclave.
        ApplianceError: it has no marking and none was declared, what was declared is none, or it holds no text.
    """
    found = scan(content, vocabulary=vocabulary, name=name)
    stated = _declared(declared, vocabulary)
    own = next((one.marking for one in found.banners if one.marking and not one.violations), None)
    banner = stated or own
    if banner is None:
        raise ApplianceError(
            "the document has no banner that can be read, and none was declared",
            rule="unmarked is an error, never UNCLASSIFIED",
            remedy="state its marking beside the file, or mark the document",
        )
    passages = tuple(_passages(content, banner, vocabulary))
    if not passages:
        raise ApplianceError("no text was found in the document", remedy="a picture of text is not read here")
    _within(enclave, [banner.label, *_demands(content, found, banner, vocabulary)])
    conflicts = tuple(_conflicts(content, found, banner, own, vocabulary))
    return Marked(
        title=(title or _title(passages) or name)[:LONGEST_TITLE],
        marking=banner,
        passages=passages,
        conflicts=conflicts,
        remarks=tuple(_remarks(found, passages, own)),
        unread=found.unread,
    )


def restriction_of(marking: Marking, groups: frozenset[str]) -> Restriction:
    """What limits the readers of what is marked so and belongs to these need-to-know groups."""
    return Restriction(marking.label, groups, controlled(marking.obligations))


def _declared(text: str, vocabulary: Vocabulary) -> Marking | None:
    if not text.strip():
        return None
    try:
        return parse(text.strip(), vocabulary)
    except MarkingError as error:
        raise ApplianceError(
            f"declared marking: {error}", rule="a declared marking is a valid one", remedy=error.suggestion
        ) from error


def _passages(content: Content, banner: Marking, vocabulary: Vocabulary) -> Iterator[Passage]:
    """Every paragraph that is no banner line, with its marking."""
    number = 0
    for paragraph in content.paragraphs:
        alone = scan(Content([paragraph]), vocabulary=vocabulary)
        if alone.banners:
            continue
        portion = next(iter(alone.portions), None)
        inner = [one for one in _inner(paragraph.text, vocabulary) if not portion or one != portion.text]
        text, own = paragraph.text, banner
        if portion is not None:
            text = "".join(paragraph.text.partition(portion.text)[::2]).strip()
            own = _known(portion.text, banner, vocabulary)
        if text:
            number += 1
            every = [own, *(_known(one, banner, vocabulary) for one in inner)]
            marking = rollup(every, banner=banner, vocabulary=vocabulary).marking if inner and portion else own
            several = bool(inner and portion)
            yield Passage(number, text, paragraph.place, paragraph.part, marking, portion is None, several)


def _inner(text: str, vocabulary: Vocabulary) -> list[str]:
    """What has the form of a portion mark in a paragraph, wherever it stands: it may be no mark, but never lowers."""
    return [match[0] for match in _INNER.finditer(text) if looks_like_marking(match[1], vocabulary)]


def _known(mark: str, banner: Marking, vocabulary: Vocabulary) -> Marking:
    """The marking of a portion mark; that of the document where it cannot be read."""
    marking, violations = examine(mark, vocabulary)
    return marking.within(banner) if marking is not None and not violations else banner


def _demands(content: Content, found: Scan, banner: Marking, vocabulary: Vocabulary) -> Iterator[Label]:
    """What every marking asks of a reader: one that breaks a rule may still be above the enclave."""
    inner = (mark for paragraph in content.paragraphs for mark in _inner(paragraph.text, vocabulary))
    read = [(one.marking, bool(one.violations)) for one in (*found.banners, *found.portions)]
    read += [(marking, bool(wrong)) for marking, wrong in (examine(mark, vocabulary) for mark in set(inner))]
    for marking, wrong in read:
        if marking is not None:
            label = marking.within(banner).label
            yield replace(label, rel=None) if wrong else label


def _within(enclave: Label, labels: list[Label]) -> None:
    """Refuse what is above the enclave, without saying where or how."""
    if not dominates(enclave, join(*labels)):
        raise AboveError(
            "a marking in this document is above this enclave",
            rule="a document belongs into the enclave of its marking (docs/officer.md)",
            remedy="tell your security officer: it has been on a screen and a disk of this level",
        )


def _conflicts(
    content: Content, found: Scan, banner: Marking, own: Marking | None, vocabulary: Vocabulary
) -> Iterator[str]:
    """What in the document contradicts its banner or cannot be read."""
    if own is not None and banner is not own and not dominates(banner.label, own.label):
        yield f"declared {banner.banner}, which is less than the document's own banner, {own.banner}"
    for one in (*found.banners, *found.portions):
        if one.violations:
            yield f"{one.place}: {one.text} is no valid marking: {one.violations[0].message}"
        elif one.marking is not None and not dominates(banner.label, one.marking.within(banner).label):
            yield f"{one.place}: {one.text} asks for more than the banner, {banner.banner}"
    marks = {portion.text for portion in found.portions}
    for paragraph in content.paragraphs:
        for mark in _inner(paragraph.text, vocabulary):
            if mark not in marks and not dominates(banner.label, _known(mark, banner, vocabulary).label):
                yield f"{paragraph.place}: {mark} inside the text asks for more than the banner, {banner.banner}"


def _remarks(found: Scan, passages: tuple[Passage, ...], own: Marking | None) -> Iterator[str]:
    if own is None:
        yield "the document has no banner of its own: the uploader declared it"
    if inherited := sum(passage.inherited for passage in passages):
        yield f"{inherited} of {len(passages)} paragraphs have no mark of their own and take the document's"
    if hidden := sum(passage.part == HIDDEN for passage in passages):
        yield f"{hidden} paragraphs do not show when the document is read: deleted, hidden or commented text"
    if several := sum(passage.several for passage in passages):
        yield f"{several} paragraphs have marks inside them and take the roll-up of all"
    for violation in found.violations:
        yield f"the banner and the portions differ: {violation.message}"
    if found.unread:
        yield f"{len(found.unread)} parts were not read: {', '.join(found.unread[:5])}"


def _title(passages: tuple[Passage, ...]) -> str:
    subjects = [passage for passage in passages if passage.part == "subject"]
    return next((passage.text for passage in (*subjects, *passages) if len(passage.text) <= LONGEST_TITLE), "")
