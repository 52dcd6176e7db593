"""What a bundle claims of each model: its files (OpenSSF model signing v1.0), and what it is (CycloneDX 1.6)."""

import hashlib
import uuid
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from appliance.bundle.evidence.claims import Sbom
from appliance.bundle.inputs.model import MODEL_FILES
from appliance.errors import ApplianceError
from appliance.trust import canonical
from appliance.trust.statements import CYCLONEDX, MODEL_SIGNATURE

FOLDER = "models"
PREDICATES = {"mlbom": CYCLONEDX, "oms": MODEL_SIGNATURE}
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:mls-appliance:model")


class ModelError(ApplianceError):
    """A model whose files or claims do not belong together."""


class Card(BaseModel):
    """The fields of ``<name>.card.json`` that its CycloneDX document repeats."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    name: str
    licence: str
    architecture: str
    parameters: int
    quantisation: str
    source: str
    intended_use: str
    marking: str


def models_of(paths: Iterable[str]) -> list[str]:
    """Names of the models among the paths of targets.

    Raises:
        ModelError: a file in ``models/`` that belongs to no model, or a model without weights, card or licence.
    """
    found = {path.removeprefix(f"{FOLDER}/") for path in paths if path.startswith(f"{FOLDER}/")}
    names = sorted({file.removesuffix(".gguf") for file in found if file.endswith(".gguf")})
    expected = {file for name in names for file in files_of(name)}
    for file in sorted(found ^ expected):
        what = "belongs to no model" if file in found else "missing"
        raise ModelError(f"targets/{FOLDER}/{file}: {what}", rule="a model is its weights, its card and its licence")
    return names


def files_of(name: str) -> list[str]:
    """The files of a model, by their names in ``models/``."""
    return [f"{name}.{suffix}" for suffix in MODEL_FILES]


def weights_of(name: str) -> str:
    """The file that its CycloneDX document is about."""
    return f"{name}.gguf"


def model_signature(files: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
    """Subject and predicate of the model's signature (OpenSSF model signing v1.0, file serialization).

    Args:
        files: SHA-256 of each of the model's files, by name.

    Returns:
        The SHA-256 over the files' digests in the order of their names, and the predicate that lists them.
    """
    listed = sorted(files.items())
    whole = hashlib.sha256(b"".join(bytes.fromhex(digest) for _, digest in listed)).hexdigest()
    predicate = {
        "serialization": {"method": "files", "hash_type": "sha256", "allow_symlinks": False},
        "resources": [{"name": name, "algorithm": "sha256", "digest": digest} for name, digest in listed],
    }
    return whole, predicate


def make_mlbom(card: Card, files: Mapping[str, str], epoch: int) -> dict[str, Any]:
    """CycloneDX 1.6 of a model: one component of type machine-learning-model with its card; the same bytes each time.

    cyclonedx-python-lib has no model cards, so the document is written here; its schema judges it in the tests.

    Args:
        card: what the bundle says of the model.
        files: SHA-256 of each of the model's files, by name.
        epoch: time of the document, in seconds.
    """
    weights = files[weights_of(card.name)]
    component = {
        "type": "machine-learning-model",
        "bom-ref": card.name,
        "name": card.name,
        "hashes": [{"alg": "SHA-256", "content": weights}],
        "licenses": [{"license": {"name": card.licence}}],
        "modelCard": {
            "modelParameters": {"architectureFamily": card.architecture, "modelArchitecture": card.source},
            "considerations": {"useCases": [card.intended_use]},
            "properties": [
                {"name": "appliance.parameters", "value": str(card.parameters)},
                {"name": "appliance.quantisation", "value": card.quantisation},
            ],
        },
    }
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(_NAMESPACE, weights)}",
        "version": 1,
        "metadata": {
            "timestamp": datetime.fromtimestamp(epoch, UTC).isoformat(),
            "component": component,
            "properties": [{"name": "appliance.classification", "value": card.marking}],
        },
        "components": [
            {"type": "file", "name": name, "bom-ref": name, "hashes": [{"alg": "SHA-256", "content": digest}]}
            for name, digest in sorted(files.items())
        ],
    }


def read_card(data: bytes, name: str) -> Card:
    """Read a model's card.

    Raises:
        ModelError: not JSON, a field is missing, or it is the card of another model.
    """
    try:
        card = Card.model_validate(canonical.decode(data, f"{FOLDER}/{name}.card.json"))
    except (canonical.CanonicalError, ValidationError) as error:
        raise ModelError(f"{FOLDER}/{name}.card.json: not the card of a model: {error}") from error
    if card.name != name:
        raise ModelError(f"{FOLDER}/{name}.card.json: is the card of {card.name}")
    return card


def check_model(name: str, kind: str, predicate: dict[str, Any], files: Mapping[str, str]) -> None:
    """Refuse a claim that is not about exactly these files.

    Args:
        name: the model.
        kind: ``oms`` or ``mlbom``.
        predicate: the claim, its signature verified.
        files: SHA-256 of each of the model's files as the bundle lists them.

    Raises:
        ModelError: other files, other digests, or no model card.
    """
    if not (predicate == model_signature(files)[1] if kind == "oms" else _describes(predicate, name, files)):
        raise ModelError(
            f"model {name}: its {kind} attestation is about other files than the bundle carries",
            rule="OpenSSF model signing v1.0 and CycloneDX 1.6 list each file with its digest",
        )


def _describes(document: dict[str, Any], name: str, files: Mapping[str, str]) -> bool:
    try:
        sbom = Sbom.model_validate(document)
    except ValidationError:
        return False
    model = sbom.metadata.component
    return (
        (model.type, model.name, model.sha256()) == ("machine-learning-model", name, files[weights_of(name)])
        and bool(model.model_card)
        and {component.name: component.sha256() for component in sbom.components} == files
    )
