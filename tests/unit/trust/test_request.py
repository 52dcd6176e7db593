"""Signatures are collected on media: no two people need to meet, and nobody signs what does not hold together."""

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.errors import ApplianceError
from appliance.trust.canonical import decode, encode
from appliance.trust.fingerprint import fingerprint
from appliance.trust.repository.chain import RootChain
from appliance.trust.repository.client import verify_metadata
from appliance.trust.repository.metadata import Target
from appliance.trust.repository.publish import Edition, prepare
from appliance.trust.repository.request import SigningRequest, request_next_root, sign_with_all
from appliance.trust.repository.root import Person
from tests.unit.trust.simulator import (
    ANNA,
    BERT,
    CARL,
    CUSTOM,
    DAY,
    DORA,
    EVE,
    FIRST,
    START,
    enrol,
    without_quantum_safe_key,
)

TARGET = Target("models/small.gguf", 3, fingerprint(b"abc"), CUSTOM)


def ask() -> SigningRequest:
    edition = Edition(created=START, expires=START + timedelta(days=100), version=1)
    return prepare([TARGET], chain=FIRST, edition=edition)


def carry(request: SigningRequest) -> SigningRequest:
    """To the next person, on media."""
    return SigningRequest.decode(request.encode(), "request.json")


def carry_through(request: SigningRequest, *people: Person) -> SigningRequest:
    for person in people:
        request = carry(request.sign(person))
    return request


def test_two_of_three_people_in_three_steps() -> None:
    request = carry_through(ask(), ANNA, BERT, ANNA)
    assert request.complete()
    repository = verify_metadata(request.files(), fingerprint(FIRST.roots[0]), known={}, now=START + DAY)
    assert repository.signers["hybrid"] == ("anna", "bert")


def test_it_says_who_is_next() -> None:
    request = ask()
    assert "anna, bert, carl" in request.next_step()
    request = carry_through(request, BERT)
    assert "one of: anna, carl" in request.next_step()
    request = carry_through(request, CARL)
    assert "both algorithms; carry it to one of: anna, bert" in request.next_step()
    assert "complete" in carry_through(request, ANNA).next_step()


def test_one_person_alone_completes_nothing() -> None:
    request = carry_through(ask(), ANNA, ANNA, ANNA)
    assert not request.complete()
    with pytest.raises(ApplianceError, match="not signed by enough people"):
        request.files()


def test_a_stranger_cannot_sign() -> None:
    with pytest.raises(ApplianceError, match="eve is not registered"):
        ask().sign(EVE)


def test_another_ml_dsa_key_cannot_sign() -> None:
    with pytest.raises(ApplianceError, match="not registered with these two keys"):
        ask().sign(without_quantum_safe_key(ANNA))


def test_a_next_root_needs_people_of_both() -> None:
    request = request_next_root(FIRST, enrol(CARL, DORA, EVE), START + 500 * DAY)
    request = carry_through(request, ANNA, BERT)
    assert not request.documents_stand()
    request = carry_through(request, CARL, DORA)
    assert request.documents_stand()
    assert not request.complete()
    request = carry_through(request, ANNA, BERT)
    assert request.complete()
    chain = RootChain(request.files())
    assert chain.verify().version == 2


def test_the_new_people_alone_cannot_take_over() -> None:
    request = request_next_root(FIRST, enrol(DORA, EVE), START + 500 * DAY)
    request = carry_through(request, DORA, EVE, DORA, EVE)
    assert not request.documents_stand()


def test_a_request_whose_content_was_changed_after_somebody_signed() -> None:
    value = decode(carry_through(ask(), ANNA).encode(), "request.json")
    value["documents"]["targets.json"] = value["documents"]["targets.json"].replace("small.gguf", "other.gguf")
    with pytest.raises(ApplianceError, match=r"targets.json: the signature of key"):
        SigningRequest.decode(encode(value), "request.json")


def test_a_request_whose_envelope_covers_other_bytes() -> None:
    value = decode(carry_through(ask(), ANNA, BERT).encode(), "request.json")
    other = prepare([], chain=FIRST, edition=Edition(created=START, expires=START + DAY, version=1))
    value["envelope"] = decode(carry_through(other, ANNA, BERT).encode(), "request.json")["envelope"]
    with pytest.raises(ApplianceError, match="is not the file that was signed"):
        SigningRequest.decode(encode(value), "request.json")


def test_a_request_for_something_else() -> None:
    value = decode(ask().encode(), "request.json")
    del value["documents"]["snapshot.json"]
    with pytest.raises(ApplianceError, match="neither a repository nor the next root"):
        SigningRequest.decode(encode(value), "request.json")


@settings(max_examples=10)
@given(st.permutations([ANNA, BERT, CARL]))
def test_any_order_of_people_completes_it(people: list[Person]) -> None:
    assert sign_with_all(ask(), people).complete()


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b'{"_type":"signing-request"}', b"\xff"])
def test_garbage_is_a_refusal(data: bytes) -> None:
    with pytest.raises(ApplianceError):
        SigningRequest.decode(data, str(Path("request.json")))
