"""What is shown with a label says the label, wherever a marking can."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.markings import Label, Marking, MarkingError, banner_colours, check, join, marking_of, parse
from appliance.markings.rollup import rollup
from tests.unit.markings.strategies import markings


@given(markings.filter(lambda marking: marking.us))
@settings(max_examples=60)
def test_the_label_of_what_is_shown_is_the_label(marking: Marking) -> None:
    assert marking_of(marking.label).label == marking.label


@given(st.lists(markings, min_size=1, max_size=5))
@settings(max_examples=60)
def test_every_join_of_markings_can_be_shown_by_a_valid_banner_of_its_level(portions: list[Marking]) -> None:
    for label in (join(*(portion.label for portion in portions)), rollup(portions).label):
        shown = marking_of(label)
        assert check(shown.banner) == []
        assert shown.label.level == label.level
        if label.rel:
            assert shown.label.rel is not None


@pytest.mark.parametrize(
    ("encoding", "banner"),
    [
        ("U;;*", "UNCLASSIFIED"),
        ("CUI;SP-CTI;USA", "CUI//SP-CTI//NOFORN"),
        ("S;;GBR,USA", "SECRET//REL TO USA, GBR"),
        ("S;;AUS,CAN,GBR,NZL,USA", "SECRET//REL TO USA, FVEY"),
        ("S;;", "SECRET//NOFORN"),
        ("S;;DEU", "SECRET//NOFORN"),
        ("TS;SI,SI-G,TK;USA", "TOP SECRET//SI-G/TK//ORCON/NOFORN"),
        ("S;SAR-A1,SAR-A2,SAR-A3,SAR-A4,SAR-A5;USA", "SECRET//SAR-MULTIPLE PROGRAMS//NOFORN"),
        ("S;ATOMAL;USA", "SECRET//ATOMAL//FGI NATO//NOFORN"),
        ("S;FRD,FRD-SG-14,RD,TFNI;USA", "SECRET//RD-SIGMA 14//NOFORN"),
        (
            f"TS;ATOMAL,SI;{','.join(sorted(parse('//NU').vocabulary.groups['NATO']))}",
            "TOP SECRET//SI//ATOMAL//FGI NATO//REL TO USA, NATO",
        ),
        ("TS;HCS,HCS-O;USA", "TOP SECRET//HCS-O//ORCON/NOFORN"),
        ("TS;SAR-BP,SAR-BP-J1;USA", "TOP SECRET//SAR-BP-J1//NOFORN"),
    ],
)
def test_examples(encoding: str, banner: str) -> None:
    assert marking_of(Label.decode(encoding)).banner == banner


def test_nato_controls_are_shown_on_a_nato_marking() -> None:
    marking = parse("//COSMIC TOP SECRET//BOHEMIA")
    assert marking_of(marking.label) == marking


@pytest.mark.parametrize("encoding", ["S;NOSUCH;USA", "U;SI;USA", "C;TK;USA", "S;SI,SI-1234;USA"])
def test_a_label_that_no_marking_allows_is_refused(encoding: str) -> None:
    with pytest.raises(MarkingError):
        marking_of(Label.decode(encoding))


def test_a_label_has_the_colours_of_what_is_shown() -> None:
    assert banner_colours(marking_of(Label.decode("TS;SI;USA"))) == ("#fce83a", "#000000")
