"""What reading a marking notes: the values with their places, the form, and every departure from the grammar."""

import difflib
from collections.abc import Iterable, Sequence

from appliance.markings.errors import Violation
from appliance.markings.reading.words import EITHER, PORTION
from appliance.markings.vocabulary import Vocabulary

Place = tuple[Sequence[str], int, int, int]
"""The tokens of a value, the position of its category (-1 for the level), its first and one-past-last character."""

LEVEL = -1
MAXIMUM_SUGGESTIONS = 10
LONGEST_WORD = 80
CLOSE = 0.75
HIGHEST = ("TOP", "COSMIC")


class Notes:
    """Notes on one text.

    Args:
        vocabulary: the words.
        form: the form that the text must have; narrowed with every word that has only one.
        told: whether places are noted.

    Attributes:
        places: every token with its place, for rules that name one; None when nobody asks.
        violations: departures found so far.
    """

    __slots__ = ("form", "places", "violations", "vocabulary")

    def __init__(self, vocabulary: Vocabulary, form: int = EITHER, *, told: bool = True) -> None:
        self.vocabulary = vocabulary
        self.form = form
        self.places: list[Place] | None = [] if told else None
        self.violations: list[Violation] = []

    def place(self, tokens: Sequence[str], axis: int, value: str, start: int) -> None:
        """Note where tokens stand."""
        if self.places is not None:
            self.places.append((tokens, axis, start, start + len(value)))

    def wrong(self, rule: str, value: str, start: int, message: str, suggestion: str = "") -> None:
        """Note that ``value`` at ``start`` breaks ``rule``."""
        self.violations.append(self.vocabulary.violation(rule, (start, start + len(value)), message, suggestion))

    def fit(self, form: int, value: str, start: int) -> None:
        """Note that ``value`` stands in texts of this form only."""
        if self.form & form:
            self.form &= form
        else:
            kind = "a portion" if self.form == PORTION else "a banner"
            self.wrong("form", value, start, f"{value} does not stand in {kind}: do not mix long and portion forms")

    def late(self, token: str, value: str, start: int, *, twice: bool) -> None:
        """Note that a token stands after one that should follow it, or stands twice."""
        if twice:
            self.wrong("duplicate", value, start, f"{token} is written twice")
        else:
            self.wrong("list-order", value, start, f"{token} stands too late in its list")

    def nearest(self, text: str, words: Iterable[str]) -> str:
        """The known word that is most like ``text``; empty when none is, or when the text has many faults already."""
        if len(self.violations) >= MAXIMUM_SUGGESTIONS or len(text) > LONGEST_WORD:
            return ""
        return next(iter(difflib.get_close_matches(text, list(words), 1, CLOSE)), "")

    def nearest_level(self, text: str, names: Iterable[str]) -> str:
        """The level that is most like ``text``; empty when none is, or when the text names a higher one.

        A level that is close is passed over for a higher one that is close too, so that a suggestion never lowers.
        """
        if len(text) > LONGEST_WORD:
            return ""
        order, words = self.vocabulary.level_order, self.vocabulary.level_words

        def rank(name: str) -> int:
            return order[words[name].token]

        close = difflib.get_close_matches(text, list(names), len(words), CLOSE)
        best = max(close, key=rank, default="")
        named = [name for name in words if len(name) > 1 and name in text]
        top = [*(rank(name) for name in named), *(max(order.values()) for word in HIGHEST if word in text)]
        return best if best and rank(best) >= max(top, default=0) else ""

    def nations(self, codes: tuple[str, ...], start: int, separator: str) -> None:
        """Check a list of nations and groups: known, once each, in order (a list with commas has USA first)."""
        vocabulary, last = self.vocabulary, -1
        ranks = vocabulary.rank_first if separator == ", " else vocabulary.rank
        for code in codes:
            rank = ranks.get(code, -1)
            if rank <= last:
                self._wrong_nations(codes, start, separator)
                return
            last = rank

    def _wrong_nations(self, codes: tuple[str, ...], start: int, separator: str) -> None:
        vocabulary = self.vocabulary
        place = start
        for code in codes:
            if code not in vocabulary.rank:
                message = f"{code!r} is no known nation or group"
                self.wrong("country", code, place, message, vocabulary.mistaken.get(code, ""))
            place += len(code) + len(separator)
        right = vocabulary.ordered_nations(codes, first=separator == ", ")
        known = all(code in vocabulary.rank for code in codes)
        if codes != right:
            rule = "list-order" if len(right) == len(codes) else "duplicate"
            first = f"{vocabulary.nation} first, " if separator == ", " else ""
            message = f"nations are written once each: {first}trigraphs by alphabet, then groups"
            self.wrong(rule, separator.join(codes), start, message, separator.join(right) if known else "")
