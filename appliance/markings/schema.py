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
Group = Annotated[str, Field(pattern=r"^[A-Z]{2,4}$")]


GENERAL_TOKENS = {"SCI", "SAR", "AEA", "FGI", "CUI", "CLASSIFIED", "US", "NON-US", "NATO", "JOINT"}
CODE = {"joint-restricted", "national-cui", "programmes", "release-list"}
CHECKS = CODE | {"text", "grammar", "label", "rollup", "authority", "exchange"}


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
    numbers: tuple[str, ...] = ()
    nickname: Pattern | None = None
    alone: bool = True
    list: bool = False
    cui_category: bool = False

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
    """A tetragraph and the nations it stands for."""

    name: str
    members: tuple[Trigraph, ...]


class RuleData(_Data):
    """A rule: where it is written and, unless ``check`` says which code finds it, what it demands.

    Attributes:
        id: the identifier that violations carry.
        source: where the rule is written.
        text: the rule in one sentence; also the message of a violation.
        remedy: what the reader can do.
        check: what finds it: a function of the rules, or "text", "grammar", "label", "rollup"; empty for the table.
        when: tokens (a compartment has its system's token too) that make the rule apply.
        requires: at least one of these tokens must be there too.
        excludes: none of these tokens may be there too.
        levels: the classification must be one of these.
        owners: every owner must be one of these.
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
    owners: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        demands = (self.requires, self.excludes, self.levels, self.owners)
        if bool(self.check) == any(demands):
            raise ValueError(f"rule {self.id}: either check names code, or the table demands something")
        if any(demands) and not self.when:
            raise ValueError(f"rule {self.id}: the table needs at least one token in when")
        return self


class VocabularyData(_Data):
    """The content of a vocabulary folder."""

    version: str
    basis: str
    nation: Trigraph
    maximum_length: Annotated[int, Field(ge=100, le=100_000)]
    programme: Pattern
    look_alikes: dict[Annotated[str, Field(min_length=1, max_length=1)], str]
    refused: dict[str, str]
    axes: tuple[str, ...]
    levels: tuple[LevelData, ...]
    nato_levels: tuple[NatoLevelData, ...]
    controls: tuple[ControlData, ...]
    nations: dict[Trigraph, str]
    groups: dict[Group, GroupData]
    basic: dict[Token, str]
    specified: dict[Token, str]
    rules: tuple[RuleData, ...]

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


def _unique(field: str, values: list[str]) -> None:
    twice = sorted({value for value in values if values.count(value) > 1})
    if twice:
        raise ValueError(f"{field}: {', '.join(twice)} is listed twice")
