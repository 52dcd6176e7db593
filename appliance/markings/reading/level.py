"""Reading the first part of a marking: the level, and the owners when they are not the nation alone."""

import difflib

from appliance.markings.reading.notes import LEVEL, Notes
from appliance.markings.reading.words import BANNER, PORTION, LevelWord
from appliance.markings.vocabulary import Vocabulary

Head = tuple[str, tuple[str, ...], str]
"""The level token, the owners (none when a JOINT portion repeats those of its banner), and a control of NATO."""

CUI_WORDS = {"CUI", "CONTROLLED"}
_JOINT = "JOINT"


def national(notes: Notes, text: str, start: int) -> Head | None:
    """The level of a marking of the nation itself; None when there is none."""
    vocabulary = notes.vocabulary
    owners = (vocabulary.nation,)
    word = vocabulary.level_words.get(text)
    if word is not None and not word.owner and not word.foreign:
        return _found(notes, word, owners, text, start)
    if text in CUI_WORDS:
        notes.place(("CUI",), vocabulary.axis["cui"], text, start)
        if text == "CONTROLLED" and notes.form == PORTION:
            notes.wrong("cui-portion", text, start, vocabulary.rules["cui-portion"].text)
        elif text == "CONTROLLED":
            notes.form = BANNER
        return "U", owners, ""
    _missing(notes, text, start, foreign=False)
    return None


def foreign(notes: Notes, text: str, start: int) -> Head | None:
    """The level and the owners of a marking that begins with //; None when they cannot be read."""
    vocabulary = notes.vocabulary
    word = vocabulary.level_words.get(text)
    if word is not None and word.owner:
        return _found(notes, word, (word.owner,), text, start)
    if text.startswith(f"{_JOINT} "):
        return _joint(notes, text, start)
    for name, word in vocabulary.own_levels.items():
        if text.endswith(f" {name}"):
            codes = tuple(text[: -len(name) - 1].split(" "))
            if codes == ("NATO",):
                break
            return _owned(notes, word, codes, text, start)
    _missing(notes, text, start, foreign=True)
    return None


def _owned(notes: Notes, word: LevelWord, codes: tuple[str, ...], text: str, start: int) -> Head:
    """The owners that stand before the level: information of one nation or group, or of several (CAPCO H.7)."""
    nation = notes.vocabulary.nation
    notes.nations(codes, start, " ")
    if not notes.vocabulary.coalitions.isdisjoint(codes):
        notes.wrong("owner-coalition", text, start, notes.vocabulary.rules["owner-coalition"].text)
    if codes == (nation,):
        notes.wrong("owner-form", text, start, f"a marking of {nation} begins with its level")
    elif nation in codes:
        message = f"what {nation} owns together with others is JOINT, with the owners after the level"
        notes.wrong("owner-form", text, start, message)
    return _found(notes, word, codes, text, start)


def _joint(notes: Notes, text: str, start: int) -> Head | None:
    """JOINT with its level and owners; a portion may leave the owners out, and then repeats those of its banner."""
    rest = text.removeprefix(f"{_JOINT} ")
    vocabulary = notes.vocabulary
    for name, word in vocabulary.own_levels.items():
        if rest == name:
            if word.form != PORTION:
                notes.wrong("joint-owners", text, start, "a JOINT banner names its owners")
            return _found(notes, word, (), text, start)
        if rest.startswith(f"{name} "):
            codes = tuple(rest[len(name) + 1 :].split(" "))
            notes.nations(codes, start + len(_JOINT) + len(name) + 2, " ")
            if len(set(codes)) < 2:
                notes.wrong("joint-owners", text, start, "a JOINT marking names at least two owners")
            elif vocabulary.nation not in codes:
                message = (
                    f"{vocabulary.nation} is always an owner of JOINT information; without it write the owners first"
                )
                notes.wrong("joint-owners", text, start, message)
            return _found(notes, word, codes, text, start)
    _missing(notes, text, start, foreign=True)
    return None


def _found(notes: Notes, word: LevelWord, owners: tuple[str, ...], text: str, start: int) -> Head:
    notes.fit(word.form, text, start)
    notes.place((word.token,), LEVEL, text, start)
    return word.token, owners, word.control


def _missing(notes: Notes, text: str, start: int, *, foreign: bool) -> None:
    vocabulary = notes.vocabulary
    if whose := protected_by(vocabulary, text):
        message = f"{text} is a protective marking of {whose}, which no published table compares with a level"
        notes.wrong("protective-marking", text, start, message)
        return
    if text in vocabulary.refused:
        rule = vocabulary.refused[text]
        notes.wrong(rule, text, start, vocabulary.rules[rule].text)
        return
    known = [name for name, word in vocabulary.own_levels.items() if not word.foreign]
    levels = ", ".join([*known, "CUI"])
    message = f"expected {'JOINT or an owner, with a level' if foreign else levels}, not {text!r}"
    notes.wrong("level", text, start, message, "" if foreign else _meant(notes, text, known))


def protected_by(vocabulary: Vocabulary, text: str) -> str:
    """Whose protective marking a text is, alone or after the name of its nation; empty when it is none."""
    words = text.split(" ")
    tails = (" ".join(words[number:]) for number in range(min(len(words), 4)))
    return next((vocabulary.protective[tail] for tail in tails if tail in vocabulary.protective), "")


def _meant(notes: Notes, text: str, known: list[str]) -> str:
    """What was probably meant: never a lower level than one that the text names, and never another owner."""
    vocabulary = notes.vocabulary
    word = vocabulary.level_words.get(text)
    first, _, rest = text.partition(" ")
    owned = first in vocabulary.rank and first not in {vocabulary.nation, "NATO"} and rest in vocabulary.own_levels
    if (word is not None and word.owner) or owned or (first == _JOINT and rest):
        return f"//{text}"
    other = any(part in vocabulary.rank or part == _JOINT for part in text.split(" "))
    meant = "" if other else notes.nearest_level(text, known)
    return meant if all(difflib.get_close_matches(word, meant.split(" "), 1) for word in text.split(" ")) else ""
