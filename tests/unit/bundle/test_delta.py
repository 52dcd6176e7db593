"""A later bundle carries only what is new, and is as complete and as proven as a whole one."""

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from appliance.bundle.base import write_delta
from appliance.bundle.verify import stage_bundle, verify_bundle
from appliance.cli.main import app
from appliance.errors import ApplianceError
from tests.unit.bundle.sample import NOW, Keys, make_keys, sign
from tests.unit.bundle.sample import fill as fill_sample


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return make_keys(tmp_path_factory.mktemp("keys") / "keys")


@pytest.fixture
def old(tmp_path: Path, keys: Keys) -> Path:
    sign(tmp_path / "old", fill_sample(tmp_path / "old", keys.builder), keys)
    return tmp_path / "old"


@pytest.fixture
def new(tmp_path: Path, keys: Keys, old: Path) -> Path:
    """Version 2: one policy differs, and everything else has moved to this folder unchanged."""
    folder = shutil.copytree(old, tmp_path / "new")
    targets = {path: target.custom for path, target in verify_bundle(old, keys.fingerprint, now=NOW)[0].targets.items()}
    (folder / "targets/policies/access.yml").write_text("roles: {analyst: {}}\n")
    sign(folder, targets, keys, version=2)
    return folder


def test_a_delta_carries_what_is_new_and_needs_its_base(new: Path, old: Path, keys: Keys, tmp_path: Path) -> None:
    carried = write_delta(new, old, tmp_path / "delta", keys.fingerprint)
    assert [target.path for target in carried] == ["policies/access.yml"]
    assert verify_bundle(tmp_path / "delta", keys.fingerprint, base=old, now=NOW)[1].ok
    report = verify_bundle(tmp_path / "delta", keys.fingerprint, now=NOW)[1]
    assert "missing" in report.findings[0]


def test_a_staged_delta_is_a_whole_bundle(new: Path, old: Path, keys: Keys, tmp_path: Path) -> None:
    write_delta(new, old, tmp_path / "delta", keys.fingerprint)
    stage_bundle(tmp_path / "delta", tmp_path / "host", keys.fingerprint, base=old, now=NOW)[1].require()
    assert verify_bundle(tmp_path / "host", keys.fingerprint, now=NOW)[1].ok


def test_nothing_changed_means_kilobytes(old: Path, keys: Keys, tmp_path: Path) -> None:
    assert write_delta(old, old, tmp_path / "delta", keys.fingerprint) == []
    assert sum(file.stat().st_size for file in (tmp_path / "delta").rglob("*") if file.is_file()) < 100_000
    assert verify_bundle(tmp_path / "delta", keys.fingerprint, base=old, now=NOW)[1].ok


def test_a_base_that_rotted_is_found_out(new: Path, old: Path, keys: Keys, tmp_path: Path) -> None:
    write_delta(new, old, tmp_path / "delta", keys.fingerprint)
    with (old / "targets/models/small.gguf").open("r+b") as file:
        file.write(b"x")
    report = stage_bundle(tmp_path / "delta", tmp_path / "host", keys.fingerprint, base=old, now=NOW)[1]
    assert report.findings == ["targets/models/small.gguf: its SHA-256 is not the one that was signed"]
    assert not (tmp_path / "host/targets/models/small.gguf").exists()


def test_a_bad_file_on_the_medium_is_not_replaced_by_the_base(old: Path, keys: Keys, tmp_path: Path) -> None:
    medium = shutil.copytree(old, tmp_path / "medium")
    (medium / "targets/policies/access.yml").write_text("roles: {evil: {}}\n")
    assert not verify_bundle(medium, keys.fingerprint, base=old, now=NOW)[1].ok


def test_a_base_that_is_no_bundle(old: Path, keys: Keys, tmp_path: Path) -> None:
    with pytest.raises(ApplianceError, match=r"targets.json: missing"):
        verify_bundle(old, keys.fingerprint, base=tmp_path, now=NOW)


def test_the_commands(new: Path, old: Path, keys: Keys, tmp_path: Path) -> None:
    paper = ["--root-fingerprint", keys.fingerprint]
    delta = str(tmp_path / "delta")
    result = CliRunner().invoke(app, ["bundle", "delta", str(new), delta, "--since", str(old), *paper])
    assert "1 files" in result.output
    assert CliRunner().invoke(app, ["bundle", "verify", delta, "--base", str(old), *paper]).exit_code == 0
    assert CliRunner().invoke(app, ["bundle", "verify", delta, *paper]).exit_code == 1
