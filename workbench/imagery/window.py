"""A file that is read piece by piece, with the last piece kept: what is read next mostly follows what was read."""

from workbench.imagery.fields import Source

SIZE = 2 << 20
"""Bytes of a piece, which begins at a multiple of it; a part of an object is as large."""


class Window:
    """A source in front of another one.

    Args:
        source: the file, of which each slice costs as much as a piece.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._number = -1
        self._piece = b""

    def __len__(self) -> int:
        return len(self._source)

    def __getitem__(self, wanted: slice, /) -> bytes:
        start, stop, _ = wanted.indices(len(self._source))
        found = []
        while start < stop:
            number, first = start // SIZE, start // SIZE * SIZE
            if number != self._number:
                self._piece = self._source[first : min(first + SIZE, len(self._source))]
                self._number = number
            end = min(stop, first + SIZE)
            found.append(self._piece[start - first : end - first])
            start = end
        return b"".join(found)
