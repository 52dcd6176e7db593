"""The characters of a marking: what may stand in one, and which letter a look-alike was meant to be."""

import re
import unicodedata

from appliance.markings.errors import Violation
from appliance.markings.vocabulary import Vocabulary

_PLAIN = re.compile(r"[A-Z0-9/,()_ -]+")
_SPACING = re.compile(r"^ +| +$| +(?=[/,])|(?<=/) +| {2,}|,(?=[^ ])")


def is_clean(text: str) -> bool:
    """Whether the text has only permitted characters and spacing."""
    return bool(_PLAIN.fullmatch(text)) and not (
        text[0] == " "
        or text[-1] == " "
        or "  " in text
        or " /" in text
        or "/ " in text
        or " ," in text
        or text.count(",") != text.count(", ")
    )


def clean(text: str, vocabulary: Vocabulary) -> tuple[str, list[int], list[Violation]]:
    """What the text was meant to be, the original position of each of its characters, and what was wrong with it.

    Args:
        text: any text that is not empty.
        vocabulary: the source of the rules.
    """
    violations: list[Violation] = []
    characters: list[tuple[str, int]] = []
    for place, character in enumerate(text):
        kept = _character(character, place, vocabulary, violations)
        if kept:
            characters.append((kept, place))
    meant = "".join(character for character, _ in characters)
    if any("a" <= character <= "z" for character in text):
        first = next(place for place, character in enumerate(text) if "a" <= character <= "z")
        kept = meant if len(meant) == len(text) else ""
        violations.append(
            vocabulary.violation("text-case", (first, len(text)), "markings are written in capitals", kept)
        )
    return _spaced(characters, vocabulary, violations)


def _character(character: str, place: int, vocabulary: Vocabulary, violations: list[Violation]) -> str:
    if character.isascii() and (character.isalnum() or character in " /,()_-"):
        return character.upper()
    span = (place, place + 1)
    name = unicodedata.name(character, f"U+{ord(character):04X}")
    meant = character.translate(vocabulary.look_alikes)
    if meant == character:
        compatible = unicodedata.normalize("NFKC", character).upper()
        meant = compatible if len(compatible) == 1 and compatible.isascii() and compatible.isalnum() else character
    if meant != character:
        message = f"{name} looks like {meant!r} but is another character"
        violations.append(vocabulary.violation("text-look-alike", span, message, f"type {meant!r}"))
        return meant
    if unicodedata.category(character).startswith("C"):
        violations.append(vocabulary.violation("text-control-character", span, f"{name} may not stand in a marking"))
        return ""
    if character.isspace():
        violations.append(vocabulary.violation("text-spacing", span, f"{name} is no plain space"))
        return " "
    violations.append(vocabulary.violation("text-character", span, f"{name} may not stand in a marking"))
    return ""


def _spaced(
    characters: list[tuple[str, int]], vocabulary: Vocabulary, violations: list[Violation]
) -> tuple[str, list[int], list[Violation]]:
    meant = "".join(character for character, _ in characters)
    positions = [place for _, place in characters]
    text: list[str] = []
    places: list[int] = []
    last = 0
    for match in _SPACING.finditer(meant):
        start, end = match.span()
        text.append(meant[last:start])
        places += positions[last:start]
        inside = not match.group().startswith(" ") or (
            start > 0 and end < len(meant) and meant[end] not in "/," and meant[start - 1] != "/"
        )
        if inside:
            text.append(", " if match.group() == "," else " ")
            places += [positions[start]] * len(text[-1])
        span = (positions[start], positions[end - 1] + 1)
        violations.append(vocabulary.violation("text-spacing", span, "one space between words and after a comma only"))
        last = end
    text.append(meant[last:])
    places += positions[last:]
    return "".join(text), places, violations
