"""A context serves for the one request it was made for, and for nothing else."""

import time

import pytest

from appliance.monitor.decide.context import Context, ContextError, open_context, seal

KEY = b"k" * 32


def make(**changes: object) -> Context:
    values: dict[str, object] = {
        "request": "0" * 32,
        "enclave": "unclassified",
        "service": "labeling",
        "method": "GET",
        "path": "/labeling/api/tasks",
        "action": "read",
        "subject": "analyst",
        "level": "U",
        "label": "U;;*",
        "working": "U;;*",
        "expires": int(time.time()) + 30,
    }
    return Context.model_validate(values | changes)


def test_a_sealed_context_opens_for_its_own_request() -> None:
    context = make()
    opened = open_context(seal(context, KEY), KEY, service="labeling", method="GET", path="/labeling/api/tasks")
    assert opened == context


@pytest.mark.parametrize(
    "request_",
    [
        {"service": "inference", "method": "GET", "path": "/labeling/api/tasks"},
        {"service": "labeling", "method": "POST", "path": "/labeling/api/tasks"},
        {"service": "labeling", "method": "GET", "path": "/labeling/api/export"},
    ],
)
def test_a_context_is_refused_for_another_request(request_: dict[str, str]) -> None:
    with pytest.raises(ContextError):
        open_context(seal(make(), KEY), KEY, **request_)


def test_forged_expired_and_garbled_contexts_are_refused() -> None:
    good = seal(make(), KEY)
    for token in (
        seal(make(), b"x" * 32),
        seal(make(expires=1), KEY),
        good[:-1] + ("0" if good[-1] != "0" else "1"),
        "",
        "v1..",
        "é",
    ):
        with pytest.raises(ContextError):
            open_context(token, KEY, service="labeling", method="GET", path="/labeling/api/tasks")
