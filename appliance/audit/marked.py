"""Texts and colours of encoded labels, for pages and archives about records of many labels."""

from collections.abc import Iterable

from appliance.markings import Label, MarkingError, banner_colours, join, parse

LEVELS = {"U": "UNCLASSIFIED", "CUI": "CUI", "C": "CONFIDENTIAL", "S": "SECRET", "TS": "TOP SECRET"}


def marking_text(label: Label) -> str:
    """A marking written from a label: level, controls and release. Obligations are no part of a label."""
    nations = sorted(label.rel or (), key=lambda code: (code != "USA", code))
    need = "//" + "/".join(sorted(label.need)) if label.need else ""
    rel = ("//NOFORN" if nations == ["USA"] else "//REL TO " + ", ".join(nations)) if nations else ""
    return f"{LEVELS[label.level]}{need}{rel}"


def joined(labels: Iterable[str]) -> Label:
    """The join of encoded labels: what a page with all of them is marked with."""
    return join(*(Label.decode(label) for label in set(labels)))


def colours(label: Label) -> tuple[str, str]:
    """Background and text colour of the banner of ``label``."""
    try:
        return banner_colours(parse(marking_text(label)))
    except MarkingError:
        return banner_colours(parse(LEVELS[label.level]))
