"""From keys to a signed bundle and back to new keys, by the commands that people type, each with their own keys."""

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from appliance.bundle.read.verify import verify_bundle
from appliance.cli.main import app
from appliance.errors import ApplianceError
from appliance.trust.repository.client import remember
from tests.unit.bundle.sample import fill, make_keys


def run(*arguments: object, code: int = 0) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result.output


def test_a_bundle_is_signed_apart_and_a_lost_key_replaced(tmp_path: Path) -> None:
    keys = make_keys(tmp_path / "keys")
    people, root = tmp_path / "keys" / "people", tmp_path / "keys" / "root"
    bundle, request = tmp_path / "bundle", tmp_path / "request.json"
    fill(bundle, keys.builder, model_size=1000)

    shown = run("bundle", "request", bundle, "--root", root, "--out", request)
    assert keys.fingerprint in shown
    assert "publishes version 1" in shown
    for name in ("DEMO-a", "DEMO-b"):
        run("keys", "sign", request, "--key", people / f"{name}.pem", "--yes")
    with pytest.raises(ApplianceError, match="not signed by enough people") as refusal:
        run("bundle", "seal", bundle, request)
    assert "DEMO-a" in refusal.value.remedy
    with pytest.raises(ApplianceError, match="DEMO-b has nothing to sign"):
        run("keys", "sign", request, "--key", people / "DEMO-b.pem", "--yes")
    answer = json.loads(run("keys", "sign", request, "--key", people / "DEMO-a.pem", "--yes", "--json"))
    assert answer["complete"]
    run("bundle", "seal", bundle, request)
    repository, report = verify_bundle(bundle, keys.fingerprint)
    assert report.ok
    remember(repository, tmp_path / "trusted")

    # DEMO-c lost their keys; DEMO-d takes the place
    phrase = tmp_path / "phrase"
    phrase.write_text("a passphrase of many words\n")
    run("keys", "new", "d", "--out", tmp_path / "d", "--demo", "--passphrase-file", phrase)
    shown = run(
        *("keys", "change", root, "--out", request, "--remove", "DEMO-c", "--add", tmp_path / "d" / "DEMO-d.pub")
    )
    assert "DEMO-c leaves" in shown
    assert "DEMO-d joins" in shown
    for name in ("DEMO-a", "DEMO-b", "DEMO-a"):
        run("keys", "sign", request, "--key", people / f"{name}.pem", "--yes")
    assert "in force" in run("keys", "finish", request, "--root", root)

    run("bundle", "request", bundle, "--root", root, "--out", request)
    with pytest.raises(ApplianceError, match="DEMO-c is not registered"):
        run("keys", "sign", request, "--key", people / "DEMO-c.pem", "--yes")
    run("keys", "sign", request, "--key", tmp_path / "d/DEMO-d.pem", "--yes", "--passphrase-file", phrase)
    for name in ("DEMO-a",):
        run("keys", "sign", request, "--key", people / f"{name}.pem", "--yes")
    run("keys", "sign", request, "--key", tmp_path / "d/DEMO-d.pem", "--yes", "--passphrase-file", phrase)
    run("bundle", "seal", bundle, request)
    output = run("bundle", "verify", bundle, "--root-fingerprint", keys.fingerprint, "--trusted", tmp_path / "trusted")
    assert "signed by DEMO-a, DEMO-d" in output


def test_a_person_who_says_no_signs_nothing(tmp_path: Path) -> None:
    keys = make_keys(tmp_path / "keys")
    fill(tmp_path / "bundle", keys.builder, model_size=10)
    request = tmp_path / "request.json"
    run("bundle", "request", tmp_path / "bundle", "--root", tmp_path / "keys/root", "--out", request)
    before = request.read_bytes()
    key = str(tmp_path / "keys/people/DEMO-a.pem")
    assert CliRunner().invoke(app, ["keys", "sign", str(request), "--key", key], input="n\n").exit_code == 1
    assert request.read_bytes() == before


def test_a_bundle_that_changed_since_the_request_is_not_sealed(tmp_path: Path) -> None:
    keys = make_keys(tmp_path / "keys")
    bundle, request = tmp_path / "bundle", tmp_path / "request.json"
    fill(bundle, keys.builder, model_size=10)
    run("bundle", "request", bundle, "--root", tmp_path / "keys/root", "--out", request)
    for name in ("DEMO-a", "DEMO-b", "DEMO-a"):
        run("keys", "sign", request, "--key", tmp_path / "keys/people" / f"{name}.pem", "--yes")
    (bundle / "targets" / "later.txt").write_text("x")
    with pytest.raises(ApplianceError, match=r"later.txt has no kind and label"):
        run("bundle", "seal", bundle, request)
    shutil.rmtree(bundle / "targets" / "models")
    (bundle / "targets" / "later.txt").unlink()
    with pytest.raises(ApplianceError, match=r"models/small.card.json is missing"):
        run("bundle", "seal", bundle, request)
