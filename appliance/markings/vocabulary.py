"""The vocabulary: words, nations, categories and rules as data, checked once and compiled for look-up."""

import functools
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.markings.errors import Violation
from appliance.markings.reading.words import (
    ACTIVITY,
    BANNER,
    CONCEALED,
    Trigger,
    compile_compartments,
    compile_guard,
    compile_level_words,
    compile_prefixes,
    compile_triggers,
    compile_words,
)

if TYPE_CHECKING:
    from appliance.markings.reading.schema import ControlData, RuleData, VocabularyData

_HERE = Path(__file__).resolve().parent
_PLACES = (_HERE / "vocabulary", _HERE.parents[1] / "policies" / "markings")


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
        self.level_words = compile_level_words(data)
        own = {name: word for name, word in self.level_words.items() if word.owner is None}
        self.own_levels = dict(sorted(own.items(), key=lambda item: -len(item[0])))
        self.words = compile_words(data, self.axis)
        self.prefixes = compile_prefixes(data)
        self.prefix_pattern = re.compile("|".join(map(re.escape, self.prefixes)))
        self.look_alikes = {ord(c): plain for plain, others in data.look_alikes.items() for c in others}
        self.compartments = {
            control.token: compile_compartments(control) for control in data.controls if control.axis == "sci"
        }
        self.nicknames = {control.token: re.compile(control.nickname) for control in data.controls if control.nickname}
        self.rank_first = {code: rank for rank, code in enumerate(self.ordered_nations(self.codes, first=True))}
        self.rank = {code: rank for rank, code in enumerate(self.ordered_nations(self.codes, first=False))}
        self.refused: Mapping[str, str] = data.refused
        self.protective: Mapping[str, str] = data.protective
        self.coalitions = frozenset(code for code, group in data.groups.items() if group.expands)
        self.programme = re.compile(f"(?:{data.programme})(?:-(?:{data.programme_compartment}))*")
        self.numbers = {
            control.token: frozenset((*control.numbers, *profile.sigma)) for control in data.controls if control.numbers
        }
        self.rules: Mapping[str, RuleData] = {rule.id: rule for rule in data.rules}
        self.triggered: Mapping[str, tuple[Trigger, ...]] = compile_triggers(data)
        self.triggers = frozenset(self.triggered)
        guards = {token: compile_guard(rules, frozenset(self.level_order)) for token, rules in self.triggered.items()}
        self.barred = {
            level: frozenset(token for token, guard in guards.items() if level not in guard.levels)
            for level in self.level_order
        }
        self.guards = {token: guard for token, guard in guards.items() if any(guard[1:])}
        self.guarded = frozenset(self.guards)
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

    from appliance.markings.reading.schema import VocabularyData  # noqa: PLC0415 - pydantic is slow to import

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
        ValueError: the name is none of a profile, or the profile does not fit the vocabulary.
    """
    return load(home(), profile)


STRICT = "strict"
"""Says that no profile is chosen: the stricter reading applies wherever manuals disagree."""


def chosen(profile: str) -> Vocabulary:
    """The vocabulary of a profile by the name that people choose it by; ``strict`` is none.

    Raises:
        OSError, ValueError: as ``default``.
    """
    return default("" if profile == STRICT else profile)


def choices() -> tuple[str, ...]:
    """What people can choose: ``strict`` and every profile."""
    return (STRICT, *profiles())


@functools.cache
def profiles() -> tuple[str, ...]:
    """The names of the profiles that the package carries: the files in the folder ``profiles``."""
    return tuple(sorted(file.stem for file in (home() / "profiles").glob("*.toml")))


def home() -> Path:
    """The folder of the vocabulary that ``default`` reads."""
    return next(place for place in _PLACES if (place / "vocabulary.toml").exists())
