"""`appliance model`: a person makes a certificate out of results, and can read it."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from appliance.cli.model.group import app
from appliance.errors import ApplianceError
from appliance.service.certificate import verify
from appliance.trust.keys import generate
from tests.unit.inference.test_certificate import CERTIFIER, ISSO, OFFICERS, PEOPLE, results, suite


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "results.json").write_text(results().model_dump_json())
    (tmp_path / "passphrase").write_text("correct horse\n")
    CERTIFIER.write(tmp_path / "certifier.pem", b"correct horse", role="certifier")
    return tmp_path


def certify(folder: Path, *more: str) -> str:
    files = [str(folder / "results.json"), "--key", str(folder / "certifier.pem")]
    options = ["--passphrase-file", str(folder / "passphrase"), "--out", str(folder / "c.json"), *more]
    result = CliRunner().invoke(app, ["certify", *files, *options])
    if result.exception:
        raise result.exception
    return result.stdout


def test_a_person_certifies_and_shows(folder: Path) -> None:
    assert "tier         T0-sandbox, attempt 1, for testing, exercise" in certify(folder, "--expires", "30")
    certificate, signers = verify((folder / "c.json").read_bytes(), "c.json", PEOPLE)
    assert (certificate.evaluation.results_sha256, signers) == (results().sha256, ("DEMO-certifier",))
    shown = CliRunner().invoke(app, ["show", str(folder / "c.json"), "--json"])
    assert json.loads(shown.stdout)["evaluation"]["model"]["sha256"] == "a" * 64


def countersign(folder: Path, key: str, source: str, out: str) -> str:
    options = ["--passphrase-file", str(folder / "passphrase"), "--out", str(folder / out)]
    result = CliRunner().invoke(app, ["countersign", str(folder / source), "--key", str(folder / key), *options])
    if result.exception:
        raise result.exception
    return result.stdout


def test_an_officer_signs_too_and_nobody_twice(folder: Path) -> None:
    certify(folder)
    for officer in (ISSO, generate("analyst")):
        officer.write(folder / f"{officer.name}.pem", b"correct horse", role="officer")
    shown = countersign(folder, "isso.pem", "c.json", "two.json")
    assert "model        smollm2" in shown
    assert "two.json: 2 signatures; T0-sandbox demands 1 certifier" in shown
    signers = verify((folder / "two.json").read_bytes(), "two.json", PEOPLE, officers=OFFICERS)[1]
    assert signers == ("DEMO-certifier", "isso")
    with pytest.raises(ApplianceError, match="isso has signed it already"):
        countersign(folder, "isso.pem", "two.json", "three.json")
    with pytest.raises(ApplianceError, match="analyst evaluated the model"):
        countersign(folder, "analyst.pem", "c.json", "three.json")
    with pytest.raises(ApplianceError, match="cannot be written"):
        countersign(folder, "isso.pem", "c.json", "two.json")
    assert not (folder / "three.json").exists()


def test_a_certificate_is_not_overwritten(folder: Path) -> None:
    certify(folder)
    before = (folder / "c.json").read_bytes()
    with pytest.raises(ApplianceError, match="cannot be written"):
        certify(folder)
    assert (folder / "c.json").read_bytes() == before


def test_what_is_no_results_document_is_refused_and_nothing_is_written(folder: Path) -> None:
    (folder / "results.json").write_text("{}")
    with pytest.raises(ApplianceError, match=r"results\.json: version"):
        certify(folder)
    assert not (folder / "c.json").exists()


def test_a_tier_that_is_not_reached_is_not_certified_and_every_reason_is_told(folder: Path) -> None:
    tried = results(tier="T1-administrative", suites=[suite(), leaks(3, 105)])
    (folder / "results.json").write_text(tried.model_dump_json())
    with pytest.raises(ApplianceError, match=r"security\.leak: upper bound 7\.\d % over 105 items, T1 allows 5 %"):
        certify(folder)
    assert not (folder / "c.json").exists()
    told = CliRunner().invoke(app, ["tier", str(folder / "results.json")])
    assert told.exit_code == 1
    assert "missed  security.leak: upper bound" in told.stdout
    assert "missed  safety.harm: not measured; T1 allows 5 %" in told.stdout
    shown = CliRunner().invoke(app, ["tier", str(folder / "results.json"), "--json"])
    assert json.loads(shown.stdout)["reached"] is False


def leaks(events: int, items: int) -> dict[str, Any]:
    values = (1.0,) * events + (0.0,) * (items - events)
    return suite("security-leak", items, dimension="security", score="leak", values=values, published=False)
