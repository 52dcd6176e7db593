"""Claims are believed as far as they quote, and a prompt holds nothing outside its stratum."""

import json
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as some

from appliance.markings import Restriction, dominates, join, parse, parse_by_any
from appliance.markings.vocabulary import default
from workbench.citations.banner import banner_of
from workbench.citations.claims import MOST_STRATA, Given, UnsupportedError, checked, prompt, strata

PORTIONS = ("U", "C//REL TO USA, GBR", "S//REL TO USA, GBR", "S//NF", "S//OC/REL TO USA, GBR", "TS//SI//NF", "CUI")
UNCLASSIFIED = Restriction(parse("U").label)


def passage(number: int, text: str, portion: str = "U") -> Given:
    return Given(UUID(int=number), number, portion, text, Restriction(parse(portion).label))


GIVEN = [passage(1, "The bridge carries forty tonnes."), passage(2, "The mill grinds corn.")]
ASKED = prompt("What carries forty tonnes?", GIVEN, 2048)


def answer(passage: int, quotation: str) -> str:
    return json.dumps({"claims": [{"text": "It does.", "citations": [{"passage": passage, "quotation": quotation}]}]})


def test_a_claim_has_the_place_of_each_quotation() -> None:
    (claim,) = checked(answer(1, "carries forty tonnes"), ASKED, "U")
    (cited,) = claim.citations
    assert (cited.document, cited.number) == (UUID(int=1), 1)
    assert GIVEN[0].text[cited.start : cited.end] == cited.quotation == "carries forty tonnes"
    assert claim.prompt == ASKED.sha256


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (answer(3, "carries forty tonnes"), "not in its prompt"),
        (answer(0, "carries forty tonnes"), "not in its prompt"),
        (answer(2, "carries forty tonnes"), "does not stand there"),
        (answer(1, "carries fifty tonnes"), "does not stand there"),
        (answer(1, " "), "does not stand there"),
        ('{"claims": [{"text": "It does.", "citations": []}]}', "form"),
        ('{"claims": [{"text": "It does."}]}', "form"),
        ("The bridge.", "form"),
    ],
)
def test_a_claim_that_its_passages_do_not_support_is_none(text: str, why: str) -> None:
    with pytest.raises(UnsupportedError, match=why):
        checked(text, ASKED, "U")


@given(some.lists(some.sampled_from(PORTIONS), min_size=1, max_size=6))
def test_a_stratum_is_within_all_that_come_after_it(portions: list[str]) -> None:
    found = strata(UNCLASSIFIED, [Restriction(parse(portion).label) for portion in portions])
    assert 1 <= len(found) <= MOST_STRATA
    for place, stratum in enumerate(found):
        assert not any(later.within(stratum) for later in found[place + 1 :])


@given(some.lists(some.sampled_from(PORTIONS), min_size=1, max_size=8))
def test_a_banner_dominates_every_portion_under_it(portions: list[str]) -> None:
    banner = banner_of(portions, default())
    assert dominates(banner.label, join(*(parse_by_any(portion).label for portion in portions)))
    assert ("OC" in banner.dissemination_controls) == any("OC" in portion for portion in portions)


def test_a_prompt_says_what_it_left_out_and_cuts_no_passage() -> None:
    long = [passage(number, "The bridge carries forty tonnes. " * 40) for number in range(1, 9)]
    asked = prompt("What?", long, 2048)
    assert asked.left_out == 8 - len(asked.given) > 0
    assert all(one.text in asked.messages[1]["content"] for one in asked.given)
    assert prompt("What?", long, 2048).sha256 == asked.sha256
