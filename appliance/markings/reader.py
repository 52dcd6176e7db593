"""Reading a marking: text to parts, with every departure from the grammar noted at its place."""

import difflib
from typing import NamedTuple

from appliance.markings.errors import Violation
from appliance.markings.marking import HANDLE_VIA_SAP, Marking
from appliance.markings.parts import Parts
from appliance.markings.vocabulary import BANNER, EITHER, PORTION, Vocabulary, Word

Key = tuple[int | str, ...]
FOREIGN_LEVELS = {"R"}


class Value(NamedTuple):
    """A value as it stands in the text: its token, and where."""

    token: str
    start: int
    end: int


class Reader:
    """Reads one text of permitted characters and spacing.

    Args:
        text: the marking, upper-case ASCII.
        vocabulary: the words.

    Attributes:
        violations: departures found so far.
        values: every token with its place, for rules that name one.
    """

    __slots__ = (
        "_axis",
        "_categories",
        "_cui_list",
        "_form",
        "_key",
        "_lists",
        "_parts",
        "_text",
        "_vocabulary",
        "values",
        "violations",
    )

    def __init__(self, text: str, vocabulary: Vocabulary) -> None:
        self._text = text
        self._vocabulary = vocabulary
        self.violations: list[Violation] = []
        self.values: list[Value] = []
        self._parts = Parts()
        self._form = EITHER
        self._axis = -1
        self._key: Key = ()
        self._cui_list = False
        self._categories = False

    @property
    def portion(self) -> bool:
        """Whether the text has the form of a portion."""
        return self._form == PORTION

    def read(self) -> Marking | None:
        """The marking as far as it can be read; None when it has no level."""
        text, start = self._text, 0
        if text.startswith("(") and text.endswith(")"):
            text, start = text[1:-1], 1
            self._form = PORTION
        foreign = text.startswith("//")
        if foreign:
            text, start = text[2:], start + 2
        first, *segments = text.split("//")
        head = self._foreign_level(first, start) if foreign else self._level(first, start)
        start += len(first) + 2
        for segment in segments:
            self._segment(segment, start)
            start += len(segment) + 2
        if head is None:
            return None
        self._parts.classification, self._parts.owners = head
        return self._parts.marking(self._vocabulary)

    # The level

    def _level(self, text: str, start: int) -> tuple[str, tuple[str, ...]] | None:
        if text in {"CUI", "CONTROLLED"}:
            self._parts.cui.append("CUI")
            self.values.append(Value("CUI", start, start + len(text)))
            self._cui_list = True
            if text == "CONTROLLED":
                self._fit(BANNER, text, start)
            return "U", (self._vocabulary.nation,)
        word = self._vocabulary.level_words.get(text)
        if word is None or word.owner or word.token in FOREIGN_LEVELS:
            self._no_level(text, start, foreign=bool(word))
            return None
        self._fit(word.form, text, start)
        self.values.append(Value(word.token, start, start + len(text)))
        return word.token, (self._vocabulary.nation,)

    def _foreign_level(self, text: str, start: int) -> tuple[str, tuple[str, ...]] | None:
        vocabulary = self._vocabulary
        if text.startswith("JOINT "):
            return self._joint(text, start)
        word = vocabulary.level_words.get(text)
        if word is not None and word.owner:
            owners: tuple[str, ...] = (word.owner,)
        else:
            owner, _, level = text.partition(" ")
            word = vocabulary.level_words.get(level)
            owners = (owner,)
            if word is None or word.owner or owner == "NATO":
                self._no_level(text, start, foreign=True)
                return None
            self._countries((owner,), start)
            if owner == vocabulary.nation:
                self._wrong("owner-form", text, start, f"a marking of {owner} begins with the level", f"{level}")
        self._fit(word.form, text, start)
        self.values.append(Value(word.token, start, start + len(text)))
        self.values.append(Value("NATO" if owners == ("NATO",) else "NON-US", start, start + len(text)))
        return word.token, owners

    def _joint(self, text: str, start: int) -> tuple[str, tuple[str, ...]] | None:
        rest = text.removeprefix("JOINT ")
        for name, word in self._vocabulary.level_words.items():
            if word.owner is None and rest.startswith(f"{name} "):
                codes = tuple(rest[len(name) + 1 :].split(" "))
                place = start + len("JOINT ") + len(name) + 1
                self._countries(codes, place)
                self._ordered_countries(codes, place, " ", nation_first=False)
                if len(set(codes)) < 2:
                    self._wrong("joint-owners", text, start, "a JOINT marking names at least two owners")
                self._fit(word.form, text, start)
                self.values += [Value(word.token, start, start + len(text)), Value("JOINT", start, start + len(text))]
                return word.token, codes
        self._no_level(text, start, foreign=True)
        return None

    def _no_level(self, text: str, start: int, *, foreign: bool) -> None:
        known = [name for name, word in self._vocabulary.level_words.items() if foreign or not word.owner]
        near = difflib.get_close_matches(text, ["CUI", *known], 1)
        expected = (
            "owner and level after //" if foreign else "a level (UNCLASSIFIED, CUI, CONFIDENTIAL, SECRET, TOP SECRET)"
        )
        self._wrong("level", text, start, f"expected {expected}, not {text!r}", near[0] if near else "")

    # The categories

    def _segment(self, segment: str, start: int) -> None:
        self._key = ()
        axis = -1
        continued = ""
        values = segment.split("/")
        self._categories = self._cui_list and any(map(self._is_category, values))
        for value in values:
            place = self._value(value, start, continued)
            if place >= 0:
                if axis == -1:
                    self._open(place, segment, start)
                elif place != axis:
                    self._wrong("separator", value, start, f"{value} is of another category: write // before it")
                axis = place
                last = self.values[-1].token
                continued = "SAR-" if last.startswith("SAR-") else "ACCM-" if last.startswith("ACCM-") else ""
            start += len(value) + 1
        self._cui_list = values == ["CUI"]

    def _is_category(self, value: str) -> bool:
        return value not in self._vocabulary.words and value.removeprefix("SP-") in self._vocabulary.categories

    def _open(self, axis: int, segment: str, start: int) -> None:
        cui = self._vocabulary.axis["cui"]
        if axis == cui and self._cui_list:
            return
        if axis <= self._axis:
            again = axis == self._axis
            message = (
                "the category is written twice: join its values with /" if again else "categories are out of order"
            )
            self._wrong("category-order", segment, start, f"{message} ({', '.join(self._vocabulary.axes)})")
        self._axis = axis

    def _value(self, value: str, start: int, continued: str) -> int:
        """Note one value; the position of its axis, or -1 when it is unknown."""
        vocabulary = self._vocabulary
        word = vocabulary.words.get(value)
        if self._categories and (place := self._category(value, start, word)) >= 0:
            return place
        if word is not None:
            control = vocabulary.controls[word.token]
            if not (control.list or control.numbers or control.nickname or not control.alone):
                self._fit(word.form, value, start)
                self._note(word.axis, word.token, start, len(value), (vocabulary.position[word.token],))
                return word.axis
        return self._compound(value, start, continued)

    def _category(self, value: str, start: int, word: Word | None) -> int:
        """Note a CUI category; a control that is also one (PROPIN) is noted as the control."""
        vocabulary = self._vocabulary
        category = value.removeprefix("SP-")
        if category not in vocabulary.categories:
            return -1
        key = (0 if category != value else 1, category)
        if category != value or word is None:
            self._note(vocabulary.axis["cui"], value, start, len(value), key)
        elif vocabulary.controls[word.token].cui_category:
            self._note(word.axis, word.token, start, len(value), key)
        return vocabulary.axis["cui"]

    def _compound(self, value: str, start: int, continued: str) -> int:
        for prefix, token, form in self._vocabulary.prefixes:
            if value.startswith(prefix):
                self._fit(form, value, start)
                return self._listed(token, prefix, value, start)
        axis = self._vocabulary.axis
        if value == "FGI" or value.startswith("FGI "):
            codes = tuple(value.split(" ")[1:])
            self._countries(codes, start + 4)
            self._ordered_countries(codes, start + 4, " ", nation_first=False)
            self._note(axis["fgi"], "FGI", start, len(value), (0,))
            self._parts.fgi, self._parts.concealed = codes, not codes
            return axis["fgi"]
        if value in {"CUI", HANDLE_VIA_SAP}:
            self._note(axis["cui" if value == "CUI" else "sap"], value, start, len(value), (1, value))
            return axis["cui" if value == "CUI" else "sap"]
        if continued == "SAR-":
            return self._programme(value, value, start)
        if continued == "ACCM-":
            return self._listed("ACCM", "", value, start)
        return self._system(value, start)

    def _listed(self, token: str, prefix: str, value: str, start: int) -> int:
        vocabulary, rest, place = self._vocabulary, value[len(prefix) :], start + len(prefix)
        if prefix in self._vocabulary.programme_prefixes:
            return self._programme(rest, value, start)
        control = vocabulary.controls[token]
        key: Key = (vocabulary.position[token],)
        if control.list:
            codes = tuple(rest.split(", "))
            self._countries(codes, place, ", ")
            self._ordered_countries(codes, place, ", ", nation_first=True)
            setattr(self._parts, "rel" if prefix.endswith("TO ") else "display", codes)
            self._note(vocabulary.axis[control.axis], token, start, len(value), key)
        elif control.numbers:
            numbers = rest.split(" ")
            for number in numbers:
                if number not in control.numbers:
                    self._wrong("unknown-word", value, start, f"{number!r} is none of {', '.join(control.numbers)}")
                self._note(vocabulary.axis[control.axis], f"{token}-{number}", start, len(value), (*key, number))
        else:
            nickname = vocabulary.patterns[token][2]
            if nickname is None or not nickname.fullmatch(rest):
                self._wrong("unknown-word", value, start, f"{rest!r} is no nickname")
            self._note(vocabulary.axis[control.axis], f"{token}-{rest}", start, len(value), (*key, rest))
        return vocabulary.axis[control.axis]

    def _programme(self, name: str, value: str, start: int) -> int:
        if not self._vocabulary.programme.fullmatch(name):
            self._wrong("unknown-word", value, start, f"{name!r} is no programme name")
        self._note(self._vocabulary.axis["sap"], f"SAR-{name}", start, len(value), (0, name))
        return self._vocabulary.axis["sap"]

    def _system(self, value: str, start: int) -> int:
        """An SCI system with compartments, SYSTEM-COMP SUB SUB-COMP; anything else is unknown."""
        vocabulary = self._vocabulary
        head, *rest = value.split("-")
        word = vocabulary.words.get(head)
        axis = vocabulary.axis["sci"]
        if word is None or word.axis != axis or " " in head:
            return self._unknown(value, start)
        self._fit(word.form, value, start)
        compartment, subcompartment, _ = vocabulary.patterns[word.token]
        if not rest and not vocabulary.controls[word.token].alone:
            self._wrong("sci-alone", value, start, f"{head} is written with a compartment, as in {head}-ABC")
        self._note(axis, word.token, start, len(value), (vocabulary.position[word.token],))
        previous = ""
        for part in rest:
            name, *subs = part.split(" ")
            token = f"{word.token}-{name}"
            if compartment is None or not compartment.fullmatch(name):
                self._wrong("unknown-word", value, start, f"{name!r} is no compartment of {word.token}")
            self._ascending(previous, name, value, start)
            self.values.append(Value(token, start, start + len(value)))
            self._parts.sci.append(token)
            previous_sub = ""
            for sub in subs:
                if subcompartment is None or not subcompartment.fullmatch(sub):
                    self._wrong("unknown-word", value, start, f"{sub!r} is no subcompartment of {token}")
                self._ascending(previous_sub, sub, value, start)
                self.values.append(Value(f"{token}-{sub}", start, start + len(value)))
                self._parts.sci.append(f"{token}-{sub}")
                previous_sub = sub
            previous = name
        return axis

    def _unknown(self, value: str, start: int) -> int:
        if not value:
            self._wrong("separator", value, start, "a separator stands before nothing")
            return -1
        vocabulary = self._vocabulary
        prefixes = [prefix.strip() for prefix, _, _ in vocabulary.prefixes]
        categories = [*vocabulary.categories, *(f"SP-{name}" for name in vocabulary.categories)]
        near = difflib.get_close_matches(value, [*vocabulary.words, *prefixes, "CUI", "FGI", *categories], 1)
        if value in vocabulary.level_words or value in {"CONTROLLED"}:
            message = f"{value} is a level, which stands first and once"
        elif value.removeprefix("SP-") in vocabulary.categories:
            message = f"{value} is a CUI category, which stands after CUI//"
        else:
            message = f"{value!r} is no known word"
        self._wrong("unknown-word", value, start, message, near[0] if near else "")
        return -1

    # Notes

    def _note(self, axis: int, token: str, start: int, length: int, key: Key) -> None:
        self.values.append(Value(token, start, start + length))
        if key <= self._key:
            self._out_of_order(key == self._key, token, self._text[start : start + length], start)
        self._key = key
        self._parts.note(self._vocabulary.axes[axis], token)

    def _ascending(self, previous: str, name: str, value: str, start: int) -> None:
        if previous and name <= previous:
            self._out_of_order(name == previous, name, value, start)

    def _out_of_order(self, twice: bool, token: str, value: str, start: int) -> None:
        if twice:
            self._wrong("duplicate", value, start, f"{token} is written twice")
        else:
            self._wrong("list-order", value, start, f"{token} stands too late in its list")

    def _fit(self, form: int, value: str, start: int) -> None:
        if not self._form & form:
            kind = "a portion" if self._form == PORTION else "a banner"
            self._wrong("form", value, start, f"{value} does not stand in {kind}: do not mix long and portion forms")
        else:
            self._form &= form

    def _countries(self, codes: tuple[str, ...], start: int, separator: str = " ") -> None:
        vocabulary = self._vocabulary
        for code in codes:
            if code not in vocabulary.nations and code not in vocabulary.groups:
                near = difflib.get_close_matches(code, [*vocabulary.nations, *vocabulary.groups], 1)
                self._wrong("country", code, start, f"{code!r} is no known nation or group", near[0] if near else "")
            start += len(code) + len(separator)

    def _ordered_countries(self, codes: tuple[str, ...], start: int, separator: str, *, nation_first: bool) -> None:
        groups, nation = self._vocabulary.groups, self._vocabulary.nation
        right = sorted(set(codes), key=lambda code: (code in groups, nation_first and code != nation, code))
        if list(codes) != right:
            rule = "list-order" if len(right) == len(codes) else "duplicate"
            first = f"{nation} first, " if nation_first else ""
            message = f"nations are written once each: {first}trigraphs by alphabet, then groups"
            self._wrong(rule, separator.join(codes), start, message, separator.join(right))

    def _wrong(self, rule: str, value: str, start: int, message: str, suggestion: str = "") -> None:
        self.violations.append(self._vocabulary.violation(rule, (start, start + len(value)), message, suggestion))
