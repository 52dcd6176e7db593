"""The form of a vocabulary folder. Only the loader imports this module."""

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator


def _compiles(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"{pattern!r} is no pattern: {error}") from error
    return pattern


Token = Annotated[str, Field(pattern=r"^[A-Z0-9][A-Z0-9_-]*$")]
Words = Annotated[str, Field(pattern=r"^[A-Z0-9]([A-Z0-9 -]*[A-Z0-9])?$")]
Pattern = Annotated[str, AfterValidator(_compiles)]
Level = Literal["U", "CUI", "C", "S", "TS"]
Trigraph = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
Group = Annotated[str, Field(pattern=r"^[A-Z][A-Z_]{1,15}$")]


GENERAL_TOKENS = {"SCI", "SAR", "AEA", "FGI", "CUI", "CLASSIFIED", "US", "NON-US", "NATO", "JOINT"}
CODE = {"joint-release", "list-only", "national-cui", "nato-information", "privilege", "programmes", "release-list"}
CHECKS = CODE | {"text", "grammar", "label", "rollup", "authority", "exchange", "clearance", "profile"}


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LevelData(_Data):
    """A level of the nation's own documents and the label level that protects it."""

    token: Token
    banner: Words
    label: Level
    foreign: bool = False


class NatoLevelData(_Data):
    """The words that NATO uses for a level."""

    token: Token
    banner: Words
    portion: Words


class NatoLegacyData(_Data):
    """A portion mark, and a banner, for a NATO level together with a control."""

    portion: Words
    banner: Words | None = None
    level: Words
    control: Token


class ControlData(_Data):
    """A control: its forms, its axis and its effect on access."""

    token: Token
    axis: Literal["nonus", "sci", "aea", "dissem", "other"]
    effect: Literal["need", "release", "obligation", "notice"]
    banner: Words | None = None
    portion: Words | None = None
    long: tuple[Words, ...] = ()
    label: Level = "U"
    compartments: Pattern | None = None
    subcompartments: Pattern | None = None
    titles: dict[Words, Token] = {}
    numbers: tuple[str, ...] = ()
    nickname: Pattern | None = None
    alone: bool = True
    list: bool = False
    cui_category: bool = False
    either: bool = False
    beside: Literal["sap", "aea"] | None = None

    @property
    def banner_text(self) -> str:
        """How it stands in a banner."""
        return self.banner or self.token

    @property
    def portion_text(self) -> str:
        """How it stands in a portion; lists are written the same in both."""
        return self.portion or (self.banner_text if self.list else self.token.replace("_", " "))

    @property
    def texts(self) -> set[str]:
        """Every text that stands for it."""
        return {self.banner_text, self.portion_text, *self.long}


class GroupData(_Data):
    """A tetragraph and the nations it stands for; whether roll-up may take them out of it one by one."""

    name: str
    members: tuple[Trigraph, ...]
    expands: bool = False


class RuleData(_Data):
    """A rule: where it is written and, unless ``check`` says which code finds it, what it demands.

    Attributes:
        id: the identifier that violations carry.
        source: where the rule is written.
        text: the rule in one sentence; also the message of a violation.
        remedy: what the reader can do.
        check: what finds it: a function of the rules, or "text", "grammar", "label", "rollup"; empty for the table.
        when: tokens (a compartment has its system's token too) that make the rule apply; SI-* is any compartment of SI.
        requires: at least one of these tokens must be there too.
        excludes: none of these tokens may be there too.
        levels: the classification must be one of these.
    """

    id: Annotated[str, Field(pattern=r"^[a-z0-9-]+$")]
    source: Annotated[str, Field(min_length=1)]
    text: Annotated[str, Field(min_length=1)]
    remedy: str = ""
    check: str = ""
    when: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()
    levels: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        demands = (self.requires, self.excludes, self.levels)
        if bool(self.check) == any(demands):
            raise ValueError(f"rule {self.id}: either check names code, or the table demands something")
        if any(demands) and not self.when:
            raise ValueError(f"rule {self.id}: the table needs at least one token in when")
        return self


class ProfileData(_Data):
    """What an authority decides where manuals disagree.

    Attributes:
        name: the name of the profile.
        title: whose practice it is.
        sources: where that practice is written.
        without: rules that do not apply.
        levels: levels that documents may have; all when empty.
        maximum_programmes: programmes that a banner names before it says MULTIPLE PROGRAMS; 0 names all.
        cui_in_classified_banner: whether CUI of the portions stands in the banner of a classified document.
        expands: further groups whose members roll-up may take out one by one.
        portions: portion marks that differ, by token.
        sigma: further numbers of SIGMA that are read.
    """

    name: str
    title: str
    sources: Annotated[tuple[str, ...], Field(min_length=1)]
    without: tuple[str, ...] = ()
    levels: tuple[str, ...] = ()
    maximum_programmes: Annotated[int, Field(ge=0)] = 4
    cui_in_classified_banner: bool = True
    expands: tuple[str, ...] = ()
    portions: dict[Token, Words] = {}
    sigma: tuple[str, ...] = ()


STRICT = ProfileData(
    name="strict",
    title="the stricter reading wherever manuals disagree",
    sources=("docs/adr/0100-marking-profiles.md",),
)


class VocabularyData(_Data):
    """The content of a vocabulary folder."""

    version: str
    basis: str
    countries_basis: str
    nation: Trigraph
    maximum_length: Annotated[int, Field(ge=100, le=100_000)]
    programme: Pattern
    programme_compartment: Pattern
    look_alikes: dict[Annotated[str, Field(min_length=1, max_length=1)], str]
    refused: dict[str, str]
    protective: dict[Words, str] = {}
    axes: tuple[str, ...]
    levels: tuple[LevelData, ...]
    nato_levels: tuple[NatoLevelData, ...]
    nato_legacy: tuple[NatoLegacyData, ...] = ()
    activities: dict[Group, str] = {}
    controls: tuple[ControlData, ...]
    nations: dict[Trigraph, str]
    groups: dict[Group, GroupData]
    mistaken: dict[Group, Trigraph] = {}
    basic: dict[Token, str]
    specified: dict[Token, str]
    rules: tuple[RuleData, ...]
    profile: ProfileData = STRICT

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.axes != ("nonus", "sci", "sap", "aea", "fgi", "cui", "dissem", "other"):
            raise ValueError("axes: the order of categories is nonus, sci, sap, aea, fgi, cui, dissem, other")
        _unique("controls", [control.token for control in self.controls])
        _unique("levels", [level.token for level in self.levels])
        _unique("rules", [rule.id for rule in self.rules])
        unknown = sorted(set(self.refused.values()) - {rule.id for rule in self.rules})
        if unknown:
            raise ValueError(f"refused: {', '.join(unknown)} is none of the rules")
        _unique("controls", [text for control in self.controls for text in control.texts])
        tokens = {control.token for control in self.controls} | {level.token for level in self.levels} | GENERAL_TOKENS
        for rule in self.rules:
            named = {*rule.when, *rule.requires, *rule.excludes}
            strange = sorted(token for token in named if token not in tokens and token.partition("-")[0] not in tokens)
            if strange:
                raise ValueError(f"rule {rule.id}: {', '.join(strange)} is no token")
            if rule.check and rule.check not in CHECKS:
                raise ValueError(f"rule {rule.id}: {rule.check} is no check")
        if self.nation not in self.nations:
            raise ValueError(f"nation: {self.nation} is none of the nations")
        for code, group in self.groups.items():
            strangers = set(group.members) - set(self.nations)
            if strangers or code in self.nations:
                raise ValueError(f"groups.{code}: {', '.join(sorted(strangers)) or code} does not fit the nations")
        return self

    @model_validator(mode="after")
    def _names_what_exists(self) -> Self:
        tokens = {control.token for control in self.controls}
        for field, used, known in (
            ("activities", set(self.activities), set(self.groups)),
            ("mistaken", set(self.mistaken.values()), set(self.nations)),
            ("nato_legacy", {entry.level for entry in self.nato_legacy}, {level.portion for level in self.nato_levels}),
            ("nato_legacy", {entry.control for entry in self.nato_legacy}, tokens),
            ("profile.without", set(self.profile.without), {rule.id for rule in self.rules}),
            ("profile.expands", set(self.profile.expands), set(self.groups)),
            ("profile.levels", set(self.profile.levels), {level.token for level in self.levels}),
            ("profile.portions", set(self.profile.portions), tokens),
        ):
            if used - known:
                raise ValueError(f"{field}: {', '.join(sorted(used - known))} is unknown")
        return self


def _unique(field: str, values: list[str]) -> None:
    twice = sorted({value for value in values if values.count(value) > 1})
    if twice:
        raise ValueError(f"{field}: {', '.join(twice)} is listed twice")
