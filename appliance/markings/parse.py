"""From text to marking, with every violation."""

from dataclasses import replace

from appliance.markings.errors import MarkingError, Violation
from appliance.markings.marking import Marking
from appliance.markings.reader import Reader
from appliance.markings.rules import check as check_rules
from appliance.markings.text import clean, is_clean
from appliance.markings.vocabulary import Vocabulary, default


def parse(text: str, vocabulary: Vocabulary | None = None) -> Marking:
    """The marking that ``text`` is: a banner, or a portion with or without parentheses.

    Args:
        text: the marking.
        vocabulary: the words and rules; those of the package when None.

    Raises:
        MarkingError: the text is no valid marking; it carries every violation.
    """
    marking, violations = examine(text, vocabulary)
    if marking is None or violations:
        raise MarkingError(text if isinstance(text, str) else "", tuple(violations))
    return marking


def check(text: str, vocabulary: Vocabulary | None = None) -> list[Violation]:
    """Every rule that ``text`` breaks, in the order of the text; none when it is valid."""
    return examine(text, vocabulary)[1]


def examine(text: str, vocabulary: Vocabulary | None = None) -> tuple[Marking | None, list[Violation]]:
    """What can be read of ``text``, and every rule that it breaks."""
    vocabulary = vocabulary or default()
    if not isinstance(text, str) or not text.strip():
        return None, [
            vocabulary.violation("text-empty", (0, 0), "a marking is missing; unmarked is never unclassified")
        ]
    if len(text) > vocabulary.maximum_length:
        message = f"a marking has at most {vocabulary.maximum_length} characters, this text {len(text)}"
        return None, [vocabulary.violation("text-length", (vocabulary.maximum_length, len(text)), message)]
    places: list[int] | None = None
    wrong: list[Violation] = []
    meant = text
    if not is_clean(text):
        meant, places, wrong = clean(text, vocabulary)
    reader = Reader(meant, vocabulary)
    marking = reader.read()
    if marking is None:
        return None, _at(wrong, reader.violations, places, "")
    broken = reader.violations + check_rules(marking, reader.values)
    canonical = marking.portion if reader.portion else marking.banner
    return marking, _at(wrong, broken, places, canonical) if wrong or broken else broken


def _at(wrong: list[Violation], broken: list[Violation], places: list[int] | None, canonical: str) -> list[Violation]:
    """Both kinds of violation with places of the original text; what has no suggestion gets the canonical form."""
    ends = None if places is None else [*places, places[-1] + 1] if places else [0]
    found = set()
    for violation in broken:
        start, end = violation.span
        span = (start, end) if ends is None else (ends[start], ends[end])
        found.add(replace(violation, span=span, suggestion=violation.suggestion or canonical))
    found.update(replace(violation, suggestion=violation.suggestion or canonical) for violation in wrong)
    return sorted(found, key=lambda violation: (violation.span, violation.rule))
