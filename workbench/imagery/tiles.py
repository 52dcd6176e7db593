"""Tiles of images that are not compressed: pixels are copied from their place, and nothing is decoded.

What comes out is a PNG (ISO/IEC 15948) of pixels alone: no extension, comment or coordinate of the file is in it.
"""

import struct
import zlib
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from workbench.imagery.fields import Source
from workbench.imagery.nitf import Segment
from workbench.imagery.subheaders import UNCOMPRESSED, Picture

SIDE = 1024
"""Rows and columns of a tile; those at the end are smaller."""
_Pixels = NDArray[np.uint8]


def can_show(picture: Picture) -> bool:
    """Whether its pixels are whole numbers of 8 or 16 bits that stand for themselves, uncompressed."""
    plain = picture.compression == UNCOMPRESSED and not picture.tables
    return plain and picture.kind == "INT" and picture.bits in (8, 16) and 8 <= picture.significant <= picture.bits


def tiles_of(picture: Picture) -> tuple[int, int]:
    """Rows and columns of tiles."""
    return -(-picture.rows // SIDE), -(-picture.columns // SIDE)


def tile(source: Source, segment: Segment, row: int, column: int) -> bytes:
    """One tile as PNG: of the first three bands in colour if there are as many, otherwise of the first in grey.

    Args:
        source: the file; it is read row by row, so one whose slices are dear stands behind a ``Window``.
        segment: an image of it.
        row: of tiles, from 0.
        column: of tiles, from 0.

    Raises:
        LookupError: the segment has no such tile, or is no image that can be shown.
    """
    picture = segment.picture
    if picture is None or not can_show(picture):
        raise LookupError(f"{segment.name} has no tiles: it is compressed, or not of whole numbers")
    down, across = tiles_of(picture)
    if not (0 <= row < down and 0 <= column < across):
        raise LookupError(f"{segment.name} has {down} rows and {across} columns of tiles")
    top, left = row * SIDE, column * SIDE
    height, width = min(SIDE, picture.rows - top), min(SIDE, picture.columns - left)
    bands = [
        _band(source, segment.data[0], picture, band, (top, left, height, width))
        for band in range(3 if picture.bands >= 3 else 1)
    ]
    return _png(np.stack(bands, axis=-1))


def _band(source: Source, start: int, picture: Picture, band: int, area: tuple[int, int, int, int]) -> _Pixels:
    """The pixels of one band in an area (top, left, height, width), as 8 bits."""
    top, left, height, width = area
    found = np.empty((height, width), dtype=f">u{picture.bits // 8}")
    step = picture.bands if picture.interleave == "P" else 1
    for row in range(height):
        for column, count, place in _runs(picture, band, top + row, left, left + width):
            first = start + place
            data = source[first : first + count * step * found.itemsize]
            values = np.frombuffer(data, dtype=found.dtype)[::step]
            found[row, column - left : column - left + count] = values
    return (found >> (picture.significant - 8)).astype(np.uint8)


def _runs(picture: Picture, band: int, row: int, left: int, right: int) -> Iterator[tuple[int, int, int]]:
    """First column, number of pixels and place in the data of each block's piece of a row (MIL-STD-2500C, IMODE)."""
    (down, across), (height, width) = picture.blocks, picture.block
    size, inside = picture.bits // 8, row % height
    column = left
    while column < right:
        block = row // height * across + column // width
        end = min(right, (column // width + 1) * width)
        x = column % width
        if picture.interleave == "S":
            pixel = (band * down * across + block) * height * width + inside * width + x
        else:
            pixel = block * height * width * picture.bands
            if picture.interleave == "B":
                pixel += (band * height + inside) * width + x
            elif picture.interleave == "R":
                pixel += (inside * picture.bands + band) * width + x
            else:
                pixel += (inside * width + x) * picture.bands + band
        yield column, end - column, pixel * size
        column = end


def _png(pixels: _Pixels) -> bytes:
    """Pixels of 8 bits in rows, columns and one or three bands."""
    height, width, bands = pixels.shape
    rows = np.zeros((height, width * bands + 1), dtype=np.uint8)  # each row begins with its filter, which is none
    rows[:, 1:] = pixels.reshape(height, -1)
    header = struct.pack(">IIBBBBB", width, height, 8, 2 if bands == 3 else 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows.tobytes(), 1)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
