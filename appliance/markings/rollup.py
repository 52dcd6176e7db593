"""Roll-up: the banner that the portions of a document demand, and which portion contributed what.

Unions, intersections and unanimity by category come first; supersession (NOFORN clears REL TO) is a rewrite of the
result, so that the join of labels stays a lattice operation. The label of a document is the join of its portions.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from appliance.markings.errors import MarkingError, Violation
from appliance.markings.label import Label, join
from appliance.markings.marking import HANDLE_VIA_SAP, MULTIPLE, RELEASE, Marking
from appliance.markings.reading.parse import parse
from appliance.markings.reading.parts import Parts
from appliance.markings.reading.rules import programmes
from appliance.markings.reading.words import ACTIVITY, CONCEALED
from appliance.markings.release import Portion, Release, roll_up_release
from appliance.markings.supersession import superseded_atomic, superseded_cui, superseded_other
from appliance.markings.vocabulary import Vocabulary, default


@dataclass(frozen=True, slots=True)
class Contribution:
    """Why the banner has a value, or why it lacks one that a portion has.

    Attributes:
        category: ISM attribute name.
        value: the token, or the list.
        kept: whether the banner has it.
        portions: numbers of the portions that decided it, from 1; none when the compilation alone did.
        rule: identifier of the rule that decided it.
    """

    category: str
    value: str
    kept: bool
    portions: tuple[int, ...]
    rule: str


@dataclass(frozen=True, slots=True)
class Compilation:
    """A decision that the whole is more sensitive than its parts.

    Attributes:
        marking: what the whole demands besides its portions.
        reason: why, as it will stand on the document.
    """

    marking: Marking
    reason: str


@dataclass(frozen=True, slots=True)
class Rollup:
    """The banner of a document.

    Attributes:
        marking: the banner.
        label: what a reader of the whole must hold: the join of all portions; it dominates the banner's label.
        explanation: which portion contributed what.
        advice: what the officer should know although the banner is right.
    """

    marking: Marking
    label: Label
    explanation: tuple[Contribution, ...]
    advice: tuple[Violation, ...]


def rollup(
    portions: Iterable[str | Marking],
    *,
    banner: Marking | None = None,
    compilation: Compilation | None = None,
    vocabulary: Vocabulary | None = None,
) -> Rollup:
    """Roll portions up to the banner of their document.

    Args:
        portions: texts or markings, at least one.
        banner: the banner that the document has; portions such as (S//REL) repeat its lists. Without it they are
            released to nobody.
        compilation: a decision that raises the banner above the portions.
        vocabulary: the words and rules; those of the package when None.

    Raises:
        MarkingError: a portion is no valid marking, there is none, or a compilation states no reason.
    """
    vocabulary = vocabulary or default()
    groups = _group(portions, vocabulary)
    if banner is not None:
        groups = [(marking.within(banner), numbers) for marking, numbers in groups]
    if not groups:
        raise MarkingError("", (vocabulary.violation("text-empty", (0, 0), "a document has at least one portion"),))
    if compilation is not None:
        if not compilation.reason.strip():
            raise MarkingError("", (vocabulary.violation("compilation-reason", (0, 0), "the reason is missing"),))
        groups.append((compilation.marking, ()))
    nation = (vocabulary.nation,)
    owners = _owners(groups, vocabulary)
    release = roll_up_release(groups, vocabulary, owners)
    nowhere = "NF" in release.controls and any(owner == "NATO" or owner.startswith(ACTIVITY) for owner in owners)
    if nowhere or (len(owners) > 1 and not release.releasable_to):
        owners = nation  # NATO has no NOFORN, and JOINT no document without release: it can only be the nation's
    return _Document(groups, vocabulary, owners).roll_up(release)


def _owners(groups: list[Portion], vocabulary: Vocabulary) -> tuple[str, ...]:
    """The owners of the document: those of all portions when they are the same, one nation or JOINT; else the nation.

    Concealed and several foreign sources are marks of portions only (Register 7).
    """
    distinct = {marking.owner_producer for marking, _ in groups}
    owners = distinct.pop() if len(distinct) == 1 else ()
    joint = vocabulary.nation in owners
    return owners if owners != (CONCEALED,) and (len(owners) == 1 or joint) else (vocabulary.nation,)


def _group(portions: Iterable[str | Marking], vocabulary: Vocabulary) -> list[Portion]:
    """Different markings with the numbers of their portions; a text that occurs often is read once."""
    numbers: dict[str | Marking, list[int]] = {}
    for number, portion in enumerate(portions, 1):
        numbers.setdefault(portion, []).append(number)
    return [
        (portion if isinstance(portion, Marking) else parse(portion, vocabulary), tuple(places))
        for portion, places in numbers.items()
    ]


class _Document:
    """One roll-up in progress."""

    def __init__(self, groups: list[Portion], vocabulary: Vocabulary, owners: tuple[str, ...]) -> None:
        self._groups = groups
        self._vocabulary = vocabulary
        self._owners = owners
        self._national = owners == (vocabulary.nation,)
        self._parts = Parts(owners=owners)
        self._explanation: list[Contribution] = []
        self._advice: list[Violation] = []

    def roll_up(self, release: Release) -> Rollup:
        """The banner with this release."""
        self._level()
        self._programmes_and_systems()
        self._foreign_sources()
        self._cui()
        self._dissemination(release)
        marking = self._parts.marking(self._vocabulary)
        label = self._label(marking)
        if label.rel is not None and not label.rel:
            message = "nobody may read the whole: the owners must release their portions to each other"
            self._advise("rollup-rel", message)
        return Rollup(marking, label, tuple(self._explanation), tuple(self._advice))

    def _label(self, banner: Marking) -> Label:
        """The join of the portions, limited as the banner is; MULTIPLE PROGRAMS stands for programmes named there."""
        label = join(*(portion.label for portion, _ in self._groups))
        limits = banner.label
        return join(label, Label(limits.level, frozenset(), limits.rel))

    def _advise(self, rule: str, message: str = "") -> None:
        text = message or self._vocabulary.rules[rule].text
        self._advice.append(self._vocabulary.violation(rule, (0, 0), text))

    @property
    def _classified(self) -> bool:
        return self._parts.classification != "U"

    def _level(self) -> None:
        order = self._vocabulary.level_order
        top = max((marking.classification for marking, _ in self._groups), key=order.__getitem__)
        places = _places(numbers for marking, numbers in self._groups if marking.classification == top)
        self._parts.classification = self._vocabulary.national_level(top) if self._national else top
        self._explain("classification", self._parts.classification, places, "rollup-level")
        if len({marking.owner_producer for marking, _ in self._groups}) > 1:
            others = _places(numbers for marking, numbers in self._groups if not marking.us)
            self._explain("ownerProducer", " ".join(self._owners), others, "rollup-owner")

    def _programmes_and_systems(self) -> None:
        parts = self._parts
        parts.sci = self._union("SCIcontrols", "sci_controls", "rollup-sci")
        parts.aea = self._atomic_energy()
        rule = "rollup-nato" if self._national else "rollup-owner"
        parts.nonus = self._union("nonUSControls", "non_us_controls", rule)
        names = self._union("SARIdentifier", "sar_identifier", "rollup-sap")
        most = self._vocabulary.profile.maximum_programmes
        if 0 < most < len(programmes(names)) or MULTIPLE in names:
            names = [MULTIPLE, *(name for name in names if name == HANDLE_VIA_SAP)]
        parts.sap = [name if name == HANDLE_VIA_SAP else f"SAR-{name}" for name in names]

    def _atomic_energy(self) -> list[str]:
        """RD stands for FRD and TFNI, FRD for TFNI; the SIGMA numbers of all stand under the one that stays."""
        found = {token for marking, _ in self._groups for token in marking.atomic_energy_markings}
        leave = superseded_atomic(found, classified=self._classified)
        kept = self._union("atomicEnergyMarkings", "atomic_energy_markings", "rollup-aea", leave)
        moved = sorted({token.replace("FRD-SG", "RD-SG") for token in leave if token.startswith("FRD-SG")} - {*kept})
        for token in moved:
            self._explain(
                "atomicEnergyMarkings", token, self._with("atomic_energy_markings", f"F{token}"), "rollup-aea"
            )
        return [*kept, *moved]

    def _foreign_sources(self) -> None:
        sources: dict[str, list[int]] = {}
        concealed: list[int] = []
        for marking, numbers in self._groups:
            owners = _sources(marking) if self._national else ()
            for nation in {*marking.fgi_source_open, *owners} - {self._vocabulary.nation, CONCEALED}:
                sources.setdefault(nation, []).extend(numbers)
            if marking.fgi_source_protected or CONCEALED in owners:
                concealed.extend(numbers)
                self._parts.concealed = True
        if self._parts.concealed:
            self._explain("FGIsourceProtected", "FGI", tuple(concealed), "rollup-fgi")
        else:
            self._parts.fgi = sources
        for nation, places in sorted(sources.items()):
            self._explain("FGIsourceOpen", nation, tuple(places), "rollup-fgi", kept=not self._parts.concealed)

    def _cui(self) -> None:
        places = _places(numbers for marking, numbers in self._groups if marking.cui)
        if not any(marking.cui for marking, _ in self._groups):
            return
        if self._classified and not self._vocabulary.profile.cui_in_classified_banner:
            self._explain("compliesWith", "CUI", places, "rollup-cui", kept=False)
            return
        self._explain("compliesWith", "CUI", places, "rollup-cui")
        names = {name for marking, _ in self._groups for name in marking.cui_categories}
        basic = {name: "rollup-cui" for name in names if self._classified and not name.startswith("SP-")}
        self._parts.cui = ["CUI", *self._union("cuiSpecified", "cui_categories", "rollup-cui", basic)]
        if not {"RD", "FRD"}.isdisjoint(self._parts.aea):
            self._advise("rollup-cui-restricted-data")

    def _dissemination(self, release: Release) -> None:
        parts = self._parts
        parts.other = self._other(stated="NF" in release.controls)
        controls = {token for marking, _ in self._groups for token in marking.dissemination_controls}
        leave = dict.fromkeys(RELEASE, "")
        if "OC" in controls:
            leave["OC-USGOV"] = "rollup-controls"
        if self._classified or parts.cui or parts.other or controls - leave.keys() - {"FOUO"}:
            leave["FOUO"] = "rollup-fouo"
        leave |= superseded_cui(controls, cui=bool(parts.cui), classified=self._classified)
        kept = self._union("disseminationControls", "dissemination_controls", "rollup-controls", leave)
        parts.dissem = [*kept, *release.controls]
        parts.rel, parts.display = release.releasable_to, release.display_only_to
        for category, value, stays, places, rule in release.explanation:
            self._explain(category, value, places, rule, kept=stays)
        self._put_right_cui_controls(controls, release)

    def _put_right_cui_controls(self, controls: set[str], release: Release) -> None:
        """DL ONLY stands alone on CUI, the list says the rest; FEDCON and NOCON leave federal employees."""
        parts = self._parts
        if not parts.cui:
            return
        if "DL_ONLY" in controls and not self._classified:
            if release.controls or release.releasable_to or release.display_only_to:
                self._advise("rollup-cui-controls", "the distribution list must respect the release of the portions")
            parts.dissem, parts.rel, parts.display = ["DL_ONLY"], (), ()
        elif {"FEDCON", "NOCON"} <= controls and "FED_ONLY" not in controls:
            parts.dissem.append("FED_ONLY")
            self._explain("disseminationControls", "FED_ONLY", (), "rollup-cui-controls")

    def _other(self, *, stated: bool) -> list[str]:
        """Non-IC controls; SBU NOFORN and LES NOFORN become SBU and LES where NOFORN stands by itself."""
        found = {token for marking, _ in self._groups for token in marking.non_ic_markings}
        leave = superseded_other(found, classified=self._classified, cui=bool(self._parts.cui), stated=stated)
        kept = self._union("nonICmarkings", "non_ic_markings", "rollup-other", leave)
        for plain in ("SBU", "LES"):
            if f"{plain}-NF" in found & leave.keys() and plain not in leave and plain not in kept:
                kept.append(plain)
                self._explain("nonICmarkings", plain, self._with("non_ic_markings", f"{plain}-NF"), "rollup-sbu-les")
        return kept

    def _with(self, attribute: str, token: str) -> tuple[int, ...]:
        """The numbers of the portions that have a token."""
        return _places(numbers for marking, numbers in self._groups if token in getattr(marking, attribute))

    def _union(self, category: str, attribute: str, rule: str, leave: Mapping[str, str] | None = None) -> list[str]:
        """The tokens of one category, explained.

        Args:
            category: ISM attribute name.
            attribute: the same of a marking.
            rule: the rule that unites them.
            leave: tokens that are left out, each with its rule, or with none when another line explains it.
        """
        where: dict[str, list[int]] = {}
        for marking, numbers in self._groups:
            for token in getattr(marking, attribute):
                where.setdefault(token, []).extend(numbers)
        left = leave or {}
        for token, places in where.items():
            if token not in left:
                self._explain(category, token, places, rule)
            elif left[token]:
                self._explain(category, token, places, left[token], kept=False)
        return [token for token in where if token not in left]

    def _explain(self, category: str, value: str, places: Sequence[int], rule: str, *, kept: bool = True) -> None:
        self._explanation.append(Contribution(category, value, kept, tuple(sorted(places)), rule))


def _places(groups: Iterable[tuple[int, ...]]) -> tuple[int, ...]:
    return tuple(number for numbers in groups for number in numbers)


def _sources(marking: Marking) -> tuple[str, ...]:
    """The sources that the owners of a portion are in a document of the nation; NATO and its activity for NATO:KFOR."""
    owners = marking.owner_producer or (CONCEALED,)
    if any(owner.startswith(ACTIVITY) for owner in owners):
        return ("NATO", *(owner.removeprefix(ACTIVITY) for owner in owners))
    return owners
