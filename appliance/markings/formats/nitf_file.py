"""The markings of a whole NITF or NSIF file: its header and each of its segments, which must not say more than it."""

from collections.abc import Iterator
from dataclasses import dataclass

from appliance.markings.errors import MarkingError
from appliance.markings.formats.nitf import NitfSecurity, from_nitf
from appliance.markings.label import Label, dominates, join
from appliance.markings.marking import Marking
from appliance.markings.vocabulary import Vocabulary, default

MAXIMUM_SEGMENTS = 999
_VERSIONS = {b"NITF02.10": "2.1", b"NSIF01.00": "2.1", b"NITF02.00": "2.0"}
_HEADER = 119
"""Bytes of the file header before its security fields, in every version."""

# Kind of segment, digits of the lengths of subheader and data, and bytes of the subheader before its security fields.
_SEGMENTS = {
    "2.1": (("image", 6, 10, 123), ("graphic", 4, 6, 32), ("", 0, 0, 0), ("text", 4, 5, 106), ("extension", 4, 9, 29)),
    "2.0": (
        ("image", 6, 10, 123),
        ("symbol", 4, 6, 32),
        ("label", 4, 3, 12),
        ("text", 4, 5, 106),
        ("extension", 4, 9, 29),
    ),
}


@dataclass(frozen=True, slots=True)
class NitfFile:
    """The markings of a file.

    Attributes:
        header: the marking of the file header.
        segments: name (image 1, text 2 ...) and marking of each segment, in order.
        label: what a reader of the whole must hold: the join of all of them.
        contradictions: names of segments that ask for more than the header; the file is not what its header says.
    """

    header: Marking
    segments: tuple[tuple[str, Marking], ...]
    label: Label
    contradictions: tuple[str, ...]


def read_nitf(data: bytes, vocabulary: Vocabulary | None = None) -> NitfFile:
    """The markings of a file; of its data only the subheaders are looked at.

    Args:
        data: the file, or at least everything up to its last subheader.
        vocabulary: the words; those of the package when None.

    Raises:
        MarkingError: it is no NITF 2.0, 2.1 or NSIF 1.0, it is cut off, or a security field is wrong.
    """
    vocabulary = vocabulary or default()
    version = _VERSIONS.get(bytes(data[:9]))
    if version is None:
        raise _wrong("the file begins neither as NITF 2.0 or 2.1 nor as NSIF 1.0", vocabulary)
    try:
        header = _marking(data, _HEADER, version, "the file header", vocabulary)
        segments = tuple(
            (name, _marking(data, place, version, name, vocabulary)) for name, place in _places(data, version)
        )
    except ValueError as error:
        if isinstance(error, MarkingError):
            raise
        raise _wrong(str(error), vocabulary) from error
    above = tuple(name for name, marking in segments if not dominates(header.label, marking.label))
    return NitfFile(header, segments, join(header.label, *(marking.label for _, marking in segments)), above)


def _marking(data: bytes, start: int, version: str, name: str, vocabulary: Vocabulary) -> Marking:
    """The marking of the security fields at this place.

    Raises:
        MarkingError: the fields are wrong; the message names the segment.
        ValueError: the file is cut off.
    """
    security = NitfSecurity.unpack(data[start : start + 210], version)
    try:
        return from_nitf(security, vocabulary)
    except MarkingError as error:
        raise _wrong(f"{name}: {error}", vocabulary) from error


def _places(data: bytes, version: str) -> Iterator[tuple[str, int]]:
    """The name of every segment, and where its security fields begin.

    Raises:
        ValueError: a length is no number, or the file ends before it should.
    """
    security = NitfSecurity.unpack(data[_HEADER : _HEADER + 210], version)
    start = _HEADER + len(security.pack()) + 5 + 5 + 1  # copies and encryption
    start += 3 + 24 + 18 if version == "2.1" else 27 + 18  # background, originator, telephone
    length, start = _number(data, start + 12, 6), start + 18  # lengths of the file and of its header
    lengths: list[tuple[str, int, int, int]] = []
    for kind, digits, size, before in _SEGMENTS[version]:
        count, start = _number(data, start, 3), start + 3
        for number in range(count if kind else 0):
            header, content = _number(data, start, digits), _number(data, start + digits, size)
            lengths.append((f"{kind} {number + 1}", header, content, before))
            start += digits + size
    if len(lengths) > MAXIMUM_SEGMENTS:
        raise ValueError(f"the file has {len(lengths)} segments, more than {MAXIMUM_SEGMENTS}")
    place = length
    for name, header, content, before in lengths:
        yield name, place + before
        place += header + content


def _number(data: bytes, start: int, digits: int) -> int:
    text = data[start : start + digits]
    if len(text) < digits or not text.isdigit():
        raise ValueError(f"{bytes(text)!r} at {start} is no number: the file is cut off or damaged")
    return int(text)


def _wrong(message: str, vocabulary: Vocabulary) -> MarkingError:
    return MarkingError("", (vocabulary.violation("nitf", (0, 0), message),))
