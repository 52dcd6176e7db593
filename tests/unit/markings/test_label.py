"""The lattice of labels: its laws, its encoding, and that no permitted flow reaches a subject who could not read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.markings import LEVELS, Clearance, Label, MarkingError, can_read, can_write, dominates, join

NEED = ("SI", "TK", "SI-G", "SAR-ALPHA", "RD")
NATIONS = ("USA", "GBR", "CAN", "DEU")
levels = st.sampled_from(LEVELS)
needs = st.frozensets(st.sampled_from(NEED))
nations = st.frozensets(st.sampled_from(NATIONS))
labels = st.builds(Label, levels, needs, st.none() | nations)
subjects = st.builds(Clearance, levels, needs, nations)


@given(labels, labels, labels)
def test_join_is_idempotent_commutative_and_associative(a: Label, b: Label, c: Label) -> None:
    assert join(a, a) == a
    assert join(a, b) == join(b, a)
    assert join(join(a, b), c) == join(a, join(b, c)) == join(a, b, c)


@given(labels, labels, labels)
def test_join_is_the_least_upper_bound(a: Label, b: Label, c: Label) -> None:
    assert dominates(join(a, b), a)
    assert dominates(join(a, b), b)
    if dominates(c, a) and dominates(c, b):
        assert dominates(c, join(a, b))


@given(labels, labels)
def test_dominance_is_a_partial_order(a: Label, b: Label) -> None:
    assert dominates(a, a)
    if dominates(a, b) and dominates(b, a):
        assert a == b


@given(subjects, labels, labels)
def test_reading_a_join_is_reading_its_parts_for_one_and_several_nationalities(
    subject: Clearance, a: Label, b: Label
) -> None:
    assert can_read(subject, join(a, b)) == (can_read(subject, a) and can_read(subject, b))


@given(subjects, labels, labels)
def test_a_reader_of_the_dominating_label_reads_the_dominated(subject: Clearance, a: Label, b: Label) -> None:
    if dominates(a, b) and can_read(subject, a):
        assert can_read(subject, b)


@given(labels, st.lists(st.tuples(subjects, labels, labels), max_size=12), subjects)
def test_no_sequence_of_reads_and_writes_moves_a_record_to_one_who_could_not_read_it(
    origin: Label, steps: list[tuple[Clearance, Label, Label]], observer: Clearance
) -> None:
    """Sessions work at one label, read what it dominates (and they may read), write at that label only."""
    holds = {origin}
    for subject, working, source in steps:
        session_reads = dominates(working, source) and can_read(subject, working)
        if source in holds and session_reads and can_write(working, working):
            holds.add(working)
    if any(can_read(observer, label) for label in holds):
        assert can_read(observer, origin)


@given(labels)
def test_the_encoding_returns_the_label(label: Label) -> None:
    assert Label.decode(label.encode()) == label


def test_the_encoding_is_stable() -> None:
    assert Label("TS", frozenset({"TK", "SI"}), frozenset({"USA"})).encode() == "TS;SI,TK;USA"
    assert Label("U").encode() == "U;;*"
    assert Label("S", frozenset(), frozenset()).encode() == "S;;"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "S",
        "S;;*;",
        "X;;*",
        "S;TK,SI;*",
        "S;SI,SI;*",
        "S;;USA,GBR",
        "S;;usa",
        "S; SI;*",
        "S;;*,USA",
        "S;;US",
        "s;;*",
    ],
)
def test_what_encode_does_not_write_is_refused(text: str) -> None:
    with pytest.raises(MarkingError) as caught:
        Label.decode(text)
    assert caught.value.rule == "label-encoding"


def test_all_nationalities_of_a_dual_national_must_be_released() -> None:
    label = Label("S", rel=frozenset({"USA", "GBR"}))
    assert can_read(Clearance("S", nationalities=frozenset({"USA", "GBR"})), label)
    assert not can_read(Clearance("S", nationalities=frozenset({"USA", "FRA"})), label)


def test_a_subject_without_nationality_reads_only_what_has_no_limit() -> None:
    stateless = Clearance("TS")
    assert can_read(stateless, Label("S"))
    assert not can_read(stateless, Label("S", rel=frozenset({"USA"})))


def test_writing_is_at_the_equal_label_only() -> None:
    assert can_write(Label("S"), Label("S"))
    assert not can_write(Label("S"), Label("TS"))
    assert not can_write(Label("S"), Label("U"))
