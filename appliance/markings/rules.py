"""The rules of valid markings: a table in the vocabulary, and code for those that a table cannot say."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from appliance.markings.errors import Violation
from appliance.markings.marking import HANDLE_VIA_SAP, MULTIPLE, Marking
from appliance.markings.reader import Value
from appliance.markings.vocabulary import Vocabulary

if TYPE_CHECKING:
    from appliance.markings.schema import RuleData

Finding = tuple[str, str]
"""A token whose place is reported, and a suggestion."""

MAXIMUM_PROGRAMMES = 4


def check(marking: Marking, values: list[Value]) -> list[Violation]:
    """Every rule that the marking breaks.

    Args:
        marking: a marking that the grammar allows.
        values: its tokens with their places in the text; may be empty, then spans cover nothing.
    """
    vocabulary = marking.vocabulary
    present = _present(marking)
    violations = [
        vocabulary.violation(rule.id, _span(values, token), rule.text)
        for token in present
        for rule in vocabulary.triggered.get(token, ())
        if _breaks(rule, marking, present)
    ]
    for name, function in _CHECKS.items():
        violations.extend(
            vocabulary.violation(name, _span(values, token), vocabulary.rules[name].text, suggestion)
            for token, suggestion in function(marking, vocabulary)
        )
    return sorted(set(violations), key=lambda violation: (violation.span, violation.rule))


def _breaks(rule: "RuleData", marking: Marking, present: set[str]) -> bool:
    return bool(
        (rule.requires and present.isdisjoint(rule.requires))
        or (rule.excludes and not present.isdisjoint(rule.excludes))
        or (rule.levels and marking.classification not in rule.levels)
        or (rule.owners and not set(marking.owner_producer) <= set(rule.owners))
    )


def _present(marking: Marking) -> set[str]:
    """Every token, with the general ones: SCI, SAR, AEA, FGI, CUI, US, NON-US, NATO, JOINT, CLASSIFIED."""
    present = {
        marking.classification,
        *marking.non_us_controls,
        *marking.sci_controls,
        *marking.atomic_energy_markings,
        *marking.dissemination_controls,
        *marking.non_ic_markings,
    }
    owners = marking.owner_producer
    present.add("US" if marking.us else "JOINT" if marking.joint else "NATO" if owners == ("NATO",) else "NON-US")
    if marking.classified:
        present.add("CLASSIFIED")
    if marking.sci_controls:
        present.add("SCI")
    if marking.sar_identifier:
        present.add("SAR")
    if marking.atomic_energy_markings:
        present.add("AEA")
    if marking.foreign:
        present.add("FGI")
    if marking.cui:
        present.add("CUI")
    return present


def _span(values: list[Value], token: str) -> tuple[int, int]:
    for value in values:
        if value.token == token or value.token.startswith(f"{token}-"):
            return value.start, value.end
    return (0, values[-1].end) if values else (0, 0)


def _release_list(marking: Marking, vocabulary: Vocabulary) -> Iterator[Finding]:
    codes = marking.releasable_to
    if codes and (codes[0] != vocabulary.nation or len(codes) < 2):
        others = [code for code in codes if code != vocabulary.nation]
        yield "REL", f"REL TO {', '.join((vocabulary.nation, *others))}" if others else "NOFORN"


def _programmes(marking: Marking, _: Vocabulary) -> Iterator[Finding]:
    names = [name for name in marking.sar_identifier if name != HANDLE_VIA_SAP]
    if len(names) > MAXIMUM_PROGRAMMES or (MULTIPLE in names and len(names) > 1):
        yield f"SAR-{names[0]}", f"SAR-{MULTIPLE}"


def _unclassified_cui(marking: Marking, _: Vocabulary) -> Iterator[Finding]:
    if marking.cui and not marking.classified and not marking.us:
        yield "CUI", ""


def _joint_restricted(marking: Marking, vocabulary: Vocabulary) -> Iterator[Finding]:
    if marking.joint and marking.classification == "R" and vocabulary.nation in marking.owner_producer:
        yield "R", "JOINT CONFIDENTIAL"


_CHECKS: dict[str, Callable[[Marking, Vocabulary], Iterator[Finding]]] = {
    "rel-to-list": _release_list,
    "sap-multiple": _programmes,
    "cui-owner": _unclassified_cui,
    "joint-restricted": _joint_restricted,
}
