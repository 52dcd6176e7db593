"""A digest that is keyed tells nothing without its key, and whoever has the key can compare."""

import hashlib
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from appliance.contract import digest

KEY, OTHER = b"k" * 32, b"o" * 32


@given(st.text())
def test_the_same_text_has_the_same_digest_under_one_key_and_another_under_another(words: str) -> None:
    one = digest.recorded(digest.text(words), KEY)
    assert one == digest.recorded(digest.text(f" {words}\n"), KEY)
    assert one == digest.recorded(digest.text(unicodedata.normalize("NFD", words)), KEY)
    assert one != digest.recorded(digest.text(words), OTHER)
    assert one.startswith("hmac-sha256:")


@given(st.binary())
def test_the_bare_digest_is_in_no_record(data: bytes) -> None:
    recorded = digest.recorded(digest.guessable(data), KEY)
    assert hashlib.sha256(data).hexdigest() not in recorded
    assert digest.recorded(digest.plain(data), KEY) == digest.plain(data)


@pytest.mark.parametrize("wrong", ["keyed:", "keyed:sha256:", "keyed:sha256:" + "A" * 64, "keyed:md5:" + "0" * 64])
def test_a_digest_that_cannot_be_keyed_is_refused(wrong: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(digest.Given).validate_python(wrong)
