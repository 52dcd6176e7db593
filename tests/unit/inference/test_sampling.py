"""A chain that was cut short still does what a request asks for."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from images.inference.app.sampling import ORDER, steps
from images.inference.app.settings import ON_DEVICE

FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "temperature": st.floats(0, 2),
        "top_p": st.floats(0.01, 1),
        "frequency_penalty": st.floats(-2, 2),
        "presence_penalty": st.floats(-2, 2),
    },
)


@given(FIELDS)
def test_what_is_asked_is_done_in_the_engines_order(asked: dict[str, Any]) -> None:
    done = steps(asked, ON_DEVICE).get("samplers", list(ON_DEVICE))
    assert done == [step for step in ORDER if step in done]
    assert ("penalties" in done) == bool(asked.get("frequency_penalty") or asked.get("presence_penalty"))
    assert done[-1] == "temperature"
    if asked.get("temperature") != 0:
        assert ("top_p" in done) == ("top_p" in asked)


@given(FIELDS)
def test_a_whole_chain_is_left_to_the_engine(asked: dict[str, Any]) -> None:
    assert steps(asked, ()) == {}


@pytest.mark.parametrize("asked", [{}, {"temperature": 0.7}, {"top_p": None}])
def test_a_request_that_asks_nothing_more_changes_nothing(asked: dict[str, Any]) -> None:
    assert steps(asked, ON_DEVICE) == {}


def test_the_likeliest_token_needs_no_cut_before() -> None:
    assert steps({"temperature": 0, "top_p": 0.5}, ON_DEVICE) == {"samplers": ["temperature"]}
