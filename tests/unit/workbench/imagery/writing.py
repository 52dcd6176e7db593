"""A writer of NITF 2.0, NITF 2.1 and NSIF 1.0 for tests: any header, right or wrong, from what stands in its fields."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from appliance.markings import parse
from appliance.markings.formats.nitf import NitfSecurity, to_nitf

MAGIC = {"2.1": b"NITF02.10", "2.0": b"NITF02.00"}


@dataclass(frozen=True)
class Part:
    """A segment to write.

    Attributes:
        kind: as the reader calls it.
        security: its security fields; those of the portion ``U`` when None.
        data: what it holds; the pixels of an image that is described by ``values`` when None.
        extensions: tag and data of each.
        values: what is different from an ordinary segment.
    """

    kind: str
    security: NitfSecurity | str = "U"
    data: bytes | None = None
    extensions: Sequence[tuple[str, bytes]] = ()
    values: dict[str, Any] = field(default_factory=dict)


def packed(security: NitfSecurity | str, version: str) -> bytes:
    """Security fields, perhaps of a portion mark."""
    return (to_nitf(parse(security), version) if isinstance(security, str) else security).pack()


def extensions_of(listed: Sequence[tuple[str, bytes]]) -> bytes:
    return b"".join(b"%-6b%05d%b" % (tag.encode(), len(data), data) for tag, data in listed)


def block(listed: Sequence[tuple[str, bytes]], overflow: int = 0) -> bytes:
    """A length, and the extensions after the number of the segment with the rest."""
    data = extensions_of(listed)
    return b"%05d%03d%b" % (len(data) + 3, overflow, data) if data or overflow else b"00000"


def secura(xml: bytes, standard: bytes = b"ARH.XML ", compression: bytes = b" " * 8) -> tuple[str, bytes]:
    """The extension that holds a marking as ISM attributes."""
    return "SECURA", b" " * 14 + b"NITF02.10" + bytes(207) + standard + compression + b"%05d%b" % (len(xml), xml)


def ism(level: str, controls: str = "") -> bytes:
    more = f' ism:disseminationControls="{controls}"' if controls else ""
    return f'<x xmlns:ism="urn:us:gov:ic:ism" ism:classification="{level}" ism:ownerProducer="USA"{more}/>'.encode()


def subheader(part: Part, version: str) -> bytes:
    writers = {"image": _image, "graphic": _graphic, "symbol": _symbol, "label": _label, "text": _text}
    if part.kind in writers:
        begin, end = writers[part.kind](part.values, version)
        return begin + packed(part.security, version) + b"0" + end + block(part.extensions)
    tag = b"DE" if part.kind == "data extension" else b"RE"
    name = str(part.values.get("name", "OURS"))
    overflow = b"UDHD  001" if name in {"TRE_OVERFLOW", "Registered Extensions", "Controlled Extensions"} else b""
    own: bytes = part.values.get("own", b"")
    return tag + b"%-25b01" % name.encode() + packed(part.security, version) + overflow + b"%04d" % len(own) + own


def content(part: Part) -> bytes:
    if part.data is not None:
        return part.data
    if part.kind == "image":
        return bytes(part.values.get("rows", 4) * part.values.get("columns", 4) * part.values.get("bands", 1))
    return extensions_of(part.values.get("overflowing", ()))


def _image(values: dict[str, Any], version: str) -> tuple[bytes, bytes]:
    rows, columns, bands = (values.get(name, default) for name, default in (("rows", 4), ("columns", 4), ("bands", 1)))
    height, width = values.get("block", (rows, columns))
    compression = str(values.get("compression", "NC")).encode()
    colours = values.get("colours", 0)
    place = b" " if version == "2.1" else b"N"
    described = b"%08d%08dINT%-8b%-8b%02dR" % (rows, columns, b"MONO", b"VIS", values.get("significant", 8))
    located = values.get("located")
    described += (located if isinstance(located, bytes) else b"G" + b"0" * 60) if located else place
    comments = values.get("comments", 0)
    described += b"%d" % comments + b"comment".ljust(80) * comments + compression
    described += b"" if compression in {b"NC", b"NM"} else b"01.0"
    described += b"%d" % bands if bands < 10 else b"0%05d" % bands
    table = b"3%05d" % colours + bytes(3 * colours) if colours else b"0"
    described += (b"M " + b" " * 6 + b"N" + b"   " + table) * bands
    described += b"0%b%04d%04d" % (
        values.get("interleave", "B").encode(),
        -(-columns // (width or columns)),
        -(-rows // (height or rows)),
    )
    described += b"%04d%04d%02d" % (width, height, values.get("bits", 8)) + b"001000" + b"0" * 10 + b"1.0 "
    return b"IM".ljust(123), b" " * 42 + described + block(values.get("user", ()), values.get("overflow", 0))


def _graphic(values: dict[str, Any], version: str) -> tuple[bytes, bytes]:
    return b"SY".ljust(32), b"C" + b"0" * 13 + b"001000" + b"0" * 20 + b"M" + b"0" * 10 + b"00"


def _symbol(values: dict[str, Any], version: str) -> tuple[bytes, bytes]:
    colours = values.get("colours", 0)
    after = b"B" + b"0" * 12 + b"1" + b"001000" + b"0" * 20 + b"0" + b"0" * 6 + b"000"
    return b"SY".ljust(32), after + b"%03d" % colours + bytes(3 * colours)


def _label(values: dict[str, Any], version: str) -> tuple[bytes, bytes]:
    return b"LA".ljust(12), b" " + b"0000" + b"001000" + b"0" * 10 + b"\xff\0\xff\0\0\0"


def _text(values: dict[str, Any], version: str) -> tuple[bytes, bytes]:
    return b"TE".ljust(106), b"STA"


ORDER = {
    "2.1": (("image", 6, 10), ("graphic", 4, 6), ("", 0, 0), ("text", 4, 5), ("data extension", 4, 9),
            ("reserved extension", 4, 7)),
    "2.0": (("image", 6, 10), ("symbol", 4, 6), ("label", 4, 3), ("text", 4, 5), ("data extension", 4, 9),
            ("reserved extension", 4, 7)),
}  # fmt: skip


def nitf(
    parts: Sequence[Part] = (),
    security: NitfSecurity | str = "U",
    version: str = "2.1",
    *,
    magic: bytes = b"",
    user: Sequence[tuple[str, bytes]] = (),
    extensions: Sequence[tuple[str, bytes]] = (),
    overflow: int = 0,
) -> bytes:
    """A file with these segments, which are put into the order of the standard."""
    before = (magic or MAGIC[version]).ljust(119)
    after = b"0000000000" + b"0" + (b"\xff\0\x7f" + b" " * 42 if version == "2.1" else b" " * 45)
    table, body = b"", b""
    for kind, header_digits, data_digits in ORDER[version]:
        mine = [part for part in parts if part.kind == kind]
        table += b"%03d" % len(mine)
        for part in mine:
            header, data = subheader(part, version), content(part)
            table += b"%0*d%0*d" % (header_digits, len(header), data_digits, len(data))
            body += header + data
    table += block(user, overflow) + block(extensions)
    marking = packed(security, version)
    length = len(before) + len(marking) + len(after) + 18 + len(table)
    return before + marking + after + b"%012d%06d" % (length + len(body), length) + table + body
