"""Check the attestations that a bundle carries: who claims what about which image or model, and whether they may."""

from collections.abc import Iterable
from dataclasses import dataclass

from appliance.bundle.evidence.claims import check_claims
from appliance.bundle.evidence.labels import check_card
from appliance.bundle.evidence.layout import Image, Locate
from appliance.bundle.evidence.model_claims import FOLDER as MODELS
from appliance.bundle.evidence.model_claims import PREDICATES as MODEL_PREDICATES
from appliance.bundle.evidence.model_claims import check_model, files_of, model_signature, models_of, weights_of
from appliance.errors import ApplianceError
from appliance.trust import sigstore
from appliance.trust.files import read_limited
from appliance.trust.keys import PublicKey
from appliance.trust.repository.metadata import Target
from appliance.trust.repository.root import Registered
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


def path_of(name: str, kind: str) -> str:
    """Where the attestation of an image or a model lies below the targets folder."""
    return f"{FOLDER}/{name}.{kind}.dsse.json"


def twin_of(path: str) -> str:
    """Where the same attestation lies as a Sigstore bundle, for other tools."""
    return f"{path.removesuffix('.dsse.json')}.sigstore.json"


def expected_paths(images: Iterable[str], models: Iterable[str]) -> set[str]:
    """The paths of all attestations and their twins, for these images and models."""
    claimed = [path_of(image, kind) for image in images for kind in PREDICATES]
    claimed += [path_of(model, kind) for model in models for kind in MODEL_PREDICATES]
    return {path for claim in claimed for path in (claim, twin_of(claim))}


def verify_attestations(
    locate: Locate, targets: dict[str, Target], images: dict[str, Image], enrolled: Registered
) -> dict[str, Attested]:
    """Verify provenance and SBOM of every image, signature and ML-BOM of every model, and the twin of each of these.

    Only call it when every target's digest is proven.

    Args:
        locate: gives the file of a target's path.
        targets: what the signed metadata lists.
        images: the images of the layout.
        enrolled: whom the root registers as builders.

    Raises:
        ApplianceError: one is missing, of no registered (signer, builder) pair, or about another digest; or there is
            one for no image.
    """
    models = models_of(targets)
    expected = expected_paths(images, models)
    present = {path for path in targets if path.startswith(f"{FOLDER}/")}
    for path in sorted(present ^ expected):
        what = "belongs to no image or model" if path in present else "missing"
        raise AttestationError(
            f"targets/{path}: {what}",
            rule="every image has provenance and SBOM, every model signature and ML-BOM, each also as Sigstore bundle",
        )
    keys = {key.keyid: key for accepted in enrolled.builders.values() for key in accepted}
    for model in models:
        path = f"{MODELS}/{model}.card.json"
        check_card(read_limited(locate(path), MAXIMUM_SIZE, f"targets/{path}"), model, targets)
        _verify_model(locate, model, {file: targets[f"{MODELS}/{file}"].sha256 for file in files_of(model)}, keys)
    carried = {target.sha256 for target in targets.values()}
    return {name: _verify_image(locate, image, enrolled, keys, carried) for name, image in images.items()}


def _verify_model(locate: Locate, name: str, files: dict[str, str], keys: dict[str, PublicKey]) -> None:
    digests = {"mlbom": files[weights_of(name)], "oms": model_signature(files)[0]}
    for kind, predicate_type in MODEL_PREDICATES.items():
        verified = _verify_one(locate, path_of(name, kind), predicate_type, digests[kind], keys)
        check_model(name, kind, verified.statement.predicate, files)


def _verify_image(
    locate: Locate, image: Image, enrolled: Registered, keys: dict[str, PublicKey], carried: set[str]
) -> Attested:
    statements = {
        kind: _verify_one(locate, path_of(image.name, kind), predicate_type, image.digest, keys)
        for kind, predicate_type in PREDICATES.items()
    }
    provenance = statements["provenance"]
    builder = check_claims(image, provenance.statement.predicate, statements["sbom"].statement.predicate, carried)
    signer = provenance.signers[0]
    if signer not in {key.keyid for key in enrolled.builders.get(builder, [])}:
        raise AttestationError(
            f"targets/{path_of(image.name, 'provenance')}: key {signer[:16]} may not attest for builder {builder!r}",
            rule="provenance counts from registered (signer, builder) pairs only (SLSA 1.2, verifying artifacts)",
        )
    return Attested(image=image.name, statements=statements, builder=builder)


def _verify_one(
    locate: Locate, path: str, predicate_type: str, sha256: str, keys: dict[str, PublicKey]
) -> VerifiedStatement:
    data, twin = (read_limited(locate(name), MAXIMUM_SIZE, f"targets/{name}") for name in (path, twin_of(path)))
    verified = verify_statement(data, keys, f"targets/{path}", predicate_types=[predicate_type], sha256=sha256)
    if sigstore.unwrap(twin, keys.values(), f"targets/{twin_of(path)}") != data:
        raise AttestationError(
            f"targets/{twin_of(path)}: says something else than {path}",
            rule="an attestation and its Sigstore bundle hold one statement with one signature",
        )
    return verified
