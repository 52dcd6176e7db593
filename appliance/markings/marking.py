"""A marking: its parts under the names of IC-ISM, its canonical texts, and the label it reduces to."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from appliance.markings.label import RANK, Label
from appliance.markings.vocabulary import BANNER, PORTION, Vocabulary

MULTIPLE = "MULTIPLE PROGRAMS"
HANDLE_VIA_SAP = "HVSACO"


@dataclass(frozen=True, slots=True)
class Marking:
    """A valid classification marking. The fields are the attributes of IC-ISM; lists are complete and in CVE order.

    Attributes:
        classification: level token of the vocabulary: U, R, C, S or TS.
        vocabulary: what it was read with.
        owner_producer: owners; more than one in a JOINT marking.
        cui: whether it contains controlled unclassified information.
        cui_categories: CUI categories, specified ones with SP-.
        non_us_controls: ATOMAL, BALK, BOHEMIA.
        sci_controls: prefix-closed tokens: SI-G-ABCD is accompanied by SI-G and SI.
        sar_identifier: names of special access programmes.
        atomic_energy_markings: closed tokens: RD-CNWDI is accompanied by RD.
        fgi_source_open: nations whose information it contains.
        fgi_source_protected: whether it contains information of a concealed foreign source.
        dissemination_controls: tokens, among them REL and DISPLAYONLY when there are such lists.
        releasable_to: nations and groups of REL TO.
        display_only_to: nations and groups of DISPLAY ONLY.
        non_ic_markings: tokens; ACCM nicknames as ACCM-<nickname>.
    """

    classification: str
    vocabulary: Vocabulary = field(compare=False, repr=False)
    owner_producer: tuple[str, ...] = ("USA",)
    cui: bool = False
    cui_categories: tuple[str, ...] = ()
    non_us_controls: tuple[str, ...] = ()
    sci_controls: tuple[str, ...] = ()
    sar_identifier: tuple[str, ...] = ()
    atomic_energy_markings: tuple[str, ...] = ()
    fgi_source_open: tuple[str, ...] = ()
    fgi_source_protected: bool = False
    dissemination_controls: tuple[str, ...] = ()
    releasable_to: tuple[str, ...] = ()
    display_only_to: tuple[str, ...] = ()
    non_ic_markings: tuple[str, ...] = ()

    @property
    def banner(self) -> str:
        """Canonical banner text."""
        return self._text(BANNER)

    @property
    def portion(self) -> str:
        """Canonical portion text, without parentheses."""
        return self._text(PORTION)

    @property
    def joint(self) -> bool:
        """Whether several owners produced it together."""
        return len(self.owner_producer) > 1

    @property
    def us(self) -> bool:
        """Whether it is a marking of the nation itself, which begins with the bare level."""
        return self.owner_producer == (self.vocabulary.nation,)

    @property
    def classified(self) -> bool:
        """Whether the level is above UNCLASSIFIED."""
        return self.classification != "U"

    @property
    def foreign(self) -> bool:
        """Whether it contains foreign government information."""
        return bool(self.fgi_source_open) or self.fgi_source_protected

    @property
    def obligations(self) -> tuple[str, ...]:
        """Tokens that a policy engine must enforce because they are no part of the lattice (ORCON, FED ONLY ...)."""
        return tuple(token for token in self._controls() if self._effect(token) == "obligation")

    @property
    def label(self) -> Label:
        """What a reader must hold."""
        vocabulary = self.vocabulary
        level = vocabulary.level_label[self.classification]
        if self.cui and level == "U":
            level = "CUI"
        need = {*self.non_us_controls, *self.sci_controls}
        need.update(name if name == HANDLE_VIA_SAP else f"SAR-{name}" for name in self.sar_identifier)
        need.update(category for category in self.cui_categories if category.startswith("SP-"))
        for token in (*self.atomic_energy_markings, *self._controls()):
            control = vocabulary.control(token)
            if control.effect == "need":
                need.add(token)
            if RANK[control.label] > RANK[level]:
                level = control.label
        return Label(level, frozenset(need), self._releasable())

    def _controls(self) -> tuple[str, ...]:
        return (*self.dissemination_controls, *self.non_ic_markings)

    def _effect(self, token: str) -> str:
        return self.vocabulary.control(token).effect

    def _releasable(self) -> frozenset[str] | None:
        if self.releasable_to:
            return self.vocabulary.expand(self.releasable_to)
        controls = self._controls()
        if any(token in controls for token in ("NF", "SBU-NF", "LES-NF")):
            return frozenset((self.vocabulary.nation,))
        if self.classified or any(self._effect(token) == "release" for token in controls):
            return self.vocabulary.expand(self.owner_producer)
        return None

    def _text(self, form: int) -> str:
        segments = list(self._level_segments(form))
        parts = {
            "nonus": "/".join(self.non_us_controls),
            "sci": "/".join(_systems(self.sci_controls)),
            "sap": self._sap(),
            "aea": "/".join(self._atomic(form)),
            "fgi": " ".join(("FGI", *self.fgi_source_open))
            if self.fgi_source_open or self.fgi_source_protected
            else "",
            "cui": self._cui() if self.classified or not self.us else "",
            "dissem": "/".join(self._dissemination(form)),
            "other": "/".join(self._other(form)),
        }
        segments += [parts[axis] for axis in self.vocabulary.axes if parts[axis]]
        return "//".join(segments)

    def _level_segments(self, form: int) -> Iterator[str]:
        vocabulary = self.vocabulary
        level = self.classification if form == PORTION else vocabulary.level_banner[self.classification]
        if self.joint:
            yield ""
            yield " ".join(("JOINT", level, *self.owner_producer))
        elif self.owner_producer == ("NATO",):
            yield ""
            nato = vocabulary.nato[self.classification]
            yield nato.portion if form == PORTION else nato.banner
        elif not self.us:
            yield ""
            yield f"{self.owner_producer[0]} {level}"
        elif self.cui and not self.classified:
            yield self._cui()
        else:
            yield level

    def _cui(self) -> str:
        if not self.cui:
            return ""
        return f"CUI//{'/'.join(self.cui_categories)}" if self.cui_categories else "CUI"

    def _sap(self) -> str:
        names = [name for name in self.sar_identifier if name != HANDLE_VIA_SAP]
        values = ["SAR-" + "/".join(names)] if names else []
        return "/".join(values + [HANDLE_VIA_SAP] * (HANDLE_VIA_SAP in self.sar_identifier))

    def _atomic(self, form: int) -> Iterator[str]:
        controls, tokens = self.vocabulary.controls, self.atomic_energy_markings
        numbered = ""
        for token in tokens:
            system, sigma, _ = token.partition("-SG-")
            if sigma and system != numbered:
                numbered = system
                control = controls[f"{system}-SG"]
                numbers = [other.rpartition("-")[2] for other in tokens if other.startswith(f"{system}-SG-")]
                yield " ".join((_word(control.banner_text, control.portion_text, form), *numbers))
            elif not sigma and not any(other.startswith(f"{token}-") for other in tokens):
                yield _word(controls[token].banner_text, controls[token].portion_text, form)

    def _dissemination(self, form: int) -> Iterator[str]:
        lists = {"REL": self.releasable_to, "DISPLAYONLY": self.display_only_to}
        for token in self.dissemination_controls:
            control = self.vocabulary.controls[token]
            word = _word(control.banner_text, control.portion_text, form)
            yield f"{word} {', '.join(lists[token])}" if control.list else word

    def _other(self, form: int) -> Iterator[str]:
        nicknames = [token.removeprefix("ACCM-") for token in self.non_ic_markings if token.startswith("ACCM-")]
        for token in self.non_ic_markings:
            if not token.startswith("ACCM-"):
                control = self.vocabulary.controls[token]
                yield _word(control.banner_text, control.portion_text, form)
            elif nicknames:
                yield "ACCM-" + "/".join(nicknames)
                nicknames = []


def _word(banner: str, portion: str, form: int) -> str:
    return portion if form == PORTION else banner


def _systems(tokens: Iterable[str]) -> Iterator[str]:
    """The systems with their compartments: ("SI", "SI-G", "SI-G-ABCD", "TK") is SI-G ABCD and TK."""
    text = ""
    for token in tokens:
        depth = token.count("-")
        if depth == 0:
            if text:
                yield text
            text = token
        else:
            text += ("-" if depth == 1 else " ") + token.rpartition("-")[2]
    if text:
        yield text
