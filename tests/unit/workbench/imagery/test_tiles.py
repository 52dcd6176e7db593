"""Tiles of uncompressed images show exactly the pixels of the image, however these lie in the file."""

import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from tests.unit.workbench.imagery.test_nitf import Counted
from tests.unit.workbench.imagery.writing import Part, nitf
from workbench.imagery.nitf import Segment, read_nitf
from workbench.imagery.tiles import MOST_BYTES, SIDE, levels_of, tile, tiles_of
from workbench.imagery.window import SIZE, Window

Pixels = NDArray[Any]


def laid(pixels: Pixels, interleave: str, block: tuple[int, int]) -> bytes:
    """The data of an image of (rows, columns, bands), block by block with filled edges (MIL-STD-2500C, 5.4.3.3)."""
    rows, columns, bands = pixels.shape
    down, across = -(-rows // block[0]), -(-columns // block[1])
    padded = np.zeros((down * block[0], across * block[1], bands), pixels.dtype.newbyteorder(">"))
    padded[:rows, :columns] = pixels
    blocks = padded.reshape(down, block[0], across, block[1], bands)  # down, row, across, column, band
    order = {"B": (0, 2, 4, 1, 3), "P": (0, 2, 1, 3, 4), "R": (0, 2, 1, 4, 3), "S": (4, 0, 2, 1, 3)}[interleave]
    return blocks.transpose(order).tobytes()


def image(pixels: Pixels, interleave: str, block: tuple[int, int], significant: int = 8) -> Part:
    rows, columns, bands = pixels.shape
    values = {"rows": rows, "columns": columns, "bands": bands, "block": block, "interleave": interleave}
    values |= {"bits": 8 * pixels.dtype.itemsize, "significant": significant}
    return Part("image", "U", laid(pixels, interleave, block), [("SECRTA", b"canary 38SMB4488")], values)


def opened(part: Part) -> tuple[bytes, Segment]:
    data = nitf([part])
    return data, read_nitf(data).segments[0]


def shown(data: bytes, segment: Segment, row: int = 0, column: int = 0, /, **how: Any) -> Pixels:
    return np.asarray(Image.open(io.BytesIO(tile(data, segment, row, column, **how))))


SIZES = st.tuples(st.integers(1, 40), st.integers(1, 40), st.sampled_from([1, 2, 3, 5]))
BLOCKS = st.tuples(st.integers(1, 20), st.integers(1, 20))
DEPTHS = st.sampled_from([(8, 8), (16, 11), (16, 16)])


@given(SIZES, BLOCKS, st.sampled_from("BPRS"), DEPTHS, st.integers(0, 2**32 - 1))
def test_each_pixel_stands_in_its_place(
    size: tuple[int, int, int], blocks: tuple[int, int], interleave: str, depth: tuple[int, int], seed: int
) -> None:
    bits, significant = depth
    kind = np.uint8 if bits == 8 else np.uint16
    pixels = np.random.default_rng(seed).integers(0, 1 << significant, size, kind)
    block = (min(blocks[0], size[0]), min(blocks[1], size[1]))
    found = shown(*opened(image(pixels, interleave, block, significant)))
    wanted = (pixels >> (significant - 8)).astype(np.uint8)
    assert np.array_equal(found, wanted[:, :, :3] if size[2] >= 3 else wanted[:, :, 0])


@pytest.mark.parametrize("interleave", ["B", "P", "R", "S"])
@pytest.mark.parametrize("block", [(512, 512), (1100, 2500)])
def test_tiles_together_are_the_image(interleave: str, block: tuple[int, int]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (1100, 2500, 3), np.uint8)
    data, segment = opened(image(pixels, interleave, block))
    assert segment.picture is not None
    down, across = tiles_of(segment.picture)
    assert (down, across) == (2, 3)
    rows = [np.hstack([shown(data, segment, row, column) for column in range(across)]) for row in range(down)]
    assert np.array_equal(np.vstack(rows), pixels)


@given(SIZES, BLOCKS, st.sampled_from("BPRS"), st.integers(0, 2), st.data())
def test_each_level_leaves_out_every_second_row_and_column_and_bands_are_those_that_were_chosen(
    size: tuple[int, int, int], blocks: tuple[int, int], interleave: str, level: int, drawn: st.DataObject
) -> None:
    pixels = np.random.default_rng(drawn.draw(st.integers(0, 99))).integers(0, 256, size, np.uint8)
    bands = drawn.draw(st.lists(st.integers(1, size[2]), min_size=1, max_size=3).filter(lambda some: len(some) != 2))
    found = shown(
        *opened(image(pixels, interleave, (min(blocks[0], size[0]), min(blocks[1], size[1])))), level=level, bands=bands
    )
    wanted = pixels[:: 1 << level, :: 1 << level]
    chosen = [band - 1 for band in bands]
    assert np.array_equal(found, wanted[:, :, chosen] if len(bands) == 3 else wanted[:, :, chosen[0]])


@pytest.mark.parametrize("level", [1, 2])
def test_tiles_of_a_level_together_are_the_image_at_that_level(level: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (2100, 4200, 1), np.uint8)
    data, segment = opened(image(pixels, "B", (700, 900)))
    assert segment.picture is not None
    down, across = tiles_of(segment.picture, level)
    tiles = [[shown(data, segment, row, column, level=level) for column in range(across)] for row in range(down)]
    assert np.array_equal(np.vstack([np.hstack(row) for row in tiles]), pixels[:: 1 << level, :: 1 << level, 0])


@pytest.mark.parametrize(
    ("bands", "bits", "levels"), [(1, 8, 3), (1, 16, 3), (3, 8, 2), (3, 16, 2), (8, 16, 1), (99, 16, 0)]
)
def test_no_tile_reads_more_than_the_limit(bands: int, bits: int, levels: int) -> None:
    values = {"rows": 1, "columns": 1, "bands": bands, "bits": bits, "significant": bits}
    data, segment = opened(Part("image", values=values, data=bytes(bands * bits // 8)))
    assert segment.picture is not None
    assert levels_of(segment.picture) == levels
    assert levels == 0 or (SIDE << levels) ** 2 * bands * bits // 8 <= MOST_BYTES
    with pytest.raises(LookupError, match="levels 0 to"):
        tile(data, segment, 0, 0, levels + 1)


@pytest.mark.parametrize("bands", [[0], [2], [1, 1], [1, 1, 2], [1, 1, 1, 1], [-1]])
def test_bands_that_are_not_there(bands: list[int]) -> None:
    with pytest.raises(LookupError, match="bands"):
        tile(*opened(image(np.zeros((2, 2, 1), np.uint8), "B", (2, 2))), 0, 0, bands=bands)


def test_a_tile_has_pixels_and_nothing_else_of_the_file() -> None:
    data, segment = opened(image(np.zeros((9, 9, 1), np.uint8), "B", (9, 9)))
    found = Image.open(io.BytesIO(tile(data, segment, 0, 0)))
    assert found.info == {}
    assert b"canary" in data
    assert b"canary" not in tile(data, segment, 0, 0)


def test_a_tile_of_a_large_image_reads_little_more_than_itself() -> None:
    large = Part("image", values={"rows": 8000, "columns": 8000, "block": (1024, 1024)}, data=bytes(8 * 8 << 20))
    data, segment = opened(large)
    counted = Counted(data)
    tile(Window(counted), segment, 5, 6)
    assert counted.seen <= 2 * SIZE


@pytest.mark.parametrize("interleave", ["B", "P", "R", "S"])
@pytest.mark.parametrize("block", [(512, 512), (2048, 3072)])
def test_what_lies_far_apart_in_the_file_is_not_read_again_and_again(interleave: str, block: tuple[int, int]) -> None:
    data, segment = opened(image(np.zeros((2048, 3072, 3), np.uint8), interleave, block))
    counted = Counted(data)
    tile(Window(counted), segment, 0, 0, 1)
    assert counted.seen <= 3 * len(data)


BEHIND = np.arange(5 * SIZE // 8, dtype=np.uint32).tobytes()


@given(st.integers(0, 3 * SIZE), st.integers(0, 3 * SIZE))
def test_a_window_shows_what_is_behind_it(start: int, stop: int) -> None:
    window = Window(BEHIND)
    for wanted in (slice(start, stop), slice(0, 9), slice(stop, None)):
        assert window[wanted] == BEHIND[wanted]
    assert len(window) == len(BEHIND)


@pytest.mark.parametrize(("row", "column"), [(-1, 0), (0, -1), (1, 0), (0, 1), (1 << 70, 0)])
def test_a_tile_that_is_not_there(row: int, column: int) -> None:
    data, segment = opened(image(np.zeros((SIDE, SIDE, 1), np.uint8), "B", (SIDE, SIDE)))
    with pytest.raises(LookupError):
        tile(data, segment, row, column)


@pytest.mark.parametrize(
    "part",
    [
        Part("text", data=b"no image"),
        Part("image", data=b"any", values={"compression": "C8"}),
        Part("image", data=b"any", values={"compression": "NM"}),
        Part("image", values={"colours": 16}),
        Part("image", data=bytes(4 * 4 * 4), values={"bits": 32}),
        Part("image", values={"significant": 1}),
        Part("image", values={"significant": 11}),
    ],
)
def test_what_is_compressed_or_no_plain_number_is_not_shown(part: Part) -> None:
    with pytest.raises(LookupError):
        tile(*opened(part), 0, 0)
