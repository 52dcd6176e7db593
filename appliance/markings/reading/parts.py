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
        sap: programmes and their compartments, SAR-<name>, and HVSACO.
        aea: atomic energy tokens.
        cui: "CUI" and its categories.
        dissem: dissemination controls; REL and DISPLAYONLY follow from the lists, and REL from what repeats a banner.
        other: non-IC controls.
        fgi: nations of foreign government information.
        concealed: whether a foreign source is concealed; it hides the open ones.
        rel: nations and groups of REL TO.
        display: nations and groups of DISPLAY ONLY.
        repeats: REL and JOINT of a portion that repeats its banner.
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
    repeats: list[str] = field(default_factory=list)
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
            tuple(self.repeats),
        )

    def _put_in_order(self, vocabulary: Vocabulary) -> None:
        def key(token: str) -> tuple[int, str]:
            return vocabulary.place(token), token

        lists = {REL: self.rel or REL in self.repeats, "DISPLAYONLY": self.display}
        alone = bool(self.cui) and self.classification == "U" and tuple(self.owners) == (vocabulary.nation,)
        dissem = {*self.dissem} - lists.keys() | {token for token, codes in lists.items() if codes}
        self.owners = vocabulary.ordered_nations(self.owners, first=False)
        self.nonus = sorted({*self.nonus}, key=key)
        self.sci = _closed(self.sci)
        self.sap = sorted(_closed(self.sap, 2), key=lambda name: name == HANDLE_VIA_SAP)
        self.aea = sorted({*self.aea}, key=lambda token: (vocabulary.place(token), len(token), token))
        if self.cui:
            self.cui = ["CUI", *sorted({*self.cui} - {"CUI"}, key=lambda name: (name[:3] != "SP-", name))]
        self.fgi = vocabulary.ordered_nations(self.fgi, first=False)
        self.dissem = sorted(dissem, key=lambda token: vocabulary.dissemination_key(token, cui=alone))
        self.rel = vocabulary.ordered_nations(self.rel, first=True)
        self.display = vocabulary.ordered_nations(self.display, first=True)
        self.other = sorted({*self.other}, key=key)
        self.repeats = sorted({*self.repeats})


def _closed(tokens: Iterable[str], least: int = 1) -> list[str]:
    """Every token with the systems and compartments before it: SI-G-ABCD brings SI-G and SI.

    Args:
        tokens: tokens of one category.
        least: words before and with the first hyphen that make a whole: 2 for programmes, whose SAR- is no system.
    """
    closed: set[tuple[str, ...]] = set()
    for token in tokens:
        path = tuple(token.split("-"))
        closed.update(path[:depth] for depth in range(min(least, len(path)), len(path) + 1))
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
