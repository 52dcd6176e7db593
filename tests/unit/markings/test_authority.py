"""Declassification: the longest wins, by the hierarchy of exemptions; and what an authority block may not have."""

from datetime import date

import pytest

from appliance.markings import MarkingError, parse
from appliance.markings.formats.authority import (
    AuthorityBlock,
    Declassification,
    check_authority,
    derive,
    longest,
)

SOON, LATE = Declassification(date(2030, 1, 1)), Declassification(date(2045, 6, 1))
EXEMPT = Declassification(date(2060, 1, 1), exemption="25X1")
EXEMPT_SOONER = Declassification(date(2050, 1, 1), exemption="25X4")
HUMAN = Declassification(exemption="50X1-HUM")


@pytest.mark.parametrize(
    ("instructions", "expected"),
    [
        ([SOON, LATE], LATE),
        ([LATE, EXEMPT_SOONER, SOON], EXEMPT_SOONER),
        ([EXEMPT_SOONER, EXEMPT], EXEMPT),
        ([EXEMPT, HUMAN, LATE], HUMAN),
        ([Declassification(exemption="OADR", source_date=date(2010, 5, 5)), SOON], Declassification(date(2035, 5, 5))),
        ([Declassification(source_date=date(2024, 2, 29))], Declassification(date(2049, 2, 28))),
        ([Declassification(exemption="X3", source_date=date(1999, 1, 1)), SOON], SOON),
    ],
)
def test_the_longest_instruction_wins(instructions: list[Declassification], expected: Declassification) -> None:
    assert longest(instructions) == longest(instructions[::-1]) == expected


def test_an_event_lasts_at_most_25_years_from_its_source() -> None:
    event = Declassification(event="end of the exercise", source_date=date(2025, 1, 1))
    assert longest([event, LATE]) == event
    assert longest([event, Declassification(date(2055, 1, 1))]).date == date(2055, 1, 1)


@pytest.mark.parametrize(
    "instruction",
    [
        Declassification(),
        Declassification(exemption="25X1"),
        Declassification(exemption="OADR"),
        Declassification(exemption="99X"),
    ],
)
def test_an_instruction_that_cannot_be_compared_is_refused(instruction: Declassification) -> None:
    with pytest.raises(MarkingError) as caught:
        longest([instruction, SOON])
    assert caught.value.rule == "declassify-on"


def test_a_derivative_document_lists_its_sources_and_carries_no_reason() -> None:
    source = AuthorityBlock(classified_by="Chief", reason="1.4(a)", declassify_on=SOON)
    other = AuthorityBlock(classified_by="Director", reason="1.4(c)", declassify_on=EXEMPT)
    block = derive(parse("SECRET//NOFORN"), [("Plan A", source), ("Report B", other)], "J. Doe")
    assert block == AuthorityBlock(
        derivatively_classified_by="J. Doe",
        derived_from="Multiple Sources",
        sources=("Plan A", "Report B"),
        declassify_on=EXEMPT,
    )
    assert derive(parse("SECRET"), [("Plan A", source)], "J. Doe").derived_from == "Plan A"


def test_restricted_data_has_no_date_and_an_unclassified_document_no_block() -> None:
    source = AuthorityBlock(declassify_on=SOON)
    assert derive(parse("SECRET//RD"), [("A", source)], "J. Doe").declassify_on is None
    assert derive(parse("UNCLASSIFIED"), [("A", source)], "J. Doe") == AuthorityBlock()


@pytest.mark.parametrize(
    ("banner", "authority", "rule"),
    [
        ("UNCLASSIFIED", AuthorityBlock(classified_by="Chief"), "authority-unclassified"),
        ("CUI", AuthorityBlock(declassify_on=SOON), "authority-unclassified"),
        ("SECRET", AuthorityBlock(derived_from="Plan A", reason="1.4(a)"), "authority-derived-reason"),
        ("SECRET//RD", AuthorityBlock(classified_by="Chief", declassify_on=SOON), "authority-restricted-data"),
    ],
)
def test_what_an_authority_block_may_not_have(banner: str, authority: AuthorityBlock, rule: str) -> None:
    assert [violation.rule for violation in check_authority(parse(banner), authority)] == [rule]
    assert (
        check_authority(parse("SECRET"), AuthorityBlock(classified_by="Chief", reason="1.4(a)", declassify_on=SOON))
        == []
    )


def test_the_text_after_declassify_on() -> None:
    assert [str(entry) for entry in (SOON, EXEMPT, HUMAN)] == ["20300101", "25X1, 20600101", "50X1-HUM"]
