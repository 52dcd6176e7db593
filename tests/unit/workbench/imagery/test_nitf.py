"""Headers are read exactly as they were written, and whatever does not add up is refused with its field and place."""

import re
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.markings.formats.nitf import NitfSecurity
from tests.unit.workbench.imagery.writing import Part, extensions_of, nitf, secura
from workbench.imagery.fields import HeaderError
from workbench.imagery.nitf import MAXIMUM_HEADERS, MAXIMUM_SEGMENTS, read_nitf
from workbench.imagery.subheaders import Picture

KINDS = {
    "2.1": ("image", "graphic", "text", "data extension", "reserved extension"),
    "2.0": ("image", "symbol", "label", "text", "data extension", "reserved extension"),
}
WITHOUT = {"data extension", "reserved extension"}
OVERFLOWS = {"2.1": "TRE_OVERFLOW", "2.0": "Registered Extensions"}
TAGS = st.from_regex(r"[A-Z]{3}[A-Z0-9]{0,3}", fullmatch=True).filter(lambda tag: tag != "SECURA")
EXTENSIONS = st.lists(st.tuples(TAGS, st.binary(max_size=40)), max_size=3)


@st.composite
def parts(draw: st.DrawFn, version: str) -> Part:
    kind = draw(st.sampled_from(KINDS[version]))
    values: dict[str, Any] = {}
    data: bytes | None = draw(st.binary(max_size=50))
    if kind == "image":
        values = {
            "rows": draw(st.integers(1, 9)),
            "columns": draw(st.integers(1, 9)),
            "bands": draw(st.integers(1, 12 if version == "2.1" else 9)),
            "colours": draw(st.sampled_from([0, 1, 16])),
            "comments": draw(st.integers(0, 3)),
            "located": draw(st.booleans()),
            "user": draw(EXTENSIONS),
        }
        data = None
    elif kind == "symbol":
        values = {"colours": draw(st.sampled_from([0, 1, 9]))}
    elif kind == "data extension" and draw(st.booleans()):
        values, data = {"name": OVERFLOWS[version], "overflowing": draw(EXTENSIONS)}, None
    elif kind in WITHOUT:
        values = {"own": draw(st.binary(max_size=9))}
    return Part(kind, "U", data, () if kind in WITHOUT else draw(EXTENSIONS), values)


@st.composite
def files(draw: st.DrawFn) -> tuple[str, list[Part], Any, bytes]:
    version = draw(st.sampled_from(["2.1", "2.0"]))
    listed = draw(st.lists(parts(version), max_size=6))
    user = draw(EXTENSIONS)
    return version, listed, user, nitf(listed, "S//NF", version, user=user, extensions=draw(EXTENSIONS))


@given(files())
def test_what_was_written_is_read(file: tuple[str, list[Part], Any, bytes]) -> None:
    version, listed, user, data = file
    found = read_nitf(data)
    assert found.header.security.fields["CLAS"] == "S"
    assert [(one.tag, one.length) for one in found.header.extensions][: len(user)] == [(a, len(b)) for a, b in user]
    written = [part for kind in KINDS[version] for part in listed if part.kind == kind]
    assert [one.kind for one in found.segments] == [part.kind for part in written]
    end = found.segments[0].subheader[0] if found.segments else len(data)
    for segment, part in zip(found.segments, written, strict=True):
        assert segment.subheader[0] == end, "segments follow each other without a gap"
        end = segment.data[1]
        if part.data is not None:
            assert data[slice(*segment.data)] == part.data
        tags = [*part.values.get("user", ()), *part.extensions, *part.values.get("overflowing", ())]
        assert [(one.tag, one.length) for one in segment.fields.extensions] == [(tag, len(own)) for tag, own in tags]
        for one, (_, own) in zip(segment.fields.extensions, tags, strict=True):
            assert data[one.offset + 11 : one.offset + 11 + one.length] == own
        place = segment.fields.place("CLAS")
        assert data[place : place + 1] == b"U"
        if segment.picture:
            assert (segment.picture.rows, segment.picture.columns) == (part.values["rows"], part.values["columns"])
            assert segment.picture.data_bytes == segment.data[1] - segment.data[0]
    assert end == len(data)


@given(files(), st.data())
def test_a_file_that_is_cut_or_longer_is_never_read(
    file: tuple[str, list[Part], Any, bytes], data: st.DataObject
) -> None:
    whole = file[3]
    for changed in (whole[: data.draw(st.integers(0, len(whole) - 1))], whole + b"\0"):
        with pytest.raises(HeaderError) as caught:
            read_nitf(changed)
        assert 0 <= caught.value.offset <= len(changed)


@given(files(), st.data())
def test_no_length_and_no_count_is_anything_else_than_it_is(
    file: tuple[str, list[Part], Any, bytes], data: st.DataObject
) -> None:
    """Every digit of the lengths of file, header and segments matters."""
    whole = bytearray(file[3])
    begin = 119 + 167 + 11 + 45
    at = data.draw(st.integers(begin, begin + 17))
    whole[at] = data.draw(st.sampled_from([digit for digit in b"0123456789 -+" if digit != whole[at]]))
    with pytest.raises(HeaderError):
        read_nitf(bytes(whole))


def at(data: bytes, place: int, new: bytes) -> bytes:
    return data[:place] + new + data[place + len(new) :]


FILE = nitf([Part("image", "S//NF"), Part("text", data=b"seven..")], "S//NF")
"""Two segments; the header has its lengths at 342 (FL), 354 (HL), 360 (NUMI), 363 (LISH), 369 (LI)."""
HEADER = read_nitf(FILE).segments[0].subheader[0]


def number(place: int, width: int) -> int:
    return int(FILE[place : place + width])


@pytest.mark.parametrize(
    ("data", "field", "offset"),
    [
        (b"", "FHDR and FVER", 0),
        (b"NITF01.10" + FILE[9:], "FHDR and FVER", 0),
        (b"<VRTDataset rasterXSize='1'/>", "FHDR and FVER", 0),
        (at(FILE, 20, b"\0"), "OSTAID", 15),
        (at(FILE, 119 + 167, b"00 01"), "FSCOP", 286),
        (at(FILE, 296, b"1"), "ENCRYP", 296),
        (at(FILE, 342, b"999999999999"), "FL", 342),
        (at(FILE, 342, b"%012d" % (len(FILE) - 1)), "FL", 342),
        (at(FILE, 354, b"%06d" % (HEADER + 1)), "HL", 0),
        (at(FILE, 360, b"999"), "LISH002", 379),
        (at(FILE, 360, b"-01"), "NUMI", 360),
        (at(FILE, 360, b"\xb9\xb2\xb3"), "NUMI", 360),
        (at(FILE, 363, b"000000"), "LISH001", 363),
        (at(FILE, 363, b"999999"), "LISH001", 363),
        (at(FILE, 363, b"%06d%010d" % (number(363, 6) - 1, number(369, 10) + 1)), "IXSHDL", HEADER + 434),
        (at(FILE, 363, b"%06d%010d" % (number(363, 6) + 1, number(369, 10) - 1)), "LISH001", HEADER),
        (at(FILE, 369, b"9999999999"), "LISH001", 363),
        (at(FILE, 369, b"0000000017"), "LTSH001", 388),
        (at(FILE, HEADER, b"TE"), "the tag of the segment", HEADER),
        (at(FILE, HEADER + 290, b"1"), "ENCRYP", HEADER + 290),
        (at(FILE, HEADER + 333, b"00000000"), "NROWS", HEADER + 333),
        (at(FILE, HEADER + 333, b"00000005"), "NBPR to NPPBV", HEADER + 391),
    ],
)
def test_a_field_that_is_wrong_is_named_with_its_place(data: bytes, field: str, offset: int) -> None:
    with pytest.raises(HeaderError) as caught:
        read_nitf(data)
    assert (caught.value.field, caught.value.offset) == (field, offset), caught.value.message
    assert re.search(r"at byte \d+ ", caught.value.message)
    assert caught.value.rule
    assert caught.value.remedy


def test_segments_overlap_nowhere() -> None:
    """Two subheaders that would begin at the same byte: the length of the first and its data shrink to nothing."""
    two = nitf([Part("image"), Part("image")])
    length = int(two[363:369])
    overlapping = at(two, 369, b"%010d" % 0)
    overlapping = at(overlapping, 379 + 6, b"%010d" % 32)
    with pytest.raises(HeaderError, match="image data"):
        read_nitf(overlapping)
    with pytest.raises(HeaderError, match="LISH002"):
        read_nitf(at(two, 363, b"%06d%010d" % (length + 455, 16)))


def test_images_of_other_sizes_than_their_data() -> None:
    for values in ({"rows": 5, "block": (5, 4)}, {"bits": 16}, {"bands": 2}):
        part = Part("image", data=bytes(16), values=values)
        with pytest.raises(HeaderError, match="its pixels need"):
            read_nitf(nitf([part]))
    with pytest.raises(HeaderError, match="NPPBH"):
        read_nitf(at(nitf([Part("image", values={"block": (4, 2)})]), 404 + 399, b"0000"))
    large = Part("image", data=bytes(9000), values={"rows": 1, "columns": 9000, "block": (1, 0)})
    picture = read_nitf(nitf([large])).segments[0].picture
    assert picture == Picture(1, 9000, 1, 8, 8, "INT", "NC", "B", (1, 1), (1, 9000))
    compressed = Part(
        "image", data=b"any", values={"rows": 90_000, "columns": 90_000, "block": (8000, 8000), "compression": "C8"}
    )
    found = read_nitf(nitf([compressed])).segments[0].picture
    assert found is not None
    assert found.data_bytes is None


@pytest.mark.parametrize(
    ("extensions", "field"),
    [
        (b"00002", "UDIDL"),
        (b"00008000ABCDE", "CETAG"),
        (b"00014000ABCDEF00001", "CEL"),
        (b"00015000ABCDEF00002x", "CEL"),
        (b"00014000ABCDEF-0001", "CEL"),
        (b"00014002ABCDEF00000", "UDOFL"),
        (b"00014000ABCD\0F00000", "CETAG"),
        (b"99999000ABCDEF99999", "CEL"),
    ],
)
def test_extensions_that_do_not_add_up_are_refused(extensions: bytes, field: str) -> None:
    image = nitf([Part("image", extensions=[("WHATIS", bytes(20))])])
    segment = read_nitf(image).segments[0]
    place = segment.subheader[1] - len(extensions_of([("WHATIS", bytes(20))])) - 8 - 5
    assert image[place : place + 5] == b"00000"
    with pytest.raises(HeaderError) as caught:
        read_nitf(at(image, place, extensions))
    assert caught.value.field == field


class Counted(bytes):
    """A file that counts how many of its bytes were looked at."""

    seen = 0

    def __getitem__(self, wanted: Any) -> Any:
        found = super().__getitem__(wanted)
        self.seen += len(found) if isinstance(found, bytes) else 1
        return found


def test_pixels_are_not_looked_at() -> None:
    data = Counted(nitf([Part("image", values={"rows": 4000, "columns": 4000})]))
    read_nitf(data)
    assert data.seen < 1_002_000


BOMBS: dict[str, Callable[[], bytes]] = {
    "too many segments": lambda: nitf([*[Part("text", data=b"")] * 600, *[Part("data extension", data=b"")] * 400]),
    "tables of colours": lambda: nitf([Part("image", values={"colours": 65_537})]),
    "headers": lambda: nitf(
        [Part("image", extensions=[("A", bytes(90_000))], values={"user": [("A", bytes(90_000))]})] * 190
    ),
    "empty extensions": lambda: nitf(
        [Part("data extension", data=b"AAAAAA00000" * 9_091, values={"name": "TRE_OVERFLOW"})]
    ),
    "extensions in many places": lambda: nitf([Part("text", extensions=[("AAAAAA", b"")] * 700)] * 30),
    "overflowing extensions": lambda: nitf(
        [Part("data extension", data=b"AAAAAA00000" * (MAXIMUM_HEADERS // 11 + 1), values={"name": "TRE_OVERFLOW"})]
    ),
}


@pytest.mark.parametrize("what", BOMBS)
def test_a_bomb_costs_no_more_than_its_headers(what: str) -> None:
    data = BOMBS[what]()
    tracemalloc.start()
    with pytest.raises(HeaderError):
        read_nitf(data)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 2 * MAXIMUM_HEADERS


def test_a_file_of_as_many_segments_as_there_may_be_is_read() -> None:
    assert len(read_nitf(nitf([Part("text", data=b"")] * MAXIMUM_SEGMENTS)).segments) == MAXIMUM_SEGMENTS


@pytest.mark.parametrize(
    ("tag", "data"),
    [
        secura(b"<x/>", standard=b"OURS    "),
        secura(b"<x/>", compression=b"GZIP    "),
        secura(b""),
        ("SECURA", secura(b"<x/>")[1][:-2]),
        ("SECURA", b""),
    ],
)
def test_a_marking_that_an_extension_hides_is_refused(tag: str, data: bytes) -> None:
    with pytest.raises(HeaderError) as caught:
        read_nitf(nitf([Part("image", extensions=[(tag, data)])]))
    assert "SECURA" in caught.value.message


def test_an_event_of_downgrading_moves_the_fields_after_it() -> None:
    event = NitfSecurity("2.0", {"CLAS": "S", "CTLH": "NF", "DWNG": "999998", "DEVT": "END OF EXERCISE"})
    found = read_nitf(nitf([Part("image", event), Part("label", event)], event, "2.0"))
    assert found.header.security.fields["DEVT"] == "END OF EXERCISE"
    assert [one.fields.security.fields["DEVT"] for one in found.segments] == ["END OF EXERCISE"] * 2
    assert replace(found.segments[0].fields, offset=0).place("DEVT") == 167
