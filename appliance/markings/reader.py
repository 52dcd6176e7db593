"""Reading a marking: text to parts, with every departure from the grammar noted at its place."""

from appliance.markings import level
from appliance.markings.marking import HANDLE_VIA_SAP, Marking
from appliance.markings.notes import Notes, Place, nearest
from appliance.markings.parts import Parts
from appliance.markings.vocabulary import PORTION, Key, Vocabulary


class Reader:
    """Reads one text of permitted characters and spacing.

    Args:
        text: the marking, upper-case ASCII.
        vocabulary: the words.
    """

    __slots__ = ("_axis", "_categories", "_key", "_lists", "_notes", "_parts", "_text", "_vocabulary")

    def __init__(self, text: str, vocabulary: Vocabulary) -> None:
        self._text = text
        self._vocabulary = vocabulary
        self._notes = Notes(vocabulary)
        self._parts = parts = Parts()
        self._lists: tuple[list[str], ...] = (
            parts.nonus,
            parts.sci,
            parts.sap,
            parts.aea,
            [],
            parts.cui,
            parts.dissem,
            parts.other,
        )
        self._axis = -1
        self._key: Key = ()
        self._categories = False

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
            text, start = text[2:], start + 2
        first, *segments = text.split("//")
        gap = len("//")
        if "/" in first:
            first, segments = self._level_apart(first, segments, start)
            gap = len("/")
        head = (level.foreign if foreign else level.national)(self._notes, first, start)
        after_cui = first in level.CUI_WORDS
        if after_cui:
            self._parts.cui.append("CUI")
        start += len(first) + gap
        for segment in segments:
            self._segment(segment, start, after_cui=after_cui)
            after_cui = segment == "CUI"
            if after_cui and head and head[0] == "U" and not foreign and first not in level.CUI_WORDS:
                self._notes.wrong("cui-unclassified", segment, start, self._vocabulary.rules["cui-unclassified"].text)
            start += len(segment) + 2
        if head is None:
            return None
        self._parts.classification, self._parts.owners = head
        return self._parts.marking(self._vocabulary, ordered=not self._notes.violations)

    def _level_apart(self, first: str, segments: list[str], start: int) -> tuple[str, list[str]]:
        """The level without what a single / joins to it, which becomes a category of its own."""
        head, _, rest = first.partition("/")
        self._notes.wrong("separator", "/", start + len(head), "write // after the level", f"{head}//{rest}")
        return head, [rest, *segments]

    def _segment(self, segment: str, start: int, *, after_cui: bool) -> None:
        """Note the values of one category."""
        notes, words, axis = self._notes, self._vocabulary.words, -1
        places = notes.places
        continued = ""
        self._key = ()
        values = segment.split("/")
        self._categories = after_cui and any(map(self._is_category, values))
        for value in values:
            end = start + len(value)
            word = words.get(value)
            if word is None or not word[5] or self._categories:
                place, continued = self._compound(value, start, continued)
            else:
                token, place, _, form, key, _ = word
                if notes.form & form:
                    notes.form &= form
                else:
                    notes.fit(form, value, start)
                if key <= self._key:
                    notes.late(token, value, start, twice=key == self._key)
                self._key = key
                places.append((token, place, start, end))
                self._lists[place].append(token)
            if place != axis:
                if axis == -1:
                    self._open(place, segment, start)
                    axis = place
                elif place >= 0:
                    notes.wrong("separator", value, start, f"{value} is of another category: write // before it")
            start = end + 1

    def _open(self, axis: int, segment: str, start: int) -> None:
        """Categories stand once and in order; the list of CUI categories belongs to the CUI before it."""
        if self._categories or axis == -1:
            return
        if axis <= self._axis:
            order = f"categories are out of order ({', '.join(self._vocabulary.axes)})"
            message = "the category is written twice: join its values with /" if axis == self._axis else order
            self._notes.wrong("category-order", segment, start, message)
        self._axis = axis

    def _compound(self, value: str, start: int, continued: str) -> tuple[int, str]:
        """Note a value that is more than one word: its category (-1 when unknown), and how a list continues."""
        vocabulary = self._vocabulary
        if self._categories and (axis := self._category(value, start)) >= 0:
            return axis, ""
        found = vocabulary.prefix_pattern.match(value)
        if found:
            token, form = vocabulary.prefixes[found.group()]
            self._notes.fit(form, value, start)
            return self._listed(token, value, found.end(), start)
        if continued:
            return self._listed(continued, value, 0, start)
        if value == "FGI" or value.startswith("FGI "):
            return self._foreign_information(value, start), ""
        if value in {"CUI", HANDLE_VIA_SAP}:
            axis = vocabulary.axis["cui" if value == "CUI" else "sap"]
            return self._note(axis, value, value, start, (1, value)), ""
        return self._system(value, start), ""

    def _is_category(self, value: str) -> bool:
        return value not in self._vocabulary.words and value.removeprefix("SP-") in self._vocabulary.categories

    def _category(self, value: str, start: int) -> int:
        """Note a CUI category; a control that is also one (PROPIN) is noted as the control."""
        vocabulary = self._vocabulary
        word = vocabulary.words.get(value)
        category = value.removeprefix("SP-")
        axis = vocabulary.axis["cui"]
        if category not in vocabulary.categories:
            return -1
        if category != value or word is None:
            return self._note(axis, value, value, start, (0 if category != value else 1, category))
        if vocabulary.controls[word.token].cui_category:
            self._note(word.axis, word.token, value, start, (1, category))
            self._parts.disordered = True
        return axis

    def _foreign_information(self, value: str, start: int) -> int:
        codes = tuple(value.split(" ")[1:])
        self._notes.nations(codes, start + len("FGI "), " ")
        self._parts.fgi, self._parts.concealed = codes, not codes
        return self._note(self._vocabulary.axis["fgi"], "FGI", value, start, (0,))

    def _listed(self, token: str, value: str, skip: int, start: int) -> tuple[int, str]:
        """Note a value that begins a list: programmes, nations, numbers, nicknames."""
        vocabulary, rest = self._vocabulary, value[skip:]
        if token == "SAR":  # noqa: S105 - a marking
            if not vocabulary.programme.fullmatch(rest):
                self._notes.wrong("unknown-word", value, start, f"{rest!r} is no programme name")
            return self._note(vocabulary.axis["sap"], f"SAR-{rest}", value, start, (0, rest)), token
        control = vocabulary.controls[token]
        axis, key = vocabulary.axis[control.axis], (vocabulary.position[token],)
        if control.list:
            codes = tuple(rest.split(", "))
            self._notes.nations(codes, start + skip, ", ")
            setattr(self._parts, "rel" if token == "REL" else "display", codes)  # noqa: S105 - a marking
            return self._note(axis, token, value, start, key), ""
        if control.numbers:
            for number in rest.split(" "):
                if number not in control.numbers:
                    message = f"{number!r} is none of {', '.join(control.numbers)}"
                    self._notes.wrong("unknown-word", value, start, message)
                self._note(axis, f"{token}-{number}", value, start, (*key, number))
            return axis, ""
        nickname = vocabulary.patterns[token][2]
        if nickname is None or not nickname.fullmatch(rest):
            self._notes.wrong("unknown-word", value, start, f"{rest!r} is no nickname")
        return self._note(axis, f"{token}-{rest}", value, start, (*key, rest)), token

    def _system(self, value: str, start: int) -> int:
        """An SCI system with compartments, SYSTEM-COMP SUB SUB-COMP; anything else is unknown."""
        vocabulary, notes = self._vocabulary, self._notes
        head, *rest = value.split("-")
        word = vocabulary.words.get(head)
        axis = vocabulary.axis["sci"]
        if word is None or word.axis != axis or not (rest or word.whole is False):
            return self._unknown(value, start)
        notes.fit(word.form, value, start)
        system = word.token
        if not rest:
            notes.wrong("sci-alone", value, start, f"{head} is written with a compartment, as in {head}-ABC")
        self._note(axis, system, value, start, word.key)
        compartments, subcompartments, _ = vocabulary.patterns[system]
        end = start + len(value)
        previous = ""
        for part in rest:
            name, *subs = part.split(" ")
            if compartments is None or not compartments.fullmatch(name):
                notes.wrong("unknown-word", value, start, f"{name!r} is no compartment of {system}")
            if name <= previous:
                notes.late(name, value, start, twice=name == previous)
            path = f"{system}-{name}"
            notes.places.append((path, axis, start, end))
            self._parts.sci.append(path)
            previous, previous_sub = name, ""
            for sub in subs:
                if subcompartments is None or not subcompartments.fullmatch(sub):
                    notes.wrong("unknown-word", value, start, f"{sub!r} is no subcompartment of {path}")
                if sub <= previous_sub:
                    notes.late(sub, value, start, twice=sub == previous_sub)
                self._parts.sci.append(f"{path}-{sub}")
                previous_sub = sub
        return axis

    def _note(self, axis: int, token: str, value: str, start: int, key: Key) -> int:
        if key <= self._key:
            self._notes.late(token, value, start, twice=key == self._key)
        self._key = key
        place: Place = (token, axis, start, start + len(value))
        self._notes.places.append(place)
        self._lists[axis].append(token)
        return axis

    def _unknown(self, value: str, start: int) -> int:
        vocabulary = self._vocabulary
        if not value:
            self._notes.wrong("separator", value, start, "a separator stands before nothing")
            return -1
        if value in vocabulary.level_words or value in level.CUI_WORDS:
            message = f"{value} is a level, which stands first and once"
        elif value.removeprefix("SP-") in vocabulary.categories:
            message = f"{value} is a CUI category, which stands after CUI//"
        else:
            message = f"{value!r} is no known word"
        if value in vocabulary.refused:
            rule = vocabulary.refused[value]
            self._notes.wrong(rule, value, start, vocabulary.rules[rule].text)
            return -1
        categories = [*vocabulary.categories, *(f"SP-{name}" for name in vocabulary.categories)]
        prefixes = [prefix.strip() for prefix in vocabulary.prefixes]
        near = nearest(value, [*vocabulary.words, *prefixes, "CUI", "FGI", *categories])
        self._notes.wrong("unknown-word", value, start, message, near)
        return -1
