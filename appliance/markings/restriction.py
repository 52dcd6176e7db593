"""What limits who may have a thing: its label, need-to-know groups, and whether its originator controls it.

Labels are mandatory (stage one). Groups are what separates people inside an enclave, where everybody dominates the
label. Originator control (ORCON) does not hide a thing from who reads it in place; nothing under it leaves without the
originator's decision. The restriction of what was computed is the join of all that went in.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from appliance.markings.errors import MarkingError, Violation
from appliance.markings.label import Clearance, Label, can_read, dominates, join

ORCON = frozenset({"OC", "OC-USGOV"})
"""Obligations of a marking that say that the originator controls it (CAPCO Register, ORCON and ORCON-USGOV)."""

GROUP = re.compile(r"[a-z][a-z0-9-]{0,30}")
CONTROLLED = "OC"


@dataclass(frozen=True, slots=True)
class Restriction:
    """What a reader must meet entirely.

    Attributes:
        label: the label that their clearance must dominate.
        groups: need-to-know groups, of which they must be a member of each.
        originator_controlled: whether nothing of it leaves without the originator's decision.
    """

    label: Label
    groups: frozenset[str] = frozenset()
    originator_controlled: bool = False

    def join(self, other: "Restriction") -> "Restriction":
        """The restriction of what was made from both: the least that limits as much as each of them."""
        return Restriction(
            join(self.label, other.label),
            self.groups | other.groups,
            self.originator_controlled or other.originator_controlled,
        )

    def within(self, other: "Restriction") -> bool:
        """Whether ``other`` limits at least as much, so that its readers may read this too."""
        return (
            dominates(other.label, self.label)
            and self.groups <= other.groups
            and self.originator_controlled <= other.originator_controlled
        )

    def encode(self) -> str:
        """As text: ``S;;GBR,USA|falcon,heron|OC``."""
        controlled = CONTROLLED if self.originator_controlled else ""
        return f"{self.label.encode()}|{','.join(sorted(self.groups))}|{controlled}"

    @classmethod
    def decode(cls, text: str) -> "Restriction":
        """The restriction that :meth:`encode` wrote.

        Raises:
            MarkingError: it is none.
        """
        label, *rest = text.split("|")
        if len(rest) != 2 or rest[1] not in ("", CONTROLLED):
            raise _malformed(text, "an encoded restriction has three parts: label|groups|OC or nothing")
        groups = frozenset(rest[0].split(",")) if rest[0] else frozenset[str]()
        for group in groups:
            if not GROUP.fullmatch(group):
                raise _malformed(text, f"{group!r} is no name of a need-to-know group")
        found = cls(Label.decode(label), groups, bool(rest[1]))
        if found.encode() != text:
            raise _malformed(text, "an encoded restriction is sorted and repeats nothing", found.encode())
        return found


@dataclass(frozen=True, slots=True)
class Reader:
    """Who wants to have something.

    Attributes:
        clearance: what they are cleared for.
        groups: their need-to-know groups.
        released: whether the originator decided that they may receive what the originator controls.
    """

    clearance: Clearance
    groups: frozenset[str] = frozenset()
    released: bool = False

    def can_read(self, restriction: Restriction) -> bool:
        """Whether they may read it in place."""
        return can_read(self.clearance, restriction.label) and restriction.groups <= self.groups

    def can_receive(self, restriction: Restriction) -> bool:
        """Whether it may leave to them, for example as an export."""
        return self.can_read(restriction) and restriction.originator_controlled <= self.released


def joined(*parts: Restriction) -> Restriction:
    """The join of all ``parts``. Of none: what nobody is kept from."""
    result = Restriction(join())
    for part in parts:
        result = result.join(part)
    return result


def controlled(obligations: Iterable[str]) -> bool:
    """Whether a marking with these ``obligations`` says that the originator controls it."""
    return not ORCON.isdisjoint(obligations)


def _malformed(text: str, message: str, suggestion: str = "") -> MarkingError:
    source = "docs/architecture.md, Labels"
    return MarkingError(text, (Violation("restriction.encoding", source, (0, len(text)), message, suggestion),))
