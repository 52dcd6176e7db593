"""The files of a log: hash tiles and entry bundles as C2SP tlog-tiles defines them, written so that they last."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from appliance.audit.log.merkle import TILE_WIDTH, Tree, root_of
from appliance.errors import ApplianceError

HASH_SIZE = 32
CHECKPOINT = "checkpoint"
BODIES = "bodies"
_ATTEMPTS = 3  # while the log is open, a partial tile may give way to a wider one between looking and reading


class LogError(ApplianceError):
    """The log's files do not hold what its checkpoint says, or cannot be written."""


def tile_path(level: int | str, number: int, width: int = TILE_WIDTH) -> str:
    """Path of a tile below the log's folder; ``level`` is ``"entries"`` for an entry bundle.

    The number stands in groups of three digits, all but the last marked with ``x``; a tile that is not full ends in
    ``.p/<width>``.
    """
    groups = [f"{number % 1000:03d}"]
    while number := number // 1000:
        groups.insert(0, f"x{number % 1000:03d}")
    partial = "" if width == TILE_WIDTH else f".p/{width}"
    return f"tile/{level}/{'/'.join(groups)}{partial}"


def bundle(entries: list[bytes]) -> bytes:
    """An entry bundle: each entry behind its length as two bytes, big-endian."""
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def entries_of(data: bytes) -> list[bytes]:
    """The entries of a bundle.

    Raises:
        LogError: the bytes end inside an entry.
    """
    entries, at = [], 0
    while at < len(data):
        end = at + 2 + int.from_bytes(data[at : at + 2], "big")
        if end > len(data):
            raise LogError("an entry bundle ends inside an entry", rule="C2SP tlog-tiles, entry bundles")
        entries.append(data[at + 2 : end])
        at = end
    return entries


def hashes_of(data: bytes) -> list[bytes]:
    """The 32-byte hashes of a tile."""
    return [data[at : at + HASH_SIZE] for at in range(0, len(data), HASH_SIZE)]


def tiles_of(size: int) -> Iterator[tuple[str, int | str, int, bool]]:
    """All tiles and bundles of a log with ``size`` records: path, level, number, and whether it is full."""
    count, level = size, 0
    while count:
        for kind in (level, "entries") if level == 0 else (level,):
            full, width = divmod(count, TILE_WIDTH)
            yield from ((tile_path(kind, number), kind, number, True) for number in range(full))
            if width:
                yield tile_path(kind, full, width), kind, full, False
        count, level = count // TILE_WIDTH, level + 1


@dataclass(frozen=True)
class TileReader:
    """Reads hashes of the tree of ``size`` leaves from the tiles below ``path``, trusting none of them.

    What it returns proves nothing by itself: compare a root, or verify the proof made of it.
    """

    path: Path
    size: int

    def read(self, level: int | str, number: int) -> bytes:
        """The bytes of a tile as far as the tree of ``size`` leaves fills it; a wider tile serves as well.

        Raises:
            LogError: no file holds that much of the tile.
        """
        unit, width = self._width(level, number)
        for _ in range(_ATTEMPTS):
            for candidate in (width, TILE_WIDTH, *self._wider(level, number, width)):
                file = self.path / tile_path(level, number, candidate)
                try:
                    data = file.read_bytes()[: width * unit]
                except FileNotFoundError:
                    continue
                if len(data) < width * unit:
                    raise LogError(
                        f"{file} is cut short",
                        rule="C2SP tlog-tiles",
                        remedy="appliance audit verify names all that is damaged; take the log from a copy",
                    )
                return data
        raise LogError(
            f"{self.path / tile_path(level, number, width)} is missing",
            rule="C2SP tlog-tiles",
            remedy="appliance audit verify names all that is missing; take the log from a copy",
        )

    def edge(self) -> Tree:
        """The tree as it stood at ``size`` leaves, ready to grow."""
        edge: list[list[bytes]] = []
        count, level = self.size, 0
        while count or not edge:
            width = count % TILE_WIDTH
            edge.append(hashes_of(self.read(level, count // TILE_WIDTH)) if width else [])
            count, level = count // TILE_WIDTH, level + 1
        return Tree(self.size, edge)

    def subtree(self, low: int, high: int) -> bytes:
        """Root over the leaves from ``low`` up to (not with) ``high``, aligned as RFC 6962 aligns them."""
        width = high - low
        if width & (width - 1):
            tree_split = 1 << (width.bit_length() - 1)
            return root_of([self.subtree(low, low + tree_split), self.subtree(low + tree_split, high)])
        level = (width.bit_length() - 1) // 8
        unit = TILE_WIDTH**level
        first = low // unit
        hashes = hashes_of(self.read(level, first // TILE_WIDTH))
        start = first % TILE_WIDTH
        return root_of(hashes[start : start + width // unit])

    def _width(self, level: int | str, number: int) -> tuple[int, int]:
        unit, count = (HASH_SIZE + 2, self.size) if isinstance(level, str) else (HASH_SIZE, self.size >> (8 * level))
        return unit, max(0, min(TILE_WIDTH, count - number * TILE_WIDTH))

    def _wider(self, level: int | str, number: int, width: int) -> list[int]:
        folder = (self.path / tile_path(level, number, 1)).parent
        if not folder.is_dir():
            return []
        return sorted(int(file.name) for file in folder.iterdir() if file.name.isdigit() and int(file.name) > width)
