"""Markings as NATO STANAG 4774 confidentiality labels in JSON, both ways.

The element names are those of the XML schema. RESTRICTIVE categories must all be held, PERMISSIVE ones must include the
reader, INFORMATIVE ones grant and deny nothing; so a system that knows only the three types enforces what we enforce.
"""

from collections.abc import Callable, Mapping
from typing import Any

from appliance.markings.errors import MarkingError
from appliance.markings.formats.ism import confirmed
from appliance.markings.formats.stanag4774_foreign import Entry, entries_of, foreign_parts
from appliance.markings.marking import Marking
from appliance.markings.reading.parts import Parts
from appliance.markings.reading.words import ACTIVITY
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
_OURS = {"JOINT", "FGI"}
_DEPTH = 16
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
    marking = marking.known if marking.repeats else marking
    owners = marking.owner_producer
    several = len(owners) > 1
    information = {
        "PolicyIdentifier": owners[0] if not several else "JOINT" if marking.joint else "FGI",
        "Classification": marking.vocabulary.level_banner[marking.classification],
        "Category": [
            {"TagName": name, "Type": kind, "GenericValue": list(values)}
            for name, kind, values in _categories(marking, several=several)
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
    """The marking that a confidentiality label describes, ours or that of another producer.

    Args:
        document: the label as JSON, with or without its root element.
        vocabulary: the words; those of the package when None.

    Raises:
        MarkingError: an element or a category is unknown or contradicts another (rule ``stanag-4774``), or the marking
            breaks a rule.
    """
    vocabulary = vocabulary or default()

    def wrong(message: str) -> MarkingError:
        return MarkingError("", (vocabulary.violation("stanag-4774", (0, 0), message),))

    try:
        information = _information(document)
        policy, name = _text(information["PolicyIdentifier"]), _text(information["Classification"])
        entries = entries_of(information)
    except (KeyError, TypeError, AttributeError) as error:
        raise wrong(f"the element {error} is missing or malformed") from error
    if unknown := sorted(set(information) - {"PolicyIdentifier", "Classification", "Category"}):
        raise wrong(f"unknown element {unknown[0]}")
    if len({tag for tag, _, _ in entries}) != len(entries):
        raise wrong("a category stands twice")
    if not _is_ours(policy, entries):
        return confirmed(foreign_parts(policy, name, entries, vocabulary, wrong), vocabulary, wrong)
    marking = confirmed(_our_parts(policy, name, entries, vocabulary, wrong), vocabulary, wrong)
    if entries_of(_information(to_stanag4774(marking))) != entries:
        raise wrong(f"the categories do not say together what {marking.banner} says")
    return marking


def _information(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """The ConfidentialityInformation, wherever the label begins.

    Raises:
        KeyError: there is none.
        TypeError: it is no object.
    """
    document = without_namespaces(document)
    for name in (ROOT, ROOT[0].upper() + ROOT[1:]):
        if name in document:
            document = document[name]
            break
    information = document[INFORMATION]
    if not isinstance(information, Mapping):
        raise TypeError(INFORMATION)
    return information


def without_namespaces(value: Any, depth: int = _DEPTH) -> Any:
    """JSON as converters make it of XML, without the prefixes of names and without declarations of namespaces.

    Raises:
        KeyError: two names differ by their prefix only.
        TypeError: it is deeper than a label is.
    """
    if depth == 0:
        raise TypeError("depth")
    if isinstance(value, list):
        return [without_namespaces(entry, depth - 1) for entry in value]
    if not isinstance(value, Mapping):
        return value
    found: dict[str, Any] = {}
    for key, entry in value.items():
        if str(key).startswith(("@xmlns", "xmlns")):
            continue
        mark, name = ("@", str(key)[1:]) if str(key).startswith("@") else ("", str(key))
        name = mark + name.rpartition(":")[2]
        if name in found:
            raise KeyError(name)
        found[name] = without_namespaces(entry, depth - 1)
    return found


def _text(value: object) -> str:
    """The text of an element, which may have attributes beside it (#text, as converters of XML write it).

    Raises:
        TypeError: it is no text.
    """
    text = value.get("#text") if isinstance(value, Mapping) else value
    if not isinstance(text, str):
        raise TypeError(str(value))
    return text


def _is_ours(policy: str, entries: list[Entry]) -> bool:
    """Whether this library wrote the label: it has our categories, or the policy of several owners."""
    ours = {*_PARTS, DISPLAY, OWNER, FGI, CONCEALED} - {"Special Category"}
    return policy in _OURS or policy.startswith(ACTIVITY) or any(tag in ours for tag, _, _ in entries)


def _our_parts(
    policy: str, name: str, entries: list[Entry], vocabulary: Vocabulary, wrong: Callable[[str], MarkingError]
) -> Parts:
    categories = {tag: values for tag, _, values in entries}
    levels = {banner: token for token, banner in vocabulary.level_banner.items()}
    if name not in levels:
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
    return parts


def _categories(marking: Marking, *, several: bool) -> list[tuple[str, str, tuple[str, ...]]]:
    specified = tuple(name for name in marking.cui_categories if name.startswith("SP-"))
    basic = tuple(name for name in marking.cui_categories if not name.startswith("SP-"))
    dissem, dissem_need = _apart(marking, marking.dissemination_controls)
    other, other_need = _apart(marking, marking.non_ic_markings)
    programmes = tuple(name if name == "HVSACO" else f"SAR-{name}" for name in marking.sar_identifier)
    return [
        (OWNER, "INFORMATIVE", marking.owner_producer if several else ()),
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
