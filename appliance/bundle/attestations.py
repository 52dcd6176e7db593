"""Check the attestations that a bundle carries: who claims what about which image, and whether they may."""

from dataclasses import dataclass

from appliance.bundle.claims import check_claims
from appliance.bundle.layout import Image, Locate
from appliance.errors import ApplianceError
from appliance.trust.files import read_limited
from appliance.trust.keys import PublicKey
from appliance.trust.metadata import Target
from appliance.trust.root import Registered
from appliance.trust.statements import (
    CYCLONEDX,
    MAXIMUM_SIZE,
    SLSA_PROVENANCE,
    VerifiedStatement,
    verify_statement,
)

FOLDER = "attestations"
PREDICATES = {"provenance": SLSA_PROVENANCE, "sbom": CYCLONEDX}


class AttestationError(ApplianceError):
    """An attestation that is missing or does not hold."""


@dataclass(frozen=True)
class Attested:
    """What is proven of one image: its statements by kind (``provenance``, ``sbom``) and the builder's id."""

    image: str
    statements: dict[str, VerifiedStatement]
    builder: str


def path_of(image: str, kind: str) -> str:
    """Where the attestation of an image lies below the targets folder."""
    return f"{FOLDER}/{image}.{kind}.dsse.json"


def verify_attestations(
    locate: Locate, targets: dict[str, Target], images: dict[str, Image], enrolled: Registered
) -> dict[str, Attested]:
    """Verify provenance and SBOM of every image. Only call it when every target's digest is proven.

    Args:
        locate: gives the file of a target's path.
        targets: what the signed metadata lists.
        images: the images of the layout.
        enrolled: whom the root registers as builders.

    Raises:
        ApplianceError: one is missing, of no registered (signer, builder) pair, or about another digest; or there is
            one for no image.
    """
    expected = {path_of(name, kind): (image, kind) for name, image in images.items() for kind in PREDICATES}
    present = {path for path in targets if path.startswith(f"{FOLDER}/")}
    for path in sorted(present ^ set(expected)):
        what = "belongs to no image" if path in present else "missing"
        raise AttestationError(f"targets/{path}: {what}", rule="every image has its provenance and its SBOM")
    carried = {target.sha256 for target in targets.values()}
    return {name: _verify_image(locate, image, enrolled, carried) for name, image in images.items()}


def _verify_image(locate: Locate, image: Image, enrolled: Registered, carried: set[str]) -> Attested:
    keys = {key.keyid: key for accepted in enrolled.builders.values() for key in accepted}
    statements = {kind: _verify_one(locate, image, kind, keys) for kind in PREDICATES}
    provenance = statements["provenance"]
    builder = check_claims(image, provenance.statement.predicate, statements["sbom"].statement.predicate, carried)
    signer = provenance.signers[0]
    if signer not in {key.keyid for key in enrolled.builders.get(builder, [])}:
        raise AttestationError(
            f"targets/{path_of(image.name, 'provenance')}: key {signer[:16]} may not attest for builder {builder!r}",
            rule="provenance counts from registered (signer, builder) pairs only (SLSA 1.2, verifying artifacts)",
        )
    return Attested(image=image.name, statements=statements, builder=builder)


def _verify_one(locate: Locate, image: Image, kind: str, keys: dict[str, PublicKey]) -> VerifiedStatement:
    path = path_of(image.name, kind)
    data = read_limited(locate(path), MAXIMUM_SIZE, f"targets/{path}")
    return verify_statement(data, keys, f"targets/{path}", predicate_types=[PREDICATES[kind]], sha256=image.digest)
