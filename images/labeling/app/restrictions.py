"""What limits who may read a record: its marking (label and originator control) and its need-to-know groups.

Everything that this service knows about restrictions is here and in the table ``labeling.restriction``.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from appliance.errors import ApplianceError
from appliance.markings import (
    Label,
    Marking,
    MarkingError,
    controlled,
    dominates,
    join,
    marking_of,
    parse,
    parse_by_any,
)
from appliance.markings.vocabulary import Vocabulary


@dataclass(frozen=True, order=True)
class Restriction:
    """The restriction of one record.

    Attributes:
        label: encoded label.
        portion: canonical portion marking, without parentheses.
        groups: need-to-know groups, sorted; a reader must belong to all of them.
    """

    label: str
    portion: str
    groups: tuple[str, ...] = ()

    @property
    def originator_controlled(self) -> bool:
        """Whether the originator decides about what leaves."""
        return originator_controlled(self.portion)


def originator_controlled(portion: str) -> bool:
    """Whether a portion marking says that the originator decides about what leaves (ORCON)."""
    return controlled(parse_by_any(portion).obligations)


class Restrictions:
    """Restrictions of records in an enclave: its own label, or finer ones that it dominates.

    Args:
        marking: the enclave's marking.
        vocabulary: the words and rules by which the site reads markings.
    """

    def __init__(self, marking: str, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self.enclave: Marking = parse(marking, vocabulary)
        self.label: Label = self.enclave.label

    def of(
        self,
        marking: str | None,
        groups: Iterable[str],
        field: str,
        *,
        member_of: Sequence[str],
        within: Iterable[str] = (),
    ) -> Restriction:
        """The restriction of a record that is written.

        Args:
            marking: its marking; the enclave's own when absent.
            groups: its own groups.
            field: the record, for errors.
            member_of: groups of the writer.
            within: groups of what it belongs to, which it has too.

        Raises:
            ApplianceError: it is no marking or above the enclave's, or of a group of which the writer is no member.
        """
        wanted = tuple(sorted({*groups, *within}))
        for group in wanted:
            if group not in member_of:
                raise ApplianceError(
                    f"{field}groups: you do not belong to the group {group}",
                    rule="need-to-know groups are the officers' (docs/officer.md)",
                    remedy="leave the group out, or ask an officer to add you to it",
                )
        if marking is None:
            return Restriction(self.label.encode(), self.enclave.portion, wanted)
        try:
            parsed = parse(marking, self._vocabulary)
        except MarkingError as error:
            raise ApplianceError(f"{field}marking: {error}", rule="each record carries a valid marking") from error
        if not dominates(self.label, parsed.label):
            raise ApplianceError(
                f"{field}marking: {parsed.banner} is not dominated by the enclave's {self.enclave.banner}",
                rule="records carry the label of their enclave or one that it dominates",
                remedy="use the enclave of that marking",
            )
        return Restriction(parsed.label.encode(), parsed.portion, wanted)

    def above(self, marking: str, field: str) -> None:
        """Refuse to take up a record whose marking is not truly below the enclave's.

        Raises:
            ApplianceError: it is no marking, or the enclave's does not dominate it, or it is the same.
        """
        if Label.decode(self.of(marking, (), field, member_of=()).label) == self.label:
            raise ApplianceError(
                f"{field}marking: {marking} is this enclave's own level",
                rule="an upgrade takes a record up; a downgrade does not exist here (docs/officer.md)",
            )

    def banner_of(self, portions: Iterable[str]) -> str:
        """The banner of what holds records with these portion markings: their join, or the enclave's own."""
        labels = [parse_by_any(portion).label for portion in set(portions)]
        if not labels:
            return self.enclave.banner
        joined = labels[0]
        for label in labels[1:]:
            joined = join(joined, label)
        return marking_of(joined, self._vocabulary).banner
