"""Pages of a PDF: text, tables and small charts between two banners. The same calls give the same bytes.

Text is set in Helvetica, which every reader of PDF has (ISO 32000-1, 9.6.2.2); widths are those of Adobe's metrics.
What its encoding lacks is written as a code point, so that nothing is lost or drawn as something else.
"""

import io
from collections.abc import Callable, Sequence

import pydyf

WIDTH, HEIGHT, EDGE = 595, 842, 48
"""A4 in points, and its margin."""
INNER = WIDTH - 2 * EDGE
TOP, BOTTOM = HEIGHT - 62, 62
_REGULAR = (
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556, 556, 556,
    556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833,
    722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556, 333, 556, 556, 500, 556,
    556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334,
    260, 334, 584,
)  # fmt: skip
_BOLD = (
    278, 333, 474, 556, 556, 889, 722, 238, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556, 556, 556,
    556, 556, 556, 333, 333, 584, 584, 584, 611, 975, 722, 722, 722, 722, 667, 611, 778, 722, 278, 556, 722, 611, 833,
    722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 333, 278, 333, 584, 556, 333, 556, 611, 556, 611,
    556, 333, 611, 611, 278, 278, 556, 278, 889, 611, 611, 611, 611, 389, 556, 333, 611, 556, 778, 556, 556, 500, 389,
    280, 389, 584,
)  # fmt: skip
_OTHER = 1000
"""Width of what is beyond ASCII: as wide as any, so that no line is ever too long."""
Draw = Callable[[pydyf.Stream, float, float, float], None]
"""Draws into a stream at x, y (the middle of the line) over a width."""
Cell = str | Draw


def encodable(text: str) -> str:
    """The text, with what Windows-1252 lacks written as code points."""
    return "".join(one if one.isprintable() and _has(one) else f"\\u{ord(one):04x}" for one in text)


def _has(character: str) -> bool:
    try:
        character.encode("cp1252")
    except UnicodeEncodeError:
        return False
    return True


def width(text: str, size: float, *, bold: bool = False) -> float:
    """Points that a text takes."""
    table = _BOLD if bold else _REGULAR
    return sum(table[ord(one) - 32] if " " <= one <= "~" else _OTHER for one in text) * size / 1000


def wrapped(text: str, size: float, room: float, *, bold: bool = False) -> list[str]:
    """The lines of a text; a word that is wider than ``room`` is broken."""
    lines, line = [], ""
    for word in encodable(" ".join(text.split())).split(" "):
        tried = f"{line} {word}" if line else word
        if width(tried, size, bold=bold) <= room:
            line = tried
            continue
        if line:
            lines.append(line)
        line = ""
        for one in word:
            if width(line + one, size, bold=bold) > room:
                lines.append(line)
                line = ""
            line += one
    return [*lines, line]


class Sheet:
    """A document that grows downwards and begins pages by itself.

    Args:
        title: of the document.
        banner: the marking at the top and the bottom of every page.
    """

    def __init__(self, title: str, banner: str) -> None:
        self._title, self._banner = title, banner
        self._streams: list[pydyf.Stream] = []
        self._y = 0.0
        self._begin()

    def heading(self, text: str, size: float = 13) -> None:
        """A heading that is not left alone at the foot of a page."""
        self._room(size * 1.4 + 40)
        self._y -= 8
        self.text(text, size, bold=True)

    def text(self, text: str, size: float = 9.5, *, bold: bool = False, indent: float = 0) -> None:
        """A paragraph."""
        for line in wrapped(text, size, INNER - indent, bold=bold):
            self._room(size * 1.4)
            self._y -= size * 1.4
            self._put(line, EDGE + indent, self._y, size, bold=bold)
        self._y -= 3

    def table(self, head: Sequence[str], rows: Sequence[Sequence[Cell]], widths: Sequence[float]) -> None:
        """A table; ``widths`` are parts of the page. Its head stands again on every page."""
        places = [EDGE + INNER * sum(widths[:number]) / sum(widths) for number in range(len(widths))]
        rooms = [INNER * one / sum(widths) - 6 for one in widths]
        self._row(head, places, rooms, bold=True)
        for row in rows:
            lines = max(
                len(wrapped(cell, 8.5, room)) for cell, room in zip(row, rooms, strict=True) if isinstance(cell, str)
            )
            if self._y - lines * 11 - 8 < BOTTOM:
                self._begin()
                self._row(head, places, rooms, bold=True)
            self._row(row, places, rooms)
        self._y -= 6

    def data(self) -> bytes:
        """The file."""
        document = pydyf.PDF()
        fonts = {}
        for name, base in (("F1", "/Helvetica"), ("F2", "/Helvetica-Bold")):
            font = pydyf.Dictionary(
                {"Type": "/Font", "Subtype": "/Type1", "BaseFont": base, "Encoding": "/WinAnsiEncoding"}
            )
            document.add_object(font)
            fonts[name] = font.reference
        for number, stream in enumerate(self._streams, 1):
            foot = f"{number} / {len(self._streams)}"
            self._put(foot, WIDTH - EDGE - width(foot, 8), 44, 8, stream=stream)
            document.add_object(stream)
            document.add_page(
                pydyf.Dictionary(
                    {
                        "Type": "/Page", "Parent": document.pages.reference, "Contents": stream.reference,
                        "MediaBox": pydyf.Array([0, 0, WIDTH, HEIGHT]),
                        "Resources": pydyf.Dictionary({"Font": pydyf.Dictionary(fonts)}),
                    }
                )
            )  # fmt: skip
        document.info["Title"] = pydyf.String(self._title)
        document.catalog["Lang"] = pydyf.String("en")
        document.catalog["ViewerPreferences"] = pydyf.Dictionary({"DisplayDocTitle": "true"})
        out = io.BytesIO()
        document.write(out)
        return out.getvalue()

    def _begin(self) -> None:
        self._streams.append(pydyf.Stream(compress=True))
        for y in (HEIGHT - 32, 26):
            for number, line in enumerate(wrapped(self._banner, 10, INNER, bold=True)[:2]):
                self._put(line, (WIDTH - width(line, 10, bold=True)) / 2, y - 12 * number, 10, bold=True)
        self._y = float(TOP)

    def _room(self, height: float) -> None:
        if self._y - height < BOTTOM:
            self._begin()

    def _row(self, row: Sequence[Cell], places: Sequence[float], rooms: Sequence[float], *, bold: bool = False) -> None:
        most = 1
        for cell, x, room in zip(row, places, rooms, strict=True):
            if isinstance(cell, str):
                lines = wrapped(cell, 8.5, room, bold=bold)
                most = max(most, len(lines))
                for number, line in enumerate(lines):
                    self._put(line, x, self._y - 11 * (number + 1), 8.5, bold=bold)
            else:
                cell(self._streams[-1], x, self._y - 8, room)
        self._y -= 11 * most + 4
        stream = self._streams[-1]
        stream.set_color_rgb(0.8, 0.8, 0.8, stroke=True)
        stream.set_line_width(0.5)
        stream.move_to(EDGE, self._y)
        stream.line_to(WIDTH - EDGE, self._y)
        stream.stroke()
        self._y -= 2

    def _put(
        self, text: str, x: float, y: float, size: float, *, bold: bool = False, stream: pydyf.Stream | None = None
    ) -> None:
        on = stream or self._streams[-1]
        on.begin_text()
        on.set_font_size("F2" if bold else "F1", size)
        on.move_text_to(round(x, 2), round(y, 2))
        on.stream.append(b"<" + text.encode("cp1252", "replace").hex().encode() + b"> Tj")
        on.end_text()
