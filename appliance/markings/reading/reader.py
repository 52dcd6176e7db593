"""Reading a marking: text to parts, with every departure from the grammar noted at its place."""

from collections.abc import Sequence

from appliance.markings.marking import JOINT, Marking
from appliance.markings.reading import level
from appliance.markings.reading.notes import Notes
from appliance.markings.reading.values import NO_KEY, UNKNOWN, Values
from appliance.markings.reading.words import BANNER, PORTION, Key
from appliance.markings.vocabulary import Vocabulary


class Reader(Values):
    """Reads one text of permitted characters and spacing.

    Args:
        text: the marking, upper-case ASCII.
        vocabulary: the words.
        told: whether the places of its values are noted, so that a violation can name them.
    """

    __slots__ = ("_axis", "_by_name", "_text")

    def __init__(self, text: str, vocabulary: Vocabulary, *, told: bool = False) -> None:
        super().__init__(vocabulary, told=told)
        self._text = text
        self._axis = UNKNOWN
        self._by_name = False

    @property
    def notes(self) -> Notes:
        """What was noted: places, form, violations."""
        return self._notes

    def read(self) -> Marking | None:
        """The marking as far as it can be read; None when it has no level."""
        text, start = self._text, 0
        if text[0] == "(" and text[-1] == ")":
            text, start = text[1:-1], 1
            self._notes.form = PORTION
        foreign = text.startswith("//")
        if foreign:
            text, start, self._national = text[2:], start + 2, False
        first, *segments = text.split("//")
        gap = len("//")
        if "/" in first:
            first, segments = self._level_apart(first, segments, start)
            gap = len("/")
        head = (level.foreign if foreign else level.national)(self._notes, first, start)
        after_cui = first in level.CUI_WORDS
        if after_cui:
            self._parts.cui.append("CUI")
            self._by_name = not foreign
        if head and not head[1]:
            self._parts.repeats.append(JOINT)
        if head and head[2]:
            self._parts.nonus.append(head[2])
        start += len(first) + gap
        for segment in segments:
            self._segment(segment, start, after_cui=after_cui)
            after_cui = segment == "CUI"
            if after_cui and head and head[0] == "U" and not foreign and first not in level.CUI_WORDS:
                self._notes.wrong("cui-unclassified", segment, start, self._vocabulary.rules["cui-unclassified"].text)
            start += len(segment) + 2
        if head is None:
            return None
        self._parts.classification, self._parts.owners, _ = head
        return self._parts.marking(self._vocabulary, ordered=not self._notes.violations)

    def _level_apart(self, first: str, segments: list[str], start: int) -> tuple[str, list[str]]:
        """The level without what a single / joins to it, which becomes a category of its own."""
        head, _, rest = first.partition("/")
        whole = "" if segments or start else f"{head}//{rest}"
        self._notes.wrong("separator", "/", start + len(head), "write // after the level", whole)
        return head, [rest, *segments]

    def _segment(self, segment: str, start: int, *, after_cui: bool) -> None:
        """Note the values of one category."""
        notes, words, lists, by_name = self._notes, self._vocabulary.words, self._lists, self._by_name
        axis, last, continued, begin, places = UNKNOWN, NO_KEY, "", start, notes.places
        values = segment.split("/")
        categories = after_cui and any(map(self._is_category, values))
        for value in values:
            end = start + len(value)
            word = words.get(value)
            tokens: Sequence[str]
            if word is not None and word[0] and not categories:
                _, tokens, place, form, key = word
                if notes.form & form:
                    notes.form &= form
                else:
                    notes.fit(form, value, start)
                lists[place].extend(tokens)
            else:
                place, key, tokens, continued = self._compound(value, start, continued, categories=categories)
            if place != axis:
                if axis == UNKNOWN and place > self._axis and not categories:
                    self._axis = axis = place
                elif axis == UNKNOWN:
                    axis = self._category_at(place, segment, begin, categories=categories)
                else:
                    self._misplaced(place, value, start)
            if by_name:
                key = self._key_by_name(place, key, tokens)
            if key <= last and place != UNKNOWN:
                notes.late(tokens[0], value, start, twice=key == last)
            last = key
            if places is not None:
                places.append((tokens, place, start, end))
            start = end + 1

    def _key_by_name(self, place: int, key: Key, tokens: Sequence[str]) -> Key:
        """The place of a value in its list; on CUI alone dissemination controls stand by alphabet."""
        vocabulary = self._vocabulary
        return (0, vocabulary.texts[tokens[0]][BANNER]) if place == vocabulary.dissem_axis else key

    def _category_at(self, axis: int, segment: str, start: int, *, categories: bool) -> int:
        """Categories stand once and in order; those of CUI stand after CUI, wherever that is."""
        if categories or axis == UNKNOWN:
            return axis
        if axis > self._axis:
            self._axis = axis
            return axis
        order = f"categories are out of order ({', '.join(self._vocabulary.axes)})"
        message = "the category is written twice: join its values with /" if axis == self._axis else order
        self._notes.wrong("category-order", segment, start, message)
        return axis

    def _misplaced(self, axis: int, value: str, start: int) -> None:
        if axis != UNKNOWN:
            self._notes.wrong("separator", value, start, f"{value} is of another category: write // before it")
