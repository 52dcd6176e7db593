"""The classification authority block: who classified, and when it is declassified."""

import datetime
import re
from collections.abc import Iterable
from dataclasses import dataclass

from appliance.markings.errors import MarkingError, Violation
from appliance.markings.marking import Marking
from appliance.markings.vocabulary import Vocabulary, default

YEARS = 25
NO_DATE = "AEA"
"""What stands instead of a date on RD, FRD and TFNI."""

_RESTRICTED_DATA = {"RD", "FRD", "TFNI"}
_ALWAYS = {"50X1-HUM", "50X2-WMD"}
_AFTER_25_YEARS = re.compile(r"25X[1-9]")
_OBSOLETE = re.compile(r"OADR|MR|X[1-8]")


@dataclass(frozen=True, slots=True)
class Declassification:
    """A declassification instruction; one of date, event, exemption and source date at least.

    Attributes:
        date: the date to declassify on.
        event: what must happen; it must happen within 25 years of the source.
        exemption: 50X1-HUM, 50X2-WMD, 25X1 to 25X9 (with a date or an event), or the obsolete OADR, MR, X1 to X8.
        source_date: the date of the source, from which 25 years are counted.
    """

    date: datetime.date | None = None
    event: str = ""
    exemption: str = ""
    source_date: datetime.date | None = None

    def __str__(self) -> str:
        """The text after ``Declassify On:``."""
        when = self.date.strftime("%Y%m%d") if self.date else self.event
        return ", ".join(part for part in (self.exemption, when) if part)


@dataclass(frozen=True, slots=True)
class AuthorityBlock:
    """The classification authority block of a document.

    Attributes:
        classified_by: the original classification authority.
        derivatively_classified_by: the derivative classifier.
        reason: reason for classification; original classification only.
        derived_from: the source, or "Multiple Sources".
        sources: the list that goes with "Multiple Sources".
        declassify_on: the instruction.
    """

    classified_by: str = ""
    derivatively_classified_by: str = ""
    reason: str = ""
    derived_from: str = ""
    sources: tuple[str, ...] = ()
    declassify_on: Declassification | None = None


def longest(instructions: Iterable[Declassification], *, vocabulary: Vocabulary | None = None) -> Declassification:
    """The instruction of a document that has all of ``instructions``: the one that protects longest.

    50X1-HUM and 50X2-WMD stand above 25X1 to 25X9, those above dates and events. Obsolete instructions, and events
    whose date is unknown, last 25 years from the date of their source.

    Raises:
        MarkingError: there is no instruction, or one says nothing that can be compared (rule ``declassify-on``).
    """
    vocabulary = vocabulary or default()
    ranked = [(*_rank(instruction, vocabulary), instruction) for instruction in instructions]
    if not ranked:
        raise _unclear("a classified document needs a declassification instruction", vocabulary)
    rank, until, chosen = max(ranked, key=lambda entry: entry[:2])
    if rank == 0 and not chosen.event:
        return Declassification(date=until)
    return chosen


def derive(marking: Marking, sources: Iterable[tuple[str, AuthorityBlock]], classifier: str) -> AuthorityBlock:
    """The authority block of a document derived from ``sources``.

    Args:
        marking: the banner of the new document.
        sources: title and authority block of each source.
        classifier: the derivative classifier.

    Raises:
        MarkingError: no source gives a declassification instruction although the document needs one.
    """
    sources = list(sources)
    if not marking.classified:
        return AuthorityBlock()
    titles = tuple(title for title, _ in sources)
    instructions = [authority.declassify_on for _, authority in sources if authority.declassify_on]
    restricted = not _RESTRICTED_DATA.isdisjoint(marking.atomic_energy_markings)
    return AuthorityBlock(
        derivatively_classified_by=classifier,
        derived_from=titles[0] if len(titles) == 1 else "Multiple Sources",
        sources=titles if len(titles) > 1 else (),
        declassify_on=None if restricted else longest(instructions, vocabulary=marking.vocabulary),
    )


def check_authority(marking: Marking, authority: AuthorityBlock) -> list[Violation]:
    """Every rule that the authority block breaks beside this banner; spans cover nothing."""
    rules = []
    if not marking.classified and authority != AuthorityBlock():
        rules.append("authority-unclassified")
    if authority.derived_from and authority.reason:
        rules.append("authority-derived-reason")
    if authority.declassify_on and not _RESTRICTED_DATA.isdisjoint(marking.atomic_energy_markings):
        rules.append("authority-restricted-data")
    vocabulary = marking.vocabulary
    return [vocabulary.violation(rule, (0, 0), vocabulary.rules[rule].text) for rule in rules]


def _rank(instruction: Declassification, vocabulary: Vocabulary) -> tuple[int, datetime.date]:
    """How strong the instruction is, and until when it protects."""
    exemption, date = instruction.exemption, instruction.date
    computed = _after(instruction.source_date) if instruction.source_date else None
    if exemption in _ALWAYS:
        return 2, date or datetime.date.max
    if _AFTER_25_YEARS.fullmatch(exemption):
        if date is None and not instruction.event:
            raise _unclear(f"{exemption} needs a date or an event", vocabulary)
        return 1, date or datetime.date.max
    if exemption and not _OBSOLETE.fullmatch(exemption):
        raise _unclear(f"{exemption!r} is no exemption", vocabulary)
    until = computed if exemption else date or computed
    if until is None:
        raise _unclear(
            f"{str(instruction) or 'an empty instruction'} needs a date or the date of its source", vocabulary
        )
    return 0, until


def _after(source: datetime.date) -> datetime.date:
    """25 years after the source; of 29 February, the day before 1 March."""
    try:
        return source.replace(year=source.year + YEARS)
    except ValueError:
        return source.replace(year=source.year + YEARS, day=28)


def _unclear(message: str, vocabulary: Vocabulary) -> MarkingError:
    return MarkingError("", (vocabulary.violation("declassify-on", (0, 0), message),))
