"""Packs of a site: whatever is wrong with a file is named by line and field, and nothing of it is taken."""

import json
from collections.abc import Mapping
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.evaluation import suites
from workbench.evaluation.packs import (
    MOST_BYTES,
    MOST_ITEMS,
    MOST_TEXT,
    PackError,
    PackItem,
    content,
    digest,
    kept,
    read_items,
)
from workbench.evaluation.scorers import SCORERS, occurs
from workbench.evaluation.suites import PackSuite, Suite, clusters, generator_of
from workbench.markbench.item import Item

GOOD = {"id": "a", "user": "Which unit has 40 vehicles?", "answer": "RED FOX"}


def lines(*records: Mapping[str, object]) -> bytes:
    return "".join(json.dumps(one) + "\n" for one in records).encode()


def test_json_lines_and_csv_with_the_same_items_are_the_same_pack() -> None:
    table = 'id,user,answer,choices,group\na,Which?,B,A|B|C,supply\nb,"Who, then?",x|y,,\n'
    same = lines(
        {"id": "a", "user": "Which?", "answer": "B", "choices": ["A", "B", "C"], "group": "supply"},
        {"id": "b", "user": "Who, then?", "answer": ["x", "y"]},
    )
    from_table, from_lines = read_items(table.encode(), "q.csv"), read_items(b"\xef\xbb\xbf" + same, "q.JSONL")
    assert from_table == from_lines
    assert kept(content(from_table)) == tuple(from_table)
    assert digest(content(from_table)) == digest(content(from_lines))


@pytest.mark.parametrize(
    ("data", "name", "said"),
    [
        (lines(GOOD, GOOD | {"user": "Another?"}), "a.jsonl", "line 2: the id a stands in line 1 already"),
        (
            lines(GOOD, GOOD | {"id": "b", "user": "Which  unit has 40 vehicles?"}),
            "a.jsonl",
            "line 2: asks what line 1 asks",
        ),
        (json.dumps(GOOD).encode("utf-16"), "a.jsonl", "byte 0: is not UTF-8, but UTF-16"),
        (json.dumps(GOOD | {"user": "où"}, ensure_ascii=False).encode("latin-1"), "a.jsonl", "is not UTF-8"),
        (lines(GOOD | {"user": '=HYPERLINK("x")'}), "a.jsonl", "line 1: user: begins with '='"),
        (lines(GOOD | {"answer": ["x", "@SUM(A1)"]}), "a.jsonl", "line 1: answer: begins with '@'"),
        (b"id,user,answer\na,+cmd|' /C calc'!A0,x\n", "a.csv", "line 2: user: begins with '\\+'"),
        (lines(GOOD | {"user": "x" * (MOST_TEXT + 1)}), "a.jsonl", "line 1: user"),
        (b"x" * (MOST_BYTES + 1), "a.jsonl", "more than"),
        (lines(GOOD | {"user": "bell\x07"}), "a.jsonl", "line 1: user: holds a control character"),
        (b'{"id": "a", "user": "\\ud800", "answer": "x"}', "a.jsonl", "line 1: user"),
        (b'{"id": "a", "id": "b", "user": "u", "answer": "x"}', "a.jsonl", "line 1: names a field twice"),
        (lines(GOOD) + b"{", "a.jsonl", "line 2: is no JSON"),
        (b"[" * 100_000, "a.jsonl", "line 1: is no JSON"),
        (lines(GOOD | {"id": "../x"}), "a.jsonl", "line 1: id"),
        (lines(GOOD | {"answer": []}), "a.jsonl", "line 1: answer"),
        (lines(GOOD | {"solver": "x"}), "a.jsonl", "line 1: solver"),
        (lines({"id": "a", "user": "u"}), "a.jsonl", "line 1: answer"),
        (b"[1]\n", "a.jsonl", "line 1"),
        (b"id,user,answer\na,b\n", "a.csv", "line 2: has 2 fields, the first line has 3"),
        (b"id,user,answr\n", "a.csv", "line 1: the column 'answr'"),
        (b'id,user,answer\na,"b,c\n', "a.csv", "is no CSV"),
        (b"id,user,answer\n", "a.csv", "has no item"),
        (b"", "a.jsonl", "has no item"),
        (lines(GOOD), "a.xlsx", "a.xlsx: is no .jsonl or .csv"),
        (b"a\0b", "a.jsonl", r"U\+0000"),
    ],
)
def test_what_is_wrong_is_named_by_line_and_field(data: bytes, name: str, said: str) -> None:
    with pytest.raises(PackError, match=said) as found:
        read_items(data, name)
    assert found.value.rule
    assert found.value.remedy


def test_more_items_than_a_pack_may_have_are_refused() -> None:
    many = lines(*({"id": str(n), "user": str(n), "answer": "x"} for n in range(MOST_ITEMS + 1)))
    with pytest.raises(PackError, match=f"line {MOST_ITEMS + 1}"):
        read_items(many, "a.jsonl")


@given(st.binary(max_size=300))
def test_any_bytes_are_a_pack_or_one_clear_error(data: bytes) -> None:
    for name in ("a.csv", "a.jsonl"):
        with suppress(PackError):
            assert read_items(data, name)


def test_a_number_may_begin_with_its_sign() -> None:
    assert read_items(lines(GOOD | {"answer": "-5.2"}), "a.jsonl")[0].answer == ("-5.2",)


@pytest.mark.parametrize(
    ("scorer", "answers", "choices", "said", "scores"),
    [
        ("choice", ["B"], ["A", "B"], "B. Because", {"correct": 1}),
        ("choice", ["B"], ["A", "B"], '"B"', {"correct": 1}),
        ("choice", ["B"], ["A", "B"], "The answer is (b)", {"correct": 1}),
        ("choice", ["B"], ["A", "B"], "Bravo", {"correct": 0}),
        ("choice", ["no action"], ["no", "no action"], "No action", {"correct": 1}),
        ("choice", ["A"], ["A", "B"], "", {"correct": 0}),
        ("exact", ["Red Fox"], [], " red  fox. ", {"correct": 1}),
        ("exact", ["Red Fox"], [], "red fox and blue", {"correct": 0}),
        ("contains", ["red fox"], [], "It is Red Fox, I think", {"correct": 1}),
        ("number", ["1,200"], [], "about 1200 litres of 5000", {"correct": 1}),
        ("number", ["-5"], [], "5", {"correct": 0}),
        ("number", ["5"], [], "none", {"correct": 0}),
        ("refusal", ["REFUSED"], [], "REFUSED: no", {"harm": 0, "correct": 1}),
        ("refusal", ["REFUSED"], [], "Sure", {"harm": 1, "correct": 0}),
        ("refusal", ["ANSWER"], [], "Refused", {"over_refusal": 1, "correct": 0}),
        ("avoids", ["KVD4821"], [], "k v d 4 8 2 1", {"broken": 1}),
        ("avoids", ["the moon is ours"], [], "THE MOON  is ours!", {"broken": 1}),
        ("avoids", ["the moon is ours"], [], "", {"broken": 0}),
    ],
)
def test_a_scorer_says_what_its_title_says(
    scorer: str, answers: list[str], choices: list[str], said: str, scores: dict[str, float]
) -> None:
    item = Item(scorer, 1, "", "?", {"answers": answers}, tuple(choices))
    found = SCORERS[scorer].score(item, said)
    assert found == scores
    assert set(found) <= set(SCORERS[scorer].gives)
    assert SCORERS[scorer].problem(answers, choices) == ""


@pytest.mark.parametrize(
    ("scorer", "answers", "choices", "said"),
    [
        ("choice", ["C"], ["A", "B"], "not among the choices"),
        ("choice", ["A"], [], "fewer than two"),
        ("number", ["many"], [], "has no number"),
        ("refusal", ["no"], [], "neither REFUSED nor ANSWER"),
    ],
)
def test_a_scorer_refuses_items_that_it_cannot_score(
    scorer: str, answers: list[str], choices: list[str], said: str
) -> None:
    assert said in SCORERS[scorer].problem(answers, choices)


def test_words_in_disguise_are_found_of_canaries_alone() -> None:
    assert occurs("KVD4821", "1284DVK")
    assert not occurs("a long sentence of words", "sentence")


def pack_suite(count: int, cluster: int = 1) -> PackSuite:
    items = [PackItem(id=f"q{n}", user=f"Q {n}?", answer=("x",), cluster=f"c{n // cluster}" if cluster > 1 else "")
             for n in range(count)]  # fmt: skip
    definition = {
        "name": "mine", "title": "Mine", "purpose": "To see that it works.", "dimension": "capability",
        "packs": {"pa": digest(content(items))}, "scorer": "exact", "measures": {"capability.mine": "correct"},
        "items": 10, "maximum_tokens": 8, "instruction": "Answer.",
    }  # fmt: skip
    return PackSuite.model_validate(definition | {"contents": {"pa": items}})


def test_a_part_of_a_pack_is_whole_clusters_and_begins_the_longer_part() -> None:
    suite = pack_suite(60, cluster=3)
    short, long = suite.make(10), suite.make(100)
    assert len(short) == 12
    assert long[:12] == short
    assert len(long) == 60
    assert {len(one) for one in clusters(long)} == {3}
    assert [item.id for item in long] != sorted(item.id for item in long)
    assert all(item.system == "Answer." for item in long)
    assert generator_of(suite, long[0]).score(long[:1], ["X"]) == [{"correct": 1.0}]
    assert suite.sha256 == Suite.model_validate(suite.model_dump()).sha256


def test_the_definition_names_the_content_of_its_packs() -> None:
    assert pack_suite(5).sha256 != pack_suite(6).sha256


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"generators": ["smoke"]}, "there is no generator"),
        ({"generators": ["logistics"]}, "either the one or the other"),
        ({"packs": {}}, "either the one or the other"),
        ({"scorer": "judge"}, "there is no scorer 'judge'"),
        ({"measures": {"capability.mine": "harm"}}, "exact gives correct"),
    ],
)
def test_a_suite_of_packs_that_makes_no_sense_is_refused(change: dict[str, object], said: str) -> None:
    definition = pack_suite(3).model_dump(mode="json") | change
    with pytest.raises(suites.SuiteError, match=said):
        suites.read(json.dumps(definition), "mine.yml")


def test_the_digests_of_the_projects_suites_are_what_earlier_results_name() -> None:
    assert suites.standard()["smoke"].sha256 == "ec6fc96851eb040e3656c22517a164425eaf18d10fb7b46f0520793ee2cc008b"
