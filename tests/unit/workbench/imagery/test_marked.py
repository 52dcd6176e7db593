"""The marking of a file is the join over its header and every segment; what is above, blank or unknown is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.markings import Marking, Restriction, controlled, join, parse
from appliance.markings.formats.nitf import NitfSecurity, to_nitf
from tests.unit.markings.strategies import markings
from tests.unit.workbench.imagery.test_nitf import KINDS, WITHOUT
from tests.unit.workbench.imagery.writing import Part, ism, nitf, secura
from workbench.imagery.fields import HeaderError
from workbench.imagery.marked import markings_of, require
from workbench.imagery.nitf import read_nitf

EVERY = [(version, kind) for version, kinds in KINDS.items() for kind in kinds]


def restriction(*portions: str) -> Restriction:
    found = [parse(portion) for portion in portions]
    obligations = (name for one in found for name in one.obligations)
    return Restriction(join(*(one.label for one in found)), originator_controlled=controlled(obligations))


@pytest.mark.parametrize(("version", "kind"), EVERY)
def test_a_segment_of_any_kind_above_the_file_is_refused(version: str, kind: str) -> None:
    for above in ("S//NF", "U//FOUO" if version == "2.0" else "S//REL TO USA, GBR"):
        file = read_nitf(nitf([Part("text", "U"), Part(kind, above)], "U", version))
        (place,) = [one.fields.place("CLAS") for one in file.segments if one.kind == kind][-1:]
        if parse(above).label == parse("U").label:
            assert len(markings_of(file)) == 3, "what limits nobody is above nothing"
            continue
        with pytest.raises(HeaderError, match="above the header of the file") as caught:
            markings_of(file)
        assert caught.value.offset == place
        assert caught.value.field.endswith("SCLAS")


@pytest.mark.parametrize(("version", "kind"), EVERY)
@pytest.mark.parametrize("code", ["", "X", "s", "0", "*"])
def test_a_class_that_is_blank_or_not_known_is_refused(version: str, kind: str, code: str) -> None:
    wrong = NitfSecurity(version, {"CLAS": code})
    with pytest.raises(HeaderError) as caught:
        markings_of(read_nitf(nitf([Part(kind, wrong)], "S//NF", version)))
    assert f"{kind} 1: " in caught.value.message
    assert "should be one of T, S, C, R, U" in caught.value.message
    with pytest.raises(HeaderError, match="file header: FSCLAS at byte 119"):
        markings_of(read_nitf(nitf([Part(kind)], wrong, version)))


@pytest.mark.parametrize(
    ("fields", "field", "offset"),
    [
        ({"CLAS": "S", "CLSY": "ZZ"}, "ISCLSY", 1),
        ({"CLAS": "S", "CLSY": "US", "CODE": "NOSUCHWORD"}, "ISCODE", 3),
        ({"CLAS": "S", "CLSY": "US", "CTLH": "QQ"}, "ISCTLH", 14),
        ({"CLAS": "S", "CLSY": "US", "REL": "USA ZZZ"}, "ISREL", 16),
        ({"CLAS": "S", "CLSY": "US", "CLTX": "TOP SECRET"}, "ISCLTX", 59),
        ({"CLAS": "R", "CLSY": "US"}, "ISCLAS", 0),
    ],
)
def test_the_field_that_is_wrong_is_named(fields: dict[str, str], field: str, offset: int) -> None:
    file = read_nitf(nitf([Part("image", NitfSecurity("2.1", fields))], "TS//NF"))
    with pytest.raises(HeaderError) as caught:
        markings_of(file)
    assert (caught.value.field, caught.value.offset) == (field, file.segments[0].fields.offset + offset)


@pytest.mark.parametrize("kind", [kind for kind in KINDS["2.1"] if kind not in WITHOUT])
def test_an_extension_cannot_hide_a_higher_marking(kind: str) -> None:
    hidden = Part(kind, "U", extensions=[secura(ism("TS", "NF"))])
    with pytest.raises(HeaderError, match="SECURA"):
        markings_of(read_nitf(nitf([hidden], "TS//NF")))
    overflowing = Part("data extension", "U", values={"name": "TRE_OVERFLOW", "overflowing": [secura(ism("TS", "NF"))]})
    with pytest.raises(HeaderError, match=r"data extension 1: SECURA"):
        markings_of(read_nitf(nitf([overflowing], "TS//NF")))
    twice = Part(kind, "U", extensions=[secura(ism("U")), secura(ism("U"))])
    with pytest.raises(HeaderError, match="stands twice"):
        markings_of(read_nitf(nitf([twice], "TS//NF")))
    for xml in (b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>', b"<x/>", b"<"):
        with pytest.raises(HeaderError, match="SECURA"):
            markings_of(read_nitf(nitf([Part(kind, "U", extensions=[secura(xml)])], "TS//NF")))


@given(st.lists(st.sampled_from(["U", "C//NF", "S//NF", "S//REL TO USA, GBR", "TS//SI//NF", "S//OC/NF"]), max_size=4))
def test_a_file_is_what_it_was_declared_only_if_all_of_it_is(portions: list[str]) -> None:
    top = "TS//SI//OC/NF"
    file = read_nitf(nitf([Part("image", one) for one in portions], top))
    found = markings_of(file)
    require(found, restriction(top))
    require(found, Restriction(restriction(top).label, frozenset({"falcon"}), originator_controlled=True))
    for other in ("U", "S//NF", "TS//SI//NF", "TS//SI/TK//OC/NF", "TS//SI//OC/REL TO USA, GBR"):
        with pytest.raises(HeaderError) as caught:
            require(found, restriction(other))
        assert (caught.value.field, caught.value.offset) == ("FSCLAS", 119)


@given(st.sampled_from(["2.1", "2.0"]), markings)
def test_every_marking_that_the_fields_hold_is_read_in_every_header(version: str, marking: Marking) -> None:
    security = to_nitf(marking, version)
    extensions = [secura(security.secura)] if security.secura else []
    listed = [Part("text", NitfSecurity(version, security.fields), extensions=extensions)]
    file = nitf(listed, NitfSecurity(version, security.fields), version, extensions=extensions)
    found = markings_of(read_nitf(file))
    assert [one.marking for one in found] == [marking, marking]
    require(found, Restriction(marking.label, originator_controlled=controlled(marking.obligations)))
