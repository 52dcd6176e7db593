"""Which findings do not matter here, and why: OpenVEX v0.2.0 documents, carried and signed as ``policies/vex/*.json``.

https://github.com/openvex/spec/blob/main/OPENVEX-SPEC.md
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

from packageurl import PackageURL
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from appliance.bundle.advisories.identity import elsewhere, identify, read_purl
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

    @property
    def names(self) -> set[str]:
        """All its names; an IRI ends with one."""
        return {self.name, *self.aliases, (self.id or self.name).rpartition("/")[2]}


class _Component(_Strict):
    id: Text | None = Field(default=None, alias="@id")
    identifiers: dict[str, Text] = {}
    hashes: dict[str, Text] = {}

    @model_validator(mode="after")
    def _names_something(self) -> Self:
        if not self.id and not self.identifiers and not self.hashes:
            raise ValueError("a product is named by @id, identifiers or hashes")
        return self

    def is_package(self, package: str, version: str) -> bool:
        """Whether it is this version of the package, or all of its versions."""
        for purl in self._purls():
            named = identify(purl)
            if named.package == package and named.version in {"", version} and not elsewhere(purl):
                return True
        return False

    def is_image(self, image: str, sha256: str) -> bool:
        """Whether it is the image: by its name, its digest where one is given, or its digest alone."""
        if sha256 and sha256 in {self.hashes.get("sha-256"), self.hashes.get("sha256")}:
            return True
        for purl in self._purls():
            digest = (purl.version or "").removeprefix("sha256:")
            if purl.type == "oci" and purl.name == image.lower() and digest in {"", sha256} and not elsewhere(purl):
                return True
        return False

    def _purls(self) -> Iterator[PackageURL]:
        for text in (self.id, self.identifiers.get("purl")):
            if text and (purl := read_purl(text)):
                yield purl


class _Product(_Component):
    subcomponents: list[_Component] = []

    def holds(self, package: str, version: str, image: str, sha256: str) -> bool:
        """Whether it is the package, or the image with all packages or with this one."""
        if self.is_package(package, version):
            return True
        parts = self.subcomponents
        return self.is_image(image, sha256) and (not parts or any(part.is_package(package, version) for part in parts))


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

    @property
    def named(self) -> str:
        """The products, in a line."""
        names = [one.id or one.identifiers.get("purl") or next(iter(one.hashes.values()), "") for one in self.products]
        return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")

    def concerns(self, names: Collection[str], package: str, version: str, image: str, sha256: str = "") -> bool:
        """Whether it is about a vulnerability (any of its ``names``) of a package in an image.

        A product is the image (``pkg:oci/<name>``, perhaps with its digest), whose ``subcomponents`` narrow it to
        packages, or a package in any image; a package URL without version means every version.
        """
        if not self.vulnerability.names & set(names):
            return False
        return any(product.holds(package, version, image, sha256) for product in self.products)


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


@dataclass(frozen=True)
class Placed:
    """A statement, and where it stands."""

    where: str
    statement: Statement


def in_order(documents: Mapping[str, Document]) -> list[Placed]:
    """All statements by their documents' paths, the latest last: it supersedes those before ("Updating Statements")."""
    dated = [
        (statement.timestamp or document.timestamp, number, Placed(f"{path}, statement {number}", statement))
        for path, document in documents.items()
        for number, statement in enumerate(document.statements, start=1)
    ]
    return [placed for _, _, placed in sorted(dated, key=lambda entry: entry[:2])]
