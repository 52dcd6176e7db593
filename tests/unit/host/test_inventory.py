"""A host tells a builder what it holds: digests alone, after two officers agreed, and the log has a record of it."""

import json
import os
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from appliance.audit.events import spool
from appliance.bundle.read.delta import write_delta
from appliance.bundle.read.inventory import earlier_of
from appliance.bundle.read.verify import verify_bundle
from appliance.cli.main import app
from appliance.enclave.paths import HostPaths
from appliance.errors import ApplianceError
from appliance.host.report.inventory import release
from appliance.monitor.in_force import registries
from appliance.monitor.in_force.statements import PIN
from appliance.trust.fingerprint import fingerprint
from tests.unit.bundle.sample import Keys, make_bundle, make_keys, sign, stage
from tests.unit.trust.test_site_command import SITE

SUBJECTS = "subjects: [{name: ann, clearance: SECRET, nationalities: [USA], roles: [annotator], expires: 2030-01-01}]"
POLICY = Path(__file__).parents[3] / "policies" / "access.yml"


@dataclass
class Host:
    """A host with a site and one installed bundle, as far as an inventory goes, and the keys beside it."""

    home: Path
    keys: Keys

    @property
    def root(self) -> Path:
        return self.home / "host"

    def run(self, *arguments: object) -> str:
        result = CliRunner().invoke(app, [str(argument) for argument in arguments])
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result.output

    def officer(self, name: str) -> Path:
        return self.home / f"keys/officers/DEMO-{name}.pem"

    def sign(self, kind: str, file: Path, out: Path, *officers: str) -> Path:
        keys = [word for name in officers for word in ("--key", str(self.officer(name)))]
        self.run(
            "site", "sign", file, "--kind", kind, *keys, "--out", out, "--officers", self.home / "keys/officers.json"
        )
        return out / f"{kind}.dsse.json"

    def listed(self) -> Path:
        self.run("host", "inventory", self.home / "inventory.json", "--root", self.root)
        return self.home / "inventory.json"

    def records(self) -> list[str]:
        file = self.root / "spool" / spool.FILE
        return file.read_text().splitlines() if file.exists() else []


@pytest.fixture
def host(tmp_path: Path) -> Host:
    host = Host(tmp_path, make_keys(tmp_path / "keys"))
    (host.root / "generations/1").mkdir(parents=True)
    for kind, text in {"site": SITE, "subjects": SUBJECTS, "access": POLICY.read_text()}.items():
        (tmp_path / f"{kind}.yml").write_text(text)
        host.sign(kind, tmp_path / f"{kind}.yml", host.root / "generations/1/site", "o", "p")
    site = host.root / "generations/1/site"
    (site / "certificates").mkdir()
    shutil.copy(tmp_path / "keys/ca/ca.pem", site / "certificates/ca.pem")
    officers = fingerprint((tmp_path / "keys/officers.json").read_bytes())
    (site / PIN).write_text(officers + "\n")
    registries.accept(HostPaths(host.root, tmp_path / "run"), site, officers)
    (host.root / "current").symlink_to("generations/1")
    make_bundle(tmp_path / "old", host.keys, created=datetime.now(UTC))
    stage(tmp_path / "old", host.root / "bundle/1-a", host.keys).require()
    return host


def test_an_approved_inventory_makes_a_delta_that_the_host_completes(host: Host, tmp_path: Path) -> None:
    approved = host.sign("inventory", host.listed(), tmp_path / "signed", "o", "p")
    medium = tmp_path / "inventory.dsse.json"
    assert "released" in host.run("host", "inventory", medium, "--approved", approved, "--root", host.root)
    assert "inventory.approved" in host.records()[-1]
    targets = make_bundle(tmp_path / "new", host.keys, created=datetime.now(UTC))
    (tmp_path / "new/targets/policies/access.yml").write_text("roles: {analyst: {}}\n")
    sign(tmp_path / "new", targets, host.keys, version=2, created=datetime.now(UTC))
    earlier = earlier_of(medium, host.keys.fingerprint)
    carried = write_delta(tmp_path / "new", earlier, tmp_path / "small", host.keys.fingerprint)
    assert {target.path for target in carried if target.custom.kind != "attestation"} == {"policies/access.yml"}
    assert verify_bundle(tmp_path / "small", host.keys.fingerprint, bases=[host.root / "bundle/1-a"])[1].ok


def test_an_inventory_tells_digests_and_editions_alone(host: Host) -> None:
    listed = json.loads(host.listed().read_text())
    repository, _ = verify_bundle(host.home / "old", host.keys.fingerprint)
    assert listed == {
        "_type": "inventory",
        "bundles": [{"root": host.keys.fingerprint, "version": 1}],
        "sha256": sorted({target.sha256 for target in repository.targets.values()}),
    }


def test_a_rotten_file_is_not_listed(host: Host) -> None:
    model = host.root / "bundle/1-a/targets/models/small.gguf"
    before = json.loads(host.listed().read_text())["sha256"]
    os.truncate(model, 5)
    assert len(json.loads(host.listed().read_text())["sha256"]) == len(before) - 1


def test_one_officer_does_not_suffice(host: Host, tmp_path: Path) -> None:
    approved = host.sign("inventory", host.listed(), tmp_path / "signed", "o")
    refuse(host, approved, "2 people must sign")


def test_another_statement_of_the_officers_is_no_inventory(host: Host) -> None:
    refuse(host, host.root / "current/site/site.dsse.json", "a statement of type")


def test_a_list_with_a_digest_of_something_else_stays_here(host: Host, tmp_path: Path) -> None:
    file = host.listed()
    listed = json.loads(file.read_text())
    file.write_text(json.dumps(listed | {"sha256": [*listed["sha256"], "ab" * 32]}))
    refuse(host, host.sign("inventory", file, tmp_path / "signed", "o", "p"), "does not hold")


def test_a_host_without_a_bundle(host: Host) -> None:
    shutil.rmtree(host.root / "bundle")
    with pytest.raises(ApplianceError, match="holds no bundle"):
        host.listed()


def test_a_bundle_is_not_built_since_a_site_statement(host: Host) -> None:
    with pytest.raises(ApplianceError, match="not an inventory"):
        earlier_of(host.root / "current/site/site.dsse.json", host.keys.fingerprint)


def refuse(host: Host, approved: Path, reason: str) -> None:
    out = host.home / "medium"
    with pytest.raises(ApplianceError, match=reason):
        release(HostPaths(host.root, host.home / "run"), approved, out)
    assert not out.exists()
    assert host.records() == []
