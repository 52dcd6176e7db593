"""Tools that we did not write accept a bundle of our builder, and refuse it after a change."""

import base64
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from appliance.bundle.evidence.layout import NAME_ANNOTATION
from appliance.trust import canonical
from tests.unit.bundle.test_assemble import Place
from tests.unit.trust.node import needs_node, run, script


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A bundle of one image and one model, built, attested and signed by the code that makes the real ones."""
    place = Place(tmp_path_factory.mktemp("place"))
    place.build()
    return place


@pytest.fixture
def targets(original: Place, tmp_path: Path) -> Path:
    return shutil.copytree(original.out / "targets", tmp_path / "targets")


@pytest.fixture(scope="module")
def key(original: Place) -> Path:
    return original.keys / "builder.pub"


@pytest.fixture(scope="module")
def sigstorejs() -> Path:
    return script(Path(__file__).parent / "sigstorejs")


def alter(file: Path, **changes: Any) -> None:
    """Change the envelope in a Sigstore bundle."""
    bundle = json.loads(file.read_bytes())
    bundle["dsseEnvelope"] |= changes
    file.write_bytes(canonical.encode(bundle))


def statement(file: Path) -> Any:
    return json.loads(base64.b64decode(json.loads(file.read_bytes())["payload"]))


@needs_node
def test_sigstore_js_verifies_every_attestation(targets: Path, key: Path, sigstorejs: Path) -> None:
    twins = sorted((targets / "attestations").glob("*.sigstore.json"))
    done = run(sigstorejs, key, *twins)
    assert done.returncode == 0, done.stderr
    assert sorted(done.stdout.split()) == [
        "https://cyclonedx.org/bom",
        "https://cyclonedx.org/bom",
        "https://model_signing/signature/v1.0",
        "https://slsa.dev/provenance/v1",
    ]


@needs_node
def test_sigstore_js_refuses_a_changed_statement(targets: Path, key: Path, sigstorejs: Path) -> None:
    twin = targets / "attestations/base.provenance.sigstore.json"
    changed = statement(targets / "attestations/base.provenance.dsse.json")
    changed["subject"][0]["digest"]["sha256"] = "00" * 32
    alter(twin, payload=base64.b64encode(canonical.encode(changed)).decode())
    done = run(sigstorejs, key, twin)
    assert done.returncode != 0
    assert "signature verification failed" in done.stderr


@needs_node
def test_sigstore_js_refuses_another_key(targets: Path, original: Place, sigstorejs: Path) -> None:
    twin = targets / "attestations/base.provenance.sigstore.json"
    done = run(sigstorejs, original.keys / "people/DEMO-a.pub", twin)
    assert done.returncode != 0
    assert "key not found" in done.stderr


def model_signing(targets: Path, key: Path) -> "subprocess.CompletedProcess[str]":
    """Let the tool of OpenSSF model signing judge the model; other models would lie in the same folder."""
    signature = targets / "attestations/model.oms.sigstore.json"
    command = ["model_signing", "verify", "key", str(targets / "models"), "--ignore_unsigned_files"]
    command += ["--signature", str(signature), "--public_key", str(key)]
    return subprocess.run(command, check=False, capture_output=True, text=True)


def test_model_signing_verifies_the_model(targets: Path, key: Path) -> None:
    done = model_signing(targets, key)
    assert done.returncode == 0, done.stderr + done.stdout
    assert "succeeded" in (done.stdout + done.stderr).lower()


@pytest.mark.parametrize("name", ["model.gguf", "model.card.json", "model.licence.txt"])
def test_model_signing_refuses_a_changed_file(targets: Path, key: Path, name: str) -> None:
    with (targets / "models" / name).open("ab") as file:
        file.write(b" ")
    done = model_signing(targets, key)
    assert done.returncode != 0
    said = (done.stdout + done.stderr).replace("\\", "")
    assert f"Hash mismatch for '{name}'" in said


def test_model_signing_refuses_another_key(targets: Path, original: Place) -> None:
    done = model_signing(targets, original.keys / "people/DEMO-a.pub")
    assert done.returncode != 0
    assert "Key mismatch" in done.stdout + done.stderr


def test_the_schema_of_cyclonedx_accepts_every_sbom(targets: Path) -> None:
    validator = JsonStrictValidator(SchemaVersion.V1_6)
    documents = sorted((targets / "attestations").glob("*bom.dsse.json"))
    assert [file.name for file in documents] == ["base.sbom.dsse.json", "model.mlbom.dsse.json"]
    for file in documents:
        document = statement(file)["predicate"]
        assert validator.validate_str(json.dumps(document)) is None
        document["specialVersion"] = "1.6"
        assert validator.validate_str(json.dumps(document)) is not None


def skopeo(targets: Path, image: str) -> "subprocess.CompletedProcess[str]":
    command = ["skopeo", "inspect", f"oci:{targets}/images:{image}"]
    return subprocess.run(command, check=False, capture_output=True, text=True)


def test_skopeo_inspects_every_image(targets: Path) -> None:
    index = json.loads((targets / "images/index.json").read_bytes())
    assert index["manifests"]
    for entry in index["manifests"]:
        shown = json.loads(skopeo(targets, entry["annotations"][NAME_ANNOTATION]).stdout)
        assert shown["Digest"] == entry["digest"]
        assert all((targets / "images/blobs" / layer.replace(":", "/")).is_file() for layer in shown["Layers"])


def test_skopeo_refuses_a_manifest_that_is_missing(targets: Path) -> None:
    (entry,) = json.loads((targets / "images/index.json").read_bytes())["manifests"]
    (targets / "images/blobs" / entry["digest"].replace(":", "/")).unlink()
    assert skopeo(targets, "base").returncode != 0
