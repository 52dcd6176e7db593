"""Roll-up of foreign disclosure and release: NOFORN, REL TO, RELIDO, DISPLAY ONLY."""

from dataclasses import dataclass, field

from appliance.markings.marking import Marking
from appliance.markings.vocabulary import Vocabulary

Portion = tuple[Marking, tuple[int, ...]]
"""A marking and the numbers of the portions that have it."""

_NOFORN = {"NF", "SBU-NF", "LES-NF"}
_RELEASE = _NOFORN | {"REL", "RELIDO", "DISPLAYONLY"}


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
    limits = [portion for portion in groups if portion[0].label.rel is not None]
    noforn = [portion for portion in limits if not _NOFORN.isdisjoint(_controls(portion[0]))]
    if noforn:
        return _noforn(release, groups, noforn, vocabulary)
    if not any(not _RELEASE.isdisjoint(_controls(marking)) for marking, _ in limits):
        return release
    released = _intersection([marking.label.rel or frozenset() for marking, _ in limits])
    if any(marking.releasable_to for marking, _ in limits) and vocabulary.nation in released:
        lists = [frozenset(marking.releasable_to or marking.owner_producer) for marking, _ in limits]
        codes = _compact(released, lists, vocabulary)
        release.releasable_to = codes if len(codes) > 1 else ()
    _explain_list(release, limits, released, vocabulary)
    _display(release, limits, released, vocabulary)
    if all("RELIDO" in marking.dissemination_controls for marking, _ in limits) and not release.display_only_to:
        release.controls.append("RELIDO")
        release.explain("disseminationControls", "RELIDO", True, limits, "rollup-relido")
    elif lost := [portion for portion in limits if "RELIDO" in portion[0].dissemination_controls]:
        release.explain("disseminationControls", "RELIDO", False, lost, "rollup-relido")
    if release.releasable_to or release.display_only_to or release.controls:
        return release
    own = owners != (vocabulary.nation,) and released == vocabulary.expand(owners)
    if not own or any(marking.sci_controls for marking, _ in groups):
        release.controls.append("NF")
        release.explain("disseminationControls", "NF", True, limits, "rollup-rel")
    return release


def _controls(marking: Marking) -> set[str]:
    return {*marking.dissemination_controls, *marking.non_ic_markings}


def _intersection(sets: list[frozenset[str]]) -> frozenset[str]:
    return frozenset.intersection(*sets)


def _noforn(release: Release, groups: list[Portion], noforn: list[Portion], vocabulary: Vocabulary) -> Release:
    """One NOFORN portion decides; SBU NOFORN and LES NOFORN stay what they are where they may stand."""
    explicit = any("NF" in marking.dissemination_controls for marking, _ in noforn)
    sensitive = any("SBU-NF" in marking.non_ic_markings for marking, _ in noforn)
    if explicit or any(marking.classified or (marking.cui and sensitive) for marking, _ in groups):
        release.controls.append("NF")
        release.explain("disseminationControls", "NF", True, noforn, "rollup-noforn")
    for token in ("REL", "RELIDO", "DISPLAYONLY"):
        if lost := [portion for portion in groups if token in portion[0].dissemination_controls]:
            release.explain(
                "disseminationControls", vocabulary.controls[token].banner_text, False, lost, "rollup-noforn"
            )
    return release


def _explain_list(release: Release, limits: list[Portion], released: frozenset[str], vocabulary: Vocabulary) -> None:
    listed = [portion for portion in limits if portion[0].releasable_to]
    if release.releasable_to:
        release.explain("releasableTo", ", ".join(release.releasable_to), True, limits, "rollup-rel")
    lost = vocabulary.expand(tuple(code for marking, _ in listed for code in marking.releasable_to)) - released
    for nation in sorted(lost):
        against = [portion for portion in limits if nation not in (portion[0].label.rel or ())]
        release.explain("releasableTo", nation, False, against, "rollup-rel")


def _display(release: Release, limits: list[Portion], released: frozenset[str], vocabulary: Vocabulary) -> None:
    """DISPLAY ONLY: the nations to whom every portion is released or displayed, without those of REL TO."""
    if not any(marking.display_only_to for marking, _ in limits):
        return
    shown = _intersection(
        [(marking.label.rel or frozenset()) | vocabulary.expand(marking.display_only_to) for marking, _ in limits]
    )
    lists = [frozenset((*marking.releasable_to, *marking.display_only_to)) for marking, _ in limits]
    release.display_only_to = _compact(shown - released - {vocabulary.nation}, lists, vocabulary)
    if release.display_only_to:
        release.explain("displayOnlyTo", ", ".join(release.display_only_to), True, limits, "rollup-display-only")
    else:
        lost = [portion for portion in limits if portion[0].display_only_to]
        release.explain("displayOnlyTo", "DISPLAY ONLY", False, lost, "rollup-display-only")


def _compact(nations: frozenset[str], lists: list[frozenset[str]], vocabulary: Vocabulary) -> tuple[str, ...]:
    """The nations as a list that keeps a group when every portion names it and all of its members remain."""
    groups = {code for code in _intersection(lists) if code in vocabulary.groups and vocabulary.groups[code] <= nations}
    covered = vocabulary.expand(tuple(groups)) - {vocabulary.nation}
    return vocabulary.ordered_nations((nations - covered) | groups, first=True)
