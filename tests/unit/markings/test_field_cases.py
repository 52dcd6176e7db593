"""Strings and roll-ups from the public manuals behave as the manuals say: every row of ``field_cases.tsv``."""

from pathlib import Path

import pytest

from appliance.markings import check, parse
from appliance.markings.rollup import rollup
from appliance.markings.verify import verify
from appliance.markings.vocabulary import default

TABLE = Path(__file__).with_name("field_cases.tsv")
ROWS = [line.split("\t") for line in TABLE.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
STRINGS = [(row[0], row[2], row[3]) for row in ROWS if row[1] == "marking"]
ROLL_UPS = [(row[0], row[2].split(" + "), row[3]) for row in ROWS if row[1] == "roll-up"]

# What sources disagree about, and what is decided (docs/adr/0100-marking-profiles.md, 0101-markings-in-dispute.md):
# text, profile, whether it is valid there.
DISPUTED = [
    ("TOP SECRET//HCS-P JJJ-P DDDD//ORCON/NOFORN", "", False),
    ("TOP SECRET//HCS-P DDDD JJJ//ORCON/NOFORN", "", True),
    ("SECRET//RD-SIGMA 1 2", "", False),
    ("SECRET//RD-SIGMA 1 2", "dod", True),
    ("(//NS-A)", "", True),
    ("//GBR OFFICIAL-SENSITIVE", "", False),
    ("//AUS PROTECTED", "", False),
    ("//CAN PROTECTED B", "", False),
    ("(//GBR OS)", "", False),
    ("//NATO CONFIDENTIAL RELEASABLE TO ISAF", "", False),
    ("//NATO CONFIDENTIAL//REL TO USA, ISAF, NATO", "", True),
    ("TOP SECRET//SI", "", False),
    ("CUI//FED ONLY/FEDCON", "", False),
]


@pytest.mark.parametrize(("row", "text", "expected"), STRINGS)
def test_a_string_is_valid_or_not_as_the_manual_says(row: str, text: str, expected: str) -> None:
    violations = check(text)
    assert ("invalid" if violations else "valid") == expected, (row, violations)
    if not violations:
        marking = parse(text)
        assert parse(marking.portion) == marking
        assert marking.repeats or parse(marking.banner) == marking


@pytest.mark.parametrize(("row", "portions", "expected"), ROLL_UPS)
def test_portions_roll_up_as_the_manual_says(row: str, portions: list[str], expected: str) -> None:
    assert rollup(portions).marking.banner == expected, row
    assert verify(expected, portions) == []


@pytest.mark.parametrize(("text", "profile", "valid"), DISPUTED)
def test_what_sources_disagree_about_is_decided(text: str, profile: str, valid: bool) -> None:
    assert (check(text, default(profile)) == []) == valid


@pytest.mark.parametrize(
    "code", ["GER", "DEN", "LAT", "CRO", "ROK", "UK", "NED", "SUI", "POR", "GRE", "KSA", "RSA", "PHI"]
)
def test_a_code_that_is_no_trigraph_suggests_no_other_nation(code: str) -> None:
    (violation,) = [found for found in check(f"SECRET//REL TO USA, {code}") if found.rule == "country"]
    assert violation.suggestion == ("DEU" if code == "GER" else default().rules["country"].remedy)


def test_restricted_information_of_nato_is_protected_as_confidential() -> None:
    assert rollup(["//NR", "U"]).marking.banner == "CONFIDENTIAL//FGI NATO"
