"""NITF security fields hold what the marking says, in the field, the classification text or the extension."""

import pytest
from hypothesis import given, settings

from appliance.markings import Label, Marking, MarkingError, parse
from appliance.markings.formats.nitf import LAYOUTS, NitfSecurity, from_nitf, to_nitf
from appliance.markings.formats.nitf_file import read_nitf
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


def nitf(version: str, header: str, image: str, text: str, magic: bytes = b"") -> bytes:
    """A file with one image and one text of no data, all security fields filled from portion marks."""
    new = version == "2.1"
    before = (magic or (b"NITF02.10" if new else b"NITF02.00")).ljust(119)
    pictures = b"IM".ljust(123) + to_nitf(parse(image), version).pack() + b" " * 40
    texts = b"TE".ljust(106) + to_nitf(parse(text), version).pack() + b" " * 9
    counts = b"001%06d%010d" % (len(pictures), 5) + b"000" + b"000" + b"001%04d%05d" % (len(texts), 7) + b"000" + b"000"
    after = b"0000000000" + b"0" + b" " * 45
    length = len(before) + 167 + len(after) + 18 + len(counts)
    file = b"%012d%06d" % (length + len(pictures) + 5 + len(texts) + 7, length)
    security = to_nitf(parse(header), version).pack()
    return before + security + after + file + counts + pictures + b"image" + texts + b"text..."


@pytest.mark.parametrize("version", ["2.1", "2.0"])
def test_a_file_is_read_with_its_segments(version: str) -> None:
    found = read_nitf(nitf(version, "S//REL TO USA, GBR", "S//REL TO USA, GBR", "U"))
    assert found.header.portion == "S//REL TO USA, GBR"
    assert [(name, marking.portion) for name, marking in found.segments] == [
        ("image 1", "S//REL TO USA, GBR"),
        ("text 1", "U"),
    ]
    assert found.contradictions == ()
    assert read_nitf(nitf("2.1", "S", "S", "U", b"NSIF01.00")).header == parse("SECRET")


def test_a_segment_above_its_header_is_told_and_the_label_holds_all() -> None:
    found = read_nitf(nitf("2.1", "U", "TS//SI//NF", "S//REL TO USA, GBR"))
    assert found.contradictions == ("image 1", "text 1")
    assert found.label == Label("TS", frozenset({"SI"}), frozenset({"USA"}))


@pytest.mark.parametrize(
    "data", [b"", b"NITF", b"NITF01.10" + b"0" * 1000, nitf("2.1", "S", "S", "U")[:300], b"NITF02.10" * 90]
)
def test_what_is_no_file_or_cut_off_is_a_marking_error(data: bytes) -> None:
    with pytest.raises(MarkingError):
        read_nitf(data)


def test_a_file_cut_anywhere_is_read_or_refused() -> None:
    whole = nitf("2.1", "S", "S", "U")
    for end in range(0, len(whole), 7):
        try:
            read_nitf(whole[:end])
        except MarkingError:
            continue
