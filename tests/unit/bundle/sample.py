"""A small but complete bundle: two images that share a layer, their attestations, a model, a package, a policy."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from appliance.bundle.evidence.attestations import path_of, twin_of
from appliance.bundle.evidence.claims import BUILD_TYPE
from appliance.bundle.evidence.layout import INDEX, MANIFEST
from appliance.bundle.evidence.model_claims import Card, files_of, make_mlbom, model_signature
from appliance.bundle.read.verify import Report, stage_bundle, verify_bundle
from appliance.bundle.repository.hashing import hash_file
from appliance.bundle.repository.metadata import write_repository
from appliance.errors import ApplianceError
from appliance.trust import canonical
from appliance.trust.ceremony import initialise
from appliance.trust.keys import PrivateKey, load_private_key
from appliance.trust.people import load_people
from appliance.trust.repository.chain import RootChain
from appliance.trust.repository.client import read_repository
from appliance.trust.repository.metadata import Custom
from appliance.trust.repository.publish import Edition
from appliance.trust.repository.root import BUILDER_ID, Person
from appliance.trust.sigstore import wrap
from appliance.trust.statements import CYCLONEDX, MODEL_SIGNATURE, SLSA_PROVENANCE, sign_statement

CREATED = datetime(2026, 11, 1, tzinfo=UTC)
EXPIRES = CREATED + timedelta(days=365)
NOW = CREATED + timedelta(days=20)


@dataclass(frozen=True)
class Keys:
    """The keys of one ceremony, opened."""

    chain: RootChain
    fingerprint: str
    people: list[Person]
    builder: PrivateKey


def make_keys(folder: Path) -> Keys:
    paper = initialise(
        folder, people=["a", "b", "c"], threshold=2, officers=["o", "p"], certifiers=["e"], passphrase=None
    )
    return Keys(
        chain=RootChain.load(folder / "root"),
        fingerprint=paper.root,
        people=load_people(folder / "people", ["DEMO-a", "DEMO-b", "DEMO-c"]),
        builder=load_private_key(folder / "builder.pem"),
    )


DEB, WHEEL = b"!<arch>\n" + bytes(range(256)), bytes(range(200))
CARD = {
    "name": "small",
    "licence": "CC0-1.0",
    "architecture": "none",
    "parameters": 0,
    "quantisation": "F32",
    "source": "tests",
    "intended_use": "Tests alone.",
    "marking": "UNCLASSIFIED",
}
INPUTS = {"pkg:deb/debian/podman@4.3.1": DEB, "pkg:pypi/tuf@7.0.1": WHEEL}


def provenance(image: str, builder: str = BUILDER_ID) -> dict[str, Any]:
    return {
        "buildDefinition": {
            "buildType": BUILD_TYPE,
            "externalParameters": {"image": image, "epoch": 0},
            "resolvedDependencies": [{"uri": uri, "digest": {"sha256": sha256(data)}} for uri, data in INPUTS.items()],
        },
        "runDetails": {"builder": {"id": builder}},
    }


def sbom(image: str, digest: str, components: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    def hashes(digest: str) -> list[dict[str, str]]:
        return [{"alg": "SHA-256", "content": digest}]

    listed = [{"name": uri, "purl": uri, "hashes": hashes(sha256(data))} for uri, data in INPUTS.items()]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "metadata": {"component": {"name": image, "hashes": hashes(digest)}},
        "components": listed if components is None else components,
    }


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def fill(
    bundle: Path, builder: PrivateKey, model_size: int = 3_000_000, components: list[dict[str, Any]] | None = None
) -> dict[str, Custom]:
    """Write the targets of a sample bundle and return their kinds and labels."""
    targets: dict[str, Custom] = {}

    def put(path: str, data: bytes, kind: str, label: str = "UNCLASSIFIED") -> None:
        file = bundle / "targets" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        targets[path] = Custom(kind=kind, label=label)

    def blob(data: bytes, media_type: str) -> dict[str, Any]:
        digest = sha256(data)
        put(f"images/blobs/sha256/{digest}", data, "image")
        return {"mediaType": f"application/vnd.oci.image.{media_type}", "digest": f"sha256:{digest}", "size": len(data)}

    shared = blob(b"a layer that both images use" * 100, "layer.v1.tar+zstd")
    entries = []
    for name in ("gateway", "labeling"):
        own = blob(f"layer of {name}".encode(), "layer.v1.tar+zstd")
        config = blob(canonical.encode(configuration(name, [shared, own])), "config.v1+json")
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [shared, own]}
        entry = blob(canonical.encode(manifest | {"annotations": {"title": name}}), "manifest.v1+json")
        entries.append(entry | {"annotations": {"org.opencontainers.image.ref.name": name}})
        manifest_digest = entry["digest"].removeprefix("sha256:")
        subject = {name: manifest_digest}
        bill = sbom(name, manifest_digest, components)
        statements = (("provenance", SLSA_PROVENANCE, provenance(name)), ("sbom", CYCLONEDX, bill))
        for kind, predicate_type, predicate in statements:
            statement = sign_statement(subject, predicate_type, predicate, [builder])
            attest(bundle, targets, builder, path_of(name, kind), statement)
    put("images/oci-layout", b'{"imageLayoutVersion":"1.0.0"}', "image")
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}
    put("images/index.json", canonical.encode(index), "image")
    model = {
        "small.gguf": b"GGUF" + bytes(model_size),
        "small.card.json": json.dumps(CARD).encode(),
        "small.licence.txt": b"Do what you like.\n",
    }
    for file, data in model.items():
        put(f"models/{file}", data, "model")
    attest_model(bundle, targets, builder)
    put("debs/podman_4.3.1+ds1-8_amd64.deb", DEB, "deb")
    put("wheels/tuf-7.0.1-py3-none-any.whl", WHEEL, "wheel")
    put("policies/access.yml", b"roles: {}\n", "policy", "SECRET//REL TO USA, GBR")
    return targets


def configuration(name: str, layers: list[dict[str, Any]]) -> dict[str, Any]:
    """The configuration of a sample image."""
    return {
        "architecture": "amd64",
        "os": "linux",
        "created": "2026-11-22T00:00:00Z",
        "config": {"Env": [], "Labels": {"title": name}, "StopSignal": "SIGTERM", "WorkingDir": "/"},
        "rootfs": {"type": "layers", "diff_ids": [layer["digest"] for layer in layers]},
        "history": [],
    }


def attest_model(bundle: Path, targets: dict[str, Custom], builder: PrivateKey) -> None:
    """Let the builder attest the model as it is in the folder."""
    files = {file: hash_file(bundle / "targets/models" / file).sha256 for file in files_of("small")}
    whole, listing = model_signature(files)
    described = make_mlbom(Card.model_validate(CARD), files, 0)
    signature = sign_statement({"small": whole}, MODEL_SIGNATURE, listing, [builder])
    mlbom = sign_statement({"small": files["small.gguf"]}, CYCLONEDX, described, [builder])
    attest(bundle, targets, builder, path_of("small", "oms"), signature)
    attest(bundle, targets, builder, path_of("small", "mlbom"), mlbom)


def attest(bundle: Path, targets: dict[str, Custom], builder: PrivateKey, path: str, statement: bytes) -> None:
    """Put a statement of the builder and its twin into the bundle."""
    for name, data in ((path, statement), (twin_of(path), wrap(statement, builder.public, path))):
        file = bundle / "targets" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        targets[name] = Custom(kind="attestation", label="UNCLASSIFIED")


def sign(
    bundle: Path,
    targets: dict[str, Custom],
    keys: Keys,
    *,
    version: int = 1,
    created: datetime = CREATED,
    expires: datetime = EXPIRES,
) -> None:
    write_repository(
        bundle,
        targets,
        chain=keys.chain,
        people=keys.people[:2],
        edition=Edition(created=created, expires=expires, version=version),
    )


def make_bundle(bundle: Path, keys: Keys, model_size: int = 3_000_000, **changes: Any) -> dict[str, Custom]:
    """A signed sample bundle in ``bundle``."""
    targets = fill(bundle, keys.builder, model_size)
    sign(bundle, targets, keys, **changes)
    return targets


def check(bundle: Path, keys: Keys, trusted: Path | None = None) -> Report:
    return verify_bundle(bundle, keys.fingerprint, trusted=trusted, now=NOW)[1]


def stage(bundle: Path, destination: Path, keys: Keys, bases: Sequence[Path] = ()) -> Report:
    """Stage a bundle whose metadata holds, at the time of the samples."""
    repository = read_repository(bundle / "metadata", keys.fingerprint, now=NOW)
    return stage_bundle(bundle, destination, repository, bases=bases)


def refused(bundle: Path, keys: Keys, match: str) -> None:
    """Refused when verified in place and when staged, and nothing wrong is left behind."""
    with pytest.raises(ApplianceError, match=match):
        check(bundle, keys).require()
    staging = bundle.parent / "staging"
    with pytest.raises(ApplianceError, match=match):
        stage(bundle, staging, keys).require()
    assert not staging.exists()


def flip(file: Path, position: int = -1) -> None:
    data = bytearray(file.read_bytes())
    data[position if position >= 0 else len(data) // 2] ^= 1
    file.write_bytes(data)
