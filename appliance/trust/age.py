"""Encryption to people's keys in the age format (age-encryption.org/v1), for what leaves the host and comes back.

A file is encrypted with a fresh key by ChaCha20-Poly1305 in chunks, each authenticated, the last one marked, so that a
shortened file does not open; the key is wrapped for each recipient's X25519 key. The private halves never touch the
host before a restoration.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import pyrage

from appliance.errors import ApplianceError
from appliance.trust.files import read_limited
from appliance.trust.keys import write_private

MAXIMUM_SIZE = 1 << 16
RULE = "the age format, version 1 (age-encryption.org/v1)"


class AgeError(ApplianceError):
    """A key is not one, does not fit, or the file was changed."""


def generate(path: Path, passphrase: bytes) -> str:
    """Make a key, its private half in a new file under ``passphrase`` (scrypt); returns the recipient line.

    Raises:
        ApplianceError: the file exists, or the passphrase is not text.
    """
    identity = pyrage.x25519.Identity.generate()
    write_private(path, pyrage.passphrase.encrypt(f"{identity}\n".encode(), _text(passphrase)))
    return str(identity.to_public())


def load_identity(path: Path, passphrase: bytes) -> Any:
    """The private half of a key.

    Raises:
        AgeError: not such a file, or another passphrase.
    """
    data = read_limited(path, MAXIMUM_SIZE)
    try:
        return pyrage.x25519.Identity.from_str(pyrage.passphrase.decrypt(data, _text(passphrase)).decode().strip())
    except (pyrage.DecryptError, pyrage.IdentityError, UnicodeDecodeError) as error:
        raise AgeError(
            f"{path}: does not open as a backup key with this passphrase", rule=RULE, remedy="give its passphrase"
        ) from error


def read_recipients(path: Path) -> list[str]:
    """The recipients in a file: a line each, ``age1...``; lines beginning with ``#`` are comments.

    Raises:
        AgeError: none, or a line is not a recipient.
    """
    lines = [line.strip() for line in read_limited(path, MAXIMUM_SIZE).decode(errors="replace").splitlines()]
    found = [line for line in lines if line and not line.startswith("#")]
    for number, line in enumerate(found, 1):
        try:
            pyrage.x25519.Recipient.from_str(line)
        except pyrage.RecipientError as error:
            raise AgeError(f"{path}: recipient {number} is not one", rule=RULE, remedy="a line is age1...") from error
    if not found:
        raise AgeError(
            f"{path}: names no recipient",
            rule="what nobody can open is no backup",
            remedy="write the line of `appliance enclave backup-key` into it, one for each holder",
        )
    return found


def encrypt(source: IO[bytes], target: IO[bytes], recipients: Sequence[str]) -> None:
    """Encrypt a stream to all ``recipients``; each of them can open it alone.

    Raises:
        AgeError: the target cannot be written, as on a full medium.
    """
    try:
        pyrage.encrypt_io(source, target, [pyrage.x25519.Recipient.from_str(line) for line in recipients])
    except (pyrage.EncryptError, OSError) as error:
        raise AgeError(
            f"the archive cannot be written: {error}",
            rule="a backup is written whole or not at all",
            remedy="make room on the medium, or take another one",
        ) from error


def decrypt(source: IO[bytes], target: IO[bytes], identity: Any, name: str) -> None:
    """Decrypt a stream; what was written before an error must not be used.

    Raises:
        AgeError: encrypted to other keys, changed, or cut off.
    """
    try:
        pyrage.decrypt_io(source, target, [identity])
    except (pyrage.DecryptError, OSError) as error:
        raise AgeError(
            f"{name}: does not open with this key, or was changed: {error}",
            rule=RULE,
            remedy="name the key of a recipient of this backup; if it is one, carry the archive again",
        ) from error


def _text(passphrase: bytes) -> str:
    try:
        return passphrase.decode()
    except UnicodeDecodeError as error:
        raise AgeError("the passphrase is not UTF-8", rule=RULE) from error
