"""Suites as data: which generators, which scores, how many items. `policies/suites/*.yml`."""

import hashlib
import json
from collections.abc import Sequence
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from appliance.contract.certification import Dimension, Measure
from appliance.contract.document import read_document
from appliance.errors import ApplianceError, first_words
from workbench.evaluation.generators import GENERATORS, Generator
from workbench.markbench.item import Item, generate

_PLACES = (Path(__file__).parent / "definitions", Path(__file__).parents[2] / "policies" / "suites")
MOST_ITEMS = 20_000


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
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,40}$")]
    title: Annotated[str, Field(min_length=3, max_length=80)]
    purpose: Annotated[str, Field(min_length=10, max_length=400)]
    dimension: Dimension
    generators: Annotated[tuple[str, ...], Field(min_length=1)]
    measures: Annotated[dict[Measure, str], Field(min_length=1)]
    items: Annotated[int, Field(ge=1, le=MOST_ITEMS)]
    maximum_tokens: Annotated[int, Field(ge=1, le=4096)]
    constrained: bool = False
    tier: Annotated[int, Field(ge=1, le=3)] | None = None

    @field_validator("generators")
    @classmethod
    def _exist(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if name not in GENERATORS:
                raise ValueError(f"there is no generator {name}; there are {', '.join(GENERATORS)}")
        return names

    @property
    def sha256(self) -> str:
        """Digest of the definition."""
        return hashlib.sha256(json.dumps(self.model_dump(mode="json"), sort_keys=True).encode()).hexdigest()

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


def generator_of(suite: Suite, item: Item) -> Generator:
    """The generator that made ``item``."""
    name = item.cluster.removeprefix(f"{suite.name}.").rsplit("-", 1)[0]
    return GENERATORS[name]


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
