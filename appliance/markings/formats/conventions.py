"""Markings in names and headers: file names, subjects and headers of e-mail (32 CFR 2001.23)."""

import re
from collections.abc import Iterable, Mapping

from appliance.markings.errors import MarkingError
from appliance.markings.label import dominates
from appliance.markings.marking import Marking
from appliance.markings.reading.parse import examine
from appliance.markings.vocabulary import Vocabulary, default

HEADERS = ("sio-label", "x-classification", "x-security-classification", "x-marking", "classification")
"""Headers that carry a marking, in small letters; SIO-Label is that of RFC 7444."""

MAXIMUM_NAME = 255
_PORTION = re.compile(r"\s*(?:(?:re|fw|fwd|aw|wg)\s*:\s*)*\(([^()]{1,400})\)", re.IGNORECASE)
_SECOND = re.compile(r"\s*[(\[]([^()\[\]]{1,400})[)\]]")
_BEGUN = re.compile(r"([A-Z]+(?:[ _][A-Z]+)?)(?:--|__)[A-Z0-9+]+(?=[ _,-]|$)")
"""A level or an owner, then -- or __ and something in capitals."""
_CONTINUED = re.compile(r"--|__|\+|,")
_PARAMETER = re.compile(r'(?:^|;)\s*marking\s*=\s*"([^"]{1,400})"', re.IGNORECASE)
_BANNER = re.compile(r"\s*(?:\[([A-Z/][A-Z0-9/, _-]{0,400})\]|([A-Z/][A-Z0-9/, _-]{0,400}?)\s*(?:[:|]|$))")


def to_file_name(marking: Marking) -> str:
    """The portion mark as it stands before a file name: // is -- and / is +."""
    return f"({marking.portion.replace('//', '--').replace('/', '+')})"


def from_file_name(name: str, vocabulary: Vocabulary | None = None) -> Marking | None:
    """The marking that a file name begins with; None when it begins with none.

    Read are (S--NF) Report.docx as ``to_file_name`` writes it, S--NF_Report.docx, SECRET--NOFORN report.pdf, and __
    instead of --.

    Raises:
        MarkingError: the name begins with something that has the form of a marking and is none, or that can be read as
            several (rule ``convention``).
    """
    vocabulary = vocabulary or default()
    name = name.replace("\\", "/").rpartition("/")[2][:MAXIMUM_NAME]
    if name.startswith("("):
        inside, closed, _ = name[1:].partition(")")
        spellings = _spellings(inside)
        marked = closed and any(looks_like_marking(spelling, vocabulary) for spelling in spellings)
        return _one(spellings, inside, vocabulary) if marked else None
    return _before_name(name, vocabulary)


def _before_name(name: str, vocabulary: Vocabulary) -> Marking | None:
    """The longest marking that a file name begins with, without parentheses; what follows it must not continue it."""
    stem = name.rpartition(".")[0] or name
    found: dict[Marking, int] = {}
    for end in (match.start() for match in re.finditer(r"[ _-]+|$", stem)):
        for spelling in _spellings(stem[:end]):
            marking, violations = examine(spelling, vocabulary)
            if marking is not None and not violations and "//" in spelling:
                found[marking] = end
    longest = max(found.values(), default=0)
    best = [marking for marking, end in found.items() if end == longest]
    if len(best) > 1:
        raise _wrong(f"{name!r} can be read as several markings", vocabulary)
    begun = _BEGUN.match(stem)
    if (best and (_CONTINUED.match(stem, longest) or best[0].repeats)) or (not best and begun):
        if not best and not looks_like_marking(f"{begun[1] if begun else ''}//", vocabulary):
            return None
        raise _wrong(f"{name!r} begins with the form of a marking, and not all of it can be read", vocabulary)
    return best[0] if best else None


def from_subject(subject: str, vocabulary: Vocabulary | None = None) -> Marking | None:
    """The marking of a subject line: (S//NF) before the text, or SECRET//NOFORN: before it; None when it has none.

    Raises:
        MarkingError: it begins with a parenthesis that has the form of a marking and is none.
    """
    vocabulary = vocabulary or default()
    found, rest = None, subject
    if portion := _PORTION.match(subject):
        text = portion.group(1)
        if _has_form(text, vocabulary):
            found, rest = _one([text], text, vocabulary), subject[portion.end() :]
    elif banner := _BANNER.match(subject):
        text, rest = (banner.group(1) or banner.group(2)).strip(), subject[banner.end() :]
        marking, violations = examine(text, vocabulary)
        found = marking if not violations else None
    if found is None and not portion and "//" in subject and _has_form(subject.strip(" ["), vocabulary):
        raise _wrong(f"{subject!r} begins with the form of a marking, and it cannot be read up to a colon", vocabulary)
    second = _SECOND.match(rest) if found else None
    if found and second and _has_form(second[1], vocabulary):
        other = _one([second[1]], second[1], vocabulary)
        if not dominates(found.label, other.label):
            raise _wrong(f"{subject!r} has two markings, and the first does not cover the second", vocabulary)
    return found


def _has_form(text: str, vocabulary: Vocabulary) -> bool:
    """Whether a text has the form of a marking, in capitals or, where // sets its level apart, in small letters."""
    return looks_like_marking(text, vocabulary) or ("//" in text and looks_like_marking(text.upper(), vocabulary))


def from_headers(headers: Iterable[tuple[str, str]], vocabulary: Vocabulary | None = None) -> list[tuple[str, Marking]]:
    """The name and the marking of every header that carries one.

    Raises:
        MarkingError: such a header has no valid marking (rule ``convention``).
    """
    vocabulary = vocabulary or default()
    found = []
    for name, value in headers:
        if name.lower() in HEADERS:
            parameter = _PARAMETER.search(value)
            text = (parameter.group(1) if parameter else value).strip()
            found.append((name, _one([text, text.upper()], text, vocabulary)))
    return found


def to_headers(marking: Marking) -> Mapping[str, str]:
    """The headers of an e-mail with this marking (RFC 7444)."""
    return {"SIO-Label": f'marking="{marking.banner}"', "X-Classification": marking.banner}


def looks_like_marking(text: str, vocabulary: Vocabulary) -> bool:
    """Whether a text has the form of a marking: it begins with a level or an owner, in capitals."""
    text = text.strip()
    head = text.removeprefix("//").partition("//")[0].strip()
    if not head or head != head.upper() or len(text) > vocabulary.maximum_length:
        return False
    words, first = vocabulary.level_words, head.partition(" ")[0]
    known = head in words or head.partition("/")[0] in words or head in {"CUI", "CONTROLLED"}
    return known or (text.startswith("//") and (first in vocabulary.rank or first == "JOINT"))


def _spellings(text: str) -> list[str]:
    """What a text of a file name stands for: -- for // and + for /; others write __ for //, and _ for / or a space."""
    exact = text.replace("--", "//").replace("+", "/")
    other = exact.replace("__", "//")
    return list(dict.fromkeys((exact, other.replace("_", " "), other.replace("_", "/"))))


def _one(spellings: list[str], text: str, vocabulary: Vocabulary) -> Marking:
    """The one marking that these spellings are."""
    read = [examine(spelling, vocabulary) for spelling in spellings]
    found = list(dict.fromkeys(marking for marking, violations in read if marking is not None and not violations))
    if len(found) == 1 or (found and not read[0][1]):
        return found[0]
    reason = "can be read as several markings" if found else "; ".join(violation.message for violation in read[0][1])
    raise _wrong(f"{text!r}: {reason}", vocabulary)


def _wrong(message: str, vocabulary: Vocabulary) -> MarkingError:
    return MarkingError("", (vocabulary.violation("convention", (0, 0), message),))
