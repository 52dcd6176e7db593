"""An envelope counts only with enough distinct, known and valid signatures over exactly its bytes."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.errors import ApplianceError
from appliance.trust import canonical, dsse
from appliance.trust.keys import ML_DSA, PrivateKey, generate

TYPE = "application/vnd.mls-appliance.site+json"
ANNA, BERT, CARL, EVE = (generate(name) for name in ("anna", "bert", "carl", "eve"))
PEOPLE = {key.name: key.public for key in (ANNA, BERT, CARL)}
VALUE = {"site": "demonstration", "enclaves": [1, 2, "ü"]}


def signed(*keys: PrivateKey, value: Any = VALUE) -> bytes:
    return dsse.sign(value, TYPE, keys)


def refuse(data: bytes, match: str, threshold: int = 2) -> None:
    with pytest.raises(ApplianceError, match=match):
        dsse.verify(data, TYPE, PEOPLE, threshold, "site.dsse.json")


def test_two_of_three_people_suffice() -> None:
    verified = dsse.verify(signed(BERT, ANNA), TYPE, PEOPLE, 2, "site.dsse.json")
    assert verified.value == VALUE
    assert verified.signers == ("anna", "bert")


def test_a_second_person_signs_later() -> None:
    data = dsse.add_signature(signed(ANNA), CARL)
    assert dsse.verify(data, TYPE, PEOPLE, 2, "f").signers == ("anna", "carl")
    assert dsse.add_signature(data, CARL) == data


def test_both_algorithms_verify() -> None:
    key = generate("quinn", scheme=ML_DSA)
    assert dsse.verify(signed(key), TYPE, {"quinn": key.public}, 1, "f").signers == ("quinn",)


def test_unsigned() -> None:
    refuse(signed(), "signed by nobody; 2 people must sign")


def test_once_signed() -> None:
    refuse(signed(ANNA), "signed by anna; 2 people")


def test_one_person_twice() -> None:
    envelope = json.loads(signed(ANNA))
    envelope["signatures"] += json.loads(signed(ANNA))["signatures"]  # ECDSA: another signature of the same key
    refuse(canonical.encode(envelope), "anna twice")


def test_a_stranger_among_enough_signatures() -> None:
    refuse(signed(ANNA, BERT, EVE), "signature 3 is of no known person")


def test_signatures_over_another_payload() -> None:
    envelope = json.loads(signed(ANNA, BERT))
    envelope["payload"] = base64.b64encode(canonical.encode(VALUE | {"site": "another"})).decode()
    refuse(canonical.encode(envelope), "no known person, or was made over other content")


def test_signatures_for_another_kind() -> None:
    with pytest.raises(ApplianceError, match="a statement of type"):
        dsse.verify(signed(ANNA, BERT), "application/vnd.mls-appliance.access+json", PEOPLE, 2, "f")


def test_white_space_is_not_canonical() -> None:
    refuse(signed(ANNA, BERT).replace(b'","', b'", "'), "not in canonical form")


def test_duplicate_keys() -> None:
    refuse(signed(ANNA, BERT).replace(b'{"payload":', b'{"payload":"","payload":', 1), "'payload' appears twice")


def test_a_second_spelling_of_base64() -> None:
    envelope = json.loads(signed(ANNA, BERT))
    envelope["payload"] += "\n"
    refuse(canonical.encode(envelope), "base64")


def test_extra_fields() -> None:
    refuse(canonical.encode(json.loads(signed(ANNA, BERT)) | {"note": 1}), "not a DSSE envelope")


def test_one_key_under_two_names_is_not_two_people() -> None:
    with pytest.raises(ApplianceError, match="a key twice"):
        dsse.verify(signed(ANNA), TYPE, {"anna": ANNA.public, "hanna": ANNA.public}, 2, "f")


SIGNED = signed(ANNA, BERT)


@settings(max_examples=300)
@given(st.integers(0, len(SIGNED) - 1), st.integers(1, 255))
def test_any_changed_byte_is_refused(position: int, flip: int) -> None:
    data = bytearray(SIGNED)
    data[position] ^= flip
    refuse(bytes(data), "site.dsse.json")


@pytest.mark.parametrize("garbage", [b"", b"{}", b"[]", b"null", b"\xff", b"[" * 100_000, b'{"payload":NaN}'])
def test_garbage_is_a_refusal_not_a_traceback(garbage: bytes) -> None:
    refuse(garbage, "site.dsse.json")


def test_yaml_with_a_duplicate_key() -> None:
    with pytest.raises(ApplianceError, match="'name' appears twice"):
        canonical.decode_yaml("enclaves:\n  - name: a\n    name: b\n", "site.yml")


def test_yaml_dates_stay_text() -> None:
    assert canonical.decode_yaml("expires: 2027-01-31", "subjects.yml") == {"expires": "2027-01-31"}
