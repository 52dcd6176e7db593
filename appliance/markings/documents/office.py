"""Paragraphs of Office documents (Office Open XML): Word, PowerPoint and Excel."""

import io
import re
import zipfile
from collections.abc import Iterator
from xml.etree.ElementTree import Element

from appliance.markings.documents.paragraph import BODY, MARGIN, SUBJECT, Content, DocumentError
from appliance.markings.formats.safe_xml import UnsafeXmlError, find_all, local, parse_xml, text_of

MAXIMUM_ENTRIES = 5_000
MAXIMUM_PART = 64 * 1024 * 1024
MAXIMUM_TOTAL = 256 * 1024 * 1024

_CODES = re.compile(r'&(?:"[^"]*"|[0-9]+|K[0-9A-F]{6}|[A-Za-z])')
_XML = re.compile(r"\.(?:xml|rels|vml)$")


class Package:
    """A package of parts, each read once and within limits.

    Args:
        data: the file.

    Raises:
        DocumentError: it is no package, or it has too many parts.
    """

    def __init__(self, data: bytes) -> None:
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
            self.names = self._zip.namelist()
        except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
            raise DocumentError(f"the file is no Office document: {error}") from error
        if len(self.names) > MAXIMUM_ENTRIES:
            raise DocumentError(f"the document has {len(self.names)} parts, more than {MAXIMUM_ENTRIES}")
        self._left = MAXIMUM_TOTAL

    def xml(self, name: str) -> Element:
        """The root of a part.

        Raises:
            DocumentError: the part is missing, damaged, encrypted, unsafe or too large.
        """
        limit = min(MAXIMUM_PART, self._left)
        try:
            with self._zip.open(name) as part:
                data = part.read(limit + 1)
        except (
            KeyError,
            zipfile.BadZipFile,
            RuntimeError,
            NotImplementedError,
            OSError,
            ValueError,
            EOFError,
        ) as error:
            raise DocumentError(f"the part {name} cannot be read: {error}") from error
        except Exception as error:  # zlib and lzma have errors of their own
            if type(error).__name__ not in {"error", "LZMAError"}:
                raise
            raise DocumentError(f"the part {name} is damaged: {error}") from error
        if len(data) > limit:
            raise DocumentError(f"the part {name} is too large")
        self._left -= len(data)
        try:
            return parse_xml(data, maximum_bytes=MAXIMUM_PART, maximum_elements=3_000_000, maximum_depth=256)
        except UnsafeXmlError as error:
            raise DocumentError(f"the part {name}: {error}") from error

    def matching(self, pattern: str) -> list[str]:
        """The names of parts that match, by their number."""
        found = [name for name in self.names if re.fullmatch(pattern, name)]
        return sorted(found, key=lambda name: ([int(number) for number in re.findall(r"\d+", name)], name))


def read_docx(data: bytes) -> Content:
    """Paragraphs of a Word document: text, tables, boxes, notes, comments, heads and feet of pages, and its title."""
    package, content = Package(data), Content()
    _properties(package, content)
    for pattern, name, part in (
        (r"word/header\d*\.xml", "header", MARGIN),
        (r"word/footer\d*\.xml", "footer", MARGIN),
        (r"word/document\d*\.xml", "", BODY),
        (r"word/(?:footnotes|endnotes)\.xml", "note", BODY),
        (r"word/comments\.xml", "comment", BODY),
    ):
        for number, path in enumerate(package.matching(pattern), 1):
            page = 1
            for place, paragraph in enumerate(_paragraphs(package.xml(path), "p"), 1):
                where = f"{name} {number}, paragraph {place}" if name else f"page {page}, paragraph {place}"
                content.add(_own_text(paragraph), where, part)
                page += _page_breaks(paragraph)
    return _rest(
        package, content, ("word/media/", "word/embeddings/", "word/vbaProject", "word/charts/", "word/diagrams/")
    )


def read_pptx(data: bytes) -> Content:
    """Paragraphs of a presentation: slides, notes, comments, and what stands on every slide."""
    package, content = Package(data), Content()
    _properties(package, content)
    for pattern, name, part in (
        (r"ppt/slideMasters/slideMaster\d+\.xml", "master", MARGIN),
        (r"ppt/slideLayouts/slideLayout\d+\.xml", "layout", MARGIN),
        (r"ppt/slides/slide\d+\.xml", "slide", BODY),
        (r"ppt/notesSlides/notesSlide\d+\.xml", "notes of slide", BODY),
        (r"ppt/comments/.*\.xml", "comments", BODY),
    ):
        for path in package.matching(pattern):
            number = next(iter(re.findall(r"\d+", path)), "")
            for place, paragraph in enumerate(_paragraphs(package.xml(path), "p", "text"), 1):
                content.add(_own_text(paragraph), f"{name} {number}, paragraph {place}", part)
    return _rest(package, content, ("ppt/media/", "ppt/embeddings/", "ppt/vbaProject", "ppt/charts/", "ppt/diagrams/"))


def read_xlsx(data: bytes) -> Content:
    """Cells with text of a workbook, comments, drawings, and heads and feet of its pages."""
    package, content = Package(data), Content()
    _properties(package, content)
    shared = [text_of(item) for path in package.matching(r"xl/sharedStrings\.xml") for item in package.xml(path)]
    sheets = [
        element for path in package.matching(r"xl/workbook\.xml") for element in find_all(package.xml(path), "sheet")
    ]
    names = [element.get("name", "") for element in sheets]
    for number, path in enumerate(package.matching(r"xl/worksheets/sheet\d+\.xml")):
        sheet, name = package.xml(path), names[number] if number < len(names) else path
        content.add(name, f"name of sheet {number + 1}", SUBJECT)
        for cell in find_all(sheet, "c"):
            content.add(_cell(cell, shared), f"cell {cell.get('r', '?')} of {name}")
        for margin in find_all(
            sheet, "oddHeader", "evenHeader", "firstHeader", "oddFooter", "evenFooter", "firstFooter"
        ):
            for text in re.split(r"&[LCR]", margin.text or ""):
                content.add(_CODES.sub("", text), f"{local(margin.tag)} of {name}", MARGIN)
    for pattern, where in ((r"xl/comments.*\.xml", "comment"), (r"xl/drawings/drawing\d+\.xml", "drawing")):
        for path in package.matching(pattern):
            for place, paragraph in enumerate(_paragraphs(package.xml(path), "p", "comment"), 1):
                content.add(_own_text(paragraph), f"{where} {place} of {path}")
    return _rest(package, content, ("xl/media/", "xl/embeddings/", "xl/vbaProject", "xl/charts/", "xl/externalLinks/"))


def _properties(package: Package, content: Content) -> None:
    for path in package.matching(r"docProps/core\.xml"):
        for element in find_all(package.xml(path), "title", "subject"):
            content.add(text_of(element), f"{local(element.tag)} of the document", SUBJECT)


def _rest(package: Package, content: Content, folders: tuple[str, ...]) -> Content:
    """Name what holds text that nobody looked at."""
    content.unread += [name for name in package.names if name.startswith(folders) and not name.endswith(("/", ".rels"))]
    return content


def _paragraphs(root: Element, *names: str) -> Iterator[Element]:
    """Every paragraph, those in boxes too; what stands twice for older programs is left out once."""
    for child in root:
        if local(child.tag) == "Fallback":
            continue
        if local(child.tag) in names:
            yield child
        yield from _paragraphs(child, *names)


def _own_text(paragraph: Element) -> str:
    """The text of a paragraph without that of paragraphs inside it; hidden text counts, deleted text does not."""
    pieces: list[str] = []

    def walk(element: Element) -> None:
        for child in element:
            name = local(child.tag)
            if name == "t":
                pieces.append(child.text or "")
            elif name in {"tab", "br", "cr"}:
                pieces.append(" ")
            elif name not in {"p", "Fallback", "delText", "instrText"}:
                walk(child)

    if paragraph.text and not len(paragraph):
        pieces.append(paragraph.text)
    walk(paragraph)
    return " ".join("".join(pieces).split())


def _page_breaks(paragraph: Element) -> int:
    breaks = [element for element in find_all(paragraph, "br") if "page" in element.attrib.values()]
    return len(breaks) + len(find_all(paragraph, "lastRenderedPageBreak"))


def _cell(cell: Element, shared: list[str]) -> str:
    """The text of a cell; numbers and dates are none."""
    kind, value = cell.get("t", ""), "".join(text_of(element) for element in find_all(cell, "v"))
    if kind == "s":
        return shared[int(value)] if value.isdecimal() and int(value) < len(shared) else ""
    return text_of(cell) if kind == "inlineStr" else value if kind == "str" else ""
