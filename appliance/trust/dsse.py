"""DSSE envelopes signed by several people, read strictly.

DSSE 1.0 signs ``PAE(type, body)`` and lets a verifier demand t of n keys. The key id in an envelope is an
unauthenticated hint, so each signature is tried against every key given; a signature that none of them verifies
makes the whole envelope a refusal, because nobody can say why it is there.
"""

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from appliance.errors import ApplianceError
from appliance.trust import canonical
from appliance.trust.keys import ECDSA, PublicKey, SigningKey, one_form

RULE = "signed statements are DSSE envelopes in canonical JSON with t valid signatures of known people and no others"


ENVELOPE = "a signed statement is a DSSE envelope: the fields payload, payloadType and signatures"
SIGN_FIRST = "name the .dsse.json file that signing made; a draft is signed first, for example by appliance site sign"


class SignatureRefusedError(ApplianceError):
    """An envelope that does not prove what it should."""


class _Signature(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    keyid: str
    sig: str


class _Envelope(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    payload: str
    payload_type: str = Field(alias="payloadType")
    signatures: list[_Signature]


@dataclass(frozen=True)
class Verified:
    """What an envelope says, and who said it.

    Attributes:
        value: the payload, parsed.
        payload: its exact bytes.
        signers: names of the people whose signatures were verified, sorted.
    """

    value: Any
    payload: bytes
    signers: tuple[str, ...]


def pae(payload_type: str, payload: bytes) -> bytes:
    """The bytes that are signed (DSSE 1.0, pre-authentication encoding)."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def sign(value: Any, payload_type: str, keys: Iterable[SigningKey]) -> bytes:
    """The canonical envelope over ``value`` with one signature of each key."""
    envelope = {"payload": _b64(canonical.encode(value)), "payloadType": payload_type, "signatures": []}
    data = canonical.encode(envelope)
    for key in keys:
        data = add_signature(data, key)
    return data


def add_signature(data: bytes, key: SigningKey, name: str = "envelope") -> bytes:
    """The envelope ``data`` with the signature of ``key`` added, or unchanged when that key has signed already.

    Raises:
        SignatureRefusedError: ``data`` is not an envelope.
    """
    envelope = _parse(data, name)
    payload = _unb64(envelope.payload, name)
    message = pae(envelope.payload_type, payload)
    public = key.public
    if any(public.verifies(_unb64(signature.sig, name), message) for signature in envelope.signatures):
        return data
    signatures = [*envelope.signatures, _Signature(keyid=public.keyid, sig=_b64(key.sign(message)))]
    return canonical.encode(
        {
            "payload": envelope.payload,
            "payloadType": envelope.payload_type,
            "signatures": [signature.model_dump() for signature in signatures],
        }
    )


def in_order(data: bytes, name: str) -> bytes:
    """The envelope with its signatures in the order of their keys' ids, so that it does not matter who signed first."""
    envelope = _parse(data, name).model_dump(by_alias=True)
    return canonical.encode(
        envelope | {"signatures": sorted(envelope["signatures"], key=lambda one: str(one["keyid"]))}
    )


def has_one_form(data: bytes, people: Iterable[PublicKey], name: str) -> bool:
    """Whether a verified envelope is written in the one way in which it is signed here.

    Its signatures stand in the order of their keys' ids, and each of ECDSA has the smaller s: nobody can make another
    file of it that verifies too.
    """
    keys = {key.keyid: key for key in people}
    signatures = _parse(data, name).signatures
    if signatures != sorted(signatures, key=lambda one: one.keyid):
        return False
    written = [(keys[one.keyid], _unb64(one.sig, name)) for one in signatures]
    return all(key.scheme != ECDSA or one_form(signature) == signature for key, signature in written)


def payload_of(data: bytes, name: str) -> tuple[str, Any]:
    """Payload type and parsed payload of an envelope whose signatures are NOT verified; to show it before signing."""
    envelope = _parse(data, name)
    return envelope.payload_type, canonical.decode_canonical(_unb64(envelope.payload, name), name)


def verify(data: bytes, payload_type: str, people: Mapping[str, PublicKey], threshold: int, name: str) -> Verified:
    """Verify an envelope against the keys of ``people``.

    Args:
        data: the envelope's bytes.
        payload_type: the type it must have.
        people: name to public key.
        threshold: how many distinct people must have signed, at least 1.
        name: the file, for the error.

    Raises:
        SignatureRefusedError: not canonical, another type, a signature that no key verifies, one
            person twice, or too few people.
    """
    if threshold < 1 or len({key.keyid for key in people.values()}) != len(people):
        raise SignatureRefusedError(f"{name}: the list of people is not usable: a key twice, or threshold below 1")
    envelope = _parse(data, name)
    if envelope.payload_type != payload_type:
        raise SignatureRefusedError(
            f"{name}: a statement of type {envelope.payload_type!r}, not {payload_type!r}",
            rule="a signature counts for the kind of statement that it was given to",
            remedy="name the statement of the right kind",
        )
    payload = _unb64(envelope.payload, name)
    message = pae(payload_type, payload)
    signers: set[str] = set()
    for number, signature in enumerate(envelope.signatures, start=1):
        raw = _unb64(signature.sig, name)
        signer = next((person for person, key in people.items() if key.verifies(raw, message)), None)
        if signer is None:
            raise SignatureRefusedError(
                f"{name}: signature {number} is of no known person, or was made over other content",
                rule=RULE,
                remedy="have it signed again by the registered people, or carry it again from its source",
            )
        if signature.keyid != people[signer].keyid or signer in signers:
            raise SignatureRefusedError(
                f"{name}: signature {number} names another key, or {signer} twice",
                rule=RULE,
                remedy="have it signed again",
            )
        signers.add(signer)
    if len(signers) < threshold:
        raise SignatureRefusedError(
            f"{name}: signed by {', '.join(sorted(signers)) or 'nobody'}; {threshold} people must sign",
            rule=RULE,
            remedy=f"have it signed by {threshold - len(signers)} more of: {', '.join(sorted(set(people) - signers))}",
        )
    value = canonical.decode_canonical(payload, f"{name} (payload)")
    return Verified(value=value, payload=payload, signers=tuple(sorted(signers)))


def _parse(data: bytes, name: str) -> _Envelope:
    try:
        value = canonical.decode(data, name)
    except canonical.NotJsonError as error:
        why = error.message.removeprefix(f"{name}: ")
        raise SignatureRefusedError(
            f"{name}: is not a signed statement: it {why}", rule=ENVELOPE, remedy=SIGN_FIRST
        ) from error
    if not isinstance(value, dict) or not {"payload", "payloadType", "signatures"} <= set(value):
        what = canonical.described(value)
        raise SignatureRefusedError(f"{name}: is not a signed statement, but {what}", rule=ENVELOPE, remedy=SIGN_FIRST)
    try:
        return _Envelope.model_validate(canonical.decode_canonical(data, name))
    except ValidationError as error:
        raise SignatureRefusedError(f"{name}: not a DSSE envelope: {error.errors()[0]['msg']}", rule=RULE) from error


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _unb64(text: str, name: str) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise SignatureRefusedError(
            f"{name}: not base64", rule=RULE, remedy="carry it again from its source"
        ) from error
    if _b64(data) != text:
        raise SignatureRefusedError(
            f"{name}: base64 with a second spelling", rule=RULE, remedy="carry it again from its source"
        )
    return data
