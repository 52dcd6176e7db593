"""The hash tree of RFC 6962: its growth, and proofs of inclusion and consistency.

Sizes and indices count leaves. A proof is a list of 32-byte hashes in the order of RFC 6962, sections 2.1.1 and 2.1.2.
"""

import hashlib
from collections.abc import Callable, Iterable

TILE_WIDTH = 256
EMPTY = hashlib.sha256(b"").digest()
Subtree = Callable[[int, int], bytes]


def leaf_hash(entry: bytes) -> bytes:
    """Hash of the leaf that holds ``entry``."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of an inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def split(size: int) -> int:
    """The largest power of two below ``size`` (which is at least 2)."""
    return 1 << ((size - 1).bit_length() - 1)


def root_of(hashes: list[bytes]) -> bytes:
    """Root over subtree hashes that are all of one height."""
    if not hashes:
        return EMPTY
    while len(hashes) > 1:
        paired = [node_hash(hashes[i], hashes[i + 1]) for i in range(0, len(hashes) - 1, 2)]
        hashes = paired + hashes[len(hashes) & ~1 :]
    return hashes[0]


class Tree:
    """A growing tree that keeps only its right edge: at each tile level the hashes of the tile not yet full.

    Attributes:
        size: number of leaves.
        edge: ``edge[level]`` are the hashes of the open tile of that level, fewer than 256.
    """

    def __init__(self, size: int = 0, edge: Iterable[list[bytes]] = ()) -> None:
        self.size = size
        self.edge = [list(hashes) for hashes in edge] or [[]]

    def add(self, leaf: bytes) -> list[tuple[int, int, list[bytes]]]:
        """Add one leaf hash; returns the tiles that it completed, as (level, tile number, 256 hashes)."""
        self.size += 1
        self.edge[0].append(leaf)
        return self._completed() if len(self.edge[0]) == TILE_WIDTH else []

    def add_tile(self, leaves: list[bytes]) -> list[tuple[int, int, list[bytes]]]:
        """Add 256 leaf hashes at once where a tile begins; returns the tiles that they completed, as ``add`` does."""
        self.size += TILE_WIDTH
        self.edge[0] = leaves
        return self._completed()

    def _completed(self) -> list[tuple[int, int, list[bytes]]]:
        completed: list[tuple[int, int, list[bytes]]] = []
        level, number = 0, self.size - 1
        while len(self.edge[level]) == TILE_WIDTH:
            full, number = self.edge[level], number // TILE_WIDTH
            completed.append((level, number, full))
            self.edge[level] = []
            level += 1
            if level == len(self.edge):
                self.edge.append([])
            self.edge[level].append(root_of(full))
        return completed

    def root(self) -> bytes:
        """The root hash over all leaves."""
        right: bytes | None = None
        for hashes in self.edge:
            end = len(hashes)
            while end:
                width = end & -end
                left = root_of(hashes[end - width : end])
                right = left if right is None else node_hash(left, right)
                end -= width
        return EMPTY if right is None else right


def inclusion_proof(subtree: Subtree, index: int, size: int) -> list[bytes]:
    """Proof that leaf ``index`` is in the tree of ``size`` leaves.

    Args:
        subtree: gives the root over the leaves from its first up to (not with) its second argument.
        index: the leaf, below ``size``.
        size: leaves of the tree.
    """
    proof: list[bytes] = []
    low, high = 0, size
    while high - low > 1:
        middle = low + split(high - low)
        if index < middle:
            proof.append(subtree(middle, high))
            high = middle
        else:
            proof.append(subtree(low, middle))
            low = middle
    return proof[::-1]


def verify_inclusion(leaf: bytes, index: int, size: int, proof: list[bytes], root: bytes) -> bool:
    """Whether ``proof`` shows that ``leaf`` (a leaf hash) stands at ``index`` under ``root`` (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    node, last, value = index, size - 1, leaf
    for hash_ in proof:
        if last == 0:
            return False
        if node & 1 or node == last:
            value = node_hash(hash_, value)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            value = node_hash(value, hash_)
        node, last = node >> 1, last >> 1
    return last == 0 and value == root


def consistency_proof(subtree: Subtree, old: int, new: int) -> list[bytes]:
    """Proof that the tree of ``old`` leaves is a prefix of the tree of ``new``; empty if either is trivial."""
    proof: list[bytes] = []
    if not 0 < old < new:
        return proof
    low, high, whole = 0, new, True
    while old != high:
        middle = low + split(high - low)
        if old <= middle:
            proof.append(subtree(middle, high))
            high = middle
        else:
            proof.append(subtree(low, middle))
            low, whole = middle, False
    if not whole:
        proof.append(subtree(low, high))
    return proof[::-1]


def verify_consistency(old: int, old_root: bytes, new: int, new_root: bytes, proof: list[bytes]) -> bool:
    """Whether ``proof`` shows that the tree under ``new_root`` only added to ``old_root`` (RFC 9162, 2.1.4.2)."""
    if old > new or (old == new and (proof or old_root != new_root)):
        return False
    if old in (0, new):
        return not proof and (old != 0 or old_root == EMPTY)
    hashes = list(proof)
    if old & (old - 1) == 0:
        hashes.insert(0, old_root)
    if not hashes:
        return False
    node, last = old - 1, new - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    first = second = hashes[0]
    for hash_ in hashes[1:]:
        if last == 0:
            return False
        if node & 1 or node == last:
            first, second = node_hash(hash_, first), node_hash(hash_, second)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            second = node_hash(second, hash_)
        node, last = node >> 1, last >> 1
    return last == 0 and first == old_root and second == new_root
