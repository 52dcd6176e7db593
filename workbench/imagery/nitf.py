"""NITF 2.0, NITF 2.1 and NSIF 1.0: the file header and the subheader of every segment, read strictly.

Nothing is guessed: each length must be what the fields have, all lengths together must be the file, and what cannot be
checked (encrypted parts, lengths that are unknown while a file is streamed) is refused.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from workbench.imagery.extensions import read_block, read_extensions
from workbench.imagery.fields import Fields, HeaderError, Source
from workbench.imagery.subheaders import READERS, Picture, Subheader, read_security

MAXIMUM_SEGMENTS = 999
"""Most segments of all kinds: six counts of three digits would allow 5,994."""
MAXIMUM_HEADERS = 32 << 20
"""Most bytes of subheaders and overflowing extensions together; a header alone may have 999,999."""
MAXIMUM_EXTENSIONS = 20_000
"""Most tagged extensions of all headers."""

VERSIONS: Mapping[str, str] = {"NITF02.10": "2.1", "NSIF01.00": "2.1", "NITF02.00": "2.0"}
"""What files begin with, and the layout that follows."""

# Kind of segment, the name of its count, names and digits of the lengths of subheader and data.
_TABLES: Mapping[str, tuple[tuple[str, str, str, int, str, int], ...]] = {
    "2.1": (
        ("image", "NUMI", "LISH", 6, "LI", 10),
        ("graphic", "NUMS", "LSSH", 4, "LS", 6),
        ("", "NUMX", "", 0, "", 0),
        ("text", "NUMT", "LTSH", 4, "LT", 5),
        ("data extension", "NUMDES", "LDSH", 4, "LD", 9),
        ("reserved extension", "NUMRES", "LRESH", 4, "LRE", 7),
    ),
    "2.0": (
        ("image", "NUMI", "LISH", 6, "LI", 10),
        ("symbol", "NUMS", "LSSH", 4, "LS", 6),
        ("label", "NUML", "LLSH", 4, "LL", 3),
        ("text", "NUMT", "LTSH", 4, "LT", 5),
        ("data extension", "NUMDES", "LDSH", 4, "LD", 9),
        ("reserved extension", "NUMRES", "LRESH", 4, "LRE", 7),
    ),
}


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment.

    Attributes:
        kind: image, graphic, symbol, label, text, data extension or reserved extension.
        number: its place among its kind, from 1.
        subheader: first and one-past-last byte.
        data: first and one-past-last byte.
        fields: what its subheader says.
    """

    kind: str
    number: int
    subheader: tuple[int, int]
    data: tuple[int, int]
    fields: Subheader

    @property
    def name(self) -> str:
        """As errors and people call it: ``image 1``."""
        return f"{self.kind} {self.number}"

    @property
    def picture(self) -> Picture | None:
        """How the pixels of an image lie; None of other segments."""
        return self.fields.picture


@dataclass(frozen=True, slots=True)
class Nitf:
    """The headers of a file.

    Attributes:
        magic: NITF02.10, NITF02.00 or NSIF01.00.
        header: the security fields of the file, as of a segment.
        segments: all of them, in the order of the file.
    """

    magic: str
    header: Subheader
    segments: tuple[Segment, ...]


@dataclass(frozen=True, slots=True)
class _Lengths:
    kind: str
    number: int
    subheader: int
    data: int
    field: str
    offset: int


def read_nitf(source: Source) -> Nitf:
    """The headers of a file.

    Args:
        source: the whole file; slices of headers alone are read.

    Raises:
        HeaderError: names the first field that is wrong, and its byte.
    """
    fields = Fields("file header", source[: min(999_999, len(source))], 0)
    magic = fields.one_of("FHDR and FVER", *VERSIONS)
    version = VERSIONS[magic]
    for name, width in (("CLEVEL", 2), ("STYPE", 4), ("OSTAID", 10), ("FDT", 14), ("FTITLE", 80)):
        fields.text(name, width)
    found = read_security(fields, "FS", version)
    for name in ("FSCOP", "FSCPYS"):
        fields.number(name, 5)
    fields.one_of("ENCRYP", "0")
    if version == "2.1":
        fields.take("FBKGC", 3)
        fields.text("ONAME", 24)
    else:
        fields.text("ONAME", 27)
    fields.text("OPHONE", 18)
    _whole_file(fields, source)
    length = fields.number("HL", 6)
    lengths = tuple(_lengths(fields, version))
    extensions = sum(one.kind == "data extension" for one in lengths)
    blocks = read_block(fields, "UDHDL", "UDHOFL", extensions) + read_block(fields, "XHDL", "XHDLOFL", extensions)
    fields.end("HL", length)
    _add_up(source, length, lengths)
    return Nitf(magic, found.with_extensions(blocks), tuple(_segments(source, version, length, lengths, extensions)))


def _whole_file(fields: Fields, source: Source) -> None:
    place = fields.offset
    length = fields.number("FL", 12)
    if length != len(source):
        raise fields.wrong("FL", f"says {length} bytes, and the file has {len(source)}", place)


def _lengths(fields: Fields, version: str) -> Iterator[_Lengths]:
    """The lengths of all segments.

    Raises:
        HeaderError: there are too many, or of a kind that the version does not have.
    """
    total = 0
    for kind, count, header, header_digits, data, data_digits in _TABLES[version]:
        place = fields.offset
        found = fields.number(count, 3, 0, 999 if kind else 0)
        total += found
        if total > MAXIMUM_SEGMENTS:
            raise fields.wrong(count, f"makes {total} segments, more than {MAXIMUM_SEGMENTS}", place)
        for number in range(1, found + 1):
            place = fields.offset
            subheader = fields.number(f"{header}{number:03}", header_digits, 1)
            content = fields.number(f"{data}{number:03}", data_digits)
            yield _Lengths(kind, number, subheader, content, f"{header}{number:03}", place)


def _add_up(source: Source, header: int, lengths: tuple[_Lengths, ...]) -> None:
    """Refuse lengths that are not the file, or more headers than anybody needs.

    Raises:
        HeaderError: names the first segment that goes beyond the end, or the file.
    """
    end, headers = header, 0
    for one in lengths:
        end, headers = end + one.subheader + one.data, headers + one.subheader
        if end > len(source):
            problem = f"and its data end at {end}, beyond the file of {len(source)} bytes"
            raise HeaderError("file header", one.field, one.offset, problem)
        if headers > MAXIMUM_HEADERS:
            raise HeaderError(
                "file header", one.field, one.offset, f"makes more than {MAXIMUM_HEADERS} bytes of headers"
            )
    if end != len(source):
        raise HeaderError("file header", "FL", 0, f"is {len(source)}, and header and segments have {end} bytes")


def _segments(
    source: Source, version: str, place: int, lengths: tuple[_Lengths, ...], extensions: int
) -> Iterator[Segment]:
    left, tagged = MAXIMUM_HEADERS, 0
    for one in lengths:
        middle, end = place + one.subheader, place + one.subheader + one.data
        fields = Fields(f"{one.kind} {one.number}", source[place:middle], place)
        subheader = READERS[one.kind](fields, version, extensions)
        fields.end(one.field, one.subheader)
        if subheader.overflows:
            left -= one.data
            if left < 0:
                raise fields.wrong("DESDATA", f"has {one.data} bytes of extensions, more than anybody needs", middle)
            rest = Fields(fields.part, source[middle:end], middle)
            subheader = subheader.with_extensions(read_extensions(rest, one.data))
        tagged += len(subheader.extensions)
        if tagged > MAXIMUM_EXTENSIONS:
            raise fields.wrong("CETAG", f"makes more than {MAXIMUM_EXTENSIONS} extensions", place)
        if subheader.picture is not None and subheader.picture.data_bytes not in (None, one.data):
            problem = f"has {one.data} bytes, and its pixels need {subheader.picture.data_bytes}"
            raise fields.wrong("image data", problem, middle)
        yield Segment(one.kind, one.number, (place, middle), (middle, end), subheader)
        place = end
