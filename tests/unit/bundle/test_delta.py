"""A later bundle carries only what is new, and is as complete and as proven as a whole one."""

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from appliance.bundle.read.delta import Earlier, Edition, earlier_bundle, write_delta
from appliance.bundle.read.verify import verify_bundle
from appliance.bundle.repository.held import held_bundles
from appliance.cli.main import app
from appliance.errors import ApplianceError
from tests.unit.bundle.sample import NOW, Keys, sign, stage
from tests.unit.bundle.sample import fill as fill_sample


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
    carried = write_delta(new, earlier_bundle(old, keys.fingerprint), tmp_path / "delta", keys.fingerprint)
    assert [target.path for target in carried] == ["policies/access.yml"]
    assert verify_bundle(tmp_path / "delta", keys.fingerprint, bases=[old], now=NOW)[1].ok


def test_a_host_without_the_base_refuses_and_names_it(new: Path, old: Path, keys: Keys, tmp_path: Path) -> None:
    write_delta(new, earlier_bundle(old, keys.fingerprint), tmp_path / "delta", keys.fingerprint)
    with pytest.raises(ApplianceError, match="files are neither on this medium nor on this host") as refusal:
        stage(tmp_path / "delta", tmp_path / "host", keys)
    assert f"version 1 of root {keys.fingerprint[:16]}" in refusal.value.rule
    assert not (tmp_path / "host").exists()


def test_the_record_of_the_builder_suffices(new: Path, old: Path, keys: Keys, tmp_path: Path) -> None:
    shutil.rmtree(old / "targets")
    assert len(write_delta(new, earlier_bundle(old, keys.fingerprint), tmp_path / "delta", keys.fingerprint)) == 1


def test_a_delta_after_a_delta_takes_from_both(new: Path, old: Path, keys: Keys, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    write_delta(new, earlier_bundle(old, keys.fingerprint), first, keys.fingerprint)
    assert write_delta(new, earlier_bundle(first, keys.fingerprint), second, keys.fingerprint) == []
    assert verify_bundle(second, keys.fingerprint, bases=[first, old], now=NOW)[1].ok


def test_a_delta_with_a_hole_is_never_written(new: Path, old: Path, keys: Keys, tmp_path: Path) -> None:
    (new / "targets/policies/access.yml").unlink()
    with pytest.raises(ApplianceError, match=r"policies/access.yml: missing"):
        write_delta(new, earlier_bundle(old, keys.fingerprint), tmp_path / "delta", keys.fingerprint)
    assert not (tmp_path / "delta").exists()


@pytest.mark.parametrize("text", [b"", b"{}", b'{"since":[]}', b'{"since":[], "more":1}', b"[" * 100_000])
def test_a_strange_delta_file(old: Path, keys: Keys, text: bytes) -> None:
    (old / "delta.json").write_bytes(text)
    with pytest.raises(ApplianceError, match=r"delta.json"):
        verify_bundle(old, keys.fingerprint, now=NOW)


def test_bundles_on_the_host_are_found(old: Path, new: Path, keys: Keys, tmp_path: Path) -> None:
    for folder in (old, new):
        stage(folder, tmp_path / "held" / folder.name, keys).require()
    (tmp_path / "held" / "begun" / "targets").mkdir(parents=True)
    assert {path.name for path in held_bundles(tmp_path / "held")} == {"old", "new"}


def test_the_highest_version_counts() -> None:
    editions = [Edition(root="0" * 64, version=number) for number in (3, 7, 5)]
    assert (Earlier(editions, frozenset()).version, Earlier([], frozenset()).version) == (7, 0)


def test_a_staged_delta_is_a_whole_bundle(new: Path, old: Path, keys: Keys, tmp_path: Path) -> None:
    write_delta(new, earlier_bundle(old, keys.fingerprint), tmp_path / "delta", keys.fingerprint)
    stage(tmp_path / "delta", tmp_path / "host", keys, bases=[old]).require()
    assert verify_bundle(tmp_path / "host", keys.fingerprint, now=NOW)[1].ok


def test_nothing_changed_means_kilobytes(old: Path, keys: Keys, tmp_path: Path) -> None:
    assert write_delta(old, earlier_bundle(old, keys.fingerprint), tmp_path / "delta", keys.fingerprint) == []
    assert sum(file.stat().st_size for file in (tmp_path / "delta").rglob("*") if file.is_file()) < 100_000
    assert verify_bundle(tmp_path / "delta", keys.fingerprint, bases=[old], now=NOW)[1].ok


def test_a_base_that_rotted_is_found_out(new: Path, old: Path, keys: Keys, tmp_path: Path) -> None:
    write_delta(new, earlier_bundle(old, keys.fingerprint), tmp_path / "delta", keys.fingerprint)
    with (old / "targets/models/small.gguf").open("r+b") as file:
        file.write(b"x")
    report = stage(tmp_path / "delta", tmp_path / "host", keys, bases=[old])
    assert report.findings == ["targets/models/small.gguf: its SHA-256 is not the one that was signed"]
    assert not (tmp_path / "host/targets/models/small.gguf").exists()


def test_a_bad_file_on_the_medium_is_not_replaced_by_the_base(old: Path, keys: Keys, tmp_path: Path) -> None:
    medium = shutil.copytree(old, tmp_path / "medium")
    (medium / "targets/policies/access.yml").write_text("roles: {evil: {}}\n")
    assert not verify_bundle(medium, keys.fingerprint, bases=[old], now=NOW)[1].ok


def test_a_base_that_is_no_bundle(old: Path, keys: Keys, tmp_path: Path) -> None:
    with pytest.raises(ApplianceError, match=r"targets.json: missing"):
        verify_bundle(old, keys.fingerprint, bases=[tmp_path], now=NOW)


def test_the_commands(new: Path, old: Path, keys: Keys, tmp_path: Path) -> None:
    paper = ["--root-fingerprint", keys.fingerprint]
    delta = str(tmp_path / "delta")
    result = CliRunner().invoke(app, ["bundle", "delta", str(new), delta, "--since", str(old), *paper])
    assert "1 files" in result.output
    assert CliRunner().invoke(app, ["bundle", "verify", delta, "--base", str(old), *paper]).exit_code == 0
    assert CliRunner().invoke(app, ["bundle", "verify", delta, *paper]).exit_code == 1
