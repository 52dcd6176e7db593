"""Sigstore bundles v0.3: an attestation of ours in the form that other tools read (cosign, sigstore-js, model_signing).

A bundle here wraps one DSSE envelope with the one signature of a key that the reader has already, so it needs no
certificate, time stamp or log. :func:`unwrap` gives back the exact envelope, which `trust.statements` judges.
"""

from collections.abc import Iterable
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from appliance.errors import first_finding
from appliance.trust import canonical, dsse
from appliance.trust.dsse import SignatureRefusedError
from appliance.trust.fingerprint import fingerprint
from appliance.trust.keys import PublicKey

MEDIA_TYPE: Literal["application/vnd.dev.sigstore.bundle.v0.3+json"] = "application/vnd.dev.sigstore.bundle.v0.3+json"
Form = TypeVar("Form", bound=BaseModel)
RULE = "Sigstore bundle v0.3: one DSSE envelope with exactly one signature, whose key id is the public key's hint"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _PublicKey(_Strict):
    hint: str


class _Material(_Strict):
    public_key: _PublicKey = Field(alias="publicKey")


class _Signature(_Strict):
    keyid: str
    sig: str


class _Envelope(_Strict):
    payload: str
    payload_type: str = Field(alias="payloadType")
    signatures: list[_Signature] = Field(min_length=1, max_length=1)


class _Bundle(_Strict):
    media_type: Literal["application/vnd.dev.sigstore.bundle.v0.3+json"] = Field(alias="mediaType")
    verification_material: _Material = Field(alias="verificationMaterial")
    dsse_envelope: _Envelope = Field(alias="dsseEnvelope")


def hint_of(key: PublicKey) -> str:
    """How a bundle names a key: SHA-256 of its PEM file, in hexadecimal, which is what model_signing looks for."""
    return fingerprint(key.keyval["public"].encode())


def wrap(envelope: bytes, key: PublicKey, name: str) -> bytes:
    """The canonical bundle around an envelope that ``key`` alone signed.

    Raises:
        SignatureRefusedError: not an envelope with exactly the signature of ``key``.
    """
    form = _read(_Envelope, canonical.decode_canonical(envelope, name), name)
    if form.signatures[0].keyid != key.keyid:
        raise SignatureRefusedError(f"{name}: signed by another key than {key.keyid[:16]}", rule=RULE)
    hint = hint_of(key)
    named = form.model_copy(update={"signatures": [_Signature(keyid=hint, sig=form.signatures[0].sig)]})
    material = _Material(publicKey=_PublicKey(hint=hint))
    bundle = _Bundle(mediaType=MEDIA_TYPE, verificationMaterial=material, dsseEnvelope=named)
    return canonical.encode(bundle.model_dump(by_alias=True))


def unwrap(data: bytes, keys: Iterable[PublicKey], name: str) -> bytes:
    """The envelope in a bundle, with the key id that `trust.dsse` gives; its signature is verified.

    Args:
        data: the bundle's bytes.
        keys: the keys that may have signed it.
        name: the file, for the error.

    Raises:
        ApplianceError: not a canonical bundle of this form, more or fewer signatures than one, a hint that is not the
            key id, an unknown key, or a signature over other content.
    """
    form = _read(_Bundle, canonical.decode_canonical(data, name), name)
    envelope, hint = form.dsse_envelope, form.verification_material.public_key.hint
    if envelope.signatures[0].keyid != hint:
        raise SignatureRefusedError(f"{name}: its hint is not the key id of its signature", rule=RULE)
    key = next((key for key in keys if hint_of(key) == hint), None)
    if key is None:
        raise SignatureRefusedError(f"{name}: its key {hint[:16]} is not registered", rule=RULE)
    named = envelope.model_copy(update={"signatures": [_Signature(keyid=key.keyid, sig=envelope.signatures[0].sig)]})
    plain = canonical.encode(named.model_dump(by_alias=True))
    dsse.verify(plain, envelope.payload_type, {"signer": key}, 1, name)
    return plain


def _read(form: type[Form], value: object, name: str) -> Form:
    try:
        return form.model_validate(value)
    except ValidationError as error:
        raise SignatureRefusedError(f"{name}: not a bundle: {first_finding(error)}", rule=RULE) from error
