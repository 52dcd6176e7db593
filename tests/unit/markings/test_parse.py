"""Markings are read to what they mean, written canonically, and refused with every reason when they are wrong."""

import time

import pytest

from appliance.markings import MarkingError, banner_colours, check, parse

MEANING = {
    "UNCLASSIFIED": ("U", "U;;*"),
    "CUI": ("CUI", "CUI;;*"),
    "CUI//SP-CTI/EXPT//NOFORN": ("CUI//SP-CTI/EXPT//NF", "CUI;SP-CTI;USA"),
    "SECRET": ("S", "S;;USA"),
    "SECRET//NOFORN": ("S//NF", "S;;USA"),
    "SECRET//REL TO USA, GBR": ("S//REL TO USA, GBR", "S;;GBR,USA"),
    "SECRET//REL TO USA, FVEY": ("S//REL TO USA, FVEY", "S;;AUS,CAN,GBR,NZL,USA"),
    "TOP SECRET//SI/TK//NOFORN": ("TS//SI/TK//NF", "TS;SI,TK;USA"),
    "TOP SECRET//SI-G ABCD//ORCON/NOFORN": ("TS//SI-G ABCD//OC/NF", "TS;SI,SI-G,SI-G-ABCD;USA"),
    "SECRET//FGI DEU NATO": ("S//FGI DEU NATO", "S;;USA"),
    "SECRET//DISPLAY ONLY FRA": ("S//DISPLAY ONLY FRA", "S;;USA"),
    "//DEU RESTRICTED": ("//DEU R", "C;;DEU"),
    "//JOINT SECRET CAN USA//REL TO USA, CAN": ("//JOINT S CAN USA//REL TO USA, CAN", "S;;CAN,USA"),
    "//CAN GBR SECRET": ("//CAN GBR S", "S;;"),
    "//FGI SECRET//NOFORN": ("//FGI S//NF", "S;;USA"),
    "//NATO ISAF SECRET": ("//NIS", "S;;"),
    "SECRET//REL TO USA, KFOR": ("S//REL TO USA, KFOR", "S;;USA"),
    "TOP SECRET//BOHEMIA//FGI NATO//NOFORN": ("TS//BOHEMIA//FGI NATO//NF", "TS;BOHEMIA;USA"),
    "SECRET//SAR-BP-123/CA-XYZ YYY//NOFORN": (
        "S//SAR-BP-123/CA-XYZ YYY//NF",
        "S;SAR-BP,SAR-BP-123,SAR-CA,SAR-CA-XYZ,SAR-CA-XYZ-YYY;USA",
    ),
    "UNCLASSIFIED//FOUO": ("U//FOUO", "CUI;;*"),
}


@pytest.mark.parametrize("banner", MEANING)
def test_banner_and_portion_have_one_meaning(banner: str) -> None:
    portion, encoding = MEANING[banner]
    marking = parse(banner)
    assert (marking.banner, marking.portion, marking.label.encode()) == (banner, portion, encoding)
    assert parse(portion) == parse(f"({portion})") == marking


def test_a_portion_may_repeat_the_release_and_the_owners_of_its_banner() -> None:
    alone = parse("(S//REL)")
    assert (alone.repeats, alone.portion, alone.label.encode()) == (("REL",), "S//REL", "S;;USA")
    assert alone.banner == "SECRET//NOFORN"
    assert alone.within(parse("SECRET//REL TO USA, FVEY")) == parse("S//REL TO USA, FVEY")
    assert alone.within(parse("SECRET//NOFORN")) == alone
    joint = parse("(//JOINT S//REL)")
    assert (joint.label.encode(), joint.banner) == ("S;;USA", "SECRET//FGI//NOFORN")
    banner = parse("//JOINT SECRET CAN GBR USA//REL TO USA, CAN, GBR")
    assert joint.within(banner) == banner


LONG_FORMS = {
    "TOP SECRET//SPECIAL INTELLIGENCE/TALENT KEYHOLE//NOT RELEASABLE TO FOREIGN NATIONALS": "TOP SECRET//SI/TK//NOFORN",
    "TOP SECRET//COMINT-ABC//NOFORN": "TOP SECRET//SI-ABC//NOFORN",
    "TOP SECRET//SI-GAMMA ABCD/TALENT KEYHOLE//ORIGINATOR CONTROLLED/NOFORN": "TOP SECRET//SI-G ABCD/TK//ORCON/NOFORN",
    "SECRET//RESTRICTED DATA-N//NOFORN": "SECRET//RD-CNWDI//NOFORN",
    "SECRET//RD-CNWDI-SIGMA 14 18//NOFORN": "SECRET//RD-CNWDI/RD-SIGMA 14 18//NOFORN",
    "SECRET//SPECIAL ACCESS REQUIRED-ALPHA/BRAVO//ORIGINATOR CONTROLLED": "SECRET//SAR-ALPHA/BRAVO//ORCON",
    "SECRET//RESTRICTED DATA-SIGMA 14 18//FOREIGN GOVERNMENT INFORMATION DEU": "SECRET//RD-SIGMA 14 18//FGI DEU",
    "SECRET//FOREIGN GOVERNMENT INFORMATION": "SECRET//FGI",
    "SECRET//AUTHORIZED FOR RELEASE TO USA, GBR": "SECRET//REL TO USA, GBR",
    "UNCLASSIFIED//FOR OFFICIAL USE ONLY": "UNCLASSIFIED//FOUO",
    "UNCLASSIFIED//SENSITIVE BUT UNCLASSIFIED NOFORN": "UNCLASSIFIED//SBU NOFORN",
    "CONTROLLED//SP-CTI//NOFORN": "CUI//SP-CTI//NOFORN",
}


@pytest.mark.parametrize("text", LONG_FORMS)
def test_long_forms_have_a_canonical_form(text: str) -> None:
    assert parse(text).banner == LONG_FORMS[text]


@pytest.mark.parametrize(
    ("text", "rule", "suggestion"),
    [
        ("", "text-empty", ""),
        ("secret//noforn", "text-case", "SECRET//NOFORN"),
        ("S\N{CYRILLIC CAPITAL LETTER IE}CRET", "text-look-alike", ""),
        ("SECRET//\x00NOFORN", "text-control-character", ""),
        ("SECRET//NOFORN" * 1000, "text-length", ""),
        ("SECRET // NOFORN", "text-spacing", ""),
        ("SECRT", "level", "SECRET"),
        ("NATO SECRET", "level", "//NATO SECRET"),
        ("JOINT SECRET CAN USA", "level", "//JOINT SECRET CAN USA"),
        ("SECRET//NOFORM", "unknown-word", "NOFORN"),
        ("SECRET//NF", "form", "SECRET//NOFORN"),
        ("SECRET//", "separator", ""),
        ("SECRET//NOFORN//SI", "category-order", "SECRET//SI//NOFORN"),
        ("SECRET//REL TO GBR, USA", "list-order", "USA, GBR"),
        ("SECRET//REL TO USA", "rel-to-list", "NOFORN"),
        ("TOP SECRET//SI", "sci-release", ""),
    ],
)
def test_a_wrong_marking_is_refused_by_name_with_a_remedy(text: str, rule: str, suggestion: str) -> None:
    with pytest.raises(MarkingError) as caught:
        parse(text)
    found = {violation.rule: violation for violation in caught.value.violations}
    assert rule in found
    assert found[rule].source
    assert found[rule].suggestion == suggestion if suggestion else found[rule].suggestion


def test_every_violation_is_reported_at_its_place() -> None:
    text = "CONFIDENTIAL//TK//FOUO"
    assert {
        text[slice(*violation.span)]: violation.rule for violation in check(text) if violation.rule != "sci-release"
    } == {
        "TK": "tk-level",
        "FOUO": "fouo-level",
    }


def test_a_text_full_of_faults_is_told_quickly() -> None:
    start = time.process_time()
    violations = check("SECRET//" + "/".join(["QX"] * 600))
    assert len(violations) >= 600
    assert time.process_time() - start < 1


def test_none_is_refused_like_an_empty_marking() -> None:
    with pytest.raises(MarkingError) as caught:
        parse(None)  # type: ignore[arg-type]
    assert caught.value.rule == "text-empty"


def test_banner_colours_are_those_of_the_standard_forms() -> None:
    assert banner_colours(parse("UNCLASSIFIED")) == ("#007a33", "#ffffff")
    assert banner_colours(parse("CUI")) == ("#502b85", "#ffffff")
    assert banner_colours(parse("SECRET//NOFORN")) == ("#c8102e", "#ffffff")
    assert banner_colours(parse("TOP SECRET//NOFORN")) == ("#ff8c00", "#000000")
    assert banner_colours(parse("TOP SECRET//SI//NOFORN")) == ("#fce83a", "#000000")


@pytest.mark.parametrize("name", ["NF", "SI", "REL", "CUI", "FGI", "HVSACO", "ATOMAL", "REL TO USA"])
def test_a_name_that_would_be_something_else_after_another_one_is_none(name: str) -> None:
    for text in (f"SECRET//SAR-{name}", f"SECRET//SAR-ALPHA/SAR-{name}", f"SECRET//NOFORN//ACCM-{name}"):
        assert "unknown-word" in {violation.rule for violation in check(text)}
    assert check(f"SECRET//SAR-ALPHA/{name}//NOFORN") or name == "HVSACO"


def test_nothing_stands_after_hvsaco() -> None:
    assert parse("SECRET//SAR-ALPHA/HVSACO").sar_identifier == ("ALPHA", "HVSACO")
    assert check("SECRET//SAR-ALPHA/HVSACO/BRAVO//NOFORN")
