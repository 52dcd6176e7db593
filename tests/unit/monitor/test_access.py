"""Who can reach what, as officers ask it; the answers are the decision's own."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography import x509
from typer.testing import CliRunner

from appliance.cli.main import app
from appliance.enclave.site import load_site
from appliance.errors import ApplianceError
from appliance.monitor.decide.access import Reach, example, reach
from appliance.monitor.decide.policy import parse_policy
from appliance.monitor.decide.registry import parse_registry
from appliance.trust.certificates import issue_client, make_authority
from appliance.trust.keys import generate

SITE = load_site(Path("site.example.yml"))
RULES: dict[str, Any] = yaml.safe_load(Path("policies/access.yml").read_text())
ANNA = {"name": "anna", "clearance": "SECRET", "nationalities": ["USA"], "roles": ["analyst"], "expires": "2030-01-01"}


def reached(enclave: str, day: date = date(2026, 6, 1), rules: Any = None, **changes: Any) -> Reach:
    registry = parse_registry({"subjects": [ANNA | changes]})
    return reach(registry.subjects[0], SITE.enclave(enclave), SITE, parse_policy(rules or RULES), day)


def test_a_subject_works_where_they_are_cleared_and_reads_below() -> None:
    secret = reached("secret")
    assert secret.works["labeling"] == ("export", "job", "read", "review", "upgrade", "write")
    assert secret.works["inference"] == ("read", "run")
    assert secret.reads_down == {"labeling": ("read",)}, "from the system-high level, which a USA citizen may work at"
    low = reached("unclassified")
    assert low.reads_down == {"labeling": ("read",)}


@pytest.mark.parametrize(
    "changes", [{"clearance": "UNCLASSIFIED"}, {"nationalities": ["USA", "FRA"]}, {"expires": "2026-05-31"}]
)
def test_without_dominance_or_registration_nothing_is_reached(changes: dict[str, Any]) -> None:
    found = reached("secret", **changes)
    assert (found.dominates, found.works, found.reads_down) == (False, {}, {})


def test_what_another_rule_refuses_is_named() -> None:
    rules = json.loads(json.dumps(RULES))
    rules["routes"]["labeling"].insert(
        0, {"path": "/labeling/api/export/falcon", "methods": ["GET"], "action": "export", "group": "falcon"}
    )
    assert reached("secret", rules=rules).refused == {
        "access.need-to-know": ("labeling export /labeling/api/export/falcon",)
    }
    assert reached("secret", rules=rules, groups=["falcon"]).refused == {}


def test_every_route_has_an_example_that_it_covers() -> None:
    for routes in parse_policy(RULES).routes.values():
        for route in routes:
            assert route.pattern.fullmatch(example(route)), route.path


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    (tmp_path / "subjects.yml").write_text(yaml.safe_dump({"subjects": [ANNA, ANNA | {"name": "berta"}]}))
    return ["--site", "site.example.yml", "--access", "policies/access.yml", "--subjects", f"{tmp_path}/subjects.yml"]


def test_officers_ask_before_anybody_signs(files: list[str]) -> None:
    shown = CliRunner().invoke(app, ["user", "access", "anna", *files])
    assert shown.exit_code == 0, shown.output
    assert "secret" in shown.output
    answer = json.loads(CliRunner().invoke(app, ["enclave", "access", "secret", "--json", *files]).stdout)
    assert [one["subject"] for one in answer] == ["anna", "berta"]
    assert answer[0]["works"]["labeling"] == ["export", "job", "read", "review", "upgrade", "write"]
    unknown = CliRunner().invoke(app, ["user", "access", "carla", *files])
    assert isinstance(unknown.exception, ApplianceError)


def test_the_command_says_whose_a_smart_card_is_or_which_entry_is_needed(tmp_path: Path) -> None:
    authority = make_authority(generate("ca", demo=True))
    issue_client(authority, "DOE, JOHN").write(tmp_path, "card")
    person = "{name: doe-john, clearance: SECRET, nationalities: [USA], roles: [analyst], expires: 2030-01-01}"
    subjects = tmp_path / "subjects.yml"
    subjects.write_text(f"subjects:\n  - {person}\n")
    command = ["user", "whose", str(tmp_path / "card.pem"), "--subjects", str(subjects)]
    before = CliRunner().invoke(app, command)
    assert before.exit_code == 1
    assert 'an entry under certificates in subjects.yml: {subject: NAME, common_name: "DOE, JOHN"}' in before.stdout
    with subjects.open("a") as file:
        file.write('certificates:\n  - {subject: doe-john, common_name: "DOE, JOHN"}\n')
    after = CliRunner().invoke(app, command)
    assert (after.exit_code, "stands for doe-john" in after.stdout) == (0, True)
    listed = CliRunner().invoke(app, ["user", "list", "--subjects", str(subjects), "--json"])
    assert json.loads(listed.stdout)[0]["certificate_names"] == ["DOE, JOHN"]


def test_a_certificate_is_renewed_and_the_list_says_when(tmp_path: Path, files: list[str]) -> None:
    key = generate("ca", demo=True)
    ca = tmp_path / "ca"
    ca.mkdir()
    key.write(ca / "ca.key", b"secret", role="authority")
    (ca / "ca.pem").write_bytes(make_authority(key).pem)
    (tmp_path / "passphrase").write_text("secret\n")
    common = ["--ca", str(ca), "--passphrase-file", str(tmp_path / "passphrase"), "--json"]
    old, new = tmp_path / "old", tmp_path / "new"
    issued = CliRunner().invoke(app, ["user", "issue", "anna", "--out", str(old), "--days", "10", *common])
    assert issued.exit_code == 0, issued.output
    renewed = CliRunner().invoke(app, ["user", "renew", str(old / "anna.pem"), "--out", str(new), *common])
    assert renewed.exit_code == 0, renewed.output
    assert json.loads(renewed.stdout)["replaces"] == json.loads(issued.stdout)["serial"]
    first, second = (x509.load_pem_x509_certificate((one / "anna.pem").read_bytes()) for one in (old, new))
    assert first.subject == second.subject
    assert first.public_key() != second.public_key()
    for folder, expiring in ((old, 1), (new, 0)):
        listing = ["user", "list", *files[-2:], "--certificates", str(folder), "--json"]
        rows = json.loads(CliRunner().invoke(app, listing).stdout)
        assert len(rows[0]["expiring"]) == expiring
    (ca / "ca.pem").write_bytes(make_authority(generate("other", demo=True)).pem)
    foreign = CliRunner().invoke(app, ["user", "renew", str(old / "anna.pem"), "--out", str(tmp_path / "x"), *common])
    assert "not a certificate of this authority" in str(foreign.exception)
