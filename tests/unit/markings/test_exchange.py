"""ISM JSON and STANAG 4774 say exactly what the marking says, and nothing else is believed."""

import json
from typing import Any

import pytest
from hypothesis import given, settings

from appliance.markings import Marking, MarkingError, parse
from appliance.markings.formats.ism import from_ism, to_ism
from appliance.markings.formats.stanag4774 import INFORMATION, ROOT, from_stanag4774, to_stanag4774
from tests.unit.markings.strategies import markings


@given(markings)
@settings(max_examples=60)
def test_both_formats_return_the_marking(marking: Marking) -> None:
    assert from_ism(json.loads(json.dumps(to_ism(marking)))) == marking
    assert from_stanag4774(json.loads(json.dumps(to_stanag4774(marking)))) == marking


@given(markings)
@settings(max_examples=60)
def test_a_reader_of_stanag_types_alone_enforces_the_label(marking: Marking) -> None:
    categories = to_stanag4774(marking)[ROOT][INFORMATION]["Category"]
    restrictive = {value for entry in categories if entry["Type"] == "RESTRICTIVE" for value in entry["GenericValue"]}
    permissive = [entry["GenericValue"] for entry in categories if entry["Type"] == "PERMISSIVE"]
    assert restrictive == marking.label.need
    released = marking.vocabulary.expand(tuple(permissive[0])) if permissive else None
    assert released == marking.label.rel


def test_ism_attributes_have_their_names() -> None:
    assert to_ism(parse("TOP SECRET//SI-G//ORCON/NOFORN")) == {
        "version": "1",
        "classification": "TS",
        "ownerProducer": ["USA"],
        "SCIcontrols": ["SI", "SI-G"],
        "disseminationControls": ["OC", "NF"],
    }


def test_ism_names_specified_categories_without_their_prefix() -> None:
    ism = to_ism(parse("CUI//SP-CTI/EXPT//NOFORN"))
    assert (ism["cuiSpecified"], ism["cuiBasic"]) == (["CTI"], ["EXPT"])


@pytest.mark.parametrize(
    "ism",
    [
        {},
        {"classification": "S"},
        {"classification": "X", "ownerProducer": ["USA"]},
        {"classification": "S", "ownerProducer": ["ZZZ"]},
        {"classification": "S", "ownerProducer": []},
        {"classification": "S", "ownerProducer": "USA"},
        {"classification": "S", "ownerProducer": ["USA"], "secret": True},
        {"classification": "S", "ownerProducer": ["USA"], "version": "2"},
        {"classification": "S", "ownerProducer": ["USA"], "disseminationControls": ["NOSUCH"]},
        {"classification": "S", "ownerProducer": ["USA"], "disseminationControls": ["NF//SI"]},
        {"classification": "S", "ownerProducer": ["USA"], "SCIcontrols": ["SI-G//NOFORN"]},
        {"classification": "S", "ownerProducer": ["USA"], "SCIcontrols": ["TK"]},
        {"classification": "S", "ownerProducer": ["USA"], "disseminationControls": ["REL"], "releasableTo": ["USA"]},
        {"classification": "S", "ownerProducer": ["USA"], "nonICmarkings": ["NF"]},
        {"classification": "R", "ownerProducer": ["USA"]},
        {"classification": "U", "ownerProducer": ["USA"], "cuiSpecified": ["CTI"]},
        {"classification": "U", "ownerProducer": ["USA"], "cuiSpecified": ["SP-CTI"], "compliesWith": ["USA-CUI"]},
        {"classification": "U", "ownerProducer": ["USA"], "cuiBasic": ["SP-CTI"], "compliesWith": ["USA-CUI"]},
        {"classification": "S", "ownerProducer": ["USA"], "releasableTo": ["USA", "GBR"]},
        {"classification": "S", "ownerProducer": ["USA"], "FGIsourceOpen": ["DEU"], "FGIsourceProtected": ["FGI"]},
    ],
)
def test_a_wrong_ism_object_is_a_marking_error(ism: dict[str, Any]) -> None:
    with pytest.raises(MarkingError):
        from_ism(ism)


def test_an_unknown_ism_attribute_is_refused_by_its_own_rule() -> None:
    with pytest.raises(MarkingError) as caught:
        from_ism({"classification": "S", "ownerProducer": ["USA"], "secret": True})
    assert caught.value.rule == "ism-json"


def test_what_says_nothing_about_readers_may_stand_beside_and_the_object_may_be_wrapped() -> None:
    ism = to_ism(parse("S//NF")) | {"createDate": "2026-01-01", "noticeType": ["IMC"], "resourceElement": True}
    assert from_ism(ism) == from_ism({"ism": ism, "data": {}}) == parse("S//NF")


def _label(**changes: object) -> dict[str, Any]:
    label = to_stanag4774(parse("SECRET//REL TO USA, GBR"))
    label[ROOT][INFORMATION] |= changes
    return label


@pytest.mark.parametrize(
    "document",
    [
        {},
        {ROOT: []},
        {ROOT: {INFORMATION: None}},
        _label(Classification="COSMIC"),
        _label(PolicyIdentifier=["USA"]),
        _label(PolicyIdentifier="ZZZ"),
        _label(Category=[{"TagName": "Nobody knows", "Type": "INFORMATIVE", "GenericValue": ["A"]}]),
        _label(Category=[{"TagName": "Releasable To"}]),
        _label(Category=None),
        _label(Category=["Releasable To"]),
        _label(Category=[{"TagName": name, "Type": "INFORMATIVE", "GenericValue": ["A"]} for name in (None, "x", 1)]),
        _label(Category=[{"TagName": "Dissemination", "Type": "INFORMATIVE", "GenericValue": ["OC", 1, None]}]),
        _label(Category=[{"TagName": "Dissemination", "Type": "INFORMATIVE", "GenericValue": "OC"}]),
    ],
)
def test_a_wrong_confidentiality_label_is_a_marking_error(document: dict[str, Any]) -> None:
    with pytest.raises(MarkingError):
        from_stanag4774(document)


@pytest.mark.parametrize(("field", "value"), [("GenericValue", ["USA", "GBR"]), ("Type", "INFORMATIVE")])
def test_a_confidentiality_label_that_contradicts_itself_is_refused(field: str, value: object) -> None:
    label = to_stanag4774(parse("SECRET//NOFORN"))
    for entry in label[ROOT][INFORMATION]["Category"]:
        if entry["TagName"] == "Releasable To":
            entry[field] = value
    with pytest.raises(MarkingError) as caught:
        from_stanag4774(label)
    assert caught.value.rule == "stanag-4774"


def test_a_category_that_stands_twice_is_refused() -> None:
    label = to_stanag4774(parse("SECRET//SAR-ALPHA//NOFORN"))
    label[ROOT][INFORMATION]["Category"].insert(
        0, {"TagName": "Special Access Program", "Type": "RESTRICTIVE", "GenericValue": ["SAR-BRAVO"]}
    )
    with pytest.raises(MarkingError):
        from_stanag4774(label)
