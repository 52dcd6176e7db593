"""The part of a passage that is quoted stands in it word for word."""

from hypothesis import given
from hypothesis import strategies as some

from workbench.retrieval.extract import MOST, extract

WORDS = some.lists(
    some.sampled_from(["The bridge", "<holds>", "it. Then", "B! A", "mill.", '(U) "x".', "é"]), max_size=200
)


@given(WORDS)
def test_a_quotation_is_a_part_of_its_passage(words: list[str]) -> None:
    marked = " ".join(words)
    found = extract(marked, "<", ">")
    text = marked.replace("<", "").replace(">", "")
    assert text[found.start : found.end] == found.text
    assert len(found.text) <= MOST


def test_the_sentences_with_most_of_what_was_asked_for_are_quoted() -> None:
    filling = "Nothing of note was seen on this day by anybody at all. " * 20
    found = extract(f"{filling}The <bridge> was <crossed> at night. {filling}", "<", ">")
    assert "The bridge was crossed at night." in found.text
    assert [words for words, wanted in found.pieces if wanted] == ["bridge", "crossed"]
