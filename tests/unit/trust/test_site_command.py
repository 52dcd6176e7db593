"""The site's statements are checked, then signed by two officers, who need not meet."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from appliance.cli.main import app
from appliance.errors import ApplianceError
from appliance.trust.ceremony import initialise
from appliance.trust.officers import load_signed

SITE = """
site: test
demo: true
enclaves:
  - {name: low, label: UNCLASSIFIED, hostname: low.site.test, address: 10.0.0.1, network: 10.9.1.0/24, uids: 1000000,
     services: [labeling, evaluation, inference]}
  - {name: high, label: SECRET//NOFORN, hostname: high.site.test, address: 10.0.0.3, network: 10.9.3.0/24,
     uids: 1200000, services: [console], system_high: true}
"""


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site") / "keys"
    initialise(folder, people=["a", "b"], threshold=2, officers=["o", "p"], certifiers=["e"], passphrase=None)
    return folder


@pytest.fixture
def site_file(tmp_path: Path) -> Path:
    (tmp_path / "site.yml").write_text(SITE)
    return tmp_path / "site.yml"


def run(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def test_two_officers_sign_one_after_the_other(keys: Path, site_file: Path, tmp_path: Path) -> None:
    out, officers = tmp_path / "site", keys / "officers.json"
    run("site", "sign", site_file, "--kind", "site", "--key", keys / "officers/DEMO-o.pem", "--out", out)
    with pytest.raises(ApplianceError, match="signed by DEMO-o; 2 people must sign"):
        load_signed(out / "site.dsse.json", officers, "site")
    run("site", "sign", site_file, "--kind", "site", "--key", keys / "officers/DEMO-p.pem", "--out", out)
    assert load_signed(out / "site.dsse.json", officers, "site")["site"] == "test"
    with pytest.raises(ApplianceError, match="a statement of type"):
        load_signed(out / "site.dsse.json", officers, "access")


def test_a_person_who_is_no_officer_cannot_sign(keys: Path, site_file: Path, tmp_path: Path) -> None:
    with pytest.raises(ApplianceError, match="not among the officers"):
        run(
            *("site", "sign", site_file, "--kind", "site", "--key", keys / "people/DEMO-a.pem"),
            *("--officers", keys / "officers.json", "--out", tmp_path / "site"),
        )


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        (("SECRET//NOFORN", "SEKRET"), "label"),
        (("name: high", "name: low"), "duplicate enclave"),
        (("inference]", "mining]"), "services"),
        (("site: test", "site: test\nsite: other"), "appears twice"),
    ],
)
def test_a_wrong_site_is_refused_before_it_is_signed(
    keys: Path, site_file: Path, tmp_path: Path, change: tuple[str, str], finding: str
) -> None:
    site_file.write_text(SITE.replace(*change))
    with pytest.raises(ApplianceError, match=finding):
        run("site", "sign", site_file, "--kind", "site", "--key", keys / "officers/DEMO-o.pem", "--out", tmp_path / "s")
    assert not (tmp_path / "s").exists()


def test_an_unsigned_site_file_is_refused(keys: Path, site_file: Path) -> None:
    with pytest.raises(ApplianceError, match="cannot be read as JSON"):
        load_signed(site_file, keys / "officers.json", "site")


def test_certificates_for_every_gateway_and_calling_service(keys: Path, site_file: Path, tmp_path: Path) -> None:
    run("site", "issue-certificates", site_file, "--ca", keys / "ca", "--out", tmp_path / "site")
    folder = tmp_path / "site" / "certificates"
    names = {str(path.relative_to(folder)) for path in folder.rglob("*.pem")}
    assert names == {"ca.pem", "low/gateway.pem", "low/labeling.pem", "low/evaluation.pem", "high/gateway.pem"}
