"""Tiles of images that are not compressed: pixels are copied from their place, and nothing is decoded.

What comes out is a PNG (ISO/IEC 15948) of pixels alone: no extension, comment or coordinate of the file is in it. At
level 0 a tile has all pixels; at each further level every second row and column of the one before is left out.
"""

import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from workbench.imagery.fields import Source
from workbench.imagery.nitf import Segment
from workbench.imagery.subheaders import UNCOMPRESSED, Picture

SIDE = 1024
"""Rows and columns of a tile; those at the end are smaller."""
MOST_BYTES = 128 << 20
"""Most bytes of pixels below one tile: what one request for a tile may have read."""
HIGHEST = 3
"""The highest level: of eight rows and columns one is shown."""
_Pixels = NDArray[np.uint8]


def can_show(picture: Picture) -> bool:
    """Whether its pixels are whole numbers of 8 or 16 bits that stand for themselves, uncompressed."""
    plain = picture.compression == UNCOMPRESSED and not picture.tables
    return plain and picture.kind == "INT" and picture.bits in (8, 16) and 8 <= picture.significant <= picture.bits


def levels_of(picture: Picture) -> int:
    """The highest level of an image."""
    pixel = picture.bands * (picture.bits // 8)
    return max(level for level in range(HIGHEST + 1) if level == 0 or (SIDE << level) ** 2 * pixel <= MOST_BYTES)


def tiles_of(picture: Picture, level: int = 0) -> tuple[int, int]:
    """Rows and columns of tiles at a level."""
    return -(-picture.rows // (SIDE << level)), -(-picture.columns // (SIDE << level))


def bands_of(picture: Picture) -> tuple[int, ...]:
    """The bands that are shown unless somebody chooses others, from 1."""
    return (1, 2, 3) if picture.bands >= 3 else (1,)


def tile(source: Source, segment: Segment, row: int, column: int, level: int = 0, bands: Sequence[int] = ()) -> bytes:
    """One tile as PNG: of the first three bands in colour if there are as many, otherwise of the first in grey.

    Args:
        source: the file; it is read row by row, so one whose slices are dear stands behind a ``Window``.
        segment: an image of it.
        row: of tiles, from 0.
        column: of tiles, from 0.
        level: how often rows and columns are halved.
        bands: one band in grey, or three as red, green and blue, each from 1.

    Raises:
        LookupError: the segment has no such tile, level or band, or is no image that can be shown.
    """
    picture = segment.picture
    if picture is None or not can_show(picture):
        raise LookupError(f"{segment.name} has no tiles: it is compressed, or not of whole numbers")
    if not 0 <= level <= levels_of(picture):
        raise LookupError(f"{segment.name} has levels 0 to {levels_of(picture)}")
    chosen = bands or bands_of(picture)
    if len(chosen) not in {1, 3} or not all(1 <= band <= picture.bands for band in chosen):
        raise LookupError(f"{segment.name} has bands 1 to {picture.bands}, of which one or three are shown")
    down, across = tiles_of(picture, level)
    if not (0 <= row < down and 0 <= column < across):
        raise LookupError(f"{segment.name} has {down} rows and {across} columns of tiles")
    side = SIDE << level
    top, left = row * side, column * side
    area = (top, left, min(side, picture.rows - top), min(side, picture.columns - left))
    return _png(_pixels(source, segment.data[0], picture, [band - 1 for band in chosen], area, 1 << level))


def _pixels(
    source: Source, start: int, picture: Picture, bands: Sequence[int], area: tuple[int, int, int, int], every: int
) -> _Pixels:
    """Of the pixels in an area (top, left, height, width) every so manieth each way, as 8 bits of each band.

    Block by block, in the order of the file: what is next to each other in the image may lie far apart there.
    """
    top, left, height, width = area
    found = np.empty((-(-height // every), -(-width // every), len(bands)), dtype=f">u{picture.bits // 8}")
    step = picture.bands if picture.interleave == "P" else 1
    listed = list(enumerate(bands))
    together = (
        [[one] for one in listed] if picture.interleave == "S" else [listed]
    )  # S: all blocks of a band, then the next
    for some, block in product(together, _blocks(picture, area)):
        rows, columns = (
            range(begin + (origin - begin) % every, end, every)
            for origin, (begin, end) in zip((top, left), block.inside, strict=True)
        )
        if not rows or not columns:
            continue
        across = slice((columns[0] - left) // every, (columns[-1] - left) // every + 1)
        length = ((columns[-1] - columns[0]) * step + 1) * found.itemsize
        for row, place, band in _order(rows, some, picture.interleave):
            first = start + _place(picture, block.number, band, row, columns[0])
            values = np.frombuffer(source[first : first + length], dtype=found.dtype)[:: step * every]
            found[(row - top) // every, across, place] = values
    return (found >> (picture.significant - 8)).astype(np.uint8)


@dataclass(frozen=True, slots=True)
class _Block:
    """A block, and of which rows and columns (begin, end) of the image it has what lies in an area."""

    number: int
    inside: tuple[tuple[int, int], tuple[int, int]]


def _blocks(picture: Picture, area: tuple[int, int, int, int]) -> Iterator[_Block]:
    (top, left, height, width), (tall, wide) = area, picture.block
    for down in range(top // tall, (top + height - 1) // tall + 1):
        for across in range(left // wide, (left + width - 1) // wide + 1):
            rows = max(top, down * tall), min(top + height, (down + 1) * tall)
            columns = max(left, across * wide), min(left + width, (across + 1) * wide)
            yield _Block(down * picture.blocks[1] + across, (rows, columns))


def _order(rows: Sequence[int], bands: Sequence[tuple[int, int]], interleave: str) -> Iterator[tuple[int, int, int]]:
    """Row, place of the band among those that are shown, and band, as they follow each other in the file."""
    if interleave in "PR":
        yield from ((row, place, band) for row in rows for place, band in bands)
    else:
        yield from ((row, place, band) for place, band in bands for row in rows)


def _place(picture: Picture, block: int, band: int, row: int, column: int) -> int:
    """The first byte of a pixel in the data of its image (MIL-STD-2500C, IMODE)."""
    (down, across), (height, width) = picture.blocks, picture.block
    y, x = row % height, column % width
    if picture.interleave == "S":
        pixel = (band * down * across + block) * height * width + y * width + x
    else:
        pixel = block * height * width * picture.bands
        if picture.interleave == "B":
            pixel += (band * height + y) * width + x
        elif picture.interleave == "R":
            pixel += (y * picture.bands + band) * width + x
        else:
            pixel += (y * width + x) * picture.bands + band
    return pixel * (picture.bits // 8)


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
