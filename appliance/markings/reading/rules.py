"""The rules of valid markings: a table in the vocabulary, and code for those that a table cannot say."""

from collections.abc import Callable, Iterable, Iterator

from appliance.markings.errors import Violation
from appliance.markings.marking import HANDLE_VIA_SAP, MULTIPLE, REL, Marking
from appliance.markings.reading.notes import LEVEL, Place
from appliance.markings.vocabulary import Vocabulary

Finding = tuple[str, str]
"""A token whose place is reported, and a suggestion."""

Broken = tuple[str, str, str]
"""Identifier of a rule, the token that breaks it, and a suggestion."""


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


def kept(marking: Marking) -> list[tuple[str, str]]:
    """Every rule that applies to a valid marking, with the token that makes it apply, in the order of the rules."""
    vocabulary = marking.vocabulary
    place = {rule: number for number, rule in enumerate(vocabulary.rules)}
    tokens = _present(marking) & vocabulary.triggers
    found = [(token, rule.id) for token in tokens for rule in vocabulary.triggered[token]]
    return sorted(found, key=lambda entry: (place[entry[1]], entry[0]))


def is_valid(marking: Marking) -> bool:
    """Whether the marking breaks no rule; quicker than ``check``, which tells."""
    vocabulary, present = marking.vocabulary, _present(marking)
    if not present.isdisjoint(vocabulary.barred[marking.classification]):
        return False
    for token in present & vocabulary.guarded:
        _, excludes, requires, checks = vocabulary.guards[token]
        if not present.isdisjoint(excludes):
            return False
        for tokens in requires:
            if present.isdisjoint(tokens):
                return False
        for name in checks:
            if any(_CHECKS[name](marking)):
                return False
    return True


def required(marking: Marking) -> list[str]:
    """The dissemination controls that the systems and compartments of the marking demand: ORCON, NOFORN."""
    vocabulary = marking.vocabulary
    tokens = _present(marking) & vocabulary.guarded
    demanded = {demand for token in tokens for demand in vocabulary.guards[token].requires}
    return [control for control in ("NF", "OC") if frozenset((control,)) in demanded]


def _broken(marking: Marking) -> list[Broken]:
    """Every rule that is broken."""
    present = _present(marking)
    return [broken for token in present & marking.vocabulary.triggers for broken in _broken_by(token, marking, present)]


def _broken_by(token: str, marking: Marking, present: set[str]) -> list[Broken]:
    """Every rule that this token triggers and the marking breaks."""
    broken: list[Broken] = []
    for rule, function, requires, excludes, levels in marking.vocabulary.triggered[token]:
        if function:
            broken += [(rule, place, suggestion) for place, suggestion in _CHECKS[function](marking)]
        elif (
            (levels and marking.classification not in levels)
            or (requires and present.isdisjoint(requires))
            or (excludes and not present.isdisjoint(excludes))
        ):
            broken.append((rule, token, ""))
    return broken


def _present(marking: Marking) -> set[str]:
    """Every token, with the general ones: SCI, SAR, AEA, FGI, CUI, CLASSIFIED; US, NON-US, NATO or JOINT; SI-*."""
    vocabulary, sci, aea = marking.vocabulary, marking.sci_controls, marking.atomic_energy_markings
    present = {
        marking.classification,
        "CLASSIFIED" if marking.classification != "U" else "",
        "US" if marking.us else "JOINT" if marking.joint else "NATO" if marking.nato else "NON-US",
        "SCI" if sci else "",
        "AEA" if aea else "",
        "SAR" if marking.sar_identifier and marking.sar_identifier != (HANDLE_VIA_SAP,) else "",
        "FGI" if marking.fgi_source_open or marking.fgi_source_protected else "",
        "CUI" if marking.cui else "",
        *marking.non_us_controls,
        *sci,
        *aea,
        *marking.dissemination_controls,
        *marking.non_ic_markings,
    }
    for parent in vocabulary.parents.intersection(sci):
        after = sci.index(parent) + 1  # what is below a token follows it
        if after < len(sci) and sci[after].startswith(parent) and sci[after][len(parent)] == "-":
            present.add(vocabulary.below[parent])
    for token in aea:
        if SIGMA in token:
            present.add(f"{token.partition(SIGMA)[0]}-SG-*")
    for token in marking.non_ic_markings:
        if token.startswith(ACCM):
            present.add("ACCM-*")
    return present


ACCM, SIGMA = "ACCM-", "-SG-"
_CATEGORIES = {"SCI": "sci", "SAR": "sap", "AEA": "aea", "FGI": "fgi", "CUI": "cui"}
_OWNERS = {"CLASSIFIED", "US", "NON-US", "NATO", "JOINT"}


def _span(vocabulary: Vocabulary, places: list[Place], token: str) -> tuple[int, int]:
    """Where the token stands; a general one stands where its category begins."""
    wanted = LEVEL if token in _OWNERS else vocabulary.axis.get(_CATEGORIES.get(token, ""))
    below = token.removesuffix("*") if token.endswith("*") else f"{token}-"
    for tokens, axis, start, end in places:
        if token in tokens or axis == wanted or any(other.startswith(below) for other in tokens):
            return start, end
    return (0, 0)


def _release_list(marking: Marking) -> Iterator[Finding]:
    codes, nation = marking.releasable_to, marking.vocabulary.nation
    if REL not in marking.repeats and (codes[:1] != (nation,) or len(codes) < 2):
        yield REL, "" if codes != (nation,) else "NOFORN"


def _programmes(marking: Marking) -> Iterator[Finding]:
    names = programmes(marking.sar_identifier)
    most = marking.vocabulary.profile.maximum_programmes
    if 0 < most < len(names) or (MULTIPLE in names and len(names) > 1):
        yield f"SAR-{names[0]}", f"SAR-{MULTIPLE}"


def programmes(identifiers: Iterable[str]) -> list[str]:
    """The special access programmes themselves, without their compartments and without HVSACO."""
    return [name for name in identifiers if "-" not in name and name != HANDLE_VIA_SAP]


def _national_cui(marking: Marking) -> Iterator[Finding]:
    if marking.vocabulary.nation not in marking.owner_producer:
        yield "CUI", ""


def _joint_release(marking: Marking) -> Iterator[Finding]:
    expand, nations = marking.vocabulary.expand, marking.releasable_to
    if REL not in marking.repeats and not (nations and expand(marking.owner_producer) <= expand(nations)):
        yield "JOINT", ""


def _nato_information(marking: Marking) -> Iterator[Finding]:
    """A control of NATO needs information of NATO: its own marking, FGI NATO, or a source that is concealed."""
    if not (marking.nato or "NATO" in marking.fgi_source_open or marking.fgi_source_protected):
        yield marking.non_us_controls[0], ""


def _privilege(marking: Marking) -> Iterator[Finding]:
    """On a classified banner the basic categories do not stand, so that only CUI alone can be checked."""
    if not marking.classified and "PRIVILEGE" not in marking.cui_categories:
        yield "AC" if "AC" in marking.dissemination_controls else "AWP", ""


def _list_only(marking: Marking) -> Iterator[Finding]:
    """The controls of classified information stay beside DL ONLY; those of CUI do not."""
    if not marking.classified and marking.dissemination_controls != ("DL_ONLY",):
        yield "DL_ONLY", ""


_CHECKS: dict[str, Callable[[Marking], Iterator[Finding]]] = {
    "joint-release": _joint_release,
    "list-only": _list_only,
    "national-cui": _national_cui,
    "nato-information": _nato_information,
    "privilege": _privilege,
    "programmes": _programmes,
    "release-list": _release_list,
}
