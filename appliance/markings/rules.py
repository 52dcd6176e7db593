"""The rules of valid markings: a table in the vocabulary, and code for those that a table cannot say."""

from collections.abc import Callable, Iterator

from appliance.markings.errors import Violation
from appliance.markings.marking import HANDLE_VIA_SAP, MULTIPLE, Marking
from appliance.markings.notes import LEVEL, Place
from appliance.markings.vocabulary import Vocabulary

Finding = tuple[str, str]
"""A token whose place is reported, and a suggestion."""

Broken = tuple[str, str, str]
"""Identifier of a rule, the token that breaks it, and a suggestion."""

MAXIMUM_PROGRAMMES = 4


def check(marking: Marking, places: list[Place]) -> list[Violation]:
    """Every rule that the marking breaks.

    Args:
        marking: a marking that the grammar allows.
        places: its tokens with their places in the text; may be empty, then spans cover nothing.
    """
    vocabulary = marking.vocabulary
    return [
        vocabulary.violation(rule, _span(vocabulary, places, token), vocabulary.rules[rule].text, suggestion)
        for rule, token, suggestion in _broken(marking)
    ]


def is_valid(marking: Marking) -> bool:
    """Whether the marking breaks no rule; quicker than ``check``, which tells."""
    guards, classification = marking.vocabulary.guards, marking.classification
    present = _present(marking)
    for token in present & marking.vocabulary.triggers:
        levels, excludes, requires, single = guards[token]
        if classification not in levels or not present.isdisjoint(excludes):
            return False
        for tokens in requires:
            if present.isdisjoint(tokens):
                return False
        if single and _broken_by(token, marking, present):
            return False
    return True


def _broken(marking: Marking) -> list[Broken]:
    """Every rule that is broken."""
    present = _present(marking)
    return [broken for token in present & marking.vocabulary.triggers for broken in _broken_by(token, marking, present)]


def _broken_by(token: str, marking: Marking, present: set[str]) -> list[Broken]:
    """Every rule that this token triggers and the marking breaks."""
    broken: list[Broken] = []
    for rule, function, requires, excludes, levels, owners in marking.vocabulary.triggered[token]:
        if function:
            broken += [(rule, place, suggestion) for place, suggestion in _CHECKS[function](marking)]
        elif (
            (levels and marking.classification not in levels)
            or (requires and present.isdisjoint(requires))
            or (excludes and not present.isdisjoint(excludes))
            or (owners and not owners.issuperset(marking.owner_producer))
        ):
            broken.append((rule, token, ""))
    return broken


def _present(marking: Marking) -> set[str]:
    """Every token, with the general ones: SCI, SAR, AEA, FGI, CUI, CLASSIFIED; US, NON-US, NATO or JOINT."""
    sci, aea, owners = marking.sci_controls, marking.atomic_energy_markings, marking.owner_producer
    present = {
        marking.classification,
        "CLASSIFIED" if marking.classification != "U" else "",
        "US" if marking.us else "JOINT" if len(owners) > 1 else "NATO" if owners == ("NATO",) else "NON-US",
        "SCI" if sci else "",
        "AEA" if aea else "",
        "FGI" if marking.fgi_source_open or marking.fgi_source_protected else "",
        "CUI" if marking.cui else "",
        *marking.non_us_controls,
        *sci,
        *aea,
        *marking.dissemination_controls,
        *marking.non_ic_markings,
    }
    if marking.sar_identifier and marking.sar_identifier != (HANDLE_VIA_SAP,):
        present.add("SAR")
    return present


_CATEGORIES = {"SCI": "sci", "SAR": "sap", "AEA": "aea", "FGI": "fgi", "CUI": "cui"}
_OWNERS = {"CLASSIFIED", "US", "NON-US", "NATO", "JOINT"}


def _span(vocabulary: Vocabulary, places: list[Place], token: str) -> tuple[int, int]:
    """Where the token stands; a general one stands where its category begins."""
    wanted = LEVEL if token in _OWNERS else vocabulary.axis.get(_CATEGORIES.get(token, ""))
    for tokens, axis, start, end in places:
        if token in tokens or axis == wanted or tokens[0].startswith(f"{token}-"):
            return start, end
    return (0, 0)


def _release_list(marking: Marking) -> Iterator[Finding]:
    codes, nation = marking.releasable_to, marking.vocabulary.nation
    if codes[:1] != (nation,) or len(codes) < 2:
        others = [code for code in codes if code != nation]
        yield "REL", f"REL TO {', '.join((nation, *others))}" if others else "NOFORN"


def _programmes(marking: Marking) -> Iterator[Finding]:
    names = [name for name in marking.sar_identifier if name != HANDLE_VIA_SAP]
    if len(names) > MAXIMUM_PROGRAMMES or (MULTIPLE in names and len(names) > 1):
        yield f"SAR-{names[0]}", f"SAR-{MULTIPLE}"


def _national_cui(marking: Marking) -> Iterator[Finding]:
    if marking.vocabulary.nation not in marking.owner_producer:
        yield "CUI", ""


def _joint_restricted(marking: Marking) -> Iterator[Finding]:
    if marking.classification == "R" and marking.vocabulary.nation in marking.owner_producer:
        yield "R", "JOINT CONFIDENTIAL"


_CHECKS: dict[str, Callable[[Marking], Iterator[Finding]]] = {
    "joint-restricted": _joint_restricted,
    "national-cui": _national_cui,
    "programmes": _programmes,
    "release-list": _release_list,
}
