"""Suites as data: generators or packs, scores, how many items. `policies/suites/*.yml`, and a site's own."""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator, model_validator

from appliance.contract.certification import Dimension, Measure
from appliance.contract.document import read_document
from appliance.errors import ApplianceError, first_words
from workbench.evaluation.generators import GENERATORS, Generator, each
from workbench.evaluation.packs import PackItem, PackName
from workbench.evaluation.scorers import SCORERS
from workbench.markbench.item import Chance, Item, generate

_PLACES = (Path(__file__).parent / "definitions", Path(__file__).parents[2] / "policies" / "suites")
MOST_ITEMS = 20_000
_OF_PACKS = ("packs", "scorer", "instruction")
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class SuiteError(ApplianceError):
    """The definition of a suite is wrong."""


class Suite(BaseModel):
    """One suite.

    Attributes:
        name: of the suite, and of its file.
        title: for people.
        purpose: what it finds out, in a sentence or two.
        dimension: what it is about.
        generators: the keyed generators that make its items, in equal parts.
        measures: for each measure, the score that it is made of.
        items: how many items are asked when nobody says otherwise.
        maximum_tokens: tokens of an answer.
        constrained: whether answers to questions with given choices are limited to these by a grammar.
        tier: difficulty of all items from 1 to 3; a mixture when absent.
        packs: instead of generators, the packs whose items are asked, with the digests of their contents.
        scorer: how answers to the items of packs are scored (`workbench.evaluation.scorers`).
        instruction: what the model is told first where an item of a pack says nothing.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,40}$")]
    title: Annotated[str, Field(min_length=3, max_length=80)]
    purpose: Annotated[str, Field(min_length=10, max_length=400)]
    dimension: Dimension
    generators: tuple[str, ...] = ()
    measures: Annotated[dict[Measure, str], Field(min_length=1)]
    items: Annotated[int, Field(ge=1, le=MOST_ITEMS)]
    maximum_tokens: Annotated[int, Field(ge=1, le=4096)]
    constrained: bool = False
    tier: Annotated[int, Field(ge=1, le=3)] | None = None
    packs: Annotated[dict[PackName, Digest], Field(max_length=20)] = {}
    scorer: str = ""
    instruction: Annotated[str, StringConstraints(max_length=4000)] = ""

    @field_validator("generators")
    @classmethod
    def _exist(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if name not in GENERATORS:
                raise ValueError(f"there is no generator {name}; there are {', '.join(GENERATORS)}")
        return names

    @model_validator(mode="after")
    def _one_source(self) -> "Suite":
        if bool(self.generators) == bool(self.packs):
            raise ValueError("generators, packs: a suite has either the one or the other")
        if self.packs and self.scorer not in SCORERS:
            raise ValueError(f"scorer: there is no scorer {self.scorer[:40]!r}; there are {', '.join(SCORERS)}")
        if self.generators and (self.scorer or self.instruction):
            raise ValueError("scorer, instruction: are of packs; generators have their own")
        for measure, score in self.measures.items() if self.packs else ():
            if score not in SCORERS[self.scorer].gives:
                raise ValueError(f"measures.{measure}: {self.scorer} gives {', '.join(SCORERS[self.scorer].gives)}")
        return self

    @property
    def sha256(self) -> str:
        """Digest of the definition; of a suite of generators it is what it was before there were packs."""
        said = self.model_dump(mode="json")
        said = {name: value for name, value in said.items() if value or name not in _OF_PACKS}
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()

    def make(self, count: int, *, key: bytes, generation: int = 1) -> list[Item]:
        """The first items, at least ``count``: whole clusters, the generators in turn.

        Raises:
            ValueError: a generator repeats itself.
        """
        sources = [
            groupby(
                generate(GENERATORS[name].make, f"{self.name}.{name}", key=key, generation=generation, tier=self.tier),
                lambda item: item.cluster,
            )
            for name in self.generators
        ]
        made: list[Item] = []
        while len(made) < count:
            for source in sources:
                if len(made) < count:
                    made.extend(next(source)[1])
        return made


class PackSuite(Suite):
    """A suite with the contents of its packs.

    Attributes:
        contents: the items of each pack.
    """

    contents: Annotated[dict[str, tuple[PackItem, ...]], Field(exclude=True)]

    def make(self, count: int, *, key: bytes = b"", generation: int = 1) -> list[Item]:  # noqa: ARG002 - as above
        """The first items, at least ``count`` if there are so many: whole clusters.

        They are in the order of a hash, so that a part of them is as good a sample as another. Packs have no key: who
        asks them twice asks the same.
        """
        drawn: list[tuple[bytes, list[Item]]] = []
        for pack, items in self.contents.items():
            grouped: dict[str, list[PackItem]] = {}
            for one in items:
                grouped.setdefault(one.cluster or f"\0{one.id}", []).append(one)
            for number, same in enumerate(grouped.values()):
                cluster = f"{self.name}.{pack}-{number:06d}"
                place = hashlib.sha256(f"{pack}/{same[0].id}".encode()).digest()
                drawn.append((place, [self._item(pack, cluster, one) for one in same]))
        made: list[Item] = []
        for _, same_cluster in sorted(drawn, key=lambda one: one[0]):
            if len(made) >= count:
                break
            made += same_cluster
        return made

    def _item(self, pack: str, cluster: str, one: PackItem) -> Item:
        return Item(
            self.scorer, 1, one.system or self.instruction, one.user, {"answers": list(one.answer)}, one.choices,
            cluster, one.group, f"{pack}.{one.id}", tuple((turn.role, turn.content) for turn in one.turns),
        )  # fmt: skip

    @property
    def majority(self) -> str:
        """The most frequent first answer of all its items."""
        counted = Counter(one.answer[0] for items in self.contents.values() for one in items)
        return counted.most_common(1)[0][0]


def generator_of(suite: Suite, item: Item) -> Generator:
    """What made ``item``, and scores it."""
    if suite.packs:
        return Generator(suite.scorer, _never, each(SCORERS[suite.scorer].score))
    name = item.cluster.removeprefix(f"{suite.name}.").rsplit("-", 1)[0]
    return GENERATORS[name]


def _never(_chance: Chance, _tier: int) -> Sequence[Item]:
    raise SuiteError("items of a pack are not drawn by chance")


def clusters(items: Sequence[Item]) -> list[list[Item]]:
    """The items by cluster, in their order."""
    return [list(found) for _, found in groupby(items, lambda item: item.cluster)]


def read(text: bytes | str, name: str) -> Suite:
    """Read the definition of a suite.

    Raises:
        SuiteError: it is not one; the message names the field.
    """
    try:
        return Suite.model_validate(read_document(text, name))
    except ValidationError as error:
        raise SuiteError(
            f"{name}: {': '.join(first_words(error))}", rule="a suite is data (policies/suites)"
        ) from error
    except ApplianceError as error:
        raise SuiteError(
            error.message.replace("cannot be read as", "not", 1), rule=error.rule, remedy=error.remedy
        ) from error


@cache
def standard() -> dict[str, Suite]:
    """The suites that the wheel or the source tree carries, by name.

    Raises:
        SuiteError: one is wrong, or is not called as its file.
    """
    folder = next(place for place in _PLACES if place.is_dir())
    found = {}
    for file in sorted(folder.glob("*.yml")):
        suite = read(file.read_bytes(), file.name)
        if suite.name != file.stem:
            raise SuiteError(f"{file.name}: is the suite {suite.name}", rule="a suite is called as its file")
        found[suite.name] = suite
    return found
