"""Reading values that are more than one word: systems, programmes, lists of nations, numbers, nicknames, CUI."""

import itertools
import re
from collections.abc import Mapping, Sequence

from appliance.markings.marking import HANDLE_VIA_SAP, REL
from appliance.markings.reading import level
from appliance.markings.reading.notes import LONGEST_WORD, Notes
from appliance.markings.reading.parts import Parts
from appliance.markings.reading.words import BANNER, EITHER, PORTION, Key, Word
from appliance.markings.vocabulary import Vocabulary

UNKNOWN = -1
NO_KEY: Key = ()
LAST = 1_000
RESTRICTED_DATA = "RD"
_ALONE = frozenset(("CUI", HANDLE_VIA_SAP))
JOINED = ("RD-CNWDI-", "RD-N-")
PROGRAMME = "SAR"
PIECES = re.compile(r"[^A-Z0-9]+")
FOREIGN_INFORMATION = re.compile(r"(?:FGI|FOREIGN GOVERNMENT INFORMATION)(?: |$)")

Value = tuple[int, Key, Sequence[str], str]
"""What a value is: the position of its category, its place in the list, its tokens, and what continues after it."""


class Values:
    """Reads single values into the parts of one marking, and notes what is wrong with them.

    Args:
        vocabulary: the words.
        told: whether the places of values are noted, so that a violation can name them.
    """

    __slots__ = ("_lists", "_national", "_notes", "_parts", "_vocabulary")

    def __init__(self, vocabulary: Vocabulary, *, told: bool) -> None:
        self._vocabulary = vocabulary
        self._notes = Notes(vocabulary, told=told)
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
        self._national = True

    def _compound(self, value: str, start: int, continued: str, *, categories: bool) -> Value:
        """Read a value that is more than one word of the vocabulary."""
        vocabulary = self._vocabulary
        if categories and (found := self._category(value, start)):
            return found
        head, dash, rest = value.partition("-")
        word = vocabulary.words.get(head)
        if word is not None and word.axis == vocabulary.sci_axis and (dash or not word.whole):
            return self._system(word, rest, value, start)
        if dash and head == PROGRAMME:
            return self._programme(rest, value, start)
        if value == REL or value in vocabulary.beside or head == RESTRICTED_DATA:
            special = self._special(value, start)
            if special is not None:
                return special
        if (dash or " " in value) and (prefix := vocabulary.prefix_pattern.match(value)):
            token, form = vocabulary.prefixes[prefix.group()]
            self._notes.fit(form, value, start)
            return self._listed(token, value, prefix.end(), start)
        if value.startswith("F") and (foreign := FOREIGN_INFORMATION.match(value)):
            return self._foreign_information(value, foreign.end(), start)
        if value not in _ALONE and continued:
            return self._listed(continued, value, 0, start)
        if value in _ALONE:
            axis = "cui" if value == "CUI" else "sap"
            self._lists[vocabulary.axis[axis]].append(value)
            return vocabulary.axis[axis], (1, value), (value,), ""
        unknown(self._notes, value, start, national=self._national, categories=bool(self._parts.cui))
        return UNKNOWN, NO_KEY, (value,), ""

    def _special(self, value: str, start: int) -> Value | None:
        """Read what is neither a word nor a list: REL alone, a control of NATO, subsets of RD that are joined."""
        if value == REL:
            return self._repeated(value, start)
        if value in self._vocabulary.beside:
            return self._nato_control(value)
        return self._joined(value, start) if value.startswith(JOINED) else None

    def _joined(self, value: str, start: int) -> Value:
        """Read RD-CNWDI-SIGMA 14 (RD-N-SG 14): the subsets of RD joined by hyphens (CAPCO A.6)."""
        subset = next(text for text in JOINED if value.startswith(text))
        self._notes.fit(self._vocabulary.words[subset[:-1]].form, value, start)
        self._parts.aea.append("RD-CNWDI")
        numbered = f"RD-{value.removeprefix(subset)}"
        prefix = self._vocabulary.prefix_pattern.match(numbered)
        if prefix is None:
            unknown(self._notes, value, start, national=self._national)
            return UNKNOWN, NO_KEY, (value,), ""
        token, form = self._vocabulary.prefixes[prefix.group()]
        self._notes.fit(form, value, start)
        return self._listed(token, numbered, prefix.end(), start)

    def _repeated(self, value: str, start: int) -> Value:
        """Read REL alone: the list of the banner, in a portion."""
        vocabulary, notes = self._vocabulary, self._notes
        if notes.form == BANNER:
            notes.wrong("rel-abbreviated", value, start, vocabulary.rules["rel-abbreviated"].text)
        else:
            notes.form = PORTION
        self._parts.repeats.append(REL)
        self._lists[vocabulary.dissem_axis].append(REL)
        return vocabulary.dissem_axis, (vocabulary.position[REL],), (REL,), ""

    def _nato_control(self, value: str) -> Value:
        """Read ATOMAL, BALK or BOHEMIA: apart in a foreign marking, after its like in one of the nation (CAPCO H.7)."""
        vocabulary = self._vocabulary
        self._parts.disordered |= bool(self._parts.nonus)
        self._parts.nonus.append(value)
        place = vocabulary.position[value]
        if self._national:
            return vocabulary.beside[value], (LAST, place), (value,), ""
        return vocabulary.axis["nonus"], (place,), (value,), ""

    def _foreign_information(self, value: str, skip: int, start: int) -> Value:
        """Read FGI with its nations, or without when the source is concealed."""
        codes = tuple(value[skip:].split(" ")) if len(value) > skip else ()
        self._notes.fit(EITHER if value.startswith("FGI") else BANNER, value, start)
        self._notes.nations(codes, start + skip, " ")
        if self._vocabulary.nation in codes:
            self._notes.wrong("fgi-nation", value, start, self._vocabulary.rules["fgi-nation"].text)
        self._parts.fgi, self._parts.concealed = codes, not codes
        return self._vocabulary.axis["fgi"], (0,), ("FGI",), ""

    def _is_category(self, value: str) -> bool:
        return value not in self._vocabulary.words and value.removeprefix("SP-") in self._vocabulary.categories

    def _category(self, value: str, start: int) -> Value | None:
        """A CUI category; a control that is also one (PROPIN) is that control."""
        vocabulary = self._vocabulary
        word = vocabulary.words.get(value)
        category = value.removeprefix("SP-")
        specified = category != value
        axis = vocabulary.axis["cui"]
        if category not in vocabulary.categories:
            return None
        if specified or word is None:
            if value not in (vocabulary.specified if specified else vocabulary.basic):
                kind, other = ("basic", "") if specified else ("specified", f"SP-{category}")
                self._notes.wrong("cui-specified", value, start, f"all authorities for {category} are {kind}", other)
            self._lists[axis].append(value)
            return axis, (0 if specified else 1, category), (value,), ""
        self._lists[word.axis].extend(word.tokens)
        self._parts.disordered = True
        return axis, (1, category), word.tokens, ""

    def _listed(self, token: str, value: str, skip: int, start: int) -> Value:
        """Read a value that begins or continues a list: programmes, nations, numbers, nicknames."""
        vocabulary, notes, rest = self._vocabulary, self._notes, value[skip:]
        if token == PROGRAMME:
            return self._programme(rest, value, start)
        control = vocabulary.controls[token]
        axis, key = vocabulary.axis[control.axis], (vocabulary.position[token],)
        if control.list:
            codes = tuple(rest.split(", "))
            notes.nations(codes, start + skip, ", ")
            self._parts.release(token, codes)
            self._lists[axis].append(token)
            return axis, key, (token,), ""
        if control.numbers:
            numbers, known = rest.split(" "), vocabulary.numbers[token]
            for number in numbers:
                if number not in known:
                    notes.wrong("unknown-word", value, start, f"{number!r} is none of {', '.join(sorted(known))}")
            self._ascending([f"{number:0>4}" for number in numbers], value, start)
            tokens = tuple([f"{token}-{number}" for number in numbers])
            self._lists[axis].extend(tokens)
            return axis, key, tokens, ""
        if not vocabulary.nicknames[token].fullmatch(rest) or self._is_taken(rest):
            notes.wrong("unknown-word", value, start, f"{rest!r} is no nickname")
        self._lists[axis].append(f"{token}-{rest}")
        return axis, (*key, rest), (f"{token}-{rest}",), token

    def _programme(self, name: str, value: str, start: int) -> Value:
        """Read a special access programme, NAME-COMP SUB SUB-COMP; its hierarchy is optional (CAPCO H.5)."""
        programme, dash, rest = name.partition("-")
        if not self._vocabulary.programme.fullmatch(name) or self._is_taken(programme):
            self._notes.wrong("unknown-word", value, start, f"{name!r} is no programme name")
        tokens = self._compartments(f"SAR-{programme}", rest, value, start) if dash else [f"SAR-{name}"]
        self._parts.sap += tokens
        return self._vocabulary.sap_axis, (0, programme), tokens, PROGRAMME

    def _is_taken(self, name: str) -> bool:
        """Whether a programme or nickname would be read as something else after another one, as NF in SAR-BP/NF."""
        vocabulary = self._vocabulary
        return (
            name in vocabulary.words
            or name in vocabulary.beside
            or name in {REL, *_ALONE}
            or FOREIGN_INFORMATION.match(name) is not None
            or vocabulary.prefix_pattern.match(name) is not None
        )

    def _system(self, word: Word, rest: str, value: str, start: int) -> Value:
        """Read an SCI system with its compartments, SYSTEM-COMP SUB SUB-COMP."""
        notes, vocabulary, system = self._notes, self._vocabulary, word.tokens[0]
        if notes.form & word.form:
            notes.form &= word.form
        else:
            notes.fit(word.form, value, start)
        known = vocabulary.compartments[system].fullmatch
        if not rest:
            notes.wrong("sci-alone", value, start, f"{value} is written with a compartment, as in {system}-ABC")
        elif not known(rest):
            rest = self._titled(vocabulary.titles.get(system, {}), rest, value, start)
            if not known(rest):
                notes.wrong("unknown-word", value, start, f"{rest!r} is no list of compartments of {system}")
        tokens = self._compartments(system, rest, value, start)
        self._parts.sci.extend(tokens)
        return word.axis, word.key, tokens, ""

    def _titled(self, titles: Mapping[str, str], rest: str, value: str, start: int) -> str:
        """The compartments with their abbreviations instead of their titles, which stand in banners (GAMMA is G)."""
        parts = []
        for part in rest.split("-"):
            name, space, subs = part.partition(" ")
            if name in titles:
                self._notes.fit(BANNER, value, start)
            parts.append(titles.get(name, name) + space + subs)
        return "-".join(parts)

    def _compartments(self, system: str, rest: str, value: str, start: int) -> list[str]:
        """The tokens of a system or programme with what follows its first hyphen; each level ascends."""
        tokens, previous = [system], ""
        for part in rest.split("-") if rest else ():
            name, space, below = part.partition(" ")
            path = f"{system}-{name}"
            tokens.append(path)
            if space:
                subs = below.split(" ")
                tokens += [f"{path}-{sub}" for sub in subs]
                if len(subs) > 1:
                    self._ascending(subs, value, start)
            if name <= previous:
                self._notes.late(name, value, start, twice=name == previous)
            previous = name
        return tokens

    def _ascending(self, names: list[str], value: str, start: int) -> None:
        for previous, name in itertools.pairwise(names):
            if name <= previous:
                self._notes.late(name, value, start, twice=name == previous)


def unknown(notes: Notes, value: str, start: int, *, national: bool, categories: bool = False) -> None:
    """Note a value that is nothing, and what may have been meant.

    On a marking of another owner no release is suggested: even NOFORN would let the nation read what is not its own.
    """
    vocabulary = notes.vocabulary
    if value in vocabulary.refused:
        rule = vocabulary.refused[value]
        notes.wrong(rule, value, start, vocabulary.rules[rule].text)
        return
    if whose := level.protected_by(vocabulary, value):
        message = f"{value} is a protective marking of {whose}, which no published table compares with a level"
        notes.wrong("protective-marking", value, start, message)
        return
    if not value:
        notes.wrong("separator", value, start, "a separator stands before nothing")
        return
    if value.endswith((" EYES ONLY", " EYES")):
        notes.wrong("eyes-only", value, start, vocabulary.rules["eyes-only"].text)
        return
    if value in vocabulary.level_words or value in level.CUI_WORDS:
        message = f"{value} is a level, which stands first and once"
    elif value.removeprefix("SP-") in vocabulary.categories:
        message = f"{value} is a CUI category, which stands after CUI//"
    else:
        message = f"{value!r} is no known word"
    words = {text: word.axis for text, word in vocabulary.words.items() if national or not _releases(vocabulary, word)}
    near = [*words, *([prefix.strip() for prefix in vocabulary.prefixes] if national else ()), "FGI"]
    if categories or value.startswith("SP-"):
        near += [*vocabulary.basic, *vocabulary.specified]
    notes.wrong("unknown-word", value, start, message, _meant(notes, value, near, words))


def _releases(vocabulary: Vocabulary, word: Word) -> bool:
    return vocabulary.releases(word.tokens[0])


def _meant(notes: Notes, value: str, near: list[str], words: Mapping[str, int]) -> str:
    """The word that is most like a value, if it has every word that the value names; else those words, set apart."""
    pieces = [piece for piece in PIECES.split(value) if piece]
    named = {piece for piece in pieces if piece in notes.vocabulary.words}
    word = notes.nearest(value, near)
    if named <= set(PIECES.split(word)):
        return word
    if not named.issuperset(pieces) or not named <= set(words) or len(value) > LONGEST_WORD:
        return ""
    text = pieces[0]
    for before, piece in itertools.pairwise(pieces):
        text += ("/" if words[before] == words[piece] else "//") + piece
    return text
