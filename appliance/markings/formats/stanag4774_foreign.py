"""Confidentiality labels (STANAG 4774) of other producers: few categories, other names, classifications in full.

What a category of theirs means is read strictly: a PERMISSIVE one limits who may read, a RESTRICTIVE one is a control
that must be known here, and a category that is not known is refused by name.
"""

from collections.abc import Callable, Mapping
from typing import Any

from appliance.markings.errors import MarkingError
from appliance.markings.reading.parts import Parts
from appliance.markings.reading.words import ACTIVITY
from appliance.markings.vocabulary import Vocabulary

Entry = tuple[str, str, list[str]]
"""Name of a category, its type in capitals, and its values."""

NATO = "NATO"
_RELEASABLE = {"releasable to", "release to", "rel to", "releasability"}
_SPECIAL = {"special category designator", "special category designators", "special category"}
_CONTEXT = {"context"}


def foreign_parts(
    policy: str, classification: str, entries: list[Entry], vocabulary: Vocabulary, wrong: Callable[[str], MarkingError]
) -> Parts:
    """The parts of a label of another producer.

    Args:
        policy: the PolicyIdentifier: NATO, a trigraph, or a group of the vocabulary.
        classification: SECRET, or as the policy writes it: NATO SECRET, COSMIC TOP SECRET.
        entries: its categories.
        vocabulary: the words.
        wrong: makes the error.

    Raises:
        MarkingError: policy, classification, category, type or value is not known.
    """
    policy, classification = policy.strip().upper(), " ".join(classification.split()).upper()
    if policy != NATO and policy not in vocabulary.rank:
        raise wrong(f"the policy {policy!r} is no nation, group or NATO")
    level = _level(policy, classification, vocabulary)
    if level is None:
        raise wrong(f"{classification!r} is no classification of {policy}")
    parts = Parts(classification=level, owners=(policy,))
    tags = ["releasable to" if tag in _RELEASABLE else tag for tag in (name.strip().lower() for name, _, _ in entries)]
    if len({*tags}) < len(tags):
        raise wrong("a category stands twice, under two names")
    for name, kind, values in entries:
        tag = name.strip().lower()
        if tag in _RELEASABLE:
            _typed(name, kind, "PERMISSIVE", wrong)
            _release(parts, [value.strip().upper() for value in values], vocabulary, wrong)
        elif tag in _SPECIAL:
            _typed(name, kind, "RESTRICTIVE", wrong)
            parts.nonus += _special(values, vocabulary, wrong)
        elif tag in _CONTEXT:
            _context(parts, [value.strip().upper() for value in values], vocabulary, wrong)
        else:
            raise wrong(f"unknown category {name}")
    return parts


def _level(policy: str, classification: str, vocabulary: Vocabulary) -> str | None:
    words = {banner: token for token, banner in vocabulary.level_banner.items()}
    if policy == NATO:
        words |= {level.banner: token for token, level in vocabulary.nato.items()}
    level = words.get(classification.removeprefix(f"{policy} ") if policy != NATO else classification)
    return None if policy == vocabulary.nation and level in vocabulary.foreign_levels else level


def _typed(name: str, kind: str, expected: str, wrong: Callable[[str], MarkingError]) -> None:
    if kind != expected:
        raise wrong(f"the category {name} is {expected}, not {kind}")


def _release(parts: Parts, values: list[str], vocabulary: Vocabulary, wrong: Callable[[str], MarkingError]) -> None:
    """PERMISSIVE: whoever is one of these may read. On classified information the owner alone needs no mark."""
    if unknown := [value for value in values if value not in vocabulary.rank]:
        raise wrong(f"{unknown[0]!r} is no known nation or group")
    if parts.classification != "U" and vocabulary.expand(values) == vocabulary.expand(parts.owners):
        return
    if vocabulary.nation not in vocabulary.expand(values):
        raise wrong(f"a release without {vocabulary.nation} cannot be written here; ask the producer for a new label")
    if vocabulary.expand(values) == {vocabulary.nation}:
        parts.dissem.append("NF")
    else:
        parts.rel = {vocabulary.nation, *values}


def _special(values: list[str], vocabulary: Vocabulary, wrong: Callable[[str], MarkingError]) -> list[str]:
    known = vocabulary.tokens("nonus")
    if unknown := [value for value in values if value.strip().upper() not in known]:
        raise wrong(f"{unknown[0]!r} is none of {', '.join(known)}")
    return [value.strip().upper() for value in values]


def _context(parts: Parts, values: list[str], vocabulary: Vocabulary, wrong: Callable[[str], MarkingError]) -> None:
    """The community of the information: its owner again, or an activity of NATO that owns it."""
    for value in values:
        if value in vocabulary.activities and tuple(parts.owners) == (NATO,):
            parts.owners = (f"{ACTIVITY}{value}",)
        elif (value,) != tuple(parts.owners):
            raise wrong(f"the context {value!r} is not known for {' '.join(parts.owners)}")


def entries_of(information: Mapping[str, Any]) -> list[Entry]:
    """Name, type and values of every category, sorted; one category or one value need no list.

    Raises:
        KeyError: an element is missing.
        TypeError: an element has another type.
    """
    categories = information.get("Category", [])
    entries = []
    for entry in [categories] if isinstance(categories, Mapping) else categories:
        name, kind = (entry.get(key, entry.get(f"@{key}")) for key in ("TagName", "Type"))
        values = entry["GenericValue"]
        values = values if isinstance(values, list) else [values]
        values = [value.get("#text") if isinstance(value, Mapping) else value for value in values]
        if not all(isinstance(text, str) for text in (name, kind, *values)):
            raise TypeError("Category")
        entries.append((name, kind.upper(), sorted(values)))
    return sorted(entries)
