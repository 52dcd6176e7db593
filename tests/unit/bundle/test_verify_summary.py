"""After a verification the host leaves a signed summary that anybody with its public key can check."""

from pathlib import Path

import pytest

from appliance.bundle.read.summary import write_summary
from appliance.bundle.read.verify import verify_bundle
from appliance.errors import ApplianceError
from appliance.trust.keys import generate, host_key
from appliance.trust.statements import VERIFICATION_SUMMARY, verify_statement
from tests.unit.bundle.sample import NOW, Keys, make_bundle


def test_a_passed_verification(tmp_path: Path, keys: Keys) -> None:
    make_bundle(tmp_path / "bundle", keys)
    repository, report = verify_bundle(tmp_path / "bundle", keys.fingerprint, now=NOW)
    key = host_key(tmp_path / "secrets" / "host.pem")
    assert host_key(tmp_path / "secrets" / "host.pem").public == key.public
    assert (tmp_path / "secrets" / "host.pem").stat().st_mode & 0o777 == 0o600
    data = write_summary(repository, report, key, tmp_path / "summaries").read_bytes()

    image = report.images["gateway"].digest
    people = {"host": key.public}
    summary = verify_statement(data, people, "vsa", predicate_types=[VERIFICATION_SUMMARY], sha256=image).statement
    mandatory = {"verifier", "timeVerified", "resourceUri", "policy", "verificationResult", "verifiedLevels"}
    assert mandatory <= set(summary.predicate)
    assert summary.predicate["verificationResult"] == "PASSED"
    assert all("sha256" in attestation["digest"] for attestation in summary.predicate["inputAttestations"])
    assert "SLSA_BUILD_LEVEL_1" in summary.predicate["verifiedLevels"]
    custom = [level for level in summary.predicate["verifiedLevels"] if level != "SLSA_BUILD_LEVEL_1"]
    assert not any(level.startswith("SLSA_") for level in custom)
    with pytest.raises(ApplianceError, match="no known person"):
        verify_statement(data, {"x": generate("x").public}, "vsa", predicate_types=[VERIFICATION_SUMMARY])


def test_a_failed_verification_claims_no_level(tmp_path: Path, keys: Keys) -> None:
    make_bundle(tmp_path / "bundle", keys)
    (tmp_path / "bundle" / "targets" / "models" / "small.gguf").write_bytes(b"other")
    repository, report = verify_bundle(tmp_path / "bundle", keys.fingerprint, now=NOW)
    key = host_key(tmp_path / "host.pem", demo=True)
    data = write_summary(repository, report, key, tmp_path / "summaries").read_bytes()
    summary = verify_statement(data, {"h": key.public}, "vsa", predicate_types=[VERIFICATION_SUMMARY]).statement
    assert summary.predicate["verificationResult"] == "FAILED"
    assert summary.predicate["verifiedLevels"] == []
    assert "models/small.gguf" in summary.predicate["appliance_findings"][0]
