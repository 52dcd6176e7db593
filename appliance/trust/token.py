"""Keys of people in PKCS#11 tokens: the private key is made in the token, signs in it and never leaves it.

A token and the key in it are named by a PKCS#11 URI (RFC 7512) such as ``pkcs11:token=anna;object=anna``. Each
signature opens its own session, so that a token may be taken out between two of them. A wrong PIN is never tried twice:
a token locks itself after a few.
"""

import getpass
import hashlib
import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self
from urllib.parse import quote, unquote_to_bytes

import pkcs11
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pkcs11 import Attribute, KeyType, Mechanism, MechanismFlag, ObjectClass
from pkcs11.util.ec import encode_ec_public_key, encode_ecdsa_signature, encode_named_curve_parameters

from appliance.errors import ApplianceError
from appliance.trust.files import read_limited
from appliance.trust.keys import PublicKey, one_form, public_key

SCHEME = "pkcs11:"
MODULE_VARIABLE = "APPLIANCE_PKCS11_MODULE"
PIN_VARIABLE = "APPLIANCE_PIN"
RULE = "a token is named by a PKCS#11 URI (RFC 7512)"
_PATH = ("token", "serial", "object", "id")
_QUERY = ("module-path", "pin-source")

_EXPLANATIONS: dict[type[pkcs11.PKCS11Error], tuple[str, str]] = {
    pkcs11.PinIncorrect: ("the PIN is wrong", "give the right one; after a few wrong ones a token locks itself"),
    pkcs11.PinLenRange: ("the PIN is too short or too long", "give the token's PIN"),
    pkcs11.PinInvalid: ("the PIN has characters that the token does not take", "give the token's PIN"),
    pkcs11.PinExpired: ("the PIN has expired", "set a new PIN with the token's own tool"),
    pkcs11.PinLocked: ("it is locked after too many wrong PINs", "unlock it with its security officer's PIN (PUK)"),
    pkcs11.UserPinNotInitialized: ("it has no PIN yet", "initialise it with its own tool"),
    pkcs11.NoSuchToken: ("no such token is inserted", "insert it; the token's own tool lists what is there"),
    pkcs11.TokenNotPresent: ("it is not inserted", "insert it"),
    pkcs11.DeviceRemoved: ("it was taken out", "insert it and begin again"),
    pkcs11.TokenNotRecognised: ("this module does not know such a token", "name the module of its maker"),
    pkcs11.MultipleTokensReturned: ("several tokens have that name", "add ;serial= to the URI"),
    pkcs11.NoSuchKey: ("it holds no such ECDSA key", "name it by object= or id=, or make one: `appliance keys new`"),
    pkcs11.MultipleObjectsReturned: ("several of its keys have that name", "name one by id="),
    pkcs11.MechanismInvalid: ("it cannot do ECDSA on P-384", "take a token that can"),
}


class TokenError(ApplianceError):
    """A token that is absent, does not open, or does not hold the key."""


@dataclass(frozen=True)
class TokenUri:
    """A PKCS#11 URI (RFC 7512), of which these attributes are understood.

    Attributes:
        token: label of the token.
        serial: its serial number.
        object: label of the key.
        id: identifier of the key.
        module_path: the module's library; by default ``$APPLIANCE_PKCS11_MODULE``.
        pin_source: file with the PIN; by default ``$APPLIANCE_PIN``, otherwise a prompt.
    """

    token: str | None = None
    serial: str | None = None
    object: str | None = None
    id: bytes | None = None
    module_path: str | None = None
    pin_source: str | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a URI.

        Raises:
            TokenError: not one, an attribute twice or unknown, no token named, or a PIN in the URI itself.
        """
        path, _, query = text.removeprefix(SCHEME).partition("?")
        parts = [part.partition("=") for part in (*path.split(";"), *query.split("&")) if part]
        given = {name: unquote_to_bytes(value) for name, _, value in parts}
        if "pin-value" in given:
            raise TokenError("the PIN stands in the URI", rule="a PIN is no argument", remedy="use pin-source=FILE")
        unknown = sorted(set(given) - {*_PATH, *_QUERY})
        if not text.startswith(SCHEME) or len(given) != len(parts) or unknown:
            raise TokenError(
                f"{text!r} is not the URI of a token{f': {unknown[0]}' if unknown else ''}",
                rule=RULE,
                remedy="write for example pkcs11:token=anna",
            )
        if not {"token", "serial"} & set(given):
            raise TokenError(f"{text!r} names no token", rule=RULE, remedy="write for example pkcs11:token=anna")
        identifier = given.pop("id", None)
        texts = {name.replace("-", "_"): value.decode(errors="replace") for name, value in given.items()}
        return cls(id=identifier, **texts)

    def __str__(self) -> str:
        values = {"token": self.token, "serial": self.serial, "object": self.object, "id": self.id}
        path = ";".join(f"{name}={quote(value, safe='')}" for name, value in values.items() if value)
        where = {"module-path": self.module_path, "pin-source": self.pin_source}
        query = "&".join(f"{name}={quote(value)}" for name, value in where.items() if value)
        return f"{SCHEME}{path}{f'?{query}' if query else ''}"

    def pin(self) -> str:
        """The token's PIN, from the file that the URI names, the environment, or the terminal.

        Raises:
            ApplianceError: none of them has it.
        """
        if self.pin_source:
            return read_limited(Path(self.pin_source.removeprefix("file:")), 1024).decode().rstrip("\r\n")
        if PIN_VARIABLE in os.environ:
            return os.environ[PIN_VARIABLE]
        if not sys.stdin.isatty():
            raise TokenError(
                f"{self}: no PIN was given",
                remedy=f"set {PIN_VARIABLE}, add ?pin-source=FILE to the URI, or run in a terminal",
            )
        return getpass.getpass(f"PIN of the token {self.token or self.serial}: ")


@dataclass(frozen=True)
class TokenKey:
    """A person's ECDSA P-384 key in a token.

    Attributes:
        name: the holder.
        demo: whether the holder marked it as a demonstration's.
        uri: where it is.
        public: the public half.
        secret: the token's PIN.
    """

    name: str
    demo: bool
    uri: TokenUri
    public: PublicKey
    secret: str = field(repr=False)

    def sign(self, data: bytes) -> bytes:
        """Sign ``data`` with ECDSA over SHA-384, in the token.

        Raises:
            TokenError: the token was taken out, or does not sign.
        """
        with _session(self.uri, self.secret) as session:
            key = _private_half(session, self.uri)
            raw = key.sign(hashlib.sha384(data).digest(), mechanism=Mechanism.ECDSA)
        return one_form(encode_ecdsa_signature(raw))


def open_token_key(uri: TokenUri, name: str, *, demo: bool) -> TokenKey:
    """Open the key that ``uri`` names.

    Raises:
        ApplianceError: no module, no such token or key, the wrong PIN, a locked token, or another curve than P-384.
    """
    pin = uri.pin()
    with _session(uri, pin) as session:
        _private_half(session, uri)
        public = _public_half(session, uri)
    return TokenKey(name, demo, uri, public, pin)


def enrol(uri: TokenUri, name: str, *, demo: bool) -> TokenKey:
    """Take the key that ``uri`` names, or make one in the token when it names none; and see that it signs.

    The result's URI names the key and the serial number of its token, so that no other token is mistaken for it.

    Raises:
        ApplianceError: as :func:`open_token_key`, or the token has a key of that name already.
    """
    pin = uri.pin()
    with _session(uri, pin, writable=True) as session:
        uri = replace(uri, token=session.token.label, serial=session.token.serial.decode(errors="replace").strip("\0 "))
        if not (uri.object or uri.id):
            uri = replace(uri, object=name, id=secrets.token_bytes(8))
            _generate(session, uri)
        public = _public_half(session, uri)
    key = TokenKey(name, demo, uri, public, pin)
    challenge = b"appliance keys new: " + secrets.token_bytes(32)
    if not public.verifies(key.sign(challenge), challenge):
        raise TokenError(f"{uri}: its private and its public key don't belong together", remedy="make a new key in it")
    return key


def _generate(session: pkcs11.Session, uri: TokenUri) -> None:
    if list(session.get_objects({Attribute.CLASS: ObjectClass.PRIVATE_KEY, Attribute.LABEL: uri.object})):
        raise TokenError(
            f"{uri}: holds a key named {uri.object} already",
            rule="a key is never overwritten",
            remedy=f"add ;object={uri.object} to the URI to use that key",
        )
    curve = {Attribute.EC_PARAMS: encode_named_curve_parameters("secp384r1")}
    session.create_domain_parameters(KeyType.EC, curve, local=True).generate_keypair(
        id=uri.id,
        label=uri.object,
        store=True,
        capabilities=MechanismFlag.SIGN | MechanismFlag.VERIFY,
        private_template={Attribute.SENSITIVE: True, Attribute.EXTRACTABLE: False},
    )


def _private_half(session: pkcs11.Session, uri: TokenUri) -> pkcs11.SignMixin:
    key = _only(session, uri, ObjectClass.PRIVATE_KEY)
    if not isinstance(key, pkcs11.SignMixin):
        raise TokenError(f"{uri}: its key is not for signing", remedy="name another by object= or id=")
    return key


def _public_half(session: pkcs11.Session, uri: TokenUri) -> PublicKey:
    key = _only(session, uri, ObjectClass.PUBLIC_KEY)
    assert isinstance(key, pkcs11.PublicKey)  # noqa: S101  # it was asked for
    public = serialization.load_der_public_key(encode_ec_public_key(key))
    if not isinstance(public, ec.EllipticCurvePublicKey) or not isinstance(public.curve, ec.SECP384R1):
        raise TokenError(
            f"{uri}: its key is on another curve than P-384",
            rule="people sign with ECDSA P-384 and ML-DSA-87",
            remedy="make a key in the token: leave object= and id= away",
        )
    return public_key(public)


def _only(session: pkcs11.Session, uri: TokenUri, kind: ObjectClass) -> pkcs11.Object:
    wanted = {Attribute.CLASS: kind, Attribute.KEY_TYPE: KeyType.EC, Attribute.LABEL: uri.object, Attribute.ID: uri.id}
    found = list(session.get_objects({name: value for name, value in wanted.items() if value is not None}))
    if len(found) != 1:
        raise pkcs11.MultipleObjectsReturned if found else pkcs11.NoSuchKey
    return found[0]


@contextmanager
def _session(uri: TokenUri, pin: str, *, writable: bool = False) -> Iterator[pkcs11.Session]:
    """A session in which the holder is logged in; errors of the token become one sentence each."""
    module = uri.module_path or os.environ.get(MODULE_VARIABLE)
    if not module:
        remedy = f"set {MODULE_VARIABLE}, or add ?module-path=FILE to the URI"
        raise TokenError(f"{uri}: the token's module is not known", rule=RULE, remedy=remedy)
    try:
        library = pkcs11.lib(module)
    except pkcs11.PKCS11Error as error:
        remedy = "name the library that came with the token, such as opensc-pkcs11.so"
        raise TokenError(f"{module}: not a PKCS#11 module: {error}", remedy=remedy) from error
    try:
        serial = uri.serial.encode() if uri.serial else None
        token = library.get_token(token_label=uri.token, token_serial=serial)
        with token.open(rw=writable, user_pin=pin) as session:
            yield session
    except pkcs11.PKCS11Error as error:
        raise explain(error, uri) from error


def explain(error: pkcs11.PKCS11Error, uri: TokenUri) -> TokenError:
    """What a token's error means for the person who holds it."""
    problem, remedy = _EXPLANATIONS.get(type(error), (f"{type(error).__name__} {error}".strip(), ""))
    return TokenError(f"{uri}: {problem}", remedy=remedy)
