"""Markings as NATO STANAG 4774 confidentiality labels in JSON, both ways.

The element names are those of the XML schema. RESTRICTIVE categories must all be held, PERMISSIVE ones must include the
reader, INFORMATIVE ones grant and deny nothing; so a system that knows only the three types enforces what we enforce.
"""

from collections.abc import Mapping
from typing import Any

from appliance.markings.errors import MarkingError
from appliance.markings.ism import confirmed
from appliance.markings.marking import Marking
from appliance.markings.parts import Parts
from appliance.markings.vocabulary import Vocabulary, default

ROOT = "originatorConfidentialityLabel"
INFORMATION = "ConfidentialityInformation"

RELEASABLE, DISPLAY, OWNER, CUI, FGI, CONCEALED = (
    "Releasable To",
    "Display Only To",
    "Owner",
    "Controlled Unclassified Information",
    "Foreign Government Information",
    "Concealed Foreign Source",
)
# Name of the category: the parts that it fills, and how tokens are written there.
_PARTS = {
    "Special Category": "nonus",
    "Sensitive Compartmented Information": "sci",
    "Special Access Program": "sap",
    "Atomic Energy": "aea",
    "CUI Specified": "cui",
    CUI: "cui",
    "Dissemination Requirement": "dissem",
    "Dissemination": "dissem",
    "Other Requirement": "other",
    "Other Dissemination": "other",
}


def to_stanag4774(marking: Marking, *, created: str = "", originator: str = "") -> dict[str, Any]:
    """The confidentiality label of a marking.

    Args:
        marking: the marking.
        created: date and time of creation (ISO 8601), when known.
        originator: identifier of the originator, when known.
    """
    owners = marking.owner_producer
    joint = len(owners) > 1
    information = {
        "PolicyIdentifier": "JOINT" if joint else owners[0],
        "Classification": marking.vocabulary.level_banner[marking.classification],
        "Category": [
            {"TagName": name, "Type": kind, "GenericValue": list(values)}
            for name, kind, values in _categories(marking, joint=joint)
            if values or (name == RELEASABLE and marking.label.rel is not None)
        ],
    }
    label: dict[str, Any] = {INFORMATION: information}
    if originator:
        label["OriginatorID"] = originator
    if created:
        label["CreationDateTime"] = created
    return {ROOT: label}


def from_stanag4774(document: Mapping[str, Any], vocabulary: Vocabulary | None = None) -> Marking:
    """The marking that a confidentiality label describes.

    Raises:
        MarkingError: an element or a category is unknown (rule ``stanag-4774``), or the marking breaks a rule.
    """
    vocabulary = vocabulary or default()

    def wrong(message: str) -> MarkingError:
        return MarkingError("", (vocabulary.violation("stanag-4774", (0, 0), message),))

    try:
        information = document[ROOT][INFORMATION]
        policy, name = information["PolicyIdentifier"], information["Classification"]
        entries = _entries(document)
    except (KeyError, TypeError, AttributeError) as error:
        raise wrong(f"the element {error} is missing or malformed") from error
    categories = {tag: values for tag, _, values in entries}
    levels = {banner: token for token, banner in vocabulary.level_banner.items()}
    if name not in levels or not isinstance(policy, str):
        raise wrong(f"{name!r} is no classification of {policy!r}")
    known = {*_PARTS, RELEASABLE, DISPLAY, OWNER, FGI, CONCEALED}
    if unknown := sorted(set(categories) - known):
        raise wrong(f"unknown category {unknown[0]}")
    parts = Parts(classification=levels[name], owners=categories.get(OWNER, [policy]))
    for category, attribute in _PARTS.items():
        getattr(parts, attribute).extend(categories.get(category, []))
    parts.fgi, parts.concealed = categories.get(FGI, []), CONCEALED in categories
    parts.display = categories.get(DISPLAY, [])
    if "REL" in parts.dissem:
        parts.rel = categories.get(RELEASABLE, [])
    marking = confirmed(parts, vocabulary, wrong)
    if _entries(to_stanag4774(marking)) != entries:
        raise wrong(f"the categories do not say together what {marking.banner} says")
    return marking


def _entries(document: Mapping[str, Any]) -> list[tuple[str, str, list[str]]]:
    """Name, type and values of every category, sorted.

    Raises:
        KeyError: an element is missing.
        TypeError: an element has another type.
    """
    entries = []
    for entry in document[ROOT][INFORMATION].get("Category", []):
        name, kind, values = entry["TagName"], entry["Type"], entry["GenericValue"]
        if not isinstance(values, list) or not all(isinstance(text, str) for text in (name, kind, *values)):
            raise TypeError("Category")
        entries.append((name, kind, sorted(values)))
    return sorted(entries)


def _categories(marking: Marking, *, joint: bool) -> list[tuple[str, str, tuple[str, ...]]]:
    specified = tuple(name for name in marking.cui_categories if name.startswith("SP-"))
    basic = tuple(name for name in marking.cui_categories if not name.startswith("SP-"))
    dissem, dissem_need = _apart(marking, marking.dissemination_controls)
    other, other_need = _apart(marking, marking.non_ic_markings)
    programmes = tuple(name if name == "HVSACO" else f"SAR-{name}" for name in marking.sar_identifier)
    return [
        (OWNER, "INFORMATIVE", marking.owner_producer if joint else ()),
        ("Special Category", "RESTRICTIVE", marking.non_us_controls),
        ("Sensitive Compartmented Information", "RESTRICTIVE", marking.sci_controls),
        ("Special Access Program", "RESTRICTIVE", programmes),
        ("Atomic Energy", "RESTRICTIVE", marking.atomic_energy_markings),
        ("CUI Specified", "RESTRICTIVE", specified),
        ("Dissemination Requirement", "RESTRICTIVE", dissem_need),
        ("Other Requirement", "RESTRICTIVE", other_need),
        (RELEASABLE, "PERMISSIVE", _released(marking)),
        (DISPLAY, "INFORMATIVE", marking.display_only_to),
        (CUI, "INFORMATIVE", ("CUI", *basic) if marking.cui else ()),
        (FGI, "INFORMATIVE", marking.fgi_source_open),
        (CONCEALED, "INFORMATIVE", ("FGI",) if marking.fgi_source_protected else ()),
        ("Dissemination", "INFORMATIVE", dissem),
        ("Other Dissemination", "INFORMATIVE", other),
    ]


def _apart(marking: Marking, tokens: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Controls that inform, and controls that a reader must hold."""
    need = marking.label.need
    return tuple(token for token in tokens if token not in need), tuple(token for token in tokens if token in need)


def _released(marking: Marking) -> tuple[str, ...]:
    """REL TO as it is written; otherwise the nations to whom the lattice limits it, if it does."""
    return marking.releasable_to or tuple(sorted(marking.label.rel or ()))
