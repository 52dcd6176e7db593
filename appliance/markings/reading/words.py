"""What the words of a vocabulary are compiled to, so that a marking is read and checked by look-ups."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from appliance.markings.reading.schema import ControlData, VocabularyData

BANNER = 1
PORTION = 2
EITHER = BANNER | PORTION

CONCEALED = "FGI"
"""The owner of a portion whose foreign source is concealed."""

ACTIVITY = "NATO:"
"""Begins the owner of information of an activity of the North Atlantic Council: NATO:KFOR."""

Key = tuple[int | str, ...]
"""Where a token stands in a list: keys ascend."""


class Word(NamedTuple):
    """A text that stands for a control.

    Attributes:
        whole: whether it is complete; False when a list, a number, a nickname or a compartment must follow.
        tokens: the control.
        axis: position of its category.
        form: the forms in which it may stand.
        key: its place in a list.
    """

    whole: bool
    tokens: tuple[str]
    axis: int
    form: int
    key: Key


@dataclass(frozen=True, slots=True)
class LevelWord:
    """A text that stands for a level.

    Attributes:
        token: the level.
        form: the forms in which it may stand.
        owner: the owner, when the word contains it (COSMIC TOP SECRET).
        foreign: whether the nation itself does not use it (RESTRICTED).
        control: a control of NATO that the word contains (NS-A).
    """

    token: str
    form: int
    owner: str | None = None
    foreign: bool = False
    control: str = ""


class Trigger(NamedTuple):
    """A rule that tokens trigger, compiled; ``check`` names code, otherwise the sets demand."""

    id: str
    check: str
    requires: frozenset[str]
    excludes: frozenset[str]
    levels: frozenset[str]


class Guard(NamedTuple):
    """The rules that one token triggers, together: enough to know whether any is broken.

    Attributes:
        levels: the classification is one of these.
        excludes: none of these is present.
        requires: of each of these sets, one is present.
        checks: code that finds what a table cannot say.
    """

    levels: frozenset[str]
    excludes: frozenset[str]
    requires: tuple[frozenset[str], ...]
    checks: tuple[str, ...]


def compile_level_words(data: "VocabularyData") -> dict[str, LevelWord]:
    """Texts that stand for a level, with those of NATO, its activities and concealed sources."""
    words = {}
    for level in data.levels:
        words[level.token] = LevelWord(level.token, PORTION, foreign=level.foreign)
        words[level.banner] = LevelWord(level.token, BANNER, foreign=level.foreign)
        words[f"{CONCEALED} {level.token}"] = LevelWord(level.token, PORTION, CONCEALED)
        words[f"{CONCEALED} {level.banner}"] = LevelWord(level.token, BANNER, CONCEALED)
    for nato in data.nato_levels:
        words[nato.portion] = LevelWord(nato.token, PORTION, "NATO")
        words[nato.banner] = LevelWord(nato.token, BANNER, "NATO")
    for entry in data.nato_legacy:
        word = words[entry.level]
        words[entry.portion] = LevelWord(word.token, PORTION, word.owner, control=entry.control)
        if entry.banner:
            words[entry.banner] = LevelWord(word.token, BANNER, word.owner, control=entry.control)
    banners = {level.token: level.banner for level in data.levels}
    for code, letter in data.activities.items():
        for token in (nato.token for nato in data.nato_levels if nato.banner.startswith("NATO ")):
            words[f"NATO {code} {banners[token]}"] = LevelWord(token, BANNER, f"{ACTIVITY}{code}")
            words |= {
                f"N{name}{token}": LevelWord(token, PORTION, f"{ACTIVITY}{code}") for name in {code, letter} - {""}
            }
    return words


def compile_words(data: "VocabularyData", axis: Mapping[str, int]) -> dict[str, Word]:
    """Texts that stand for a control."""
    words: dict[str, Word] = {}
    for place, control in enumerate(data.controls):
        whole = control.alone and not (control.list or control.numbers or control.nickname or control.beside)
        short = EITHER if control.either else 0
        forms = [(control.banner_text, BANNER | short), *((text, BANNER) for text in control.long)]
        forms.append((control.portion_text, PORTION | short))
        for text, form in forms:
            known = words[text].form if text in words else 0
            words[text] = Word(whole, (control.token,), axis[control.axis], form | known, (place,))
    return words


def compile_prefixes(data: "VocabularyData") -> dict[str, tuple[str, int]]:
    """Texts that begin a value with a list: the token and the form of each; the longer first."""
    prefixes = {"SAR-": ("SAR", EITHER), "SPECIAL ACCESS REQUIRED-": ("SAR", BANNER)}
    for control in data.controls:
        if control.nickname:
            prefixes[f"{control.token}-"] = (control.token, EITHER)
        elif control.list or control.numbers:
            form = EITHER if control.banner_text == control.portion_text else BANNER
            prefixes |= {f"{text} ": (control.token, BANNER) for text in control.long}
            prefixes[f"{control.portion_text} "] = (control.token, PORTION)
            prefixes[f"{control.banner_text} "] = (control.token, form)
    return dict(sorted(prefixes.items(), key=lambda item: -len(item[0])))


def compile_compartments(control: "ControlData") -> re.Pattern[str]:
    """Pattern of what follows the first hyphen of an SCI system; nothing matches when it has no compartments."""
    if not control.compartments:
        return re.compile("(?!)")
    subs = f"(?: (?:{control.subcompartments}))*" if control.subcompartments else ""
    compartment = f"(?:{control.compartments}){subs}"
    return re.compile(f"{compartment}(?:-{compartment})*")


def compile_triggers(data: "VocabularyData") -> dict[str, tuple[Trigger, ...]]:
    """The rules of each token; those that the profile leaves out are none."""
    triggers: dict[str, tuple[Trigger, ...]] = {}
    for rule in data.rules:
        if rule.id in data.profile.without:
            continue
        demands = (rule.requires, rule.excludes, rule.levels)
        compiled = Trigger(rule.id, rule.check, *map(frozenset, demands))
        for token in rule.when:
            triggers[token] = (*triggers.get(token, ()), compiled)
    if data.profile.levels:
        allowed = Trigger("profile-level", "", frozenset(), frozenset(), frozenset(data.profile.levels))
        for level in data.levels:
            triggers[level.token] = (*triggers.get(level.token, ()), allowed)
    return triggers


def compile_guard(rules: tuple[Trigger, ...], levels: frozenset[str]) -> Guard:
    """The rules of one token, together."""
    return Guard(
        levels=levels.intersection(*(rule.levels or levels for rule in rules)),
        excludes=frozenset().union(*(rule.excludes for rule in rules)),
        requires=tuple(rule.requires for rule in rules if rule.requires),
        checks=tuple(rule.check for rule in rules if rule.check),
    )
