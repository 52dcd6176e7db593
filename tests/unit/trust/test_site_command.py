"""The site's statements are checked, then signed by two officers, who need not meet."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from appliance.cli.main import app
from appliance.errors import ApplianceError
from appliance.trust.ceremony import initialise
from appliance.trust.officers import check_authority, load_officers, load_signed

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


def test_an_officer_is_replaced_with_a_new_line_on_paper(keys: Path, site_file: Path, tmp_path: Path) -> None:
    phrase = tmp_path / "phrase"
    phrase.write_text("several random words")
    run("keys", "new", "nora", "--out", tmp_path / "nora", "--passphrase-file", phrase)
    listed = tmp_path / "officers.json"
    people = ("--officer", keys / "officers/DEMO-o.pub", "--officer", tmp_path / "nora/nora.pub")
    shown = run("site", "officers", listed, *people, "--ca", keys / "ca/ca.pem", "--json")
    officers = load_officers(listed, json.loads(shown)["fingerprint"])
    check_authority(officers, keys / "ca" / "ca.pem")

    out = tmp_path / "site"
    old = ("--officers", keys / "officers.json", "--key", keys / "officers/DEMO-p.pem")
    run("site", "sign", site_file, "--kind", "site", "--out", out, *old)
    sign = ("site", "sign", site_file, "--kind", "site", "--out", out, "--officers", listed)
    run(*sign, "--key", keys / "officers/DEMO-o.pem")
    run(*sign, "--key", tmp_path / "nora/nora.pem", "--passphrase-file", phrase)
    assert load_signed(out / "site.dsse.json", listed, "site")["site"] == "test"
    with pytest.raises(ApplianceError, match="of no known person"):
        load_signed(out / "site.dsse.json", keys / "officers.json", "site")


def test_one_officer_is_no_list(keys: Path, tmp_path: Path) -> None:
    one = ("--officer", keys / "officers/DEMO-o.pub")
    for people in (one, one + one, ("--officer", keys / "people/DEMO-a.ml-dsa.pub", *one)):
        with pytest.raises(ApplianceError, match="officers"):
            run("site", "officers", tmp_path / "officers.json", *people, "--ca", keys / "ca/ca.pem")
    assert not (tmp_path / "officers.json").exists()
