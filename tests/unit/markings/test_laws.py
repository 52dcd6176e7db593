"""Laws of parser and renderer over every kind of marking, and texts that are none."""

import copy

import pytest
from hypothesis import given, settings

from appliance.markings import Label, Marking, MarkingError, check, parse
from appliance.markings.reading.rules import check as check_rules
from appliance.markings.reading.rules import is_valid
from appliance.markings.reading.text import is_clean
from tests.unit.markings.strategies import candidates, markings, soup


@given(markings)
@settings(max_examples=150)
def test_parser_and_renderer_are_inverse_and_the_canonical_form_is_a_fixed_point(marking: Marking) -> None:
    banner, portion = parse(marking.banner), parse(marking.portion)
    assert banner == portion == parse(f"({marking.portion})") == marking
    assert (banner.banner, banner.portion) == (marking.banner, marking.portion)


@given(markings)
@settings(max_examples=100)
def test_the_label_of_every_marking_has_an_encoding(marking: Marking) -> None:
    assert Label.decode(marking.label.encode()) == marking.label


@given(candidates)
@settings(max_examples=150)
def test_the_quick_check_and_the_one_that_tells_agree(marking: Marking) -> None:
    assert is_valid(marking) == (not check_rules(marking, []))


@given(soup)
@settings(max_examples=600)
def test_any_text_is_a_marking_or_a_marking_error(text: str) -> None:
    violations = check(text)
    for violation in violations:
        assert 0 <= violation.span[0] <= violation.span[1] <= len(text)
    if violations:
        with pytest.raises(MarkingError) as caught:
            parse(text)
        assert list(caught.value.violations) == violations
    else:
        marking = parse(text)
        assert is_clean(text)
        assert parse(marking.banner) == marking


def test_a_marking_is_immutable_and_hashable() -> None:
    marking = parse("SECRET//NOFORN")
    with pytest.raises(AttributeError):
        marking.classification = "U"  # type: ignore[misc]
    assert {marking, copy.copy(marking)} == {marking}
