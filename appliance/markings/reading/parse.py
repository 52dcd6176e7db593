"""From text to marking, with every violation."""

from dataclasses import replace

from appliance.markings.errors import MarkingError, Violation
from appliance.markings.marking import Marking
from appliance.markings.reading.reader import Reader
from appliance.markings.reading.rules import check as check_rules
from appliance.markings.reading.rules import is_valid
from appliance.markings.reading.text import clean, is_clean
from appliance.markings.reading.words import PORTION
from appliance.markings.vocabulary import Vocabulary, default, profiles


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


def parse_by_any(text: str) -> Marking:
    """The marking that ``text`` is by the stricter reading, or by some profile where that refuses it.

    For texts whose site is not known yet, or that were written while the site had another profile: profiles differ in
    what they allow, never in what a text that they allow means.

    Raises:
        MarkingError: no profile allows it; it carries what the stricter reading finds.
    """
    try:
        return parse(text)
    except MarkingError:
        for profile in profiles():
            marking, violations = examine(text, default(profile))
            if marking is not None and not violations:
                return marking
        raise


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
    if text.isascii() and text.isupper():
        reader = Reader(text, vocabulary)
        marking = reader.read()
        if marking is not None and not reader.notes.violations and is_valid(marking):
            return marking, []
    return _diagnose(text, vocabulary)


def _diagnose(text: str, vocabulary: Vocabulary) -> tuple[Marking | None, list[Violation]]:
    """What can be read of a text that is wrong, and why it is."""
    clean_text, original, wrong = (text, None, []) if is_clean(text) else clean(text, vocabulary)
    if not clean_text:
        return None, wrong
    reader = Reader(clean_text, vocabulary, told=True)
    marking = reader.read()
    broken = reader.notes.violations
    if marking is not None:
        broken += check_rules(marking, reader.notes.places or [])
    lost = any(violation.rule in _LOSING for violation in (*wrong, *broken))
    canonical = "" if marking is None or lost else _canonical(marking, portion=reader.notes.form == PORTION)
    if canonical:
        broken = [_formal(violation, vocabulary, canonical) for violation in broken]
        wrong = [_formal(violation, vocabulary, canonical) for violation in wrong]
    return marking, _complete(wrong, broken, original)


_LOSING = {
    "text-character",
    "text-control-character",
    "unknown-word",
    "country",
    "cui-specified",
    "eyes-only",
    "separator",
}
"""Rules whose violation leaves something of the text unread, so that what was read may be less than what was meant."""


def _canonical(marking: Marking, *, portion: bool) -> str:
    """The canonical form of what was read; empty when it is no valid marking itself."""
    return "" if check_rules(marking, []) else marking.portion if portion else marking.banner


def _complete(wrong: list[Violation], broken: list[Violation], original: list[int] | None) -> list[Violation]:
    """Both kinds of violation in the order of the original text."""
    found = set(wrong)
    ends = [*original, original[-1] + 1] if original else None
    for violation in broken:
        start, end = violation.span
        found.add(violation if ends is None else replace(violation, span=(ends[start], ends[end])))
    return sorted(found, key=lambda violation: (violation.span, violation.rule))


def _formal(violation: Violation, vocabulary: Vocabulary, canonical: str) -> Violation:
    """The violation, with the canonical form as the remedy when it is about how the marking is written."""
    plain = violation.rule in _ORDER and violation.suggestion == vocabulary.rules[violation.rule].remedy
    return replace(violation, suggestion=canonical) if plain or violation.rule in _FORMAL else violation


_FORMAL = {"category-order", "form", "text-spacing"}
_ORDER = {"list-order", "duplicate"}
