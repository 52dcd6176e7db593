"""What people upload: packs with their cards, and suites."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from appliance.contract.certification import Dimension, Measure
from appliance.contract.grant import Groups
from workbench.evaluation.packs import Card

from ..model import Body

SuiteName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{1,40}$")]
Reference = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{1,40}(@[1-9][0-9]{0,6})?$")]
"""A name for its newest version, or ``name@version``."""


class NewPack(Body):
    """The description of a pack that is uploaded.

    Attributes:
        card: what is said of it.
        marking: its marking; the enclave's when absent.
        groups: need-to-know groups whose members alone may know of it.
    """

    card: Card
    marking: Annotated[str, StringConstraints(max_length=300)] | None = None
    groups: Groups = ()


class PackUpload(NewPack):
    """A pack as a program sends it.

    Attributes:
        file: name of the file of items; its ending says how it is read.
        items: the text of that file.
    """

    file: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    items: str


class NewSuite(Body):
    """A suite of a site.

    Attributes:
        name: of the suite; the same name again makes the next version.
        title: for people.
        purpose: what it finds out.
        dimension: what it is about.
        packs: the packs whose items are asked.
        generators: instead of packs, keyed generators.
        scorer: how answers to items of packs are scored.
        instruction: what the model is told first where an item says nothing.
        measures: for each measure its score; one for each score of the scorer when absent.
        items: how many items are asked when nobody says otherwise.
        maximum_tokens: tokens of an answer.
        constrained: whether a grammar admits the given choices alone.
        groups: need-to-know groups, besides those of its packs.
    """

    name: SuiteName
    title: Annotated[str, StringConstraints(min_length=3, max_length=80, strip_whitespace=True)]
    purpose: Annotated[str, StringConstraints(min_length=10, max_length=400, strip_whitespace=True)]
    dimension: Dimension
    packs: Annotated[tuple[Reference, ...], Field(max_length=20)] = ()
    generators: Annotated[tuple[str, ...], Field(max_length=40)] = ()
    scorer: Annotated[str, StringConstraints(max_length=40)] = ""
    instruction: Annotated[str, StringConstraints(max_length=4000)] = ""
    measures: dict[Measure, Annotated[str, StringConstraints(max_length=40)]] = Field(default_factory=dict)
    items: Annotated[int, Field(ge=1, le=20_000)] = 300
    maximum_tokens: Annotated[int, Field(ge=1, le=4096)] = 64
    constrained: bool = False
    groups: Groups = ()


class _Kept(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    id: UUID
    name: str
    version: int
    portion: str
    restriction: str
    sha256: str
    created_by: str
    created: AwareDatetime

    @property
    def reference(self) -> str:
        """Name and version."""
        return f"{self.name}@{self.version}"


class Pack(_Kept):
    """A pack as it is kept, without its items.

    Attributes:
        items: how many it has.
        card: what is said of it.
    """

    items: int
    card: Card


class OwnSuite(_Kept):
    """A suite of the site as it is kept.

    Attributes:
        definition: of the suite (`workbench.evaluation.suites.Suite`).
        packs: identifiers of its packs.
    """

    definition: dict[str, Any]
    packs: tuple[UUID, ...]
