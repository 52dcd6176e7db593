"""What a person sees of a verification, and what is left behind where it could not end."""

import json
import resource
from pathlib import Path

import pytest
from typer.testing import CliRunner

from appliance.bundle.read.inspect import inspect_bundle
from appliance.bundle.read.verify import require_present
from appliance.cli.main import app
from appliance.errors import ApplianceError
from appliance.trust.repository.client import read_repository
from tests.unit.bundle.sample import (
    NOW,
    Keys,
    check,
    flip,
    stage,
)


def test_staging_copies_everything_and_resumes(bundle: Path, keys: Keys, tmp_path: Path) -> None:
    staging = tmp_path / "host"
    report = stage(bundle, staging, keys)
    assert report.ok
    assert check(staging, keys).ok
    model = staging / "targets" / "models" / "small.gguf"
    before = model.stat().st_ino
    flip(staging / "targets" / "policies" / "access.yml")
    (staging / "targets" / "debs" / "podman_4.3.1+ds1-8_amd64.deb").unlink()
    assert stage(bundle, staging, keys).ok
    assert check(staging, keys).ok
    assert model.stat().st_ino == before


def test_a_destination_that_is_full(bundle: Path, keys: Keys) -> None:
    with pytest.raises(ApplianceError, match="cannot be written") as refusal:
        stage(bundle, Path("/dev/full"), keys)
    assert refusal.value.remedy


def test_a_file_system_that_takes_no_more(bundle: Path, keys: Keys, tmp_path: Path) -> None:
    """The kernel's limit on file sizes stands for a full disk: writing fails half-way through the model."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))
    try:
        with pytest.raises(ApplianceError, match="cannot be written"):
            stage(bundle, tmp_path / "host", keys)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not list((tmp_path / "host").rglob("*.arriving"))
    assert not (tmp_path / "host" / "targets" / "models" / "small.gguf").exists()
    assert stage(bundle, tmp_path / "host", keys).ok


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


@pytest.mark.parametrize("cut", [True, False])
def test_a_file_that_is_missing_or_cut_is_named_before_any_is_read(bundle: Path, keys: Keys, cut: bool) -> None:
    model = bundle / "targets" / "models" / "small.gguf"
    if cut:
        model.write_bytes(model.read_bytes()[:-1])
    else:
        model.unlink()
    repository = read_repository(bundle / "metadata", keys.fingerprint, now=NOW)
    with pytest.raises(ApplianceError, match=r"targets/models/small\.gguf: missing, or not as long"):
        require_present(bundle, repository)
