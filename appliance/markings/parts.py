"""The tokens of a marking in any order, and the marking that they make: closed, sorted, without repetition."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from appliance.markings.marking import HANDLE_VIA_SAP, Marking
from appliance.markings.vocabulary import Vocabulary

REL = "REL"


@dataclass(slots=True)
class Parts:
    """Tokens by category, as they are found.

    Attributes:
        classification: level token.
        owners: owners.
        nonus: controls of NATO.
        sci: systems and compartments.
        sap: programmes, SAR-<name>, and HVSACO.
        aea: atomic energy tokens.
        cui: "CUI" and its categories.
        dissem: dissemination controls; REL and DISPLAYONLY follow from the lists.
        other: non-IC controls.
        fgi: nations of foreign government information.
        concealed: whether a foreign source is concealed; it hides the open ones.
        rel: nations and groups of REL TO.
        display: nations and groups of DISPLAY ONLY.
        disordered: whether a token is known to stand in another list than in the text.
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
    disordered: bool = False

    def release(self, token: str, codes: Iterable[str]) -> None:
        """Note the list of REL or DISPLAYONLY."""
        if token == REL:
            self.rel = codes
        else:
            self.display = codes

    def marking(self, vocabulary: Vocabulary, *, ordered: bool = False) -> Marking:
        """The marking of these tokens; whether it is a valid one is for the rules to say.

        Args:
            vocabulary: the words.
            ordered: the lists are known to be complete, in order and without repetition.
        """
        if not ordered or self.disordered:
            self._put_in_order(vocabulary)
        return Marking(
            self.classification,
            vocabulary,
            tuple(self.owners),
            bool(self.cui),
            tuple(self.cui[1:]) if len(self.cui) > 1 else (),
            tuple(self.nonus),
            tuple(self.sci),
            tuple([name.removeprefix("SAR-") for name in self.sap]) if self.sap else (),
            _implied(self.aea) if self.aea else (),
            () if self.concealed else tuple(self.fgi),
            self.concealed,
            tuple(self.dissem),
            tuple(self.rel),
            tuple(self.display),
            tuple(self.other),
        )

    def _put_in_order(self, vocabulary: Vocabulary) -> None:
        def key(token: str) -> tuple[int, str]:
            return vocabulary.place(token), token

        lists = {REL: self.rel, "DISPLAYONLY": self.display}
        dissem = {*self.dissem} - lists.keys() | {token for token, codes in lists.items() if codes}
        self.owners = vocabulary.ordered_nations(self.owners, first=False)
        self.nonus = sorted({*self.nonus}, key=key)
        self.sci = _closed(self.sci)
        self.sap = sorted({*self.sap}, key=lambda name: (name == HANDLE_VIA_SAP, name))
        self.aea = sorted({*self.aea}, key=key)
        if self.cui:
            self.cui = ["CUI", *sorted({*self.cui} - {"CUI"}, key=lambda name: (name[:3] != "SP-", name))]
        self.fgi = vocabulary.ordered_nations(self.fgi, first=False)
        self.dissem = sorted(dissem, key=key)
        self.rel = vocabulary.ordered_nations(self.rel, first=True)
        self.display = vocabulary.ordered_nations(self.display, first=True)
        self.other = sorted({*self.other}, key=key)


def _closed(tokens: Iterable[str]) -> list[str]:
    """Every token with the systems and compartments before it: SI-G-ABCD brings SI-G and SI."""
    closed: set[tuple[str, ...]] = set()
    for token in tokens:
        path = tuple(token.split("-"))
        closed.update(path[:depth] for depth in range(1, len(path) + 1))
    return ["-".join(path) for path in sorted(closed)]


def _implied(tokens: list[str]) -> tuple[str, ...]:
    """Every token with the data that it belongs to: RD-CNWDI and RD-SG-14 bring RD."""
    closed: list[str] = []
    for token in tokens:
        data = token.partition("-")[0]
        if data not in closed:
            closed.append(data)
        if token != data:
            closed.append(token)
    return tuple(closed)
