"""The tokens of a marking in any order, and the marking that they make: closed, sorted, without repetition."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from appliance.markings.marking import HANDLE_VIA_SAP, Marking
from appliance.markings.vocabulary import Vocabulary


@dataclass(slots=True)
class Parts:
    """Tokens by category, as they are found.

    Attributes:
        classification: level token.
        owners: owners.
        nonus: controls of NATO.
        sci: systems and compartments.
        sap: programme names.
        aea: atomic energy tokens.
        cui: "CUI" and its categories.
        dissem: dissemination controls; REL and DISPLAYONLY follow from the lists.
        other: non-IC controls.
        fgi: nations of foreign government information.
        concealed: whether a foreign source is concealed; it hides the open ones.
        rel: nations and groups of REL TO.
        display: nations and groups of DISPLAY ONLY.
    """

    classification: str = "U"
    owners: Iterable[str] = ()
    nonus: list[str] = field(default_factory=list)
    sci: list[str] = field(default_factory=list)
    sap: list[str] = field(default_factory=list)
    aea: list[str] = field(default_factory=list)
    cui: list[str] = field(default_factory=list)
    dissem: list[str] = field(default_factory=list)
    other: list[str] = field(default_factory=list)
    fgi: Iterable[str] = ()
    concealed: bool = False
    rel: Iterable[str] = ()
    display: Iterable[str] = ()

    def note(self, axis: str, token: str) -> None:
        """Add a token to the category of this name."""
        if axis == "sap":
            self.sap.append(token.removeprefix("SAR-"))
        elif axis != "fgi":
            getattr(self, axis).append(token)

    def marking(self, vocabulary: Vocabulary) -> Marking:
        """The marking of these tokens; whether it is a valid one is for the rules to say."""
        dissem = {*self.dissem} - {"REL", "DISPLAYONLY"}
        if self.rel:
            dissem.add("REL")
        if self.display:
            dissem.add("DISPLAYONLY")
        return Marking(
            classification=self.classification,
            vocabulary=vocabulary,
            owner_producer=_nations(vocabulary, self.owners, first=False),
            cui=bool(self.cui),
            cui_categories=tuple(sorted({*self.cui} - {"CUI"}, key=lambda name: (name[:3] != "SP-", name))),
            non_us_controls=_ordered(vocabulary, self.nonus),
            sci_controls=_closed(self.sci),
            sar_identifier=tuple(sorted({*self.sap}, key=lambda name: (name == HANDLE_VIA_SAP, name))),
            atomic_energy_markings=_ordered(vocabulary, _implied(self.aea)),
            fgi_source_open=() if self.concealed else _nations(vocabulary, self.fgi, first=False),
            fgi_source_protected=self.concealed,
            dissemination_controls=_ordered(vocabulary, dissem),
            releasable_to=_nations(vocabulary, self.rel, first=True),
            display_only_to=_nations(vocabulary, self.display, first=True),
            non_ic_markings=_ordered(vocabulary, self.other),
        )


def _ordered(vocabulary: Vocabulary, tokens: Iterable[str]) -> tuple[str, ...]:
    unique = {*tokens}
    if len(unique) < 2:
        return tuple(unique)
    return tuple(sorted(unique, key=lambda token: (vocabulary.place(token), token)))


def _nations(vocabulary: Vocabulary, codes: Iterable[str], *, first: bool) -> tuple[str, ...]:
    unique = {*codes}
    if len(unique) < 2:
        return tuple(unique)
    groups, nation = vocabulary.groups, vocabulary.nation if first else ""
    return tuple(sorted(unique, key=lambda code: (code in groups, code != nation, code)))


def _closed(tokens: Iterable[str]) -> tuple[str, ...]:
    """Every token with the systems and compartments before it: SI-G-ABCD brings SI-G and SI."""
    closed: set[tuple[str, ...]] = set()
    for token in tokens:
        path = tuple(token.split("-"))
        closed.update(path[:depth] for depth in range(1, len(path) + 1))
    return tuple("-".join(path) for path in sorted(closed))


def _implied(tokens: Iterable[str]) -> set[str]:
    closed = {*tokens}
    return closed | {token.partition("-")[0] for token in closed}
