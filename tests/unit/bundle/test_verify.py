"""A bundle is exactly what was signed, or nothing of it is used; each way of not being so is one refusal."""

import os
import re
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from appliance.bundle.read.verify import verify_bundle
from appliance.errors import ApplianceError
from appliance.trust.repository.client import remember
from appliance.trust.repository.root import BUILDER_ID
from tests.unit.bundle.sample import (
    EXPIRES,
    NOW,
    Keys,
    check,
    flip,
    make_bundle,
    make_keys,
    refused,
)

METADATA = ["1.root.json", "root.json", "targets.json", "snapshot.json", "timestamp.json", "hybrid.dsse.json"]


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
