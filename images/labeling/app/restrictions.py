"""What limits who may read a record: its marking (label and originator control) and its need-to-know groups.

Everything that this service knows about restrictions is here and in the table ``labeling.restriction``.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from appliance.errors import ApplianceError
from appliance.markings import (
    Label,
    Marking,
    MarkingError,
    Restriction,
    controlled,
    dominates,
    join,
    joined,
    marking_of,
    parse,
    parse_by_any,
)
from appliance.markings.vocabulary import Vocabulary


@dataclass(frozen=True)
class Marked:
    """What limits who may read one record, and how it says so.

    Attributes:
        restriction: label, need-to-know groups and originator control.
        portion: canonical portion marking, without parentheses.
    """

    restriction: Restriction
    portion: str

    @classmethod
    def of(cls, portion: str, groups: Iterable[str] = ()) -> "Marked":
        """A record that has this portion marking and these groups."""
        return cls.under(parse_by_any(portion), groups)

    @classmethod
    def under(cls, marking: Marking, groups: Iterable[str] = ()) -> "Marked":
        """A record under ``marking``, for members of all of ``groups``."""
        limits = Restriction(marking.label, frozenset(groups), controlled(marking.obligations))
        return cls(limits, marking.portion)

    @property
    def label(self) -> str:
        """The encoded label."""
        return self.restriction.label.encode()

    @property
    def groups(self) -> list[str]:
        """The need-to-know groups, sorted."""
        return sorted(self.restriction.groups)


class Restrictions:
    """Restrictions of records in an enclave: its own label, or finer ones that it dominates.

    Args:
        marking: the enclave's marking.
        vocabulary: the words and rules by which the site reads markings.
    """

    def __init__(self, marking: str, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self.enclave: Marking = parse(marking, vocabulary)
        self.label: Label = self.enclave.label
        self.restriction = Marked.under(self.enclave).restriction

    def of(
        self,
        marking: str | None,
        groups: Iterable[str],
        field: str,
        *,
        member_of: Sequence[str],
        within: Iterable[str] = (),
    ) -> Marked:
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
        wanted = frozenset({*groups, *within})
        for group in sorted(wanted):
            if group not in member_of:
                raise ApplianceError(
                    f"{field}groups: you do not belong to the group {group}",
                    rule="need-to-know groups are the officers' (docs/officer.md)",
                    remedy="leave the group out, or ask an officer to add you to it",
                )
        if marking is None:
            return Marked.under(self.enclave, wanted)
        try:
            parsed = parse(marking, self.vocabulary)
        except MarkingError as error:
            raise ApplianceError(f"{field}marking: {error}", rule="each record carries a valid marking") from error
        if not dominates(self.label, parsed.label):
            raise ApplianceError(
                f"{field}marking: {parsed.banner} is not dominated by the enclave's {self.enclave.banner}",
                rule="records carry the label of their enclave or one that it dominates",
                remedy="use the enclave of that marking",
            )
        return Marked.under(parsed, wanted)

    def above(self, marking: str, field: str) -> None:
        """Refuse to take up a record whose marking is not truly below the enclave's.

        Raises:
            ApplianceError: it is no marking, or the enclave's does not dominate it, or it is the same.
        """
        if self.of(marking, (), field, member_of=()).restriction.label == self.label:
            raise ApplianceError(
                f"{field}marking: {marking} is this enclave's own level",
                rule="an upgrade takes a record up; a downgrade does not exist here (docs/officer.md)",
            )

    def joined(self, parts: Iterable[Marked]) -> Marked:
        """The restriction of what was made from all ``parts``.

        The marking of the join says who may read and whether an originator controls it, and nothing else of the parts.
        """
        found = set(parts)
        restriction = joined(*(part.restriction for part in found))
        alone = sorted(part.portion for part in found if part.restriction.join(restriction) == part.restriction)
        if alone:
            return Marked.of(alone[0], restriction.groups)
        return self.marked(restriction)

    def marked(self, restriction: Restriction) -> Marked:
        """A restriction with the portion marking that says it: label and originator control, and nothing else."""
        marking = marking_of(restriction.label, self.vocabulary)
        if restriction.originator_controlled:
            marking = replace(marking, dissemination_controls=("OC", *marking.dissemination_controls))
        return Marked(restriction, marking.portion)

    def banner_of(self, portions: Iterable[str]) -> str:
        """The banner of what holds records with these portion markings: their join, or the enclave's own."""
        labels = [parse_by_any(portion).label for portion in set(portions)]
        if not labels:
            return self.enclave.banner
        joined = labels[0]
        for label in labels[1:]:
            joined = join(joined, label)
        return marking_of(joined, self.vocabulary).banner
