"""Roll-up of foreign disclosure and release: NOFORN, REL TO, RELIDO, DISPLAY ONLY (CAPCO D.2, Table 3)."""

from dataclasses import dataclass, field

from appliance.markings.marking import RELEASE, Marking
from appliance.markings.vocabulary import Vocabulary

Portion = tuple[Marking, tuple[int, ...]]
"""A marking and the numbers of the portions that have it."""

SENSITIVE = frozenset(("SBU-NF", "LES-NF"))
_NOFORN = SENSITIVE | {"NF"}
_STATED = RELEASE | SENSITIVE
_CAVEATED = frozenset(("DCNI", "UCNI", "DSEN"))


@dataclass(slots=True)
class Release:
    """What the banner says about release.

    Attributes:
        controls: NF or RELIDO, if any.
        releasable_to: the list of REL TO.
        display_only_to: the list of DISPLAY ONLY.
        explanation: ISM attribute, value, whether the banner has it, numbers of portions, rule.
    """

    controls: list[str] = field(default_factory=list)
    releasable_to: tuple[str, ...] = ()
    display_only_to: tuple[str, ...] = ()
    explanation: list[tuple[str, str, bool, tuple[int, ...], str]] = field(default_factory=list)

    def explain(self, category: str, value: str, kept: bool, limits: list[Portion], rule: str) -> None:
        """Add one line of explanation."""
        places = tuple(number for _, numbers in limits for number in numbers)
        self.explanation.append((category, value, kept, places, rule))


def roll_up_release(groups: list[Portion], vocabulary: Vocabulary, owners: tuple[str, ...]) -> Release:
    """The release of the whole.

    Args:
        groups: different markings with the numbers of their portions.
        vocabulary: the words.
        owners: owners of the document.
    """
    release = Release()
    noforn = [portion for portion in groups if not _NOFORN.isdisjoint(_controls(portion[0]))]
    if noforn:
        return _noforn(release, groups, noforn, vocabulary)
    if not any(not RELEASE.isdisjoint(_controls(marking)) for marking, _ in groups):
        return release
    if caveated := [portion for portion in groups if _is_caveated(portion[0])]:
        rule = "rollup-ucni" if any(_is_ucni(marking) for marking, _ in caveated) else "rollup-caveated"
        return _noforn(release, groups, caveated, vocabulary, rule)
    limits = [portion for portion in groups if _limit(portion[0], vocabulary) is not None]
    released = _intersection([_limit(marking, vocabulary) or frozenset() for marking, _ in limits])
    if any(marking.releasable_to for marking, _ in limits) and vocabulary.nation in released:
        codes = _codes(limits, vocabulary, displayed=False)
        release.releasable_to = codes if len(codes) > 1 else ()
    _explain_list(release, limits, released, vocabulary)
    _display(release, limits, vocabulary)
    relido = [portion for portion in limits if _is_relido(portion[0])]
    if len(relido) == len(limits) and not release.display_only_to:
        release.controls.append("RELIDO")
        release.explain("disseminationControls", "RELIDO", True, limits, "rollup-relido")
    elif lost := [portion for portion in relido if "RELIDO" in portion[0].dissemination_controls]:
        release.explain("disseminationControls", "RELIDO", False, lost, "rollup-relido")
    if release.releasable_to or release.display_only_to or release.controls:
        return release
    own = owners != (vocabulary.nation,) and released == vocabulary.owner_nations(owners)
    if not own or any(marking.sci_controls for marking, _ in groups):
        release.controls.append("NF")
        release.explain("disseminationControls", "NF", True, limits, "rollup-rel")
    return release


def _is_ucni(marking: Marking) -> bool:
    return not {"DCNI", "UCNI"}.isdisjoint(marking.atomic_energy_markings)


def _is_caveated(marking: Marking) -> bool:
    """Whether it counts as NOFORN because it is caveated and states no release: UCNI, DSEN and non-IC controls."""
    stated = not _STATED.isdisjoint(_controls(marking))
    controls = _controls(marking) | {*marking.atomic_energy_markings}
    return not marking.classified and not stated and bool(marking.non_ic_markings or not _CAVEATED.isdisjoint(controls))


def _is_relido(marking: Marking) -> bool:
    return "RELIDO" in marking.dissemination_controls or _counts_as_relido(marking)


def _counts_as_relido(marking: Marking) -> bool:
    controls = _controls(marking)
    return not marking.classified and "FISA" in controls and _STATED.isdisjoint(controls)


def _limit(marking: Marking, vocabulary: Vocabulary) -> frozenset[str] | None:
    """The nations to whom a portion is released; None when it says nothing about the whole."""
    return frozenset((vocabulary.nation,)) if _counts_as_relido(marking) else marking.label.rel


def _controls(marking: Marking) -> set[str]:
    return {*marking.dissemination_controls, *marking.non_ic_markings}


def _intersection(sets: list[frozenset[str]]) -> frozenset[str]:
    return frozenset.intersection(*sets)


def _noforn(
    release: Release, groups: list[Portion], noforn: list[Portion], vocabulary: Vocabulary, rule: str = "rollup-noforn"
) -> Release:
    """One NOFORN portion decides; SBU NOFORN and LES NOFORN stay what they are where nothing else states a release."""
    stated = any(not RELEASE.isdisjoint(_controls(marking)) for marking, _ in groups)
    sensitive = any("SBU-NF" in marking.non_ic_markings for marking, _ in noforn)
    if stated or any(marking.classified or (marking.cui and sensitive) for marking, _ in groups):
        release.controls.append("NF")
        release.explain("disseminationControls", "NF", True, noforn, rule)
    for token in ("REL", "RELIDO", "DISPLAYONLY"):
        if lost := [portion for portion in groups if token in portion[0].dissemination_controls]:
            release.explain("disseminationControls", vocabulary.controls[token].banner_text, False, lost, rule)
    return release


def _explain_list(release: Release, limits: list[Portion], released: frozenset[str], vocabulary: Vocabulary) -> None:
    listed = [portion for portion in limits if portion[0].releasable_to]
    if release.releasable_to:
        release.explain("releasableTo", ", ".join(release.releasable_to), True, limits, "rollup-rel")
    kept = vocabulary.expand(release.releasable_to) if release.releasable_to else frozenset((vocabulary.nation,))
    lost = vocabulary.expand(code for marking, _ in listed for code in marking.releasable_to) - (released & kept)
    for nation in sorted(lost):
        against = [portion for portion in limits if nation not in (_limit(portion[0], vocabulary) or ())]
        release.explain("releasableTo", nation, False, against or listed, "rollup-rel")


def _display(release: Release, limits: list[Portion], vocabulary: Vocabulary) -> None:
    """DISPLAY ONLY: the nations to whom every portion is released or displayed, without those of REL TO."""
    if not any(marking.display_only_to for marking, _ in limits):
        return
    shown = _codes(limits, vocabulary, displayed=True)
    covered = {*release.releasable_to, *vocabulary.expand(release.releasable_to), vocabulary.nation}
    release.display_only_to = vocabulary.ordered_nations({*shown} - covered, first=True)
    if release.display_only_to:
        release.explain("displayOnlyTo", ", ".join(release.display_only_to), True, limits, "rollup-display-only")
    else:
        lost = [portion for portion in limits if portion[0].display_only_to]
        release.explain("displayOnlyTo", "DISPLAY ONLY", False, lost, "rollup-display-only")


def _codes(limits: list[Portion], vocabulary: Vocabulary, *, displayed: bool) -> tuple[str, ...]:
    """The codes that every portion names, in itself or through a group that roll-up may expand.

    A nation that stands in one list and in a group of another that may not be expanded is left out.
    """
    lists = [
        (*(marking.releasable_to or _owner_codes(marking)), *(marking.display_only_to if displayed else ()))
        for marking, _ in limits
    ]
    common = vocabulary.common(lists)
    covered = vocabulary.expand(code for code in common if code in vocabulary.expands) - {vocabulary.nation}
    return vocabulary.ordered_nations(common - covered, first=True)


def _owner_codes(marking: Marking) -> tuple[str, ...]:
    """To whom a portion without a list is released: its single owner, as the code of a list; else the nation alone."""
    owners = marking.owner_producer
    if len(owners) != 1 or marking.us or not RELEASE.isdisjoint(marking.dissemination_controls) or ":" in owners[0]:
        return (marking.vocabulary.nation,)
    return owners if owners[0] in marking.vocabulary.rank else (marking.vocabulary.nation,)
