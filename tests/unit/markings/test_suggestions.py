"""A suggestion never asks less than what was written, and no text breaks or stops the parser."""

import time

import pytest
from hypothesis import example, given, settings

from appliance.markings import MarkingError, check, dominates, parse
from appliance.markings.reading.parse import examine
from appliance.markings.vocabulary import default
from tests.unit.markings.strategies import damaged, soup


def _asks_no_less(text: str) -> None:
    marking, violations = examine(text)
    for violation in violations:
        start, end = violation.span
        for candidate in (violation.suggestion, text[:start] + violation.suggestion + text[end:]):
            suggested, wrong = examine(candidate)
            if suggested is not None and not wrong and marking is not None:
                assert dominates(suggested.label, marking.label), (text, candidate)


@given(soup)
@settings(max_examples=400)
def test_no_suggestion_for_any_text_asks_less(text: str) -> None:
    _asks_no_less(text)


@given(damaged)
@settings(max_examples=400)
@example("TOP SECRET//XY/SI//REL TO USA, GBR/FOUO")
@example("//USA SECRET//SAR-ALPHA")
@example("CUI//SP-OPSEC")
@example("SECRET//REL TO GBR")
@example("SECRET//REL TO GER, USA")
def test_no_suggestion_for_a_damaged_marking_asks_less(text: str) -> None:
    _asks_no_less(text)


@given(damaged)
@settings(max_examples=300)
def test_a_damaged_marking_is_a_marking_or_a_marking_error_in_bounded_time(text: str) -> None:
    start = time.process_time()
    violations = check(text)
    if violations:
        with pytest.raises(MarkingError):
            parse(text)
    else:
        marking = parse(text)
        assert parse(marking.portion) == marking
    assert time.process_time() - start < 1


@pytest.mark.parametrize(
    ("text", "suggestion"),
    [
        ("SECRT", "SECRET"),
        ("TOPSECRET", "TOP SECRET"),
        ("TOP SECERT", "TOP SECRET"),
        ("CONFIDENTAL", "CONFIDENTIAL"),
        ("NATO TOP SECRET", None),
        ("TOP SECRET NATO", None),
        ("NATO SECRET", "//NATO SECRET"),
        ("DEU SECRET", "//DEU SECRET"),
        ("USA SECRET", None),
        ("//NATO SECRT", None),
        ("SECRETT SECRET TOP", None),
    ],
)
def test_a_suggested_level_is_never_below_one_that_the_text_names(text: str, suggestion: str | None) -> None:
    (violation,) = check(text)
    assert violation.suggestion == (suggestion or default().rules[violation.rule].remedy)


@pytest.mark.parametrize("text", ["(S//REL)", "(//FGI S)", "(//FGI S//NF)", "(//CAN GBR S)"])
def test_what_once_suggested_another_release_or_owner_is_read(text: str) -> None:
    assert check(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "SECRET//SAR-" + "A " * 900,
        "SECRET//" + "-" * 1990,
        "TOP SECRET//SI" + "-ABC" * 400 + "//NOFORN",
        "SECRET//REL TO " + ", ".join(["USA"] * 300),
        "/" * 2000,
        "(" * 2000,
        "SECRET//ACCM-" + "A " * 900,
        "\N{FULLWIDTH LATIN CAPITAL LETTER S}" * 2000,
        "//" + "DEU " * 400 + "SECRET",
        "TOP SECRET//SI-" + "G ABCD " * 250,
    ],
)
def test_long_and_nested_texts_are_told_in_bounded_time(text: str) -> None:
    start = time.process_time()
    assert check(text)
    assert time.process_time() - start < 1


@pytest.mark.parametrize(
    ("text", "suggestion"),
    [
        ("TOP SECRET//ORCON NOFORN", "ORCON/NOFORN"),
        ("TOP SECRET//ORCON,NOFORN", "ORCON/NOFORN"),
        ("TOP SECRET//SI NOFORN", "SI//NOFORN"),
        ("TOP SECRET//SI NOFRON", None),
        ("SECRET//ORCON USGOV", "ORCON-USGOV"),
        ("UNCLASSIFIED//SBU-NOFORN", "SBU NOFORN"),
        ("//GBR SECRET//NOFORN RELIDO", None),
        ("SECRET//NOFRON", "NOFORN"),
        ("SECRET//NATO", None),
        ("SECRET//NOCONTRACT", None),
        ("CUI//SP-PRVCI", "SP-PRVCY"),
        ("CUI//PRVCI", "PRVCY"),
    ],
)
def test_a_suggested_word_drops_none_that_is_written(text: str, suggestion: str | None) -> None:
    (violation,) = [one for one in check(text) if one.rule == "unknown-word"]
    assert violation.suggestion == (suggestion or default().rules[violation.rule].remedy)


@pytest.mark.parametrize(
    ("text", "suggestion"),
    [
        ("SECRET//NOFORN/ORCON", "SECRET//ORCON/NOFORN"),
        ("SECRET//NOFORN/NOFORN", "SECRET//NOFORN"),
        ("CUI//PRVCY/SP-INV", "CUI//SP-INV/PRVCY"),
        ("SECRET//REL TO USA, CAN/RSEN", "SECRET//RSEN/REL TO USA, CAN"),
        ("SECRET//REL TO USA, GBR, AUS", "USA, AUS, GBR"),
        ("TOP SECRET//TK/SI", None),
    ],
)
def test_values_out_of_order_are_put_in_order(text: str, suggestion: str | None) -> None:
    (violation,) = [one for one in check(text) if one.rule in {"list-order", "duplicate"}]
    assert violation.suggestion == (suggestion or default().rules[violation.rule].remedy)


@pytest.mark.parametrize(
    "text",
    [
        "UK SECRET",
        "UK TOP SECRET",
        "UK OFFICIAL-SENSITIVE",
        "AUSTRALIAN SECRET",
        "CANADA SECRET",
        "CANADIAN CONFIDENTIAL",
        "SECRET UE",
        "TRES SECRET UE",
        "MOST SECRET",
        "COSMIC SECRET",
        "SECRET DEFENSE",
        "GEHEIM",
        "SECRET UK EYES ONLY",
    ],
)
def test_a_marking_of_another_owner_is_not_suggested_to_be_one_of_the_nation(text: str) -> None:
    _, violations = examine(text)
    assert violations
    for violation in violations:
        suggested, wrong = examine(violation.suggestion)
        assert suggested is None or wrong, violation.suggestion


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("TOPP SECRET", "TOP SECRET"),
        ("SECRETT", "SECRET"),
        ("CONFIDENTAIL", "CONFIDENTIAL"),
        ("CAN SECRET", "//CAN SECRET"),
        ("TOP SECERT", "TOP SECRET"),
    ],
)
def test_a_slip_of_the_pen_is_still_put_right(text: str, meant: str) -> None:
    assert check(text)[0].suggestion == meant
