"""Paragraphs of documents with their marks: never lower than what stands in them."""

import pytest

from appliance.errors import ApplianceError
from appliance.markings import parse
from appliance.markings.documents.plain import read_text
from appliance.markings.vocabulary import default
from workbench.citations.passages import AboveError, Marked, read

ENCLAVE = parse("SECRET//REL TO USA, GBR").label


def marked(text: str, name: str = "report.txt", declared: str = "") -> Marked:
    return read(read_text(text.encode()), name, declared=declared, enclave=ENCLAVE, vocabulary=default())


@pytest.mark.parametrize(
    ("paragraph", "portion", "why"),
    [
        ("(U) A mill.", "U", "its own mark"),
        ("1. (U) A mill.", "U", "its own mark, after the number of a list"),
        ("A mill.", "S//REL TO USA, GBR", "no mark: the banner"),
        ("(S//REL) A mill.", "S//REL TO USA, GBR", "a mark that repeats the banner's nations"),
        ("(U) A mill. (C//REL TO USA, GBR) A depot.", "C//REL TO USA, GBR", "a second mark inside raises the whole"),
        ("(C//REL TO USA, GBR) A depot. (U) A mill.", "C//REL TO USA, GBR", "a second mark inside lowers nothing"),
        ("A mill (U) or a depot.", "S//REL TO USA, GBR", "a mark inside an unmarked paragraph lowers nothing"),
        ("(U) Copyright (C) 2026 The Mill.", "U", "a sign that is no mark"),
    ],
)
def test_a_paragraph_has_the_mark_that_covers_all_of_it(paragraph: str, portion: str, why: str) -> None:
    found = marked(f"SECRET//REL TO USA, GBR\n\n{paragraph}\n\nSECRET//REL TO USA, GBR\n")
    assert found.conflicts == (), why
    assert [one.marking.portion for one in found.passages] == [portion], why


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("UNCLASSIFIED\n\n(C//REL TO USA, GBR) A depot.\n", "a portion above the banner"),
        ("UNCLASSIFIED\n\n(U) A mill. (C//REL TO USA, GBR) A depot.\n", "a mark inside the text above the banner"),
        ("UNCLASSIFIED\n\nA mill.\n\nSECRET//REL TO USA, GBR\n", "a second banner above the first"),
        ("SECRET//REL TO USA, GBR\n\n(S//RELL TO USA) A depot.\n", "a mark that cannot be read"),
    ],
)
def test_what_contradicts_the_banner_is_a_conflict(text: str, why: str) -> None:
    assert marked(text).conflicts, why


def test_the_declared_marking_may_raise_and_not_lower() -> None:
    assert marked("UNCLASSIFIED\n\nA mill.\n", declared="SECRET//REL TO USA, GBR").passages[0].marking.portion[0] == "S"
    assert marked("SECRET//REL TO USA, GBR\n\nA mill.\n", declared="UNCLASSIFIED").conflicts


@pytest.mark.parametrize(
    "text", ["TOP SECRET//NOFORN\n\nA mill.\n", "SECRET//REL TO USA, GBR\n\n(U) A mill. (TS//SI//NF) A depot.\n"]
)
def test_what_is_above_the_enclave_is_not_repeated(text: str) -> None:
    with pytest.raises(AboveError) as refusal:
        marked(text)
    assert "SECRET" not in str(refusal.value)
    assert "depot" not in str(refusal.value)


def test_unmarked_is_an_error() -> None:
    with pytest.raises(ApplianceError, match="no banner"):
        marked("A mill.\n")
    assert marked("A mill.\n", "(U) mill.txt").marking.banner == "UNCLASSIFIED"
