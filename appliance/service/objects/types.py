"""What a file is by its content: what it is called and what a client says of it count for nothing.

Each type has one beginning (its magic number). A file that fits two is of none that is known: two readers of it would
see two files.
"""

import codecs
import re
from collections.abc import Iterable

MAGIC: tuple[tuple[str, int, bytes], ...] = (
    ("image/png", 0, b"\x89PNG\r\n\x1a\n"),
    ("image/jpeg", 0, b"\xff\xd8\xff"),
    ("image/tiff", 0, b"II*\0"),
    ("image/tiff", 0, b"MM\0*"),
    ("image/tiff", 0, b"II+\0"),  # BigTIFF
    ("image/tiff", 0, b"MM\0+"),
    ("application/vnd.nitf", 0, b"NITF02.00"),
    ("application/vnd.nitf", 0, b"NITF02.10"),
    ("application/vnd.nitf", 0, b"NSIF01.00"),
    ("application/pdf", 0, b"%PDF-"),
    ("video/mp4", 4, b"ftyp"),
    ("video/mp2t", 0, b"G"),
    ("audio/wav", 0, b"RIFF"),
    ("application/gzip", 0, b"\x1f\x8b"),
    ("application/zip", 0, b"PK\x03\x04"),
)
PACKET = 188
"""Bytes between two sync bytes of an MPEG transport stream (ISO/IEC 13818-1, 2.4.3.2)."""
TEXT = "text/plain"
UNKNOWN = "application/octet-stream"
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0e-\x1f]")  # in UTF-8, these bytes are these characters alone


def type_of(beginning: bytes) -> str:
    """The media type of a file that begins so; ``text/plain`` until ``Text`` says otherwise, when it is no other."""
    fitting = {name for name, place, magic in MAGIC if beginning[place : place + len(magic)] == magic}
    if beginning[PACKET : 3 * PACKET : PACKET] != b"GG":
        fitting.discard("video/mp2t")
    if beginning[8:12] != b"WAVE":
        fitting.discard("audio/wav")
    if fitting:
        return fitting.pop() if len(fitting) == 1 else UNKNOWN
    return TEXT if Text().fits([beginning[:4096]], final=False) else UNKNOWN


class Text:
    """Whether bytes that come in pieces are text: UTF-8 (RFC 3629) without control characters but white space."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("strict")

    def fits(self, pieces: Iterable[bytes], *, final: bool = True) -> bool:
        """Whether all pieces, and then the end if this is the last of them, are text."""
        try:
            for piece in pieces:
                if _CONTROL.search(piece):
                    return False
                self._decoder.decode(piece)
            self._decoder.decode(b"", final)
        except UnicodeDecodeError:
            return False
        return True
