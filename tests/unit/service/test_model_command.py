"""`appliance model`: a person makes a certificate out of results, and can read it."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from appliance.cli.model.group import app
from appliance.errors import ApplianceError
from appliance.service.certificate import verify
from tests.unit.inference.test_certificate import CERTIFIER, PEOPLE, results


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
    assert "accuracy 0.500  [0.400, 0.600]" in certify(folder, "--expires", "30")
    certificate, signers = verify((folder / "c.json").read_bytes(), "c.json", PEOPLE)
    assert (certificate.evaluation, signers) == (results(), ("DEMO-certifier",))
    shown = CliRunner().invoke(app, ["show", str(folder / "c.json"), "--json"])
    assert json.loads(shown.stdout)["evaluation"]["model"]["sha256"] == "a" * 64


def test_a_certificate_is_not_overwritten(folder: Path) -> None:
    certify(folder)
    before = (folder / "c.json").read_bytes()
    with pytest.raises(ApplianceError, match="cannot be written"):
        certify(folder)
    assert (folder / "c.json").read_bytes() == before


def test_what_is_no_results_document_is_refused_and_nothing_is_written(folder: Path) -> None:
    (folder / "results.json").write_text("{}")
    with pytest.raises(ApplianceError, match=r"results\.json: job"):
        certify(folder)
    assert not (folder / "c.json").exists()
