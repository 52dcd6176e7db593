"""Hold-outs by arithmetic: a commitment to the key, and a Merkle root over the items, say nothing and can be checked.

Whoever gets the key afterwards makes the items again, finds the same commitment and root, and scores them.
"""

import hashlib
from collections.abc import Sequence

from workbench.markbench.item import Item

KEY_SIZE = 32


def commitment(key: bytes, suite: str, generation: int) -> str:
    """SHA-256 over key, suite and generation; the key has 256 random bits, so nothing is learnt from it."""
    return hashlib.sha256(b"hold-out\0" + key + f"\0{suite}\0{generation}".encode()).hexdigest()


def root(items: Sequence[Item]) -> str:
    """The Merkle root (RFC 6962, 2.1) over the items' digests."""
    return _tree([hashlib.sha256(b"\0" + item.digest()).digest() for item in items]).hex()


def combine(halves: Sequence[bytes]) -> bytes:
    """The key of two custodians: exclusive or, so that one half alone says nothing about it.

    Raises:
        ValueError: there are not two halves of 32 bytes, or they are the same.
    """
    if len(halves) != 2 or any(len(half) != KEY_SIZE for half in halves) or halves[0] == halves[1]:
        raise ValueError("a key has two different halves of 32 bytes")
    return bytes(a ^ b for a, b in zip(*halves, strict=True))


def _tree(hashes: list[bytes]) -> bytes:
    if not hashes:
        return hashlib.sha256().digest()
    if len(hashes) == 1:
        return hashes[0]
    split = 1 << ((len(hashes) - 1).bit_length() - 1)
    return hashlib.sha256(b"\1" + _tree(hashes[:split]) + _tree(hashes[split:])).digest()
