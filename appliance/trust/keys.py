"""Keys of people: made, kept in encrypted files, and used to sign and to verify.

A private key file is an encrypted PKCS#8 PEM with three lines before it that name the holder. The lines are for people;
nothing is decided by them. A key is identified by the SHA-256 of its SubjectPublicKeyInfo, which any tool can compute.
"""

import getpass
import hashlib
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, Self

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, mldsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from pydantic import BaseModel, ConfigDict, model_validator

from appliance.errors import ApplianceError

DEMO = "DEMO"
DEMO_PASSPHRASE = "DEMO-passphrase.txt"  # noqa: S105  # the name of a file
PASSPHRASE_VARIABLE = "APPLIANCE_PASSPHRASE"  # noqa: S105  # the name of a variable

ECDSA = "ecdsa-sha2-nistp384"
ML_DSA = "ml-dsa-87/1"
_ORDER = int("ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973", 16)
"""n, the order of the group of P-384 (SP 800-186, 3.2.1.4)."""
_KEY_TYPES = {ECDSA: "ecdsa", ML_DSA: "ml-dsa"}

Passphrase = Callable[[str], bytes]


PEM_RULE = "people's keys are encrypted PKCS#8 files in PEM, which `appliance keys` makes"
PEM_REMEDY = "name the .pem file that `appliance keys` made"


class KeyFileError(ApplianceError):
    """A key file cannot be read, opened or used."""


class PublicKey(BaseModel):
    """A public key in TUF's own form (``keytype``, ``scheme``, ``keyval``), so that every TUF client reads it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    keytype: Literal["ecdsa", "ml-dsa"]
    scheme: Literal["ecdsa-sha2-nistp384", "ml-dsa-87/1"]
    keyval: dict[Literal["public"], str]

    @model_validator(mode="after")
    def _is_a_key(self) -> Self:
        try:
            key = self._load()
        except (KeyError, ValueError, UnsupportedAlgorithm) as error:
            raise ValueError(f"not a public key in PEM: {error}") from error
        if public_key(key) != self:
            raise ValueError("the key's type, scheme and PEM do not agree, or the PEM is not in its normal form")
        return self

    @property
    def keyid(self) -> str:
        """SHA-256 of the DER SubjectPublicKeyInfo, 64 hexadecimal digits."""
        der = self._load().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        return hashlib.sha256(der).hexdigest()

    def verifies(self, signature: bytes, data: bytes) -> bool:
        """Whether ``signature`` is this key's signature over ``data``."""
        key = self._load()
        try:
            if isinstance(key, ec.EllipticCurvePublicKey):
                key.verify(signature, data, ec.ECDSA(hashes.SHA384()))
            else:
                key.verify(signature, _ml_dsa_message(data))
        except InvalidSignature:
            return False
        return True

    def _load(self) -> ec.EllipticCurvePublicKey | mldsa.MLDSA87PublicKey:
        key = serialization.load_pem_public_key(self.keyval["public"].encode())
        if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP384R1):
            return key
        if isinstance(key, mldsa.MLDSA87PublicKey):
            return key
        raise ValueError("only ECDSA P-384 and ML-DSA-87 keys are accepted")


def one_form(signature: bytes) -> bytes:
    """An ECDSA P-384 signature (r, s) with the smaller of s and n - s: both verify, and only one of them is written.

    Raises:
        ValueError: it is no such signature.
    """
    r, s = decode_dss_signature(signature)
    return encode_dss_signature(r, min(s, _ORDER - s))


class SigningKey(Protocol):
    """A person's key, opened, wherever it is: :class:`PrivateKey` from a file, or one that stays in a token."""

    @property
    def name(self) -> str:
        """The holder."""

    @property
    def demo(self) -> bool:
        """Whether the key is marked as a demonstration key."""

    @property
    def public(self) -> PublicKey:
        """The public half."""

    def sign(self, data: bytes) -> bytes:
        """The signature over ``data``."""


@dataclass(frozen=True)
class PrivateKey:
    """A person's private key, opened from its file.

    Attributes:
        name: the holder, as the file says; starts with ``DEMO`` for a demonstration key.
        demo: whether the key is marked as a demonstration key.
        private: the key itself.
    """

    name: str
    demo: bool
    private: ec.EllipticCurvePrivateKey | mldsa.MLDSA87PrivateKey

    @property
    def public(self) -> PublicKey:
        """The public half."""
        return public_key(self.private.public_key())

    def sign(self, data: bytes) -> bytes:
        """Sign ``data``: ECDSA over SHA-384, or ML-DSA-87 over TUF's prefixed SHA-512 (TAP 21)."""
        if isinstance(self.private, ec.EllipticCurvePrivateKey):
            return one_form(self.private.sign(data, ec.ECDSA(hashes.SHA384())))
        return self.private.sign(_ml_dsa_message(data))

    def write(self, path: Path, passphrase: bytes, *, role: str) -> None:
        """Write the encrypted private key to ``path`` (mode 0600), which must not exist."""
        pem = self.private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(passphrase),
        )
        demo = "yes, made for a demonstration: trust nothing signed with it" if self.demo else "no"
        comment = f"Holder: {self.name}\nRole: {role}\n{DEMO}: {demo}\n"
        write_private(path, comment.encode() + pem)


def generate(name: str, *, demo: bool = False, scheme: str = ECDSA) -> PrivateKey:
    """A new key of ``scheme`` for ``name``; a demonstration key's name starts with ``DEMO-``."""
    private = ec.generate_private_key(ec.SECP384R1()) if scheme == ECDSA else mldsa.MLDSA87PrivateKey.generate()
    return PrivateKey(name=mark(name, demo=demo), demo=demo, private=private)


def mark(name: str, *, demo: bool) -> str:
    """``name``, visibly marked when it belongs to a demonstration."""
    return f"{DEMO}-{name}" if demo else name


def load_private_key(path: Path, passphrase: Passphrase | None = None) -> PrivateKey:
    """Open a person's key file.

    Args:
        path: the key file.
        passphrase: gives the passphrase for the named holder; by default :func:`ask_passphrase`.

    Raises:
        KeyFileError: no such file, not such a key, or the wrong passphrase.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise KeyFileError(f"{path}: cannot be read: {error.strerror}", remedy="name the key file") from error
    if b"PRIVATE KEY-----" not in data:
        raise KeyFileError(f"{path}: not a private key in PEM", rule=PEM_RULE, remedy=PEM_REMEDY)
    fields = dict(line.split(": ", 1) for line in data.decode(errors="replace").splitlines()[:3] if ": " in line)
    name, demo = fields.get("Holder", path.stem), fields.get(DEMO, "no").startswith("yes")
    secret = passphrase(name) if passphrase else ask_passphrase(path, name, demo=demo)
    try:
        private = serialization.load_pem_private_key(data, secret)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise KeyFileError(
            f"{path}: cannot be opened with this passphrase",
            rule="a private key is kept encrypted, and opens with its holder's passphrase alone",
            remedy=f"give the passphrase of {name}; if that is the one you gave, the file is damaged",
        ) from error
    if isinstance(private, mldsa.MLDSA87PrivateKey) or (
        isinstance(private, ec.EllipticCurvePrivateKey) and isinstance(private.curve, ec.SECP384R1)
    ):
        return PrivateKey(name=name, demo=demo, private=private)
    raise KeyFileError(
        f"{path}: not an ECDSA P-384 or ML-DSA-87 key",
        rule="people sign with these two algorithms",
        remedy="name a key that `appliance keys` made",
    )


def load_public_key(path: Path) -> PublicKey:
    """Read a public key in PEM.

    Raises:
        KeyFileError: absent, or not an ECDSA P-384 or ML-DSA-87 key.
    """
    try:
        key = serialization.load_pem_public_key(path.read_bytes())
    except OSError as error:
        raise KeyFileError(f"{path}: cannot be read: {error.strerror}", remedy="name the key file") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise KeyFileError(
            f"{path}: not a public key in PEM",
            rule="the public half of a key is the .pub file that `appliance keys` made beside it",
            remedy="name that file",
        ) from error
    if isinstance(key, ec.EllipticCurvePublicKey | mldsa.MLDSA87PublicKey):
        public = public_key(key)
        return PublicKey.model_validate(public.model_dump())
    raise KeyFileError(
        f"{path}: not an ECDSA P-384 or ML-DSA-87 key",
        rule="people sign with these two algorithms",
        remedy="name a key that `appliance keys` made",
    )


def host_key(path: Path, *, demo: bool = False) -> PrivateKey:
    """The host's own signing key, made on first use; in a file of root's alone (mode 0600), as nobody is there to ask.

    Args:
        path: the key file.
        demo: marks a new key as a demonstration's.

    Raises:
        KeyFileError: the file is not such a key.
    """
    if not path.exists():
        key = generate("host", demo=demo)
        pem = key.private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(path, f"Holder: {key.name}\nRole: signs what this host verified\n".encode() + pem)
    try:
        private = serialization.load_pem_private_key(path.read_bytes(), None)
    except (OSError, ValueError, TypeError) as error:
        raise KeyFileError(f"{path}: not the key of a host: {error}") from error
    if not isinstance(private, ec.EllipticCurvePrivateKey):
        raise KeyFileError(f"{path}: not an ECDSA P-384 key")
    return PrivateKey(name=mark("host", demo=demo), demo=demo, private=private)


def ask_passphrase(path: Path, name: str, *, demo: bool) -> bytes:
    """The passphrase for a key file: environment, then a demonstration's own file, then the terminal.

    Raises:
        KeyFileError: none of them has it.
    """
    if PASSPHRASE_VARIABLE in os.environ:
        return os.environ[PASSPHRASE_VARIABLE].encode()
    if demo:
        for folder in (path.parent, path.parent.parent):
            if (folder / DEMO_PASSPHRASE).is_file():
                return (folder / DEMO_PASSPHRASE).read_bytes().strip()
    if not sys.stdin.isatty():
        raise KeyFileError(
            f"{path}: the key of {name} is encrypted and no passphrase was given",
            remedy=f"set {PASSPHRASE_VARIABLE}, use --passphrase-file, or run in a terminal",
        )
    return getpass.getpass(f"Passphrase of {name}: ").encode()


def write_private(path: Path, data: bytes) -> None:
    """Write a secret to a new file with mode 0600.

    Raises:
        KeyFileError: the file exists: keys are never overwritten.
    """
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(data)
    except FileExistsError as error:
        raise KeyFileError(
            f"{path}: exists already", rule="a key is never overwritten", remedy="choose an empty folder"
        ) from error


def public_key(key: ec.EllipticCurvePublicKey | mldsa.MLDSA87PublicKey) -> PublicKey:
    """The library's ``key`` in TUF's form; the caller has checked its curve."""
    pem = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
    scheme: Any = ECDSA if isinstance(key, ec.EllipticCurvePublicKey) else ML_DSA
    keytype: Any = _KEY_TYPES[scheme]
    return PublicKey.model_construct(keytype=keytype, scheme=scheme, keyval={"public": pem})


def _ml_dsa_message(data: bytes) -> bytes:
    return b"tuf\x01" + hashlib.sha512(data).digest()
