"""Signed notes, their keys, and checkpoints, as C2SP signed-note and tlog-checkpoint define them.

A note is a text, a blank line, and one line a signature: ``— <name> <base64 of key id and signature>``. A checkpoint
is a note whose text is the log's origin, its size and its root hash, one a line.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from appliance.errors import ApplianceError

ED25519 = 0x01
COSIGNATURE = 0x04
_NAME = re.compile(r"[^\s+]+")
_SIGNATURE_LINE = re.compile(r"— ([^\s+]+) ([A-Za-z0-9+/]+={0,2})")


class NoteError(ApplianceError):
    """A note, a key or a checkpoint is malformed, or no known key signed it."""


def key_id(name: str, kind: int, public: bytes) -> bytes:
    """The four bytes by which a signature line names its key (C2SP signed-note, "Signatures")."""
    return hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + public).digest()[:4]


@dataclass(frozen=True)
class Verifier:
    """A public key with the name it signs under.

    Attributes:
        name: the key's name; for a log's own key, its origin.
        kind: ``ED25519`` for a log, ``COSIGNATURE`` for a witness.
        public: 32 raw bytes.
    """

    name: str
    kind: int
    public: bytes

    @classmethod
    def decode(cls, text: str) -> "Verifier":
        """Read a key in the form ``<name>+<key id>+<base64 of kind and key>``.

        Raises:
            NoteError: the text has another form, or its key id is not the key's.
        """
        name, _, rest = text.strip().partition("+")
        claimed, _, encoded = rest.partition("+")
        raw = _base64(encoded, "verifier key")
        if not _NAME.fullmatch(name) or len(raw) != 33 or raw[0] not in (ED25519, COSIGNATURE):
            raise NoteError("the text is not a verifier key", rule="C2SP signed-note: <name>+<key id>+<base64 key>")
        verifier = cls(name, raw[0], raw[1:])
        if verifier.key_id.hex() != claimed:
            raise NoteError(f"the key id of {name} is {verifier.key_id.hex()}, not {claimed}", rule="C2SP signed-note")
        return verifier

    @property
    def key_id(self) -> bytes:
        """The four bytes by which signatures name this key."""
        return key_id(self.name, self.kind, self.public)

    def encode(self) -> str:
        """The key as one line of text, the inverse of ``decode``."""
        key = base64.b64encode(bytes([self.kind]) + self.public).decode()
        return f"{self.name}+{self.key_id.hex()}+{key}"

    def holds(self, text: str, signature: bytes) -> bool:
        """Whether ``signature`` (with its timestamp, for a cosignature) is this key's over ``text``."""
        message = text.encode()
        if self.kind == COSIGNATURE:
            if len(signature) != 72:
                return False
            message = cosigned_message(text, int.from_bytes(signature[:8], "big"))
            signature = signature[8:]
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True)
class Signer:
    """A private Ed25519 key with the name it signs under; ``kind`` as in ``Verifier``."""

    name: str
    kind: int
    private: Ed25519PrivateKey

    @classmethod
    def generate(cls, name: str, kind: int = ED25519) -> "Signer":
        """A new key.

        Raises:
            NoteError: the name is empty or has white space or a plus sign.
        """
        if not _NAME.fullmatch(name):
            raise NoteError(
                f"{name!r} cannot name a key",
                rule="C2SP signed-note: no white space, no plus sign",
                remedy="write for example isso or anna-berg",
            )
        return cls(name, kind, Ed25519PrivateKey.generate())

    @classmethod
    def decode(cls, text: str) -> "Signer":
        """Read a key in the form ``PRIVATE+KEY+<name>+<key id>+<base64 of kind and seed>``.

        Raises:
            NoteError: the text has another form, or its key id is not the key's.
        """
        parts = text.strip().split("+", 4)
        if len(parts) != 5 or parts[:2] != ["PRIVATE", "KEY"]:
            raise NoteError("the file is not a signing key", rule="form PRIVATE+KEY+<name>+<key id>+<base64 key>")
        raw = _base64(parts[4], "signing key")
        if len(raw) != 33 or raw[0] not in (ED25519, COSIGNATURE):
            raise NoteError("the signing key is not an Ed25519 key")
        signer = cls(parts[2], raw[0], Ed25519PrivateKey.from_private_bytes(raw[1:]))
        if signer.verifier.key_id.hex() != parts[3]:
            raise NoteError(f"the key id in the signing key of {parts[2]} is not the key's")
        return signer

    @property
    def verifier(self) -> Verifier:
        """The public half."""
        public = self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return Verifier(self.name, self.kind, public)

    def encode(self) -> str:
        """The key as one line of text, the inverse of ``decode``; keep it secret."""
        seed = self.private.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
        key = base64.b64encode(bytes([self.kind]) + seed).decode()
        return f"PRIVATE+KEY+{self.name}+{self.verifier.key_id.hex()}+{key}"

    def sign(self, text: str, time: int = 0) -> "Signature":
        """Sign a note's text; ``time`` (seconds since the epoch) goes into a cosignature alone."""
        if self.kind == COSIGNATURE:
            value = time.to_bytes(8, "big") + self.private.sign(cosigned_message(text, time))
        else:
            value = self.private.sign(text.encode())
        return Signature(self.name, self.verifier.key_id, value)


@dataclass(frozen=True)
class Signature:
    """One signature line of a note: the key's name, its four-byte id, and the signature's bytes."""

    name: str
    key_id: bytes
    value: bytes

    def line(self) -> str:
        """The line as it stands in the note, with its line end."""
        return f"— {self.name} {base64.b64encode(self.key_id + self.value).decode()}\n"


@dataclass(frozen=True)
class Note:
    """A text that ends in a line end, and its signatures."""

    text: str
    signatures: tuple[Signature, ...]

    @classmethod
    def decode(cls, data: bytes) -> "Note":
        """Read a note; nothing is verified yet.

        Raises:
            NoteError: the bytes are not a signed note.
        """
        try:
            text = data.decode()
        except UnicodeDecodeError as error:
            raise NoteError("the note is not UTF-8", rule="C2SP signed-note") from error
        body, separator, lines = text.rpartition("\n\n")
        if not separator or not lines.endswith("\n") or any(c < " " and c != "\n" for c in text):
            raise NoteError("the text is not a signed note", rule="C2SP signed-note: text, blank line, signature lines")
        signatures = []
        for line in lines.removesuffix("\n").split("\n"):
            match = _SIGNATURE_LINE.fullmatch(line)
            raw = _base64(match[2], "signature line") if match else b""
            if match is None or len(raw) < 5:
                raise NoteError(f"{line[:60]!r} is not a signature line", rule="C2SP signed-note")
            signatures.append(Signature(match[1], raw[:4], raw[4:]))
        return cls(body + "\n", tuple(signatures))

    def encode(self) -> bytes:
        """The note's bytes."""
        return (self.text + "\n" + "".join(signature.line() for signature in self.signatures)).encode()

    def signature_of(self, verifier: Verifier) -> Signature | None:
        """The signature by ``verifier`` if there is one and it holds.

        Raises:
            NoteError: a signature claims to be this key's and is not.
        """
        for signature in self.signatures:
            if (signature.name, signature.key_id) == (verifier.name, verifier.key_id):
                if not verifier.holds(self.text, signature.value):
                    raise NoteError(
                        f"the signature of {verifier.name} does not hold",
                        rule="C2SP signed-note",
                        remedy="the file was changed after it was signed: take it from a copy",
                    )
                return signature
        return None


@dataclass(frozen=True)
class Checkpoint:
    """What a log commits to: its origin, how many entries it has, and the root hash (32 bytes) over them."""

    origin: str
    size: int
    root: bytes

    @classmethod
    def decode(cls, text: str) -> "Checkpoint":
        """Read the text of a checkpoint's note; further lines are refused, as the appliance writes none.

        Raises:
            NoteError: the text is not a checkpoint.
        """
        lines = text.split("\n")
        if len(lines) != 4 or lines[3] or not lines[0] or not re.fullmatch(r"0|[1-9][0-9]{0,18}", lines[1]):
            raise NoteError("the note is not a checkpoint", rule="C2SP tlog-checkpoint: origin, size, root hash")
        root = _base64(lines[2], "root hash")
        if len(root) != 32:
            raise NoteError("the checkpoint's root hash is not 32 bytes", rule="C2SP tlog-checkpoint")
        return cls(lines[0], int(lines[1]), root)

    def text(self) -> str:
        """The text to sign."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


def cosigned_message(text: str, time: int) -> bytes:
    """What a witness signs for the note ``text`` at ``time`` (C2SP tlog-cosignature)."""
    return f"cosignature/v1\ntime {time}\n{text}".encode()


def open_checkpoint(data: bytes, verifier: Verifier) -> Checkpoint:
    """Read a checkpoint that the log's own key must have signed.

    Raises:
        NoteError: the bytes are no checkpoint, another log's, or not signed by ``verifier``.
    """
    note = Note.decode(data)
    checkpoint = Checkpoint.decode(note.text)
    if checkpoint.origin != verifier.name:
        raise NoteError(
            f"the checkpoint is of the log {checkpoint.origin}, not {verifier.name}",
            rule="a verifier key counts for the log that it names",
            remedy="name the key of this log, or the log of this key",
        )
    if note.signature_of(verifier) is None:
        raise NoteError(
            f"the checkpoint is not signed by {verifier.name}",
            rule="C2SP tlog-checkpoint",
            remedy="name the key of this log from its paper; if it is the right one, somebody wrote another checkpoint",
        )
    return checkpoint


def cosigners(note: Note, witnesses: Iterable[Verifier]) -> dict[str, int]:
    """The witnesses whose cosignature ``note`` carries: name -> time of the cosignature, seconds since the epoch.

    Raises:
        NoteError: a cosignature claims to be a witness's and is not.
    """
    found = ((witness.name, note.signature_of(witness)) for witness in witnesses)
    return {name: int.from_bytes(signature.value[:8], "big") for name, signature in found if signature}


def _base64(text: str, what: str) -> bytes:
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:  # the latter for what is no ASCII
        raise NoteError(f"the {what} is not base64") from error
    if base64.b64encode(raw).decode() != text:
        raise NoteError(f"the {what} is not canonical base64")
    return raw
