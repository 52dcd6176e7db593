"""Labels as XML: ours come back as they were, those of others are read strictly, unsafe documents are refused."""

from typing import Any

import pytest
from hypothesis import given, settings

from appliance.markings import Marking, MarkingError, parse
from appliance.markings.formats.ism_xml import from_ism_attributes, read_ism_xml, to_ism_attributes
from appliance.markings.formats.stanag4774 import from_stanag4774
from appliance.markings.formats.stanag_xml import (
    BINDING,
    LABEL,
    Bound,
    from_stanag4774_xml,
    from_stanag4778,
    from_stanag4778_xml,
    to_stanag4774_xml,
    to_stanag4778_xml,
)
from tests.unit.markings.strategies import markings


@given(markings)
@settings(max_examples=60)
def test_xml_returns_the_marking(marking: Marking) -> None:
    assert from_stanag4774_xml(to_stanag4774_xml(marking, created="2026-11-27T12:00:00Z", originator="us")) == marking
    bound = (Bound(marking, ("report.docx", "annex.pdf")), Bound(parse("UNCLASSIFIED"), ()))
    assert from_stanag4778_xml(to_stanag4778_xml(bound)) == bound


@given(markings)
@settings(max_examples=60)
def test_ism_attributes_return_the_marking(marking: Marking) -> None:
    attributes = to_ism_attributes(marking)
    assert all(value.isascii() and "  " not in value for value in attributes.values())
    assert from_ism_attributes(attributes, portion=False) == marking
    root = "".join(f' {name}="{value}"' for name, value in attributes.items())
    document = read_ism_xml(f'<Document xmlns:ism="urn:us:gov:ic:ism"{root} ism:resourceElement="true"/>'.encode())
    assert (document.resource, document.portions) == (marking, ())


def label(policy: str, classification: str, *categories: tuple[str, str, list[str]]) -> dict[str, Any]:
    information: dict[str, Any] = {"PolicyIdentifier": policy, "Classification": classification}
    if categories:
        names = ("TagName", "Type", "GenericValue")
        information["Category"] = [dict(zip(names, category, strict=True)) for category in categories]
    return {"originatorConfidentialityLabel": {"ConfidentialityInformation": information}}


# Labels of other producers, as public samples write them, and the portion and encoded label that they are here.
THEIRS = [
    (label("NATO", "SECRET"), "//NS"),
    (label("NATO", "NATO SECRET"), "//NS"),
    (label("NATO", "COSMIC TOP SECRET"), "//CTS"),
    (label("NATO", "TOP SECRET"), "//CTS"),
    (label("NATO", "RESTRICTED"), "//NR"),
    (label("NATO", "NATO UNCLASSIFIED", ("Releasable to", "PERMISSIVE", ["NATO"])), "//NU//REL TO USA, NATO"),
    (label("USA", "UNCLASSIFIED", ("Releasable to", "PERMISSIVE", ["USA"])), "U//NF"),
    (label("USA", "UNCLASSIFIED", ("Releasable to", "PERMISSIVE", ["USA", "GBR"])), "U//REL TO USA, GBR"),
    (label("USA", "SECRET", ("Releasable to", "PERMISSIVE", ["USA"])), "S"),
    (label("NATO", "SECRET", ("Releasable To", "PERMISSIVE", ["NATO", "JPN"])), "//NS//REL TO USA, JPN, NATO"),
    (label("NATO", "SECRET", ("Releasable To", "PERMISSIVE", ["GBR", "USA"])), "//NS//REL TO USA, GBR"),
    (label("NATO", "SECRET", ("Context", "PERMISSIVE", ["NATO"])), "//NS"),
    (label("NATO", "SECRET", ("Context", "INFORMATIVE", ["KFOR"])), "//NKS"),
    (label("NATO", "SECRET", ("Special Category Designator", "RESTRICTIVE", ["ATOMAL"])), "//NS//ATOMAL"),
    (label("GBR", "SECRET"), "//GBR S"),
    (label("GBR", "SECRET", ("Releasable to", "PERMISSIVE", ["GBR", "USA"])), "//GBR S//REL TO USA, GBR"),
    (label("USA", "SECRET"), "S"),
    (label("USA", "SECRET", ("Releasable To", "PERMISSIVE", ["USA", "GBR"])), "S//REL TO USA, GBR"),
    (label("nato", "nato secret"), "//NS"),
]


@pytest.mark.parametrize(("document", "portion"), THEIRS)
def test_a_label_of_another_producer_is_read(document: dict[str, Any], portion: str) -> None:
    assert from_stanag4774(document).portion == portion
    assert from_stanag4774(document["originatorConfidentialityLabel"]).portion == portion


@pytest.mark.parametrize(
    "document",
    [
        label("NATO", "OFFICIAL"),
        label("ATLANTIS", "SECRET"),
        label("USA", "RESTRICTED"),
        label("NATO", "SECRET", ("Releasable To", "PERMISSIVE", ["KEN"])),
        label("NATO", "SECRET", ("Releasable To", "PERMISSIVE", ["NATO", "Atlantis"])),
        label("NATO", "SECRET", ("Releasable To", "RESTRICTIVE", ["NATO"])),
        label("NATO", "SECRET", ("Releasable To", "INFORMATIVE", ["NATO", "JPN"])),
        label("NATO", "SECRET", ("Special Category Designator", "RESTRICTIVE", ["CRYPTO"])),
        label("NATO", "SECRET", ("Special Category Designator", "INFORMATIVE", ["ATOMAL"])),
        label("NATO", "SECRET", ("Administrative", "INFORMATIVE", ["STAFF"])),
        label("NATO", "SECRET", ("Context", "PERMISSIVE", ["EAPC"])),
        label("NATO", "RESTRICTED", ("Special Category Designator", "RESTRICTIVE", ["ATOMAL"])),
        label("NATO", "SECRET", ("Releasable To", "PERMISSIVE", ["NATO"]), ("Releasable To", "PERMISSIVE", ["NATO"])),
        # Two PERMISSIVE categories must both include a reader; the wider one must not stand for both (ADatP-4774).
        label("NATO", "SECRET", ("Releasability", "PERMISSIVE", ["USA"]), ("Releasable to", "PERMISSIVE", ["NATO"])),
        label(
            "USA", "SECRET", ("Releasable to", "PERMISSIVE", ["USA"]), ("Releasable To", "PERMISSIVE", ["USA", "GBR"])
        ),
        label("GBR", "UNCLASSIFIED", ("Releasable to", "PERMISSIVE", ["GBR"])),
        label("FVEY", "SECRET"),
    ],
)
def test_what_a_label_of_another_producer_does_not_say_clearly_is_refused(document: dict[str, Any]) -> None:
    with pytest.raises(MarkingError):
        from_stanag4774(document)


SAMPLE = f"""<?xml version="1.0" encoding="UTF-8"?>
<mb:BindingInformation xmlns:mb="{BINDING}" xmlns:xmime="http://www.w3.org/2005/05/xmlmime">
  <mb:MetadataBindingContainer>
    <mb:MetadataBinding>
      <mb:Metadata>
        <slab:originatorConfidentialityLabel xmlns:slab="{LABEL}">
          <slab:ConfidentialityInformation>
            <slab:PolicyIdentifier URI="urn:example:policy">NATO</slab:PolicyIdentifier>
            <slab:Classification>NATO SECRET</slab:Classification>
            <slab:Category Type="PERMISSIVE" TagName="Releasable to">
              <slab:GenericValue>NATO</slab:GenericValue>
            </slab:Category>
          </slab:ConfidentialityInformation>
          <slab:CreationDateTime>2026-04-29T06:00:00Z</slab:CreationDateTime>
        </slab:originatorConfidentialityLabel>
      </mb:Metadata>
      <mb:DataReference URI="./report.pdf" xmime:contentType="application/pdf"/>
    </mb:MetadataBinding>
  </mb:MetadataBindingContainer>
</mb:BindingInformation>""".encode()


def test_a_binding_of_another_producer_is_read() -> None:
    assert from_stanag4778_xml(SAMPLE) == (Bound(parse("//NS"), ("./report.pdf",)),)
    assert from_stanag4774_xml(SAMPLE) == parse("//NS")


def test_a_binding_in_json_is_read() -> None:
    metadata = label("NATO", "SECRET")
    binding = {"Metadata": metadata, "DataReference": {"@URI": "report.pdf"}}
    document = {"BindingInformation": {"MetadataBindingContainer": {"MetadataBinding": binding}}}
    assert from_stanag4778(document) == (Bound(parse("//NS"), ("report.pdf",)),)
    documents: list[dict[str, Any]] = [
        {},
        {"BindingInformation": []},
        {"MetadataBindingContainer": {"MetadataBinding": []}},
    ]
    for wrong in documents:
        with pytest.raises(MarkingError):
            from_stanag4778(wrong)


LAUGHS = b'<!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;&b;">]><a>&c;</a>'
OUTSIDE = b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>'
DEEP = b"<a>" * 500 + b"</a>" * 500


@pytest.mark.parametrize(
    "data", [b"", b"<a", b"\x00", LAUGHS, OUTSIDE, DEEP, b"<a/>" + b" " * 5_000_000, b"<!DOCTYPE a><a/>"]
)
def test_an_unsafe_document_is_a_marking_error(data: bytes) -> None:
    for read in (from_stanag4774_xml, from_stanag4778_xml, read_ism_xml):
        with pytest.raises(MarkingError):
            read(data)


ISM = b"""<r:Report xmlns:r="urn:example" xmlns:ism="urn:us:gov:ic:ism" xmlns:ntk="urn:us:gov:ic:ntk"
  ism:resourceElement="true" ism:createDate="2026-01-01" ism:DESVersion="202211" ism:compliesWith="USGov USIC"
  ism:classification="S" ism:ownerProducer="USA" ism:disseminationControls="NF" ism:declassDate="2050-01-01">
  <r:Title ism:classification="U" ism:ownerProducer="USA">t</r:Title>
  <r:Body>
    <r:Para ism:classification="S" ism:ownerProducer="USA" ism:disseminationControls="REL"
      ism:releasableTo="USA GBR">x</r:Para>
    <r:Para ism:classification="TS" ism:ownerProducer="NATO" ism:nonUSControls="NATO-ATOMAL">y</r:Para>
    <r:Para ism:classification="U" ism:ownerProducer="USA" ism:cuiBasic="PRVCY">z</r:Para>
  </r:Body>
  <r:Notice ism:noticeType="IMC" ism:classification="U" ism:ownerProducer="USA">mind it</r:Notice>
  <ntk:Access><ntk:AccessProfile><ntk:AccessPolicy>urn:us:gov:ic:aces:ntk:ico</ntk:AccessPolicy></ntk:AccessProfile></ntk:Access>
</r:Report>"""


def test_a_document_with_ism_attributes_is_read_with_its_portions_notices_and_need_to_know() -> None:
    document = read_ism_xml(ISM)
    assert document.resource == parse("SECRET//NOFORN")
    assert [marking.portion for _, marking in document.portions] == [
        "U", "S//REL TO USA, GBR", "//CTS//ATOMAL", "CUI//PRVCY", "U",
    ]  # fmt: skip
    assert document.portions[1][0] == "/Report/Body[1]/Para[1]"
    assert [(notice.kind, notice.text) for notice in document.notices] == [("IMC", "mind it")]
    assert document.need_to_know == ("urn:us:gov:ic:aces:ntk:ico",)


@pytest.mark.parametrize(
    "attributes",
    [
        {"ism:classification": "S"},
        {"ism:classification": "S", "ism:ownerProducer": "USA", "ism:secret": "x"},
        {"ism:classification": "S", "ism:ownerProducer": "USA", "ism:handleViaChannels": "TK"},
        {"ism:classification": "S", "ism:ownerProducer": "GBR CAN", "ism:joint": "true"},
        {"ism:classification": "S", "ism:ownerProducer": "GBR USA", "ism:joint": "true"},
        {"ism:classification": "TS", "ism:ownerProducer": "USA", "ism:SCIcontrols": "SI"},
    ],
)
def test_wrong_ism_attributes_are_a_marking_error(attributes: dict[str, str]) -> None:
    with pytest.raises(MarkingError):
        from_ism_attributes(attributes)


@pytest.mark.parametrize("text", ["SECRET", {"#text": "SECRET", "@xml:lang": "en"}])
def test_json_that_a_converter_made_of_xml(text: object) -> None:
    category = {"@TagName": "Releasable To", "@Type": "PERMISSIVE", "slab:GenericValue": {"#text": "NATO"}}
    information = {"slab:PolicyIdentifier": "NATO", "slab:Classification": text, "slab:Category": category}
    document = {
        "slab:originatorConfidentialityLabel": {"@xmlns:slab": LABEL, "slab:ConfidentialityInformation": information}
    }
    assert from_stanag4774(document).portion == "//NS"
    binding = {"mb:MetadataBinding": {"mb:Metadata": document, "mb:DataReference": {"@URI": "report.docx"}}}
    found = from_stanag4778({"mb:BindingInformation": {"@xmlns:mb": BINDING, "mb:MetadataBindingContainer": binding}})
    assert [(one.marking.portion, one.references) for one in found] == [("//NS", ("report.docx",))]


def test_labels_that_say_something_twice() -> None:
    document = label("NATO", "SECRET")
    document["x:originatorConfidentialityLabel"] = label("NATO", "UNCLASSIFIED")["originatorConfidentialityLabel"]
    with pytest.raises(MarkingError):
        from_stanag4774(document)
    once = "<PolicyIdentifier>NATO</PolicyIdentifier><Classification>SECRET</Classification>"
    for twice in (f"{once}<Classification>UNCLASSIFIED</Classification>", f"{once}</{{0}}><{{0}}>{once}"):
        information = f"<{{0}}>{twice}</{{0}}>".replace("{0}", "ConfidentialityInformation")
        with pytest.raises(MarkingError):
            from_stanag4774_xml(
                f"<originatorConfidentialityLabel>{information}</originatorConfidentialityLabel>".encode()
            )


def test_json_too_deep() -> None:
    document: dict[str, Any] = {}
    for _ in range(50_000):
        document = {"MetadataBindingContainer": document}
    for read in (from_stanag4774, from_stanag4778):
        with pytest.raises(MarkingError):
            read(document)


XMLNS = 'xmlns:ism="urn:us:gov:ic:ism"'
LEVEL = 'ism:classification="{0}" ism:ownerProducer="USA"'
NF = 'ism:disseminationControls="NF"'
U, S = LEVEL.format("U"), LEVEL.format("S")


@pytest.mark.parametrize(
    "body",
    [
        f'<p ism:resourceElement="true" {S} {NF}/><p ism:resourceElement="true" {U}/>',  # ISM-ID-00012: one resource
        f"<p {NF}/>",  # ISM-ID-00012: a control without a level
        '<p ism:ownerProducer="USA"/>',
        '<p ism:SARIdentifier="BP"/>',
        '<p xmlns:old="urn:us:gov:ic:ism:v2" old:classification="S" old:ownerProducer="USA"/>',
        f'<p ism:resourceElement=" true " {S} {NF}/><p ism:resourceElement="1" {U}/>',
    ],
)
def test_a_document_that_says_less_than_it_holds_is_refused(body: str) -> None:
    with pytest.raises(MarkingError):
        read_ism_xml(f"<r {XMLNS} {U}>{body}</r>".encode())


def test_a_marking_of_the_root_is_not_lost_when_another_element_is_the_resource() -> None:
    document = read_ism_xml(f'<r {XMLNS} {S} {NF}><p ism:resourceElement="true" {U}/></r>'.encode())
    assert document.resource == parse("U")
    assert document.portions == (("/r", parse("S//NF")),)


def test_an_attribute_under_two_prefixes_is_refused() -> None:
    attributes = {"ism:classification": "S", "ownerProducer": "USA", "ism:disseminationControls": "NF"}
    assert from_ism_attributes(attributes) == parse("S//NF")
    with pytest.raises(MarkingError, match="stands twice"):
        from_ism_attributes(attributes | {"disseminationControls": "REL", "releasableTo": "USA GBR"})
