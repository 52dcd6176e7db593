"""Markings before file names, in subjects and in headers are read as what they stand for, and refused when unclear."""

import pytest
from hypothesis import given, settings

from appliance.markings import Marking, MarkingError, parse
from appliance.markings.formats.conventions import from_file_name, from_headers, from_subject, to_file_name, to_headers
from tests.unit.markings.strategies import markings


@given(markings)
@settings(max_examples=60)
def test_what_is_written_is_read_again(marking: Marking) -> None:
    name = to_file_name(marking)
    assert "/" not in name
    assert from_file_name(f"{name} report.docx") == marking
    assert {found for _, found in from_headers(to_headers(marking).items())} == {marking}
    assert from_subject(f"({marking.portion}) the report") == marking


@pytest.mark.parametrize(
    ("name", "portion"),
    [
        ("(S--NF) Report.docx", "S//NF"),
        ("(U) plan.txt", "U"),
        ("(TS--SI+TK--OC+NF)_plan.pdf", "TS//SI/TK//OC/NF"),
        ("(S--REL_TO_USA,_GBR) plan.txt", "S//REL TO USA, GBR"),
        ("S--NF_Report.docx", "S//NF"),
        ("S__NF_Report.docx", "S//NF"),
        ("SECRET--NOFORN report.pdf", "S//NF"),
        ("TOP SECRET--SI--NOFORN report.pdf", "TS//SI//NF"),
        ("folder/(C) memo.txt", "C"),
        ("C:\\folder\\(C) memo.txt", "C"),
        ("CUI--SP-CTI drawing.pdf", "CUI//SP-CTI"),
        ("report.docx", None),
        ("(draft) x.txt", None),
        ("S_report.docx", None),
        ("Summary of (U) things.docx", None),
        ("Secret garden.txt", None),
        ("(draft report.txt", None),
    ],
)
def test_file_names(name: str, portion: str | None) -> None:
    marking = from_file_name(name)
    assert (marking.portion if marking else None) == portion


@pytest.mark.parametrize("name", ["(S--NOFORM) x.txt", "(S--SAR-DELTA_ECHO) x.txt", "(S--NF--SI) x.txt"])
def test_a_parenthesis_before_a_file_name_is_a_marking_or_refused(name: str) -> None:
    with pytest.raises(MarkingError) as caught:
        from_file_name(name)
    assert caught.value.rule == "convention"


@pytest.mark.parametrize(
    ("subject", "portion"),
    [
        ("(U) lunch", "U"),
        ("RE: FW: (S//NF) the plan", "S//NF"),
        ("SECRET//NOFORN: the plan", "S//NF"),
        ("[CUI//SP-CTI] drawing", "CUI//SP-CTI"),
        ("SECRET: the plan", "S"),
        ("CUI//SP-CTI", "CUI//SP-CTI"),
        ("the plan (S//NF)", None),
        ("(see below) the plan", None),
        ("lunch", None),
        ("", None),
    ],
)
def test_subjects(subject: str, portion: str | None) -> None:
    marking = from_subject(subject)
    assert (marking.portion if marking else None) == portion


def test_a_subject_with_a_wrong_marking_is_refused() -> None:
    with pytest.raises(MarkingError):
        from_subject("(S//NOFORM) the plan")


def test_headers() -> None:
    label = 'marking="SECRET//NOFORN"; fgcolor=white; bgcolor="#c8102e"; type=":ess"'
    found = from_headers([("From", "a@example"), ("SIO-Label", label), ("X-Classification", "secret//noforn")])
    assert found == [("SIO-Label", parse("S//NF")), ("X-Classification", parse("S//NF"))]
    with pytest.raises(MarkingError):
        from_headers([("X-Classification", "company confidential")])


@pytest.mark.parametrize(
    "name",
    [
        "SECRET--NOFORN--ORCON report.pdf",  # a part of what stands there is another marking
        "U--FOUO--SI notes.txt",
        "TS--SI--NF__HCS.doc",
        "S--NF--ZZZ plan.txt",
        "S--NF+XYZ.txt",
        "S--NFX_Report.txt",
        "CUI--SP-CTI--FOO drawing.pdf",
        "S--REL TO USA, GBR+ZZZ plan.txt",
        "S--REL TO USA, GBR, XXX plan.txt",
        "TOP SECRET--SX report.pdf",
    ],
)
def test_a_file_name_that_is_read_in_part_only_is_refused(name: str) -> None:
    with pytest.raises(MarkingError):
        from_file_name(name)


@pytest.mark.parametrize(
    "name", ["C--notes.txt", "X--RAY.png", "S--NF-draft.txt", "S--NF_Report, final.docx", "U-BOAT.txt"]
)
def test_a_file_name_with_another_form_or_a_whole_marking_is_no_fault(name: str) -> None:
    marking = from_file_name(name)
    assert marking is None or marking == parse("S//NF")


@pytest.mark.parametrize(
    "subject",
    [
        "TOP SECRET//SI: hello",  # SCI without a release (ISM-ID-00119)
        "SECRET//NOFORN//ZZZ: hello",
        "SECRET//REL TO GBR: hello",
        "[SECRET//NF] hello",
        "SECRET//NOFORN - hello",
        "secret//noforn: hello",
        "(s//nf) hello",
        "[S//NF] [TS//SI//NF] hello",
        "UNCLASSIFIED: (S//NF) hello",
        "(U) (S//NF) hello",
    ],
)
def test_a_subject_with_the_form_of_a_marking_is_not_taken_for_unmarked_or_for_less(subject: str) -> None:
    with pytest.raises(MarkingError):
        from_subject(subject)


@pytest.mark.parametrize(
    ("subject", "portion"),
    [
        ("[SECRET//NOFORN] (U) weekly report", "S//NF"),
        ("(S//NF) (see (a)) report", "S//NF"),
        ("SECRET//NOFORN | report", "S//NF"),
        ("(c) 2026 the authors", None),
        ("See https://example.test/", None),
        ("Re: and/or // comments", None),
    ],
)
def test_a_subject_that_covers_what_follows_or_has_no_marking(subject: str, portion: str | None) -> None:
    marking = from_subject(subject)
    assert (marking.portion if marking else None) == portion
