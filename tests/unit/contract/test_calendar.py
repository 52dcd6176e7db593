"""What expires: judged by its terms, in order, and none of it hidden."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from appliance.contract.calendar import CRYPTOPERIODS, LONGEST, Calendar, Entry, Kind, State, Term, Terms, judge

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
ends = st.integers(-3000, 3000).map(lambda hours: NOW + timedelta(hours=hours))
entries = st.lists(
    st.builds(
        Entry, kind=st.sampled_from(Kind), name=st.text(max_size=5), ends=ends, rule=st.just("r"), renew=st.just("c")
    )
)
terms = st.dictionaries(st.sampled_from(Kind), st.builds(Term, warn_days=st.integers(0, 400)), max_size=5).map(
    lambda kinds: Terms(kinds=kinds)
)


def one(kind: Kind, ends: datetime) -> Entry:
    return Entry(kind=kind, name="x", ends=ends, rule="r", renew="c")


@pytest.mark.parametrize(
    ("days", "state"), [(-1, State.PAST), (0, State.PAST), (1, State.DUE), (30, State.DUE), (31, State.FINE)]
)
def test_a_thing_is_due_thirty_days_before_its_end_and_past_at_it(days: int, state: State) -> None:
    (found,) = judge([one(Kind.GATEWAY, NOW + timedelta(days=days))], Terms(), NOW).entries
    assert found.state is state


def test_the_policy_says_how_long_before() -> None:
    policy = Terms(kinds={Kind.GATEWAY: Term(warn_days=5), Kind.HOST_KEY: Term(period_days=400)})
    (found,) = judge([one(Kind.GATEWAY, NOW + timedelta(days=6))], policy, NOW).entries
    assert found.state is State.FINE
    assert policy.period(Kind.HOST_KEY) == timedelta(days=400)
    assert policy.period(Kind.LOG_KEY) == timedelta(days=CRYPTOPERIODS[Kind.LOG_KEY])


@pytest.mark.parametrize("kind", [Kind.ADMISSION_KEY, Kind.LOG_KEY, Kind.GATEWAY])
def test_no_policy_lets_a_key_be_used_longer_than_the_standard(kind: Kind) -> None:
    with pytest.raises(ValidationError, match=r"at most|end of its own"):
        Terms(kinds={kind: Term(period_days=LONGEST.get(kind, 0) + 1)})


@given(entries, terms)
def test_nothing_is_lost_the_order_is_that_of_the_ends_and_warnings_are_what_presses(
    found: list[Entry], policy: Terms
) -> None:
    calendar = judge(found, policy, NOW, ["a file"])
    assert sorted(map(repr, found)) == sorted(
        repr(Entry(**one.model_dump(exclude={"state"}))) for one in calendar.entries
    )
    assert [one.ends for one in calendar.entries] == sorted(one.ends for one in found)
    assert len(calendar.warnings()) == len(calendar.pressing) + 1
    assert all((one.state is State.PAST) == (one.ends <= NOW) for one in calendar.entries)
    assert Calendar.model_validate_json(calendar.model_dump_json()) == calendar


@given(entries, terms, st.timedeltas(timedelta(0), timedelta(days=300)))
def test_with_time_nothing_becomes_less_pressing(found: list[Entry], policy: Terms, later: timedelta) -> None:
    order = list(State)
    before, after = (judge(found, policy, NOW + by).entries for by in (timedelta(0), later))
    assert all(order.index(a.state) <= order.index(b.state) for a, b in zip(before, after, strict=True))
