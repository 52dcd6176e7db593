"""Evidence that does not fit what it is about: each way is one refusal, however well it is signed."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from appliance.trust import canonical, dsse
from appliance.trust.keys import generate
from appliance.trust.repository.metadata import Custom
from appliance.trust.statements import CYCLONEDX, MODEL_SIGNATURE, SLSA_PROVENANCE, sign_statement
from tests.unit.bundle.sample import (
    Keys,
    attest,
    fill,
    provenance,
    refused,
    sbom,
    sign,
)


def resign(bundle: Path, keys: Keys, change: Callable[[dict[str, Custom]], None]) -> None:
    """A bundle whose makers signed something that does not hold together."""
    shutil.rmtree(bundle)
    targets = fill(bundle, keys.builder)
    change(targets)
    sign(bundle, targets, keys)


def put(bundle: Path, targets: dict[str, Custom], path: str, data: bytes, kind: str = "attestation") -> None:
    (bundle / "targets" / path).write_bytes(data)
    targets[path] = Custom(kind=kind, label="UNCLASSIFIED")


def manifest_digest(bundle: Path, name: str) -> str:
    index = json.loads((bundle / "targets/images/index.json").read_bytes())
    digests = {m["annotations"]["org.opencontainers.image.ref.name"]: m["digest"] for m in index["manifests"]}
    return str(digests[name]).removeprefix("sha256:")


def test_provenance_about_another_image(bundle: Path, keys: Keys) -> None:
    def change(targets: dict[str, Custom]) -> None:
        other = (bundle / "targets/attestations/labeling.provenance.dsse.json").read_bytes()
        put(bundle, targets, "attestations/gateway.provenance.dsse.json", other)

    resign(bundle, keys, change)
    refused(bundle, keys, r"gateway.provenance.dsse.json: is about other bytes")


def test_an_sbom_by_an_unregistered_builder(bundle: Path, keys: Keys) -> None:
    def change(targets: dict[str, Custom]) -> None:
        digest = {"gateway": manifest_digest(bundle, "gateway")}
        statement = sign_statement(digest, CYCLONEDX, sbom("gateway", digest["gateway"]), [generate("stranger")])
        put(bundle, targets, "attestations/gateway.sbom.dsse.json", statement)

    resign(bundle, keys, change)
    refused(bundle, keys, "no known person")


def test_provenance_of_another_builder(bundle: Path, keys: Keys) -> None:
    def change(targets: dict[str, Custom]) -> None:
        digest = {"gateway": manifest_digest(bundle, "gateway")}
        statement = sign_statement(digest, SLSA_PROVENANCE, provenance("gateway", "urn:elsewhere"), [keys.builder])
        attest(bundle, targets, keys.builder, "attestations/gateway.provenance.dsse.json", statement)

    resign(bundle, keys, change)
    refused(bundle, keys, "may not attest for builder 'urn:elsewhere'")


def test_an_image_without_its_sbom(bundle: Path, keys: Keys) -> None:
    def change(targets: dict[str, Custom]) -> None:
        (bundle / "targets/attestations/gateway.sbom.dsse.json").unlink()
        del targets["attestations/gateway.sbom.dsse.json"]

    resign(bundle, keys, change)
    refused(bundle, keys, r"gateway.sbom.dsse.json: missing")


def restate(bundle: Path, keys: Keys, kind: str, predicate: dict[str, Any]) -> None:
    """A bundle whose registered builder signed another claim about the gateway's image."""

    def change(targets: dict[str, Custom]) -> None:
        digest = {"gateway": manifest_digest(bundle, "gateway")}
        statement = sign_statement(
            digest, {"provenance": SLSA_PROVENANCE, "sbom": CYCLONEDX}[kind], predicate, [keys.builder]
        )
        attest(bundle, targets, keys.builder, f"attestations/gateway.{kind}.dsse.json", statement)

    resign(bundle, keys, change)


def test_provenance_with_an_unknown_parameter(bundle: Path, keys: Keys) -> None:
    claim = provenance("gateway")
    claim["buildDefinition"]["externalParameters"]["skip_checks"] = True
    restate(bundle, keys, "provenance", claim)
    refused(bundle, keys, "externalParameters.skip_checks")


def test_provenance_of_another_build_type(bundle: Path, keys: Keys) -> None:
    claim = provenance("gateway")
    claim["buildDefinition"]["buildType"] = "https://example.test/by-hand"
    restate(bundle, keys, "provenance", claim)
    refused(bundle, keys, "buildDefinition.buildType")


def test_an_input_that_the_bundle_does_not_carry(bundle: Path, keys: Keys) -> None:
    claim = provenance("gateway")
    claim["buildDefinition"]["resolvedDependencies"][0]["digest"]["sha256"] = "0" * 64
    restate(bundle, keys, "provenance", claim)
    refused(bundle, keys, "made from pkg:deb/debian/podman@4.3.1, which the bundle does not carry")


def test_an_sbom_that_conceals_a_package(bundle: Path, keys: Keys) -> None:
    digest = manifest_digest(bundle, "gateway")
    restate(bundle, keys, "sbom", sbom("gateway", digest, sbom("gateway", digest)["components"][:1]))
    refused(bundle, keys, "pkg:pypi/tuf@7.0.1 is in only one of provenance and SBOM")


def test_an_sbom_about_another_image(bundle: Path, keys: Keys) -> None:
    restate(bundle, keys, "sbom", sbom("gateway", "0" * 64))
    refused(bundle, keys, "its SBOM is about another image")


@pytest.mark.parametrize(
    "path",
    [
        "attestations/gateway.provenance.sigstore.json",
        "attestations/small.oms.sigstore.json",
        "attestations/small.oms.dsse.json",
        "attestations/small.mlbom.dsse.json",
        "models/small.card.json",
        "models/small.licence.txt",
    ],
)
def test_a_part_of_the_evidence_that_is_missing(bundle: Path, keys: Keys, path: str) -> None:
    def change(targets: dict[str, Custom]) -> None:
        (bundle / "targets" / path).unlink()
        del targets[path]

    resign(bundle, keys, change)
    refused(bundle, keys, f"{path}: missing")


def test_a_twin_of_another_statement(bundle: Path, keys: Keys) -> None:
    def change(targets: dict[str, Custom]) -> None:
        other = (bundle / "targets/attestations/gateway.sbom.sigstore.json").read_bytes()
        put(bundle, targets, "attestations/gateway.provenance.sigstore.json", other)

    resign(bundle, keys, change)
    refused(bundle, keys, r"gateway.provenance.sigstore.json: says something else than")


def test_a_twin_whose_signature_was_exchanged(bundle: Path, keys: Keys) -> None:
    def change(targets: dict[str, Custom]) -> None:
        twin = json.loads((bundle / "targets/attestations/gateway.sbom.sigstore.json").read_bytes())
        other = json.loads((bundle / "targets/attestations/gateway.provenance.sigstore.json").read_bytes())
        twin["dsseEnvelope"]["signatures"] = other["dsseEnvelope"]["signatures"]
        put(bundle, targets, "attestations/gateway.sbom.sigstore.json", canonical.encode(twin))

    resign(bundle, keys, change)
    refused(bundle, keys, r"gateway.sbom.sigstore.json: signature 1 is of no known person")


@pytest.mark.parametrize(("kind", "predicate_type"), [("oms", MODEL_SIGNATURE), ("mlbom", CYCLONEDX)])
def test_a_model_whose_evidence_is_about_other_files(bundle: Path, keys: Keys, kind: str, predicate_type: str) -> None:
    def change(targets: dict[str, Custom]) -> None:
        path = f"attestations/small.{kind}.dsse.json"
        _, stated = dsse.payload_of((bundle / "targets" / path).read_bytes(), path)
        changed = json.loads(json.dumps(stated["predicate"]).replace("small.licence.txt", "small.terms.txt"))
        subject = {"small": stated["subject"][0]["digest"]["sha256"]}
        attest(bundle, targets, keys.builder, path, sign_statement(subject, predicate_type, changed, [keys.builder]))

    resign(bundle, keys, change)
    refused(bundle, keys, f"model small: its {kind} attestation is about other files")


def test_weights_that_the_builder_did_not_sign(bundle: Path, keys: Keys) -> None:
    def change(targets: dict[str, Custom]) -> None:
        put(bundle, targets, "models/small.gguf", b"other weights", "model")

    resign(bundle, keys, change)
    refused(bundle, keys, r"small.mlbom.dsse.json: is about other bytes")


def test_a_file_of_no_model(bundle: Path, keys: Keys) -> None:
    resign(bundle, keys, lambda targets: put(bundle, targets, "models/run.sh", b"#!/bin/sh", "model"))
    refused(bundle, keys, r"models/run.sh: belongs to no model")


def test_evidence_for_nothing(bundle: Path, keys: Keys) -> None:
    resign(bundle, keys, lambda targets: put(bundle, targets, "attestations/x.sbom.dsse.json", b"{}"))
    refused(bundle, keys, r"x.sbom.dsse.json: belongs to no image or model")


def test_a_layer_that_no_blob_holds(bundle: Path, keys: Keys) -> None:
    def change(targets: dict[str, Custom]) -> None:
        manifest = bundle / "targets/images/blobs/sha256" / manifest_digest(bundle, "gateway")
        layer = json.loads(manifest.read_bytes())["layers"][1]["digest"].removeprefix("sha256:")
        (manifest.parent / layer).unlink()
        del targets[f"images/blobs/sha256/{layer}"]

    resign(bundle, keys, change)
    refused(bundle, keys, "image gateway needs it, and it is not in the bundle")


def test_a_blob_under_a_wrong_name(bundle: Path, keys: Keys) -> None:
    def change(targets: dict[str, Custom]) -> None:
        put(bundle, targets, f"images/blobs/sha256/{manifest_digest(bundle, 'gateway')}", b"another manifest", "image")

    resign(bundle, keys, change)
    refused(bundle, keys, "not the blob that images/index.json names")


def test_a_blob_that_nothing_uses(bundle: Path, keys: Keys) -> None:
    def change(targets: dict[str, Custom]) -> None:
        put(bundle, targets, f"images/blobs/sha256/{'0' * 64}", b"left over", "image")

    resign(bundle, keys, change)
    refused(bundle, keys, "no image uses it")
