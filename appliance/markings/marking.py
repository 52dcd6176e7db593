"""A marking: its parts under the names of IC-ISM, its canonical texts, and the label it reduces to."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from appliance.markings.label import RANK, Label
from appliance.markings.reading.words import ACTIVITY, BANNER, PORTION
from appliance.markings.vocabulary import Vocabulary

MULTIPLE = "MULTIPLE PROGRAMS"
HANDLE_VIA_SAP = "HVSACO"
JOINT, REL = "JOINT", "REL"
RELEASE = frozenset(("NF", "REL", "RELIDO", "DISPLAYONLY"))
"""The controls that state a foreign disclosure or release."""


@dataclass(frozen=True, slots=True)
class Marking:
    """A valid classification marking. The fields are the attributes of IC-ISM; lists are complete and in CVE order.

    Attributes:
        classification: level token of the vocabulary: U, R, C, S or TS.
        vocabulary: what it was read with.
        owner_producer: owners; several with the nation among them are JOINT, several without it are the sources of
            foreign information; FGI when the source is concealed, NATO:KFOR for an activity of NATO.
        cui: whether it contains controlled unclassified information.
        cui_categories: CUI categories, specified ones with SP-.
        non_us_controls: ATOMAL, BALK, BOHEMIA.
        sci_controls: prefix-closed tokens: SI-G-ABCD is accompanied by SI-G and SI.
        sar_identifier: special access programmes, prefix-closed: BP-J12-J54 is accompanied by BP-J12 and BP.
        atomic_energy_markings: closed tokens: RD-CNWDI is accompanied by RD.
        fgi_source_open: nations whose information it contains.
        fgi_source_protected: whether it contains information of a concealed foreign source.
        dissemination_controls: tokens, among them REL and DISPLAYONLY when there are such lists.
        releasable_to: nations and groups of REL TO.
        display_only_to: nations and groups of DISPLAY ONLY.
        non_ic_markings: tokens; ACCM nicknames as ACCM-<nickname>.
        repeats: what a portion takes from the banner of its document: REL (the nations of REL TO) and JOINT (the
            owners). ``within`` fills it in; until then the marking belongs to the nation alone.
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
    repeats: tuple[str, ...] = ()

    @property
    def banner(self) -> str:
        """Canonical banner text; of a portion that repeats a banner which is not known, NOFORN instead."""
        return self.known.banner if self.repeats else self._text(BANNER)

    @property
    def portion(self) -> str:
        """Canonical portion text, without parentheses."""
        return self._text(PORTION)

    @property
    def joint(self) -> bool:
        """Whether the nation and others produced it together."""
        owners = self.owner_producer
        return (len(owners) > 1 and self.vocabulary.nation in owners) or JOINT in self.repeats

    @property
    def nato(self) -> bool:
        """Whether NATO, or one of its activities, owns it."""
        return all(owner == "NATO" or owner.startswith(ACTIVITY) for owner in self.owner_producer or ("",))

    @property
    def known(self) -> "Marking":
        """What is known without the banner that it repeats: the nation's own, released to nobody."""
        kept = tuple(token for token in self.dissemination_controls if token not in RELEASE)
        return replace(
            self,
            owner_producer=self.owner_producer or (self.vocabulary.nation,),
            fgi_source_open=() if JOINT in self.repeats else self.fgi_source_open,
            fgi_source_protected=self.fgi_source_protected or JOINT in self.repeats,
            dissemination_controls=tuple(sorted((*kept, "NF"), key=self._place)),
            releasable_to=(),
            display_only_to=(),
            repeats=(),
        )

    def within(self, banner: "Marking") -> "Marking":
        """The portion in a document with this banner: what it repeats is filled in, where the banner has it."""
        owners, nations = self.owner_producer, self.releasable_to
        left = []
        if JOINT in self.repeats and banner.joint and banner.owner_producer:
            owners = banner.owner_producer
        elif JOINT in self.repeats:
            left.append(JOINT)
        if REL in self.repeats and banner.releasable_to:
            nations = banner.releasable_to
        elif REL in self.repeats:
            left.append(REL)
        return (
            replace(self, owner_producer=owners, releasable_to=nations, repeats=tuple(left)) if self.repeats else self
        )

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

    def _place(self, token: str) -> tuple[int, str]:
        return self.vocabulary.dissemination_key(token, cui=self.cui and not self.classified and self.us)

    def _controls(self) -> tuple[str, ...]:
        return (*self.dissemination_controls, *self.non_ic_markings)

    def _effect(self, token: str) -> str:
        return self.vocabulary.control(token).effect

    def _releasable(self) -> frozenset[str] | None:
        if self.releasable_to:
            return self.vocabulary.expand(self.releasable_to)
        controls = self._controls()
        if REL in self.repeats or any(token in controls for token in ("NF", "SBU-NF", "LES-NF")):
            return frozenset((self.vocabulary.nation,))
        if self.classified or any(self._effect(token) == "release" for token in controls):
            return self.vocabulary.owner_nations(self.owner_producer)
        return None

    def _text(self, form: int) -> str:
        sap, aea = [*self._sap()], [*self._atomic(form)]
        apart = ""
        if self.us:
            for token in self.non_us_controls:
                (aea if self.vocabulary.beside[token] == self.vocabulary.axis["aea"] else sap).append(token)
        else:
            apart = "/".join(self.non_us_controls)
        segments = [
            *self._level_segments(form),
            apart,
            "/".join(_systems(self.sci_controls)),
            "/".join(sap),
            "/".join(aea),
            " ".join(("FGI", *self.fgi_source_open)) if self.fgi_source_open or self.fgi_source_protected else "",
            self._cui() if self.classified or not self.us else "",
            "/".join(self._dissemination(form)),
            "/".join(self._other(form)),
        ]
        text = "//".join([segment for segment in segments if segment])
        return text if self.us else f"//{text}"

    def _level_segments(self, form: int) -> Iterator[str]:
        vocabulary, owners = self.vocabulary, self.owner_producer
        level = self.classification if form == PORTION else vocabulary.level_banner[self.classification]
        if self.joint:
            yield " ".join((JOINT, level, *owners))
        elif owners == ("NATO",):
            nato = vocabulary.nato[self.classification]
            yield nato.portion if form == PORTION else nato.banner
        elif len(owners) == 1 and owners[0].startswith(ACTIVITY):
            code = owners[0].removeprefix(ACTIVITY)
            portion = f"N{vocabulary.activities[code] or code}{level}"
            yield portion if form == PORTION else f"NATO {code} {level}"
        elif not self.us:
            yield " ".join((*owners, level))
        elif self.cui and not self.classified:
            yield self._cui()
        else:
            yield level

    def _cui(self) -> str:
        if not self.cui:
            return ""
        return f"CUI//{'/'.join(self.cui_categories)}" if self.cui_categories else "CUI"

    def _sap(self) -> Iterator[str]:
        programmes = "/".join(_systems(name for name in self.sar_identifier if name != HANDLE_VIA_SAP))
        if programmes:
            yield f"SAR-{programmes}"
        if HANDLE_VIA_SAP in self.sar_identifier:
            yield HANDLE_VIA_SAP

    def _atomic(self, form: int) -> Iterator[str]:
        texts, tokens = self.vocabulary.texts, self.atomic_energy_markings
        numbered = ""
        for token in tokens:
            system, sigma, _ = token.partition("-SG-")
            if sigma and system != numbered:
                numbered = system
                numbers = [other.rpartition("-")[2] for other in tokens if other.startswith(f"{system}-SG-")]
                yield " ".join((texts[f"{system}-SG"][form], *numbers))
            elif not sigma and not any(other.startswith(f"{token}-") for other in tokens):
                yield texts[token][form]

    def _dissemination(self, form: int) -> Iterator[str]:
        texts = self.vocabulary.texts
        lists = {"REL": self.releasable_to, "DISPLAYONLY": self.display_only_to}
        for token in self.dissemination_controls:
            if token not in lists:
                yield texts[token][form]
            elif lists[token]:
                yield f"{texts[token][form]} {', '.join(lists[token])}"
            else:
                yield token

    def _other(self, form: int) -> Iterator[str]:
        nicknames = [token.removeprefix("ACCM-") for token in self.non_ic_markings if token.startswith("ACCM-")]
        for token in self.non_ic_markings:
            if not token.startswith("ACCM-"):
                yield self.vocabulary.texts[token][form]
            elif nicknames:
                yield "ACCM-" + "/".join(nicknames)
                nicknames = []


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
