"""The file of an officer's cosigning key: encrypted PKCS#8 in PEM, as people's other keys are.

Lines before it name the holder, under whose name it signs, and what the key is for.
"""

import re
from collections.abc import Callable
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from appliance.audit.log.note import COSIGNATURE, NoteError, Signer
from appliance.trust.files import read_limited
from appliance.trust.keys import KeyFileError, write_private

LIMIT = 1 << 16
_HOLDER = re.compile(r"^Holder: ([^\s+]+)$", re.MULTILINE)


def write(signer: Signer, path: Path, passphrase: bytes) -> None:
    """Write the encrypted key to ``path`` (mode 0600), which must not exist.

    Raises:
        KeyFileError: it does.
    """
    pem = signer.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(passphrase))
    write_private(path, f"Holder: {signer.name}\nRole: cosigns the audit log\n".encode() + pem)


def is_encrypted(path: Path) -> bool:
    """Whether a key file is of this form; earlier releases wrote the key itself."""
    return not read_limited(path, LIMIT).startswith(b"PRIVATE+KEY+")


def read(path: Path, passphrase: Callable[[str], bytes]) -> Signer:
    """Open a key.

    Args:
        path: the file.
        passphrase: gives the passphrase of the named holder; asked for only where the key is encrypted.

    Raises:
        NoteError: it is no cosigning key.
        KeyFileError: the wrong passphrase.
    """
    text = read_limited(path, LIMIT).decode(errors="replace")
    if text.startswith("PRIVATE+KEY+"):
        return Signer.decode(text)
    holder = _HOLDER.search(text)
    if holder is None or "ENCRYPTED PRIVATE KEY-----" not in text:
        raise NoteError("the file is not a cosigning key", rule="an encrypted PKCS#8 file, `appliance audit witness`")
    try:
        private = load_pem_private_key(text.encode(), passphrase(holder[1]))
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise KeyFileError(
            f"{path}: cannot be opened with this passphrase",
            rule="a private key is kept encrypted, and opens with its holder's passphrase alone",
            remedy=f"give the passphrase of {holder[1]}; if that is the one you gave, the file is damaged",
        ) from error
    if not isinstance(private, Ed25519PrivateKey):
        raise NoteError("the cosigning key is not an Ed25519 key")
    return Signer(holder[1], COSIGNATURE, private)
