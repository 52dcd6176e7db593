"""Our attestations as Sigstore bundles v0.3: the cases of Sigstore's conformance tests for keys, and stricter ones."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import ApplianceError
from appliance.trust import canonical, dsse
from appliance.trust.keys import generate
from appliance.trust.sigstore import hint_of, unwrap, wrap
from appliance.trust.statements import PAYLOAD_TYPE, SLSA_PROVENANCE, sign_statement, verify_statement

BUILDER, STRANGER = generate("builder"), generate("stranger")
DIGEST = "ab" * 32
NAME = "image.sigstore.json"


def bundle_of(statement: dict[str, Any]) -> bytes:
    return wrap(dsse.sign(statement, PAYLOAD_TYPE, [BUILDER]), BUILDER.public, NAME)


def statement(**changes: Any) -> dict[str, Any]:
    subject = [{"name": "image", "digest": {"sha256": DIGEST}}]
    complete = {"_type": "https://in-toto.io/Statement/v1", "subject": subject, "predicate": {}}
    merged = complete | {"predicateType": SLSA_PROVENANCE} | changes
    return {key: value for key, value in merged.items() if value is not None}


def judge(data: bytes) -> None:
    keys = [BUILDER.public]
    envelope = unwrap(data, keys, NAME)
    people = {key.keyid: key for key in keys}
    verify_statement(envelope, people, NAME, predicate_types=[SLSA_PROVENANCE], sha256=DIGEST)


def test_a_good_bundle() -> None:
    judge(bundle_of(statement()))


@given(st.dictionaries(st.text(max_size=8), st.integers(-(2**53) + 1, 2**53 - 1), max_size=4))
def test_what_was_wrapped_comes_out_again(predicate: dict[str, int]) -> None:
    envelope = sign_statement({"image": DIGEST}, SLSA_PROVENANCE, predicate, [BUILDER])
    assert unwrap(wrap(envelope, BUILDER.public, NAME), [STRANGER.public, BUILDER.public], NAME) == envelope


@pytest.mark.parametrize(
    ("changed", "finding"),
    [
        (statement(_type=None), "not an in-toto Statement v1: Field required"),
        (statement(_type=None, type="https://in-toto.io/Statement/v1"), "not an in-toto Statement v1: Field required"),
        (statement(_type="https://in-toto.io/Statement/v2"), "not an in-toto Statement v1"),
        (statement(predicateType="https://example.test/other"), "states https://example.test/other"),
        (statement(subject=[{"name": "image", "digest": {"sha256": "cd" * 32}}]), "is about other bytes"),
        (statement(subject=[]), "not an in-toto Statement v1"),
    ],
)
def test_a_statement_that_is_none(changed: dict[str, Any], finding: str) -> None:
    with pytest.raises(ApplianceError, match=finding):
        judge(bundle_of(changed))


def change(path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    """Set what is at ``path``; a function makes the new value of the old one."""

    def act(bundle: dict[str, Any]) -> None:
        *parents, last = path.split(".")
        for name in parents:
            bundle = bundle[name]
        bundle[last] = value(bundle[last]) if callable(value) else value

    return act


def signed_by_stranger(signatures: list[dict[str, str]]) -> list[dict[str, str]]:
    other = json.loads(dsse.sign(statement(), PAYLOAD_TYPE, [STRANGER]))["signatures"][0]
    return [signatures[0] | {"sig": other["sig"]}]


@pytest.mark.parametrize(
    ("edit", "finding"),
    [
        (lambda bundle: bundle.pop("mediaType"), "mediaType: Field required"),
        (change("mediaType", "application/vnd.dev.sigstore.bundle.v0.2+json"), "mediaType"),
        (change("dsseEnvelope.signatures", lambda signatures: signatures * 2), "at most 1 item"),
        (change("dsseEnvelope.signatures", []), "at least 1 item"),
        (change("dsseEnvelope.signatures", signed_by_stranger), "made over other content"),
        (change("dsseEnvelope.payload", lambda payload: payload[:-8] + payload[-4:]), "other content|base64"),
        (change("dsseEnvelope.payloadType", "text/plain"), "made over other content"),
        (change("verificationMaterial.publicKey.hint", "00" * 32), "its hint is not the key id"),
        (change("verificationMaterial.publicKey.hint", ""), "its hint is not the key id"),
        (change("verificationMaterial.tlogEntries", []), "verificationMaterial.tlogEntries: Extra inputs"),
        (change("verificationMaterial", {"certificate": {"rawBytes": ""}}), "verificationMaterial.publicKey"),
        (change("messageSignature", {"signature": ""}), "messageSignature: Extra inputs"),
    ],
)
def test_a_bundle_that_is_refused(edit: Callable[[dict[str, Any]], None], finding: str) -> None:
    bundle = json.loads(bundle_of(statement()))
    edit(bundle)
    with pytest.raises(ApplianceError, match=finding):
        judge(canonical.encode(bundle))


def test_another_key_of_the_right_form() -> None:
    envelope = sign_statement({"image": DIGEST}, SLSA_PROVENANCE, {}, [STRANGER])
    with pytest.raises(ApplianceError, match=f"its key {hint_of(STRANGER.public)[:16]} is not registered"):
        judge(wrap(envelope, STRANGER.public, NAME))


def test_an_envelope_of_two_people_has_no_twin() -> None:
    envelope = sign_statement({"image": DIGEST}, SLSA_PROVENANCE, {}, [BUILDER, STRANGER])
    with pytest.raises(ApplianceError, match="at most 1 item"):
        wrap(envelope, BUILDER.public, NAME)


def test_a_bundle_in_another_spelling() -> None:
    with pytest.raises(ApplianceError, match="not in canonical form"):
        judge(json.dumps(json.loads(bundle_of(statement())), indent=1).encode())
    with pytest.raises(ApplianceError, match="appears twice"):
        judge(bundle_of(statement()).replace(b'"mediaType"', b'"mediaType":"","mediaType"', 1))
