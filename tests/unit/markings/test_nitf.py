"""NITF security fields hold what the marking says, in the field, the classification text or the extension."""

import pytest
from hypothesis import given, settings

from appliance.markings import Marking, MarkingError
from appliance.markings.formats.nitf import LAYOUTS, NitfSecurity, from_nitf, to_nitf
from tests.unit.markings.strategies import markings


@given(markings)
@settings(max_examples=60)
@pytest.mark.parametrize("version", ["2.1", "2.0"])
def test_the_fields_return_the_marking(version: str, marking: Marking) -> None:
    security = to_nitf(marking, version)
    packed = security.pack()
    assert len(packed) == 167 == sum(width for _, width in LAYOUTS[version])
    fields = NitfSecurity.unpack(packed, version).fields
    assert from_nitf(NitfSecurity(version, fields, security.secura)) == marking


# Fields as producers fill them, and the portion that they are.
THEIRS = [
    ({"CLAS": "U"}, "U"),
    ({"CLAS": "U", "CLSY": "US"}, "U"),
    ({"CLAS": "S", "CLSY": "US", "CTLH": "NF"}, "S//NF"),
    ({"CLAS": "S", "CLSY": "US", "CTLH": "UO"}, "S//NF"),
    ({"CLAS": "S", "CLSY": "US", "REL": "USA GBR"}, "S//REL TO USA, GBR"),
    ({"CLAS": "S", "CLSY": "US", "REL": "USA, AUS, CAN, GBR"}, "S//REL TO USA, AUS, CAN, GBR"),
    ({"CLAS": "S", "CLSY": "US", "REL": "REL TO USA FVEY"}, "S//REL TO USA, FVEY"),
    ({"CLAS": "T", "CLSY": "US", "CODE": "SI TK", "CTLH": "NF"}, "TS//SI/TK//NF"),
    ({"CLAS": "T", "CLSY": "US", "CODE": "SI TK"}, "TS//SI/TK//NF"),
    ({"CLAS": "T", "CLSY": "US", "CODE": "SI/TK", "REL": "USA CAN"}, "TS//SI/TK//REL TO USA, CAN"),
    ({"CLAS": "S", "CLSY": "US", "CTLH": "OC"}, "S//OC"),
    ({"CLAS": "S", "CLSY": "US", "CTLH": "CN"}, "S//RD-N"),
    ({"CLAS": "U", "CLSY": "US", "CTLH": "DS"}, "U//DS"),
    ({"CLAS": "U", "CLSY": "US", "CTLH": "FO"}, "U//FOUO"),
    ({"CLAS": "S", "CLSY": "XN"}, "//NS"),
    ({"CLAS": "R", "CLSY": "XN"}, "//NR"),
    ({"CLAS": "S", "CLSY": "US", "CLTX": "S//OC/REL TO USA, FVEY", "REL": "USA FVEY"}, "S//OC/REL TO USA, FVEY"),
    ({"CLAS": "S", "CLSY": "US", "CLTX": "SECRET//NOFORN"}, "S//NF"),
    ({"CLAS": "S", "CLSY": "US", "CTLH": "NF", "CLTX": "MULTIPLE SOURCES"}, "S//NF"),
    ({"CLAS": "U", "CLTX": "UNCLASSIFIED IMAGERY"}, "U"),
    ({"CLAS": "U", "CLTX": "PUBLIC RELEASE 27-2026"}, "U"),
]


@pytest.mark.parametrize(("fields", "portion"), THEIRS)
def test_fields_of_other_producers_are_read(fields: dict[str, str], portion: str) -> None:
    assert from_nitf(NitfSecurity("2.1", fields)).portion == portion


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"CLAS": "X"},
        {"CLAS": "S", "CLSY": "ZZ"},
        {"CLAS": "S", "CLSY": "US", "CTLH": "QQ"},
        {"CLAS": "S", "CLSY": "US", "CODE": "NOSUCHWORD"},
        {"CLAS": "S", "CLSY": "US", "REL": "USA UK"},
        {"CLAS": "S", "CLSY": "US", "REL": "GBR"},
        {"CLAS": "S", "CLSY": "US", "CTLH": "NF", "REL": "USA GBR"},
        {"CLAS": "R", "CLSY": "US"},
        {"CLAS": "S", "CLSY": "US", "CLTX": "TS//NF"},
        {"CLAS": "S", "CLSY": "XN", "CLTX": "S//NF"},
        {"CLAS": "S", "CLSY": "US", "REL": "USA CAN", "CLTX": "S//REL TO USA, GBR"},
        {"CLAS": "S", "CLSY": "US", "CODE": "TK", "CLTX": "S//NF"},
        {"CLAS": "S", "CLSY": "US", "CLTX": "S//NF/REL TO USA, GBR"},
        {"CLAS": "U", "CLTX": "SECRET NOFORN"},  # free text that names more than the fields
        {"CLAS": "S", "CLSY": "US", "CLTX": "TOP SECRET SI NOFORN"},
        {"CLAS": "U", "CLTX": "Top Secret imagery"},
        {"CLAS": "U", "CLTX": "CONTAINS NOFORN"},
        {"CLAS": "S", "CLSY": "US", "CLTX": "TALENT KEYHOLE"},
    ],
)
def test_fields_that_are_not_known_or_contradict_each_other_are_refused(fields: dict[str, str]) -> None:
    with pytest.raises(MarkingError) as caught:
        from_nitf(NitfSecurity("2.1", fields))
    assert caught.value.violations


SECURA = b"""<x xmlns:ism="urn:us:gov:ic:ism" ism:classification="S" ism:ownerProducer="USA"
    ism:disseminationControls="REL" ism:releasableTo="USA GBR"/>"""


def test_the_classification_text_and_the_extension_say_the_same() -> None:
    fields = {"CLAS": "S", "CLSY": "US", "CLTX": "S//REL TO USA, GBR"}
    assert from_nitf(NitfSecurity("2.1", fields, SECURA)).portion == "S//REL TO USA, GBR"
    for text in ("S//NF", "S//REL TO USA, AUS, GBR", "SECRET NOFORN"):
        with pytest.raises(MarkingError):
            from_nitf(NitfSecurity("2.1", fields | {"CLTX": text}, SECURA))


@pytest.mark.parametrize("handling", ["NF", "NOFORN", "ORCON NOFORN", "OC NF", "ORCON/NOFORN", "OC/NF"])
def test_the_wide_field_of_the_older_version_is_read_in_both_forms(handling: str) -> None:
    marking = from_nitf(NitfSecurity("2.0", {"CLAS": "S", "CTLH": handling}))
    assert marking.portion == ("S//OC/NF" if "O" in handling.removeprefix("NOFORN") else "S//NF")


def test_the_rule_of_the_fields_has_its_source() -> None:
    with pytest.raises(MarkingError) as caught:
        from_nitf(NitfSecurity("2.1", {"CLAS": "X"}))
    assert caught.value.rule == "nitf"


def test_an_event_of_downgrading_has_a_field_of_its_own() -> None:
    fields = {"CLAS": "S", "DWNG": "999998", "DEVT": "END OF EXERCISE"}
    packed = NitfSecurity("2.0", fields).pack()
    assert len(packed) == 207
    assert NitfSecurity.unpack(packed + b"more", "2.0").fields["DEVT"] == "END OF EXERCISE"
