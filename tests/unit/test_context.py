"""A context serves for the one request it was made for, and for nothing else; who verifies one cannot make one."""

import time

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from appliance.contract.context import Context, ContextError, Once, open_context, seal
from tests.contexts import ADMISSION_KEY, PUBLIC_KEY, SIGNING_KEY, sealed, sealed_as_0_1_0

ASKED = {"service": "labeling", "method": "GET", "path": "/labeling/api/tasks"}


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
    assert open_context(sealed(context), PUBLIC_KEY, **ASKED) == context


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
        open_context(sealed(make()), PUBLIC_KEY, **request_)


def test_forged_expired_and_garbled_contexts_are_refused() -> None:
    good = sealed(make())
    version, payload, signature, code = good.split(".")
    other = sealed(make(subject="officer")).split(".")[1]
    for token in (
        seal(make(), Ed25519PrivateKey.generate(), ADMISSION_KEY),
        sealed(make(expires=1)),
        sealed_as_0_1_0(make(), ADMISSION_KEY),
        sealed_as_0_1_0(make(), PUBLIC_KEY.public_bytes_raw()),
        f"{version}.{other}.{signature}.{code}",
        f"v1.{payload}.{signature}.{code}",
        f"{version}.{payload}..{code}",
        f"{version}.{payload}.{code}",
        f"{good}.{code}",
        "",
        "v2...",
        "\N{LATIN SMALL LETTER E WITH ACUTE}",
    ):
        with pytest.raises(ContextError):
            open_context(token, PUBLIC_KEY, **ASKED)


@given(token=st.text() | st.from_regex(r"v2\.[A-Za-z0-9_=-]{0,40}\.[A-Za-z0-9_-]{86}\.[0-9a-f]{64}", fullmatch=True))
def test_whatever_is_sent_is_refused_in_one_way(token: str) -> None:
    with pytest.raises(ContextError):
        open_context(token, PUBLIC_KEY, **ASKED)


def test_the_two_seals_have_nothing_to_do_with_each_other() -> None:
    """What the database knows serves for no service, and what services know for no database."""
    one, another = sealed(make()), seal(make(), SIGNING_KEY, b"b" * 32)
    assert one.split(".")[2] == another.split(".")[2]
    assert one.split(".")[3] != another.split(".")[3]


def test_a_request_is_served_once() -> None:
    once = Once()
    once.take(make())
    once.take(make(request="1" * 32))
    with pytest.raises(ContextError, match="used before"):
        once.take(make())
