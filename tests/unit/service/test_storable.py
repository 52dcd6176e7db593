"""What the store cannot hold is refused at the boundary, naming the field; everything else is let through."""

import json
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.service.web.storable import FORM_TYPE, JSON_TYPE, problem_in


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (rb'{"text": "a\u0000b"}', "body.text: holds U+0000"),
        (b'{"text": "a\xed\xa0\x80"}', "body.text: holds U+D800 alone"),
        (rb'{"text": "\ud800"}', "body.text: holds U+D800 alone"),
        (rb'{"tasks": [{"a": 1}, {"answers": ["x", "\udfff"]}]}', "body.tasks.1.answers.1: holds U+DFFF alone"),
        (rb'{"a\u0000": 1}', "body: a name holds U+0000"),
        (b'{"a": NaN}', "body: holds NaN"),
        (b"[-Infinity]", "body: holds -Infinity"),
        (b'{"a": 1e400}', "body.a: is a number too large"),
        (b'{"a": -1e400}', "body.a: is a number too large"),
        (b'{"marking": "(S)", "text": "x", "marking": "(U)"}', "body: names 'marking' twice"),
        (b"[" * 100_000 + b"]" * 100_000, "body: is nested too deeply"),
        (rb'{"text": "\ud83d\ude00 fine"}', None),
        (b"{", None),
        (b"", None),
    ],
)
def test_what_no_record_can_hold_is_named(body: bytes, problem: str | None) -> None:
    found = problem_in(body, "application/json; charset=utf-8")
    assert found is None if problem is None else (found or "").startswith(problem)


@pytest.mark.parametrize(
    ("fields", "problem"),
    [({"text": "a\0b"}, "body.text: holds U+0000"), ({"text": "fine"}, None), ({"text": ""}, None)],
)
def test_forms_are_read_too(fields: dict[str, str], problem: str | None) -> None:
    found = problem_in(urlencode(fields).encode(), FORM_TYPE)
    assert found is None if problem is None else (found or "").startswith(problem)


def test_a_form_with_bytes_that_are_no_text_is_refused() -> None:
    assert "body.text: holds U+DC" in (problem_in(b"text=%ff%fe", FORM_TYPE) or "")


def test_other_bodies_are_not_looked_into() -> None:
    assert problem_in(b"\0\0\0", "application/octet-stream") is None
    assert problem_in(b"\0", "") is None


texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
plain = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts
values = st.recursive(plain, lambda inner: st.lists(inner) | st.dictionaries(texts, inner), max_leaves=20)


@given(values)
def test_whatever_can_be_stored_is_let_through(value: Any) -> None:
    assert problem_in(json.dumps(value).encode(), JSON_TYPE) is None


@given(st.binary(max_size=200), st.sampled_from([JSON_TYPE, FORM_TYPE, "text/plain"]))
def test_no_body_breaks_it(body: bytes, content_type: str) -> None:
    problem_in(body, content_type)
