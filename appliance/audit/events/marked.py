"""Texts and colours of encoded labels, for pages and archives about records of many labels."""

from collections.abc import Iterable

from appliance.markings import Label, MarkingError, banner_colours, join, marking_of
from appliance.markings.vocabulary import Vocabulary


def marking_text(label: Label, vocabulary: Vocabulary | None = None) -> str:
    """The banner of a label, by the site's vocabulary; the encoded label itself where there are no words for it."""
    try:
        return marking_of(label, vocabulary).banner
    except MarkingError:
        return label.encode()


def joined(labels: Iterable[str]) -> Label:
    """The join of encoded labels: what a page with all of them is marked with."""
    return join(*(Label.decode(label) for label in set(labels)))


def colours(label: Label) -> tuple[str, str]:
    """Background and text colour of the banner of ``label``."""
    try:
        return banner_colours(marking_of(label))
    except MarkingError:
        return level_colours(label.level)


def level_colours(level: str) -> tuple[str, str]:
    """Background and text colour of a level without controls."""
    release = None if level == "U" else frozenset({"USA"})
    return banner_colours(marking_of(Label(level=level, need=frozenset(), rel=release)))
