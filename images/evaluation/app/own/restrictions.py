"""What limits who may read what a site uploads: its marking and its need-to-know groups."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from appliance.errors import ApplianceError
from appliance.markings import MarkingError, Restriction, controlled, dominates, joined, marking_of, parse
from appliance.markings.vocabulary import Vocabulary


@dataclass(frozen=True)
class Marked:
    """A restriction, and its portion marking for people."""

    restriction: Restriction
    portion: str


class Restrictions:
    """Restrictions in an enclave: under its own label, or finer ones that it dominates.

    Args:
        marking: the enclave's.
        vocabulary: the words and rules by which the site reads markings.
    """

    def __init__(self, marking: str, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self.enclave = parse(marking, vocabulary)

    def of(self, marking: str | None, groups: Iterable[str], *, member_of: Sequence[str]) -> Marked:
        """The restriction of what somebody uploads; the enclave's marking when absent.

        Raises:
            ApplianceError: it is no marking or above the enclave's, or of a group of which the uploader is no member.
        """
        for group in sorted(set(groups) - set(member_of)):
            raise ApplianceError(
                f"groups: you do not belong to the group {group}",
                rule="need-to-know groups are the officers' (docs/officer.md)",
                remedy="leave the group out, or ask an officer to add you to it",
            )
        try:
            parsed = parse(marking, self._vocabulary) if marking else self.enclave
        except MarkingError as error:
            raise ApplianceError(f"marking: {error}", rule="what is uploaded carries a valid marking") from error
        if not dominates(self.enclave.label, parsed.label):
            raise ApplianceError(
                f"marking: {parsed.banner} is not dominated by the enclave's {self.enclave.banner}",
                rule="what is uploaded has the label of its enclave or one that it dominates",
                remedy="upload it in the enclave of that marking",
            )
        return Marked(Restriction(parsed.label, frozenset(groups), controlled(parsed.obligations)), parsed.portion)

    def check_item(self, marking: str, pack: Marked, where: str) -> None:
        """Refuse an item that its pack does not protect.

        Raises:
            ApplianceError: its marking is none, or the pack's does not dominate it.
        """
        try:
            parsed = parse(marking, self._vocabulary)
        except MarkingError as error:
            raise ApplianceError(f"{where}: marking: {error}", rule="an item's marking is valid") from error
        if not dominates(pack.restriction.label, parsed.label) or (
            controlled(parsed.obligations) and not pack.restriction.originator_controlled
        ):
            raise ApplianceError(
                f"{where}: marking: {parsed.banner} is above the pack's {pack.portion}",
                rule="a pack is marked as high as its highest item",
                remedy="give the pack a higher marking, or take the item out",
            )

    def joined(self, parts: Sequence[Marked]) -> Marked:
        """The restriction of what is made from all ``parts``; the enclave's when there is none."""
        if not parts:
            return Marked(Restriction(self.enclave.label), self.enclave.portion)
        restriction = joined(*(part.restriction for part in parts))
        for part in parts:
            if part.restriction.join(restriction) == part.restriction:
                return Marked(restriction, part.portion)
        portion = marking_of(restriction.label, self._vocabulary).portion
        return Marked(restriction, f"{portion}//OC" if restriction.originator_controlled else portion)
