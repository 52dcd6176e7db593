"""Which findings do not matter here, and why: OpenVEX v0.2.0 documents, carried and signed as ``policies/vex/*.json``.

https://github.com/openvex/spec/blob/main/OPENVEX-SPEC.md
"""

from collections.abc import Collection, Iterable
from typing import Annotated, Any, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from appliance.errors import ApplianceError, first_finding
from appliance.trust import canonical

FOLDER = "policies/vex/"
LIMIT = 4 << 20

Status = Literal["not_affected", "affected", "fixed", "under_investigation"]
Justification = Literal[
    "component_not_present",
    "vulnerable_code_not_present",
    "vulnerable_code_not_in_execute_path",
    "vulnerable_code_cannot_be_controlled_by_adversary",
    "inline_mitigations_already_exist",
]
Text = Annotated[str, Field(max_length=4096, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Vulnerability(_Strict):
    id: Text | None = Field(default=None, alias="@id")
    name: Text
    description: Text | None = None
    aliases: list[Text] = []


class _Component(_Strict):
    id: Text = Field(alias="@id")
    identifiers: dict[str, Text] = {}
    hashes: dict[str, Text] = {}


class _Product(_Component):
    subcomponents: list[_Component] = []


class Statement(_Strict):
    """One statement; for its fields see the specification, "Statement Fields"."""

    id: Text | None = Field(default=None, alias="@id")
    version: int | None = None
    vulnerability: _Vulnerability
    timestamp: AwareDatetime | None = None
    last_updated: AwareDatetime | None = None
    products: list[_Product] = Field(min_length=1)
    status: Status
    supplier: Text | None = None
    status_notes: Text | None = None
    justification: Justification | None = None
    impact_statement: Text | None = None
    action_statement: Text | None = None
    action_statement_timestamp: AwareDatetime | None = None

    @model_validator(mode="after")
    def _gives_reasons(self) -> Self:
        if self.status == "not_affected" and not (self.justification or self.impact_statement):
            raise ValueError("not_affected needs a justification or an impact_statement")
        if self.status == "affected" and not self.action_statement:
            raise ValueError("affected needs an action_statement")
        return self

    @property
    def reason(self) -> str:
        """Why it is so, in the document's words."""
        return self.justification or self.impact_statement or self.status_notes or self.status

    def concerns(self, names: Collection[str], package: str, version: str, image: str) -> bool:
        """Whether it is about a vulnerability (any of its ``names``) of a package in an image.

        A product is the image (``pkg:oci/<name>``), whose ``subcomponents`` narrow it to packages, or a package in any
        image; a package URL without version means every version.
        """
        if not {self.vulnerability.name, *self.vulnerability.aliases} & set(names):
            return False
        packages = {package, f"{package}@{version}"}
        return any(
            product.id in packages
            or (
                product.id == f"pkg:oci/{image}"
                and (not product.subcomponents or any(part.id in packages for part in product.subcomponents))
            )
            for product in self.products
        )


class Document(_Strict):
    """An OpenVEX document."""

    context: Literal["https://openvex.dev/ns/v0.2.0"] = Field(alias="@context")
    id: Text = Field(alias="@id", min_length=1)
    author: Annotated[Text, Field(min_length=1)]
    role: Text | None = None
    timestamp: AwareDatetime
    last_updated: AwareDatetime | None = None
    version: Annotated[int, Field(ge=1)]
    tooling: Text | None = None
    statements: list[Statement] = Field(min_length=1)


def read_vex(data: bytes, name: str) -> Document:
    """Read a document.

    Raises:
        ApplianceError: not OpenVEX v0.2.0; names the field.
    """
    value: Any = canonical.decode(data, name)
    try:
        return Document.model_validate(value)
    except ValidationError as error:
        raise ApplianceError(
            f"{name}: {first_finding(error)}",
            rule="OpenVEX v0.2.0, document and statement fields",
            remedy="correct the statement",
        ) from error


def in_order(documents: Iterable[Document]) -> list[Statement]:
    """All statements, the latest last: it supersedes those before it (specification, "Updating Statements")."""
    dated = [
        (statement.timestamp or document.timestamp, number, statement)
        for document in documents
        for number, statement in enumerate(document.statements)
    ]
    return [statement for _, _, statement in sorted(dated, key=lambda entry: entry[:2])]
