"""Fields of fixed width, one after the other; what is wrong with one is told with its name and place in the file."""

from typing import Protocol

from appliance.errors import ApplianceError

RULE = "NITF 2.0 (MIL-STD-2500A), NITF 2.1 (MIL-STD-2500C) and NSIF 1.0 (STANAG 4545)"


class Source(Protocol):
    """Bytes of a file that may be larger than memory: ``bytes``, or what reads slices only when they are asked for."""

    def __len__(self) -> int: ...

    def __getitem__(self, wanted: slice, /) -> bytes: ...


class HeaderError(ApplianceError):
    """A header is not what the standard says, or not what the file is.

    Attributes:
        field: the field, as the standard names it.
        offset: its first byte in the file.

    Args:
        part: the header or subheader, for example ``image 2``.
        field: the field.
        offset: its first byte in the file.
        problem: what is wrong with it.
        remedy: what to do.
    """

    def __init__(
        self,
        part: str,
        field: str,
        offset: int,
        problem: str,
        remedy: str = "have the producer of the file put it right",
    ) -> None:
        self.field = field
        self.offset = offset
        super().__init__(f"{part}: {field} at byte {offset} {problem}", rule=RULE, remedy=remedy)


class Fields:
    """A header or subheader that is read field by field.

    Args:
        part: what it is, for errors.
        data: its bytes, and perhaps more after them.
        start: its first byte in the file.
    """

    def __init__(self, part: str, data: bytes, start: int) -> None:
        self.part = part
        self._data = data
        self._start = start
        self._next = 0

    @property
    def offset(self) -> int:
        """The next byte, counted from the beginning of the file."""
        return self._start + self._next

    def wrong(self, field: str, problem: str, offset: int | None = None) -> HeaderError:
        """What to raise about a field; the next one if no other place is given."""
        return HeaderError(self.part, field, self.offset if offset is None else offset, problem)

    def take(self, field: str, width: int) -> bytes:
        """The bytes of the next field.

        Raises:
            HeaderError: the header ends before it.
        """
        data = self._data[self._next : self._next + width]
        if len(data) < width:
            raise self.wrong(field, f"should have {width} bytes, and {len(data)} are left")
        self._next += width
        return data

    def text(self, field: str, width: int) -> str:
        """A field of printable characters: ECS-A, which is Latin-1 without controls.

        Raises:
            HeaderError: it is cut off, or has other bytes.
        """
        place = self.offset
        text = self.take(field, width).decode("latin-1")
        if any(not (" " <= one <= "~" or one >= "\xa0") for one in text):
            raise self.wrong(field, "has a byte that is no character of this standard", place)
        return text

    def number(self, field: str, width: int, least: int = 0, most: int | None = None) -> int:
        """A field of digits alone, between ``least`` and ``most``.

        Raises:
            HeaderError: it is cut off, has something else than digits, or lies outside.
        """
        place = self.offset
        digits = self.take(field, width)
        if not digits.isdigit():  # of bytes: 0 to 9 alone
            raise self.wrong(field, f"is {digits.decode('latin-1')!r}, and should be {width} digits", place)
        if not least <= int(digits) <= (most if most is not None else int(digits)):
            raise self.wrong(field, f"is {int(digits)}, and should be {least} to {most}", place)
        return int(digits)

    def one_of(self, field: str, *values: str) -> str:
        """A field that has one of these values, all of the same width.

        Raises:
            HeaderError: it has another one.
        """
        place = self.offset
        found = self.take(field, len(values[0])).decode("latin-1")
        if found not in values:
            raise self.wrong(field, f"is {found!r}, and should be {' or '.join(map(repr, values))}", place)
        return found

    def end(self, field: str, length: int) -> None:
        """Check that so many bytes were read.

        Raises:
            HeaderError: ``field``, which said so, is wrong.
        """
        if self._next != length:
            raise self.wrong(field, f"says {length} bytes, and the fields have {self._next}", self._start)
