"""What provenance and SBOM of an image claim must agree with each other and with what the bundle carries."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from appliance.bundle.evidence.layout import Image
from appliance.errors import ApplianceError, first_finding

BUILD_TYPE = "urn:mls-appliance:build:image:v1"
PACKAGE = "pkg:"

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class ClaimError(ApplianceError):
    """Provenance or an SBOM that contradicts something."""


class _Open(BaseModel):
    """Only the fields that are checked; both formats have many more."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class _Digest(_Open):
    sha256: Sha256


class _Dependency(_Open):
    uri: str
    digest: _Digest


class _Parameters(BaseModel):
    """SLSA 1.2: verifiers reject external parameters that they do not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    image: str
    epoch: int


class _BuildDefinition(_Open):
    build_type: Literal["urn:mls-appliance:build:image:v1"] = Field(alias="buildType")
    external_parameters: _Parameters = Field(alias="externalParameters")
    resolved_dependencies: list[_Dependency] = Field(alias="resolvedDependencies")


class _Builder(_Open):
    id: str


class _RunDetails(_Open):
    builder: _Builder


class _Provenance(_Open):
    build_definition: _BuildDefinition = Field(alias="buildDefinition")
    run_details: _RunDetails = Field(alias="runDetails")


class _Hash(_Open):
    alg: str
    content: str


class Component(_Open):
    """A component of a CycloneDX document."""

    type: str = ""
    name: str
    hashes: list[_Hash] = []
    model_card: dict[str, Any] = Field(default={}, alias="modelCard")

    def sha256(self) -> str | None:
        """Its SHA-256, hexadecimal."""
        return next((each.content for each in self.hashes if each.alg == "SHA-256"), None)


class _Metadata(_Open):
    component: Component


class Sbom(_Open):
    """A CycloneDX 1.6 document."""

    bom_format: Literal["CycloneDX"] = Field(alias="bomFormat")
    spec_version: Literal["1.6"] = Field(alias="specVersion")
    metadata: _Metadata
    components: list[Component] = []


def check_claims(image: Image, provenance: dict[str, Any], sbom: dict[str, Any], carried: set[str]) -> str:
    """Refuse claims that are incomplete or contradict each other.

    Args:
        image: the image that both are about.
        provenance: SLSA provenance v1, its signature verified.
        sbom: CycloneDX 1.6, its signature verified.
        carried: SHA-256 of everything in the bundle.

    Returns:
        The builder's id.

    Raises:
        ClaimError: another image or build type, an unknown parameter, a package that the bundle does not carry, or an
            SBOM that does not list exactly the packages of the provenance.
    """
    try:
        built, listed = _Provenance.model_validate(provenance), Sbom.model_validate(sbom)
    except ValidationError as error:
        raise ClaimError(f"image {image.name}: {error.title.strip('_')}: {first_finding(error)}") from error
    if built.build_definition.external_parameters.image != image.name:
        raise ClaimError(f"image {image.name}: its provenance is about another image")
    if listed.metadata.component.sha256() != image.digest:
        raise ClaimError(f"image {image.name}: its SBOM is about another image")
    packages = {
        dependency.digest.sha256: dependency.uri
        for dependency in built.build_definition.resolved_dependencies
        if dependency.uri.startswith(PACKAGE)
    }
    for uri in sorted(packages[digest] for digest in set(packages) - carried):
        raise ClaimError(
            f"image {image.name}: made from {uri}, which the bundle does not carry",
            rule="every input is in the bundle, so that a site can build the image again",
        )
    components = {component.sha256() or "": component.name for component in listed.components}
    for name in sorted((packages | components)[digest] for digest in set(packages) ^ set(components)):
        raise ClaimError(
            f"image {image.name}: {name} is in only one of provenance and SBOM",
            rule="an SBOM lists exactly the packages that the image was made from",
        )
    return built.run_details.builder.id
