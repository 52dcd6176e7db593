"""What the appliance says of controls of NIST SP 800-53 Rev. 5: ``policies/controls.yml``, read strictly."""

import re
from enum import StrEnum
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from appliance.enclave.site import validated
from appliance.trust import canonical

FILE = "policies/controls.yml"
Identifier = Annotated[str, Field(pattern=r"^[A-Z]{2}-[1-9][0-9]?(\([1-9][0-9]?\))?$")]
Text = Annotated[str, Field(min_length=3, max_length=600, pattern=r"^\S[^\x00-\x1f\x7f]*$")]


class Responsibility(StrEnum):
    """Who meets a control."""

    APPLIANCE = "appliance"
    SHARED = "shared"
    SITE = "site"


class State(StrEnum):
    """How a check ended, and how a control stands; the three are never one another. The worst last."""

    SATISFIED = "satisfied"
    NOT_TESTED = "not tested"
    NOT_SATISFIED = "not satisfied"


def worst(states: list[State]) -> State:
    """The state of what rests on all of ``states``; of nothing, nothing was tested."""
    return max(states, key=list(State).index, default=State.NOT_TESTED)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Part(_Strict):
    """A part of the appliance: what it is, and the folders or files of the source that are it."""

    title: Text
    description: Text
    code: Annotated[tuple[str, ...], Field(min_length=1)]


class Control(_Strict):
    """One control.

    Attributes:
        id: as the catalogue prints it, for example ``AC-6(9)``.
        title: as the catalogue has it.
        cci: DISA's control correlation identifiers that the statement answers.
        responsibility: who meets it.
        part: the part that implements it; absent where the site alone does.
        statement: what is done, or that nothing is.
        site: what the site does; absent where it has nothing to do.
        parameters: values of the catalogue's parameters that the appliance sets.
        checks: what is asked on the host that runs; none where nothing can be.
        proofs: tests of the release, as ``file::name``.
    """

    id: Identifier
    title: Text
    cci: Annotated[tuple[Annotated[str, Field(pattern=r"^CCI-[0-9]{6}$")], ...], Field(min_length=1)]
    responsibility: Responsibility
    part: str | None = None
    statement: Text
    site: Text | None = None
    parameters: dict[Annotated[str, Field(pattern=r"^[a-z]{2}-[0-9.]+_odp(\.[0-9]{2})?$")], Text] = {}
    checks: tuple[str, ...] = ()
    proofs: tuple[Annotated[str, Field(pattern=r"^tests/[a-z0-9_/]+\.py::test_[a-z0-9_]+$")], ...] = ()

    @model_validator(mode="after")
    def _says_who_does_what(self) -> Self:
        alone = self.responsibility is Responsibility.SITE
        if alone != (self.part is None) or (alone and (self.checks or self.proofs)):
            raise ValueError(
                f"{self.id}: a control of the site alone has no part, check or proof, and any other has a part"
            )
        if (self.responsibility is Responsibility.APPLIANCE) == (self.site is not None):
            raise ValueError(f"{self.id}: 'site' says what the site does, where it has its part in the control")
        if not alone and not self.proofs:
            raise ValueError(f"{self.id}: what the appliance does is proven by a test")
        return self

    @property
    def oscal_id(self) -> str:
        """As the OSCAL catalogue writes the id, for example ``ac-6.9``."""
        return re.sub(r"\((\d+)\)", r".\1", self.id).lower()

    @property
    def family(self) -> str:
        """The two letters of its family."""
        return self.id[:2]


class Table(_Strict):
    """All controls, and the parts that they name."""

    version: Annotated[int, Field(ge=1)]
    parts: dict[Annotated[str, Field(pattern=r"^[a-z][a-z-]*$")], Part]
    controls: Annotated[tuple[Control, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        ids = [control.id for control in self.controls]
        if twice := sorted({one for one in ids if ids.count(one) > 1}):
            raise ValueError(f"stands twice: {', '.join(twice)}")
        named = {control.part for control in self.controls} - {None}
        if named != set(self.parts):
            raise ValueError(f"named as a part and not described, or the other way round: {named ^ set(self.parts)}")
        return self

    @property
    def checks(self) -> list[str]:
        """The checks that the controls ask, each once, sorted."""
        return sorted({name for control in self.controls for name in control.checks})


def read_table(data: bytes, where: str = FILE) -> Table:
    """Read the table.

    Raises:
        ApplianceError: it is not in its form; names the field.
    """
    table: Table = validated(Table, canonical.decode_yaml(data.decode(errors="replace"), where), where)
    return table
