"""Tagged record extensions (TRE) in headers, and the one among them that says how its header is marked (SECURA)."""

from collections.abc import Iterator
from dataclasses import dataclass

from workbench.imagery.fields import Fields

SECURA = "SECURA"
OVERFLOW = ("TRE_OVERFLOW", "Registered Extensions", "Controlled Extensions")
"""Data extension segments that hold what did not fit into a header; the latter two in NITF 2.0."""


MOST = 9_090
"""Most extensions of one block: as many empty ones fit into its 99,999 bytes."""


@dataclass(frozen=True, slots=True)
class Extension:
    """One extension.

    Attributes:
        tag: its name (CETAG).
        offset: the first byte of the tag in the file.
        length: bytes of its data (CEL).
        security: of SECURA alone: the marking as ISM attributes.
    """

    tag: str
    offset: int
    length: int
    security: bytes = b""


def read_block(fields: Fields, name: str, overflow: str, segments: int) -> tuple[Extension, ...]:
    """A block of extensions that begins with its length, as ``UDHDL``, and, unless empty, where more of it is.

    Args:
        fields: the header, at the length.
        name: the field of the length.
        overflow: the field that names the data extension segment with the rest.
        segments: how many of these there are.

    Raises:
        HeaderError: a length is wrong.
    """
    length = fields.number(name, 5)
    if length == 0:
        return ()
    if length < 3:
        raise fields.wrong(name, f"is {length}, and should be 0 or at least 3", fields.offset - 5)
    fields.number(overflow, 3, 0, segments)
    return tuple(read_extensions(fields, length - 3))


def read_extensions(fields: Fields, length: int) -> Iterator[Extension]:
    """Extensions one after the other, which have exactly so many bytes together.

    Raises:
        HeaderError: one of them is longer than what is left, or there are more than ``MOST``.
    """
    end, found = fields.offset + length, 0
    while (start := fields.offset) < end:
        found += 1
        if found > MOST:
            raise fields.wrong("CETAG", f"begins more than {MOST} extensions")
        if end - start < 11:
            raise fields.wrong("CETAG", f"should have 11 bytes with its length, and {end - start} are left")
        tag = fields.text("CETAG", 6).rstrip()
        size = fields.number("CEL", 5)
        if size > end - fields.offset:
            raise fields.wrong("CEL", f"of {tag} is {size}, and {end - fields.offset} bytes are left", start + 6)
        data = fields.offset
        content = fields.take("CEDATA", size)
        security = _security(Fields(f"{fields.part}, {SECURA}", content, data)) if tag == SECURA else b""
        yield Extension(tag, start, size, security)


def _security(fields: Fields) -> bytes:
    """The marking that SECURA has (STDI-0002, Volume 1, Appendix AI).

    Raises:
        HeaderError: it is in no form that can be read here.
    """
    for name, width in (("FDATTIM", 14), ("NITFVER", 9), ("NFSECFLDS", 207)):
        fields.take(name, width)
    fields.one_of("SECSTD", "ARH.XML ", "ARH XML ")
    fields.one_of("SECCOMP", " " * 8)  # compressed XML is refused: it could hold any marking
    return fields.take("SECURITY", fields.number("SECLEN", 5, 1))
