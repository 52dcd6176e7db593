"""A bundle is exactly what was signed, or nothing of it is used; each way of not being so is one refusal."""

import json
import os
import re
import resource
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from appliance.bundle.inspect import inspect_bundle
from appliance.bundle.verify import Report, stage_bundle, verify_bundle
from appliance.cli.main import app
from appliance.errors import ApplianceError
from appliance.trust import canonical, dsse
from appliance.trust.client import remember
from appliance.trust.keys import generate
from appliance.trust.metadata import Custom
from appliance.trust.root import BUILDER_ID
from appliance.trust.statements import CYCLONEDX, MODEL_SIGNATURE, SLSA_PROVENANCE, sign_statement
from tests.unit.bundle.sample import EXPIRES, NOW, Keys, attest, fill, make_bundle, make_keys, provenance, sbom, sign

METADATA = ["1.root.json", "root.json", "targets.json", "snapshot.json", "timestamp.json", "hybrid.dsse.json"]


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return make_keys(tmp_path_factory.mktemp("keys") / "keys")


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory, keys: Keys) -> Path:
    folder = tmp_path_factory.mktemp("original")
    make_bundle(folder, keys)
    return folder


@pytest.fixture
def bundle(original: Path, tmp_path: Path) -> Path:
    return shutil.copytree(original, tmp_path / "bundle")


def check(bundle: Path, keys: Keys, trusted: Path | None = None) -> Report:
    return verify_bundle(bundle, keys.fingerprint, trusted=trusted, now=NOW)[1]


def refused(bundle: Path, keys: Keys, match: str) -> None:
    """Refused when verified in place and when staged, and nothing wrong is left behind."""
    with pytest.raises(ApplianceError, match=match):
        check(bundle, keys).require()
    staging = bundle.parent / "staging"
    with pytest.raises(ApplianceError, match=match):
        stage_bundle(bundle, staging, keys.fingerprint, now=NOW)[1].require()


def flip(file: Path, position: int = -1) -> None:
    data = bytearray(file.read_bytes())
    data[position if position >= 0 else len(data) // 2] ^= 1
    file.write_bytes(data)


def test_an_untouched_bundle_passes(bundle: Path, keys: Keys) -> None:
    seen: list[str] = []
    _, report = verify_bundle(bundle, keys.fingerprint, now=NOW, on_target=lambda result: seen.append(result.path))
    assert report.ok
    assert report.findings == []
    assert sorted(seen) == [target.path for target in report.targets]
    assert set(report.images) == {"gateway", "labeling"}
    assert report.builders == {"gateway": BUILDER_ID, "labeling": BUILDER_ID}
    assert report.signers["targets"] == report.signers["hybrid"] == ("DEMO-a", "DEMO-b")
    assert report.demo
    labels = {target.path: target.label for target in report.targets}
    assert labels["policies/access.yml"] == "SECRET//REL TO USA, GBR"


def test_another_fingerprint(bundle: Path) -> None:
    with pytest.raises(ApplianceError, match=r"1.root.json: its fingerprint is") as refusal:
        verify_bundle(bundle, "ab" * 32, now=NOW)
    assert refusal.value.remedy


def test_a_fingerprint_as_printed(bundle: Path, keys: Keys) -> None:
    printed = " ".join(keys.fingerprint[start : start + 4].upper() for start in range(0, 64, 4))
    assert verify_bundle(bundle, printed, now=NOW)[1].ok


def test_another_supplier_with_perfect_metadata(bundle: Path, tmp_path: Path, keys: Keys) -> None:
    other = make_keys(tmp_path / "other")
    shutil.rmtree(bundle)
    make_bundle(bundle, other)
    refused(bundle, keys, "its fingerprint is")


@pytest.mark.parametrize(
    "path",
    [
        "models/small.gguf",
        "debs/podman_4.3.1+ds1-8_amd64.deb",
        "wheels/tuf-7.0.1-py3-none-any.whl",
        "policies/access.yml",
        "attestations/gateway.sbom.dsse.json",
        "attestations/gateway.provenance.dsse.json",
        "images/index.json",
        "images/oci-layout",
        "images/blobs",
    ],
)
def test_a_flipped_byte_in_a_target(bundle: Path, keys: Keys, path: str) -> None:
    file = bundle / "targets" / path
    if file.is_dir():
        file = sorted(file.rglob("*"))[-1]
    flip(file)
    name = file.relative_to(bundle / "targets")
    refused(bundle, keys, re.escape(str(name)) + ": its SHA-256 is not the one that was signed")
    staged = bundle.parent / "staging" / "targets"
    assert not (staged / name).exists()
    assert not list(staged.rglob("*.arriving"))


@pytest.mark.parametrize("name", METADATA)
@pytest.mark.parametrize("position", [0, 20, -1])
def test_a_flipped_byte_in_metadata(bundle: Path, keys: Keys, name: str, position: int) -> None:
    flip(bundle / "metadata" / name, position)
    refused(bundle, keys, "json")
    assert not (bundle.parent / "staging").exists()


@pytest.mark.parametrize("name", METADATA)
def test_a_missing_metadata_file(bundle: Path, keys: Keys, name: str) -> None:
    (bundle / "metadata" / name).unlink()
    refused(bundle, keys, "metadata")


@pytest.mark.parametrize("name", [name for name in METADATA if name != "1.root.json"])
def test_white_space_in_metadata(bundle: Path, keys: Keys, name: str) -> None:
    file = bundle / "metadata" / name
    file.write_bytes(file.read_bytes() + b"\n")
    refused(bundle, keys, "root.json|not in canonical form")


def test_a_duplicate_key_in_metadata(bundle: Path, keys: Keys) -> None:
    file = bundle / "metadata" / "targets.json"
    file.write_bytes(file.read_bytes().replace(b'{"signatures":', b'{"signatures":[],"signatures":', 1))
    refused(bundle, keys, "'signatures' appears twice")


def test_metadata_that_is_too_long(bundle: Path, keys: Keys) -> None:
    with (bundle / "metadata" / "timestamp.json").open("ab") as file:
        file.truncate(50 << 30)
    refused(bundle, keys, "longer than 65536 bytes")


def test_a_missing_target(bundle: Path, keys: Keys) -> None:
    (bundle / "targets" / "models" / "small.gguf").unlink()
    refused(bundle, keys, "targets/models/small.gguf: missing")


def test_an_extra_file(bundle: Path, keys: Keys) -> None:
    (bundle / "targets" / "debs" / "evil.deb").write_bytes(b"!<arch>\n")
    refused(bundle, keys, "targets/debs/evil.deb: not listed")


def test_an_extra_file_beside_the_targets(bundle: Path, keys: Keys) -> None:
    (bundle / "install.sh").write_text("#!/bin/sh\n")
    refused(bundle, keys, "install.sh: not part of a bundle")


def test_an_extra_metadata_file(bundle: Path, keys: Keys) -> None:
    (bundle / "metadata" / "mirrors.json").write_text("{}")
    refused(bundle, keys, "mirrors.json: not a metadata file")


def test_a_symbolic_link_in_place_of_a_target(bundle: Path, keys: Keys, tmp_path: Path) -> None:
    file = bundle / "targets" / "models" / "small.gguf"
    file.rename(tmp_path / "same content")
    file.symlink_to(tmp_path / "same content")
    refused(bundle, keys, "small.gguf: (a symbolic link|not a regular file)")


def test_a_symbolic_link_in_place_of_a_folder(bundle: Path, keys: Keys, tmp_path: Path) -> None:
    (bundle / "targets" / "models").rename(tmp_path / "models")
    (bundle / "targets" / "models").symlink_to(tmp_path / "models")
    refused(bundle, keys, "targets/models: not listed")


def test_a_symbolic_link_in_place_of_metadata(bundle: Path, keys: Keys, tmp_path: Path) -> None:
    file = bundle / "metadata" / "targets.json"
    file.rename(tmp_path / "targets.json")
    file.symlink_to(tmp_path / "targets.json")
    refused(bundle, keys, "metadata/targets.json: a symbolic link")


@pytest.mark.parametrize("name", ["metadata", "targets"])
def test_a_symbolic_link_to_the_very_same_files(bundle: Path, keys: Keys, tmp_path: Path, name: str) -> None:
    shutil.move(bundle / name, tmp_path / "outside")
    (bundle / name).symlink_to(tmp_path / "outside")
    refused(bundle, keys, f"{name}: a symbolic link")


def test_a_named_pipe_does_not_hang(bundle: Path, keys: Keys) -> None:
    file = bundle / "targets" / "policies" / "access.yml"
    file.unlink()
    os.mkfifo(file)
    refused(bundle, keys, "access.yml: not a regular file")


def test_two_targets_exchanged(bundle: Path, keys: Keys) -> None:
    one, other = (bundle / "targets" / path for path in ("policies/access.yml", "models/small.gguf"))
    one_data, other_data = one.read_bytes(), other.read_bytes()
    one.write_bytes(other_data)
    other.write_bytes(one_data)
    refused(bundle, keys, "bytes long, signed are")


def test_every_failure_is_reported(bundle: Path, keys: Keys) -> None:
    flip(bundle / "targets" / "models" / "small.gguf")
    flip(bundle / "targets" / "policies" / "access.yml")
    (bundle / "targets" / "extra").write_text("x")
    report = check(bundle, keys)
    assert {target.path for target in report.targets if not target.ok} == {"models/small.gguf", "policies/access.yml"}
    assert len(report.findings) == 3


def test_a_truncated_target_of_zeros_is_not_the_sparse_original(bundle: Path, keys: Keys) -> None:
    with (bundle / "targets" / "models" / "small.gguf").open("r+b") as file:
        file.truncate(3_000_003)
    refused(bundle, keys, "3000003 bytes long, signed are 3000004")


def test_expired(bundle: Path, keys: Keys) -> None:
    with pytest.raises(ApplianceError, match="expired") as refusal:
        verify_bundle(bundle, keys.fingerprint, now=EXPIRES)
    assert "clock" in refusal.value.remedy


def test_a_bundle_that_has_expired_already_is_not_sealed(tmp_path: Path, keys: Keys) -> None:
    with pytest.raises(ApplianceError, match="expired"):
        make_bundle(tmp_path / "late", keys, created=NOW, expires=NOW - timedelta(days=1))
    assert not (tmp_path / "late" / "metadata").exists()


def test_rollback(bundle: Path, keys: Keys, tmp_path: Path) -> None:
    newer, trusted = tmp_path / "newer", tmp_path / "trusted"
    make_bundle(newer, keys, version=2)
    remember(verify_bundle(newer, keys.fingerprint, now=NOW)[0], trusted)
    assert check(newer, keys, trusted).ok
    with pytest.raises(ApplianceError, match="older than what this host accepted"):
        check(bundle, keys, trusted)


def test_the_same_version_twice(bundle: Path, keys: Keys, tmp_path: Path) -> None:
    trusted = tmp_path / "trusted"
    remember(verify_bundle(bundle, keys.fingerprint, now=NOW)[0], trusted)
    shutil.rmtree(bundle)
    make_bundle(bundle, keys, version=1)
    with pytest.raises(ApplianceError, match="has the version of the one this host accepted"):
        check(bundle, keys, trusted)


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


def test_staging_copies_everything_and_resumes(bundle: Path, keys: Keys, tmp_path: Path) -> None:
    staging = tmp_path / "host"
    _, report = stage_bundle(bundle, staging, keys.fingerprint, now=NOW)
    assert report.ok
    assert check(staging, keys).ok
    model = staging / "targets" / "models" / "small.gguf"
    before = model.stat().st_ino
    flip(staging / "targets" / "policies" / "access.yml")
    (staging / "targets" / "debs" / "podman_4.3.1+ds1-8_amd64.deb").unlink()
    assert stage_bundle(bundle, staging, keys.fingerprint, now=NOW)[1].ok
    assert check(staging, keys).ok
    assert model.stat().st_ino == before


def test_a_destination_that_is_full(bundle: Path, keys: Keys) -> None:
    with pytest.raises(ApplianceError, match="cannot be written") as refusal:
        stage_bundle(bundle, Path("/dev/full"), keys.fingerprint, now=NOW)
    assert refusal.value.remedy


def test_a_file_system_that_takes_no_more(bundle: Path, keys: Keys, tmp_path: Path) -> None:
    """The kernel's limit on file sizes stands for a full disk: writing fails half-way through the model."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))
    try:
        with pytest.raises(ApplianceError, match="cannot be written"):
            stage_bundle(bundle, tmp_path / "host", keys.fingerprint, now=NOW)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not list((tmp_path / "host").rglob("*.arriving"))
    assert not (tmp_path / "host" / "targets" / "models" / "small.gguf").exists()
    assert stage_bundle(bundle, tmp_path / "host", keys.fingerprint, now=NOW)[1].ok


def test_inspect_says_when_nothing_is_proven(bundle: Path, keys: Keys) -> None:
    contents = inspect_bundle(bundle)
    assert not contents.proven
    assert inspect_bundle(bundle, keys.fingerprint).proven
    groups = {group.kind: group for group in contents.groups}
    assert groups["model"].files == 3
    assert groups["policy"].labels == {"SECRET//REL TO USA, GBR": 1}
    assert contents.signers["targets"] == ("DEMO-a", "DEMO-b")


def command(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["bundle", *(str(argument) for argument in arguments)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


def test_the_commands(bundle: Path, keys: Keys) -> None:
    code, output = command("verify", bundle, "--root-fingerprint", keys.fingerprint)
    assert code == 0
    assert "PASSED (DEMO keys)" in output
    assert "models/small.gguf" in output
    code, output = command("inspect", bundle, "--files")
    assert "NOT PROVEN" in output
    assert json.loads(command("inspect", bundle, "--json")[1])["threshold"] == 2
    flip(bundle / "targets" / "models" / "small.gguf")
    code, output = command("verify", bundle, "--root-fingerprint", keys.fingerprint, "--json")
    assert code == 1
    assert json.loads(output)["result"] == "FAILED"
    assert command("verify", bundle)[0] == 2
