"""Every rule has cases: texts that break it, at a place and with a remedy, and valid texts that come close."""

from pathlib import Path

import pytest

from appliance.markings import check, parse
from appliance.markings.reading.schema import RuleData
from appliance.markings.vocabulary import default
from tests.unit.markings.cases import CASES

BROKEN = [(rule, text) for rule, (broken, _) in CASES.items() for text in broken]
VALID = sorted({text for _, valid in CASES.values() for text in valid})
ELSEWHERE = {
    "label": "test_label.py",
    "rollup": "test_rollup.py",
    "authority": "test_authority.py",
    "exchange": "test_exchange.py test_nitf.py test_conventions.py",
    "clearance": "test_clearance.py",
    "profile": "test_profiles.py",
}
"""Rules about more than one text have their cases in these files."""


def test_every_rule_has_cases_and_every_case_a_rule() -> None:
    rules = {rule.id for rule in default().rules.values() if rule.check not in ELSEWHERE}
    assert rules == set(CASES)
    assert all(broken and valid for broken, valid in CASES.values())


@pytest.mark.parametrize("rule", [rule for rule in default().rules.values() if rule.check in ELSEWHERE], ids=str)
def test_rules_about_more_than_one_text_have_cases_elsewhere(rule: RuleData) -> None:
    files = [Path(__file__).with_name(name) for name in ELSEWHERE[rule.check].split()]
    assert any(f'"{rule.id}"' in file.read_text(encoding="utf-8") for file in files)


@pytest.mark.parametrize(("rule", "text"), BROKEN)
def test_a_text_that_breaks_the_rule_is_told_so(rule: str, text: str) -> None:
    found = [violation for violation in check(text) if violation.rule == rule]
    assert found
    for violation in found:
        start, end = violation.span
        assert 0 <= start <= end <= len(text)
        assert violation.source
        assert violation.message
        assert violation.suggestion


@pytest.mark.parametrize("text", VALID)
def test_a_valid_text_comes_close_but_breaks_nothing(text: str) -> None:
    assert check(text) == []
    marking = parse(text)
    assert parse(marking.banner) == parse(marking.portion) == marking
