"""A clearance is a level with what a person holds; a person has no release marking."""

import pytest

from appliance.markings import Clearance, MarkingError, can_read, parse, read_clearance


@pytest.mark.parametrize(
    ("text", "level", "need"),
    [
        ("TOP SECRET//SI/TK", "TS", {"SI", "TK"}),
        ("TS//SI-G ABCD/TK", "TS", {"SI", "SI-G", "SI-G-ABCD", "TK"}),
        ("TOP SECRET//HCS-O-P//SAR-ALPHA/BRAVO//RD-CNWDI", "TS", None),
        ("TOP SECRET//BOHEMIA", "TS", {"BOHEMIA"}),
        ("SECRET//RD/FRD", "S", {"RD", "FRD"}),
        ("SECRET", "S", set()),
        ("UNCLASSIFIED", "U", set()),
        ("CUI//SP-CTI", "CUI", {"SP-CTI"}),
    ],
)
def test_a_clearance_has_no_release(text: str, level: str, need: set[str] | None) -> None:
    clearance = read_clearance(text, {"USA"})
    assert (clearance.level, clearance.nationalities) == (level, frozenset({"USA"}))
    assert need is None or clearance.need == frozenset(need)


def test_whoever_holds_it_reads_it() -> None:
    subject = read_clearance("TOP SECRET//SI/TK", {"USA"})
    assert subject == Clearance("TS", frozenset({"SI", "TK"}), frozenset({"USA"}))
    assert can_read(subject, parse("TOP SECRET//SI//NOFORN").label)
    assert not can_read(subject, parse("TOP SECRET//HCS-P//NOFORN").label)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("TOP SECRET//SI//NOFORN", "clearance"),
        ("SECRET//REL TO USA, GBR", "clearance"),
        ("SECRET//FGI DEU", "clearance"),
        ("SECRET//FGI", "clearance"),
        ("//NATO SECRET", "clearance"),
        ("SECRET//ACCM-DAISY", "clearance"),
        ("SECRET//ORCON", "clearance"),
        ("CONFIDENTIAL//TK", "tk-level"),
        ("SECRET//SI-G", "si-g-level"),
        ("SECRT", "level"),
        ("top secret", "text-case"),
        ("", "text-empty"),
    ],
)
def test_what_is_no_clearance_is_refused_by_name(text: str, rule: str) -> None:
    with pytest.raises(MarkingError) as caught:
        read_clearance(text)
    assert rule in {violation.rule for violation in caught.value.violations}


def test_the_rule_of_clearances_has_its_source() -> None:
    with pytest.raises(MarkingError) as caught:
        read_clearance("SECRET//NOFORN")
    assert caught.value.rule == "clearance"
    assert caught.value.suggestion
