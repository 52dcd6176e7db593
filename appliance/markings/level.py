"""Reading the first part of a marking: the level, and the owners when they are not the nation alone."""

from appliance.markings.notes import LEVEL, Notes
from appliance.markings.vocabulary import BANNER, PORTION, LevelWord

Head = tuple[str, tuple[str, ...]]
"""The level token and the owners."""

CUI_WORDS = {"CUI", "CONTROLLED"}
_JOINT = "JOINT "


def national(notes: Notes, text: str, start: int) -> Head | None:
    """The level of a marking of the nation itself; None when there is none."""
    vocabulary = notes.vocabulary
    owners = (vocabulary.nation,)
    if text in CUI_WORDS:
        notes.places.append((("CUI",), vocabulary.axis["cui"], start, start + len(text)))
        if text == "CONTROLLED" and notes.form == PORTION:
            notes.wrong("cui-portion", text, start, vocabulary.rules["cui-portion"].text)
        elif text == "CONTROLLED":
            notes.form = BANNER
        return "U", owners
    word = vocabulary.level_words.get(text)
    if word is None or word.owner or word.foreign:
        _missing(notes, text, start, foreign=False)
        return None
    return _found(notes, word, owners, text, start)


def foreign(notes: Notes, text: str, start: int) -> Head | None:
    """The level and the owners of a marking that begins with //; None when they cannot be read."""
    vocabulary = notes.vocabulary
    if text.startswith(_JOINT):
        return _joint(notes, text, start)
    word = vocabulary.level_words.get(text)
    if word is not None and word.owner:
        return _found(notes, word, (word.owner,), text, start)
    owner, _, level = text.partition(" ")
    word = vocabulary.level_words.get(level)
    if word is None or word.owner or owner == "NATO":
        _missing(notes, text, start, foreign=True)
        return None
    notes.nations((owner,), start, " ")
    if owner == vocabulary.nation:
        notes.wrong("owner-form", text, start, f"a marking of {owner} begins with its level", level)
    return _found(notes, word, (owner,), text, start)


def _joint(notes: Notes, text: str, start: int) -> Head | None:
    rest = text.removeprefix(_JOINT)
    for name, word in notes.vocabulary.level_words.items():
        if word.owner is None and rest.startswith(f"{name} "):
            codes = tuple(rest[len(name) + 1 :].split(" "))
            notes.nations(codes, start + len(_JOINT) + len(name) + 1, " ")
            if len(set(codes)) < 2:
                notes.wrong("joint-owners", text, start, "a JOINT marking names at least two owners")
            return _found(notes, word, codes, text, start)
    _missing(notes, text, start, foreign=True)
    return None


def _found(notes: Notes, word: LevelWord, owners: tuple[str, ...], text: str, start: int) -> Head:
    notes.fit(word.form, text, start)
    notes.places.append(((word.token,), LEVEL, start, start + len(text)))
    return word.token, owners


def _missing(notes: Notes, text: str, start: int, *, foreign: bool) -> None:
    vocabulary = notes.vocabulary
    words = vocabulary.level_words
    known = [name for name, word in words.items() if bool(word.owner) == foreign and (foreign or not word.foreign)]
    levels = ", ".join(["CUI", *known])
    message = f"expected {'JOINT or an owner, with a level' if foreign else levels}, not {text!r}"
    first, _, rest = text.partition(" ")
    if not foreign and (first == "JOINT" or first in vocabulary.nations or first in vocabulary.groups) and rest:
        suggestion = f"//{text}"
    else:
        suggestion = notes.nearest(text, known if foreign else ["CUI", *known])
    notes.wrong("level", text, start, message, suggestion)
