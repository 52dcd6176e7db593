"""The lattice of restrictions: its laws, its encoding, and that who may read a join may read every part."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.markings import Clearance, MarkingError, Reader, Restriction, can_read, controlled, joined, parse
from tests.unit.markings.test_label import labels, subjects

groups = st.frozensets(st.sampled_from(["falcon", "heron", "kite"]))
restrictions = st.builds(Restriction, labels, groups, st.booleans())
readers = st.builds(Reader, subjects, groups, st.booleans())


@given(restrictions, restrictions, restrictions)
def test_join_is_idempotent_commutative_and_associative(a: Restriction, b: Restriction, c: Restriction) -> None:
    assert a.join(a) == a == joined(a)
    assert a.join(b) == b.join(a)
    assert a.join(b).join(c) == a.join(b.join(c)) == joined(a, b, c)


@given(restrictions, restrictions, restrictions)
def test_join_is_the_least_upper_bound(a: Restriction, b: Restriction, c: Restriction) -> None:
    assert a.within(a.join(b))
    assert b.within(a.join(b))
    if a.within(c) and b.within(c):
        assert a.join(b).within(c)


@given(restrictions, restrictions, restrictions)
def test_join_is_monotone(a: Restriction, b: Restriction, c: Restriction) -> None:
    if a.within(b):
        assert a.join(c).within(b.join(c))


@given(restrictions, restrictions, restrictions)
def test_within_is_a_partial_order(a: Restriction, b: Restriction, c: Restriction) -> None:
    assert a.within(a)
    if a.within(b) and b.within(a):
        assert a == b
    if a.within(b) and b.within(c):
        assert a.within(c)


@given(readers, st.lists(restrictions, max_size=4))
def test_a_reader_of_the_join_reads_every_part_and_the_other_way_round(
    reader: Reader, parts: list[Restriction]
) -> None:
    whole = joined(*parts)
    assert reader.can_read(whole) == all(reader.can_read(part) for part in parts)
    assert reader.can_receive(whole) == all(reader.can_receive(part) for part in parts)


@given(readers, restrictions, restrictions)
def test_what_is_less_restricted_is_read_by_no_fewer(reader: Reader, a: Restriction, b: Restriction) -> None:
    if a.within(b):
        assert reader.can_read(a) >= reader.can_read(b)
        assert reader.can_receive(a) >= reader.can_receive(b)


@given(readers, restrictions)
def test_groups_only_narrow_and_receiving_is_more_than_reading(reader: Reader, restriction: Restriction) -> None:
    assert reader.can_read(restriction) <= can_read(reader.clearance, restriction.label)
    assert reader.can_receive(restriction) <= reader.can_read(restriction)


@given(restrictions)
def test_an_encoding_is_read_back(restriction: Restriction) -> None:
    assert Restriction.decode(restriction.encode()) == restriction


@pytest.mark.parametrize(
    "text",
    ["", "S;;USA", "S;;USA|falcon", "S;;USA|falcon|oc", "S;;USA|heron,falcon|", "S;;USA|falcon,falcon|",
     "S;;USA|Falcon|", "S;;USA|falcon,|", "S;;USA||OC|", "X;;*||", "S;;USA|a b|", "S;;USA| falcon|"],
)  # fmt: skip
def test_what_is_not_canonical_is_refused(text: str) -> None:
    with pytest.raises(MarkingError):
        Restriction.decode(text)


def test_originator_control_is_the_markings() -> None:
    assert controlled(parse("SECRET//ORCON/NOFORN").obligations)
    assert not controlled(parse("SECRET//NOFORN").obligations)


def test_reading_in_place_needs_no_decision_and_receiving_does() -> None:
    thing = Restriction(parse("SECRET//ORCON/NOFORN").label, originator_controlled=True)
    reader = Reader(Clearance("S", frozenset(), frozenset({"USA"})))
    assert reader.can_read(thing)
    assert not reader.can_receive(thing)
