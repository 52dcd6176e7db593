"""Every verdict is explained: by the rules that a marking breaks, or by those that it keeps and what it means."""

import json

from hypothesis import given, settings
from typer.testing import CliRunner

from appliance.cli.marking.group import app
from appliance.markings import Marking, check, explain, parse
from tests.unit.markings.strategies import damaged, markings


@given(markings)
@settings(max_examples=60)
def test_a_valid_marking_keeps_its_rules_and_every_demand_has_a_reason(marking: Marking) -> None:
    found = explain(marking)
    assert found.valid
    assert all(reason.source for reason in found.reasons)
    subjects = {reason.subject for reason in found.reasons if reason.verdict == "means"}
    assert marking.label.need <= subjects
    assert {*marking.obligations} <= subjects


@given(damaged)
@settings(max_examples=100)
def test_the_verdict_is_that_of_check(text: str) -> None:
    found = explain(text)
    assert found.valid == (check(text) == [])
    if not found.valid:
        assert [reason.rule for reason in found.reasons] == [violation.rule for violation in check(text)]


def test_the_rules_have_their_paragraphs() -> None:
    reasons = {reason.rule: reason for reason in explain("TOP SECRET//TK-BLFH//NOFORN").reasons}
    assert "CAPCO 2016 H.4" in reasons["tk-compartment-noforn"].source
    assert reasons["tk-blfh-level"].verdict == "kept"
    broken = explain("TOP SECRET//TK-BLFH//REL TO USA, GBR").reasons
    assert {reason.rule for reason in broken} == {"tk-compartment-noforn"}
    assert broken[0].suggestion


def test_what_a_portion_repeats_is_told() -> None:
    assert any("that of the banner" in reason.message for reason in explain(parse("(S//REL)")).reasons)


def test_the_command_tells_why() -> None:
    result = CliRunner().invoke(app, ["why", "SECRET//ORCON/NOFORN"])
    assert result.exit_code == 0
    assert "rule orcon-orcon-usgov, CAPCO 2016 H.8 (ORCON, ORCON-USGOV)" in result.stdout
    result = CliRunner().invoke(app, ["why", "--json", "SECRET//RD/FRD", "U"])
    assert result.exit_code == 1
    assert [entry["valid"] for entry in json.loads(result.stdout)] == [False, True]
    assert CliRunner().invoke(app, ["why", "--profile", "nosuch", "U"]).exit_code == 1
    assert CliRunner().invoke(app, ["why"]).exit_code == 2
