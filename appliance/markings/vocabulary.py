"""The vocabulary: words, nations, categories and rules as data, checked once and compiled for look-up."""

import functools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from appliance.markings.errors import Violation

if TYPE_CHECKING:
    from appliance.markings.schema import ControlData, RuleData, VocabularyData

BANNER = 1
PORTION = 2
EITHER = BANNER | PORTION

CONCEALED = "FGI"
"""The owner of a portion whose foreign source is concealed."""

ACTIVITY = "NATO:"
"""Begins the owner of information of an activity of the North Atlantic Council: NATO:KFOR."""

_HERE = Path(__file__).resolve().parent
_PLACES = (_HERE / "vocabulary", _HERE.parents[1] / "policies" / "markings")


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


class Vocabulary:
    """Everything that a marking is read, checked and written with.

    Args:
        data: the validated content of a vocabulary folder.
    """

    def __init__(self, data: "VocabularyData") -> None:
        self.version = data.version
        self.profile = profile = data.profile
        self.nation = data.nation
        self.maximum_length = data.maximum_length
        self.axes: tuple[str, ...] = tuple(data.axes)
        self.axis = {name: position for position, name in enumerate(self.axes)}
        self.sci_axis, self.sap_axis, self.dissem_axis = self.axis["sci"], self.axis["sap"], self.axis["dissem"]
        self.nations: Mapping[str, str] = data.nations
        self.groups: Mapping[str, frozenset[str]] = {code: frozenset(g.members) for code, g in data.groups.items()}
        self.expands = frozenset(profile.expands).union(code for code, group in data.groups.items() if group.expands)
        self.mistaken: Mapping[str, str] = data.mistaken
        self.activities: Mapping[str, str] = data.activities
        self.basic: Mapping[str, str] = data.basic
        self.specified: Mapping[str, str] = {f"SP-{name}": title for name, title in data.specified.items()}
        self.categories = frozenset((*data.basic, *data.specified))
        self.controls: Mapping[str, ControlData] = {control.token: control for control in data.controls}
        self.position = {control.token: place for place, control in enumerate(data.controls)}
        self.texts = {
            control.token: ("", control.banner_text, profile.portions.get(control.token, control.portion_text))
            for control in data.controls
        }
        self.beside = {control.token: self.axis[control.beside] for control in data.controls if control.beside}
        self.titles = {control.token: control.titles for control in data.controls if control.titles}
        self.level_order = {level.token: rank for rank, level in enumerate(data.levels)}
        self.level_banner = {level.token: level.banner for level in data.levels}
        self.level_label = {level.token: level.label for level in data.levels}
        self.foreign_levels = frozenset(level.token for level in data.levels if level.foreign)
        self.nato = {level.token: level for level in data.nato_levels}
        self.level_words = _level_words(data)
        own = {name: word for name, word in self.level_words.items() if word.owner is None}
        self.own_levels = dict(sorted(own.items(), key=lambda item: -len(item[0])))
        self.words = _words(data, self.axis)
        self.prefixes = _prefixes(data)
        self.prefix_pattern = re.compile("|".join(map(re.escape, self.prefixes)))
        self.look_alikes = {ord(c): plain for plain, others in data.look_alikes.items() for c in others}
        self.compartments = {
            control.token: _compartments(control) for control in data.controls if control.axis == "sci"
        }
        self.nicknames = {control.token: re.compile(control.nickname) for control in data.controls if control.nickname}
        self.rank_first = {code: rank for rank, code in enumerate(self.ordered_nations(self.codes, first=True))}
        self.rank = {code: rank for rank, code in enumerate(self.ordered_nations(self.codes, first=False))}
        self.refused: Mapping[str, str] = data.refused
        self.programme = re.compile(f"(?:{data.programme})(?:-(?:{data.programme_compartment}))*")
        self.numbers = {
            control.token: frozenset((*control.numbers, *profile.sigma)) for control in data.controls if control.numbers
        }
        self.rules: Mapping[str, RuleData] = {rule.id: rule for rule in data.rules}
        self.triggered: Mapping[str, tuple[Trigger, ...]] = _triggers(data)
        self.triggers = frozenset(self.triggered)
        self.guards = {token: _guard(rules, frozenset(self.level_order)) for token, rules in self.triggered.items()}
        self.below = {token.removesuffix("-*"): token for token in self.triggered if token.endswith("-*")}
        self.parents = frozenset(self.below)

    def control(self, token: str) -> "ControlData":
        """The control of a token; compartments, numbers and nicknames belong to the control before them."""
        found = self.controls.get(token)
        if found is None and "-" not in token:
            raise KeyError(token)
        return found or self.control(token.rpartition("-")[0])

    def releases(self, token: str) -> bool:
        """Whether the control of this token limits nations, and so lets some of them read."""
        return self.control(token).effect == "release"

    def place(self, token: str) -> int:
        """The place of a token in the order of the controls."""
        found = self.position.get(token)
        return self.position[self.control(token).token] if found is None else found

    def dissemination_key(self, token: str, *, cui: bool) -> tuple[int, str]:
        """The place of a dissemination control: by the Register; on CUI alone by alphabet (NARA handbook)."""
        return (0, self.texts[token][BANNER]) if cui else (self.place(token), "")

    def tokens(self, axis: str) -> tuple[str, ...]:
        """The tokens of a category, in order."""
        return tuple(token for token, control in self.controls.items() if control.axis == axis)

    def national_level(self, token: str) -> str:
        """The level by which the nation protects one that it does not use itself: CONFIDENTIAL for RESTRICTED."""
        if token not in self.foreign_levels:
            return token
        label = self.level_label[token]
        own = (level for level in self.level_order if level not in self.foreign_levels)
        return next(level for level in own if self.level_label[level] == label)

    @property
    def codes(self) -> tuple[str, ...]:
        """Every nation and every group."""
        return (*self.nations, *self.groups)

    def expand(self, codes: Iterable[str]) -> frozenset[str]:
        """The nations that ``codes`` (trigraphs and groups) stand for."""
        nations: set[str] = set()
        for code in codes:
            members = self.groups.get(code)
            if members is None:
                nations.add(code)
            else:
                nations |= members
        return frozenset(nations)

    def owner_nations(self, owners: tuple[str, ...]) -> frozenset[str]:
        """The nations that may read what these owners have released to nobody: those of each owner at once.

        What is concealed, and what repeats owners that are not known, belongs to the nation that holds it.
        """
        if not owners or owners == (CONCEALED,):
            return frozenset((self.nation,))
        return frozenset.intersection(*(self.expand((owner.removeprefix(ACTIVITY),)) for owner in owners))

    def common(self, lists: Iterable[Iterable[str]]) -> frozenset[str]:
        """The codes that stand in every list, where members may be taken out of the groups that ``expands`` names."""
        return frozenset.intersection(*(self._apart(codes) for codes in lists))

    def _apart(self, codes: Iterable[str]) -> frozenset[str]:
        codes = frozenset(codes)
        members = (self.groups[code] for code in codes & self.expands)
        owners = {self.nation} if any(self.nation in self.groups.get(code, ()) for code in codes) else set()
        return codes.union(owners, *members)

    def ordered_nations(self, codes: Iterable[str], *, first: bool) -> tuple[str, ...]:
        """``codes`` once each: with ``first`` the nation itself, then trigraphs and then groups by alphabet."""
        groups, nation = self.groups, self.nation if first else ""
        return tuple(sorted({*codes}, key=lambda code: (code in groups, code != nation, code)))

    def violation(self, rule: str, span: tuple[int, int], message: str, suggestion: str = "") -> Violation:
        """A violation of the rule with this identifier; its source and, by default, its remedy come from the data."""
        data = self.rules[rule]
        return Violation(rule, data.source, span, message, suggestion or data.remedy)


def load(folder: Path, profile: str = "") -> Vocabulary:
    """Read and check a vocabulary folder (``vocabulary``, ``countries``, ``cui`` and ``rules``, each ``.toml``).

    Args:
        folder: the folder.
        profile: name of a file in its ``profiles`` folder, which decides where manuals disagree; without one, the
            stricter reading applies everywhere.

    Raises:
        OSError: a file is missing.
        ValueError: a file is not TOML, or the content does not fit together (pydantic names the field).
    """
    import tomllib  # noqa: PLC0415 - only needed here

    from appliance.markings.schema import VocabularyData  # noqa: PLC0415 - pydantic is slow to import

    content: dict[str, object] = {}
    for name in ("vocabulary", "countries", "cui", "rules"):
        content |= tomllib.loads((folder / f"{name}.toml").read_text(encoding="utf-8"))
    if profile:
        if not profile.isidentifier():
            raise ValueError(f"profile: {profile!r} is no name of a profile")
        content["profile"] = tomllib.loads((folder / "profiles" / f"{profile}.toml").read_text(encoding="utf-8"))
    return Vocabulary(VocabularyData.model_validate(content))


@functools.cache
def default(profile: str = "") -> Vocabulary:
    """The vocabulary that the package carries (in the wheel), or that of the source tree; of a profile, if named.

    Raises:
        OSError: there is no such profile.
    """
    return load(home(), profile)


def home() -> Path:
    """The folder of the vocabulary that ``default`` reads."""
    return next(place for place in _PLACES if (place / "vocabulary.toml").exists())


def _level_words(data: "VocabularyData") -> dict[str, LevelWord]:
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
    banners = {level.token: level.banner for level in data.levels}
    for code, letter in data.activities.items():
        for token in (nato.token for nato in data.nato_levels if nato.banner.startswith("NATO ")):
            words[f"NATO {code} {banners[token]}"] = LevelWord(token, BANNER, f"{ACTIVITY}{code}")
            words |= {
                f"N{name}{token}": LevelWord(token, PORTION, f"{ACTIVITY}{code}") for name in {code, letter} - {""}
            }
    return words


def _words(data: "VocabularyData", axis: Mapping[str, int]) -> dict[str, Word]:
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


def _prefixes(data: "VocabularyData") -> dict[str, tuple[str, int]]:
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


def _compartments(control: "ControlData") -> re.Pattern[str]:
    """Pattern of what follows the first hyphen of an SCI system; nothing matches when it has no compartments."""
    if not control.compartments:
        return re.compile("(?!)")
    subs = f"(?: (?:{control.subcompartments}))*" if control.subcompartments else ""
    compartment = f"(?:{control.compartments}){subs}"
    return re.compile(f"{compartment}(?:-{compartment})*")


def _triggers(data: "VocabularyData") -> dict[str, tuple[Trigger, ...]]:
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


def _guard(rules: tuple[Trigger, ...], levels: frozenset[str]) -> Guard:
    return Guard(
        levels=levels.intersection(*(rule.levels or levels for rule in rules)),
        excludes=frozenset().union(*(rule.excludes for rule in rules)),
        requires=tuple(rule.requires for rule in rules if rule.requires),
        checks=tuple(rule.check for rule in rules if rule.check),
    )
