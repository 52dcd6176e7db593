"""Hold-outs by arithmetic: a commitment to the key, and a Merkle root over the items, say nothing and can be checked.

Whoever gets the key afterwards makes the items again, finds the same commitment and root, and scores them.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterator, Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from workbench.markbench.item import Item

KEY_SIZE = 32
PAD = 512
"""Sealed answers have a multiple of so many bytes, so that their length says little."""


def commitment(key: bytes, suite: str, generation: int) -> str:
    """SHA-256 over key, suite and generation; the key has 256 random bits, so nothing is learnt from it."""
    return hashlib.sha256(b"hold-out\0" + key + f"\0{suite}\0{generation}".encode()).hexdigest()


def root(items: Sequence[Item]) -> str:
    """The Merkle root (RFC 6962, 2.1) over the items' digests."""
    return _tree([hashlib.sha256(b"\0" + item.digest()).digest() for item in items]).hex()


def roots(items: Sequence[Item]) -> Iterator[str]:
    """The roots of the first item, of the first two, and so on; each takes a logarithm of the number of items."""
    peaks: list[tuple[int, bytes]] = []
    for item in items:
        peaks.append((1, hashlib.sha256(b"\0" + item.digest()).digest()))
        while len(peaks) > 1 and peaks[-1][0] == peaks[-2][0]:
            size, right = peaks.pop()
            peaks[-1] = (2 * size, hashlib.sha256(b"\1" + peaks[-1][1] + right).digest())
        whole = peaks[-1][1]
        for _, left in reversed(peaks[:-1]):
            whole = hashlib.sha256(b"\1" + left + whole).digest()
        yield whole.hex()


def combine(halves: Sequence[bytes]) -> bytes:
    """The key of two custodians: exclusive or, so that one half alone says nothing about it.

    Raises:
        ValueError: there are not two halves of 32 bytes, or they are the same.
    """
    if len(halves) != 2 or any(len(half) != KEY_SIZE for half in halves) or halves[0] == halves[1]:
        raise ValueError("a key has two different halves of 32 bytes")
    return bytes(a ^ b for a, b in zip(*halves, strict=True))


class Seal:
    """Answers to a hold-out, which open with its key alone (AES-256-GCM, NIST SP 800-38D).

    Args:
        key: of the hold-out.
        job: that asked it; each has a key of its own.
    """

    def __init__(self, key: bytes, job: str) -> None:
        self._cipher = AESGCM(hmac.digest(key, b"answers\0" + job.encode(), "sha256"))

    def shut(self, suite: str, item: str, text: str) -> str:
        """The sealed answer to an item, as text."""
        data = text.encode(errors="replace")
        framed = len(data).to_bytes(4, "big") + data
        nonce = secrets.token_bytes(12)
        padded = framed + b"\0" * (-len(framed) % PAD)
        return base64.b64encode(nonce + self._cipher.encrypt(nonce, padded, f"{suite}/{item}".encode())).decode()

    def open(self, suite: str, item: str, sealed: str) -> str:
        """The answer.

        Raises:
            ValueError: it was sealed under another key, for another item, or was changed.
        """
        try:
            data = base64.b64decode(sealed, validate=True)
            framed = self._cipher.decrypt(data[:12], data[12:], f"{suite}/{item}".encode())
        except (InvalidTag, ValueError) as error:
            raise ValueError(f"the answer to {item} does not open with this key") from error
        return framed[4 : 4 + int.from_bytes(framed[:4], "big")].decode()


def _tree(hashes: list[bytes]) -> bytes:
    if not hashes:
        return hashlib.sha256().digest()
    if len(hashes) == 1:
        return hashes[0]
    split = 1 << ((len(hashes) - 1).bit_length() - 1)
    return hashlib.sha256(b"\1" + _tree(hashes[:split]) + _tree(hashes[split:])).digest()
