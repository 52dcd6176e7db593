"""What does not show when a document is read: deleted, commented, described or attached text.

Comments, notes and hidden slides of Office files are read by ``appliance.markings.documents`` already.
"""

import email
import email.policy
import io
import re
from html.parser import HTMLParser

from appliance.markings.documents import Content, DocumentError, Paragraph
from appliance.markings.documents.office import Package
from appliance.markings.formats.safe_xml import find_all, local, text_of
from workbench.citations.passages import HIDDEN

_OFFICE = frozenset({"docx", "pptx", "xlsx"})
_TEXT = re.compile(r"(?:word|ppt|xl)/[^_].*\.xml")
_SHOWN_PROPERTIES = frozenset({"title", "subject"})
"""Properties of a document that the readers of markings return as its subject."""


def hidden_of(kind: str, data: bytes) -> Content:
    """The paragraphs of a document that do not show.

    Args:
        kind: one of ``appliance.markings.documents.KINDS``.
        data: the file.

    Raises:
        DocumentError: the file cannot be read.
    """
    content = Content()
    if kind in _OFFICE:
        _office(Package(data), content)
    elif kind == "html":
        _html(data, content)
    elif kind == "pdf":
        _pdf(data, content)
    elif kind == "eml":
        _attached(data, content)
    return content


def _add(content: Content, text: str, place: str) -> None:
    content.add(" ".join(text.split()), place, HIDDEN)


def _office(package: Package, content: Content) -> None:
    for name in package.names:
        if name.startswith("docProps/") and name.endswith(".xml"):
            for element in package.xml(name).iter():
                if not len(element) and local(element.tag) not in _SHOWN_PROPERTIES and _wordy(text_of(element)):
                    _add(content, text_of(element), f"property {local(element.tag)}")
        elif _TEXT.fullmatch(name):
            root = package.xml(name)
            for paragraph in find_all(root, "p"):
                deleted = "".join(text_of(one) for one in find_all(paragraph, "delText"))
                _add(content, deleted, f"deleted text in {name}")
            for element in root.iter():
                if local(element.tag) in {"docPr", "cNvPr"}:
                    _add(content, element.get("descr", ""), f"description of a picture in {name}")


def _wordy(text: str) -> bool:
    """Whether a property says something: programs leave numbers, dates and their own names there."""
    return len(text.split()) > 1 or text.isupper()


class _Comments(HTMLParser):
    def __init__(self, content: Content) -> None:
        super().__init__(convert_charrefs=True)
        self._content = content
        self._template = 0

    def handle_comment(self, data: str) -> None:
        _add(self._content, data, f"comment in line {self.getpos()[0]}")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._template += tag == "template"
        for name, value in attrs:
            if name in {"alt", "title", "content"} and value and _wordy(value):
                _add(self._content, value, f"attribute {name} in line {self.getpos()[0]}")

    def handle_endtag(self, tag: str) -> None:
        self._template -= tag == "template"

    def handle_data(self, data: str) -> None:
        if self._template > 0:
            _add(self._content, data, f"template in line {self.getpos()[0]}")


def _html(data: bytes, content: Content) -> None:
    parser = _Comments(content)
    parser.feed(data.decode("utf-16" if data[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8", "replace"))
    parser.close()


def _pdf(data: bytes, content: Content) -> None:
    from pypdf import PdfReader  # noqa: PLC0415 - only the process that reads a PDF needs it
    from pypdf.errors import PyPdfError  # noqa: PLC0415

    try:
        reader = PdfReader(io.BytesIO(data))
        for name, value in (reader.metadata or {}).items():
            if name not in {"/Title", "/Producer", "/Creator"} and _wordy(str(value)):
                _add(content, str(value), f"property {name}")
        content.unread += [f"attached file {number}" for number, _ in enumerate(reader.attachments, 1)]
        for number, page in enumerate(reader.pages, 1):
            for note in page.annotations or ():
                _add(content, str(note.get_object().get("/Contents", "")), f"note on page {number}")
    except (PyPdfError, ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError) as error:
        raise DocumentError(f"the PDF cannot be read: {error}") from error


def _attached(data: bytes, content: Content) -> None:
    message = email.message_from_bytes(data, policy=email.policy.default)
    for part in message.walk():
        kind = (part.get_filename() or "").rpartition(".")[2].lower()
        kind = "html" if part.get_content_type() == "text/html" else kind
        payload = None if part.is_multipart() else part.get_payload(decode=True)
        if isinstance(payload, bytes) and kind in {*_OFFICE, "html", "pdf"}:
            found = hidden_of(kind, payload)
            content.paragraphs += [
                Paragraph(one.text, f"attachment {part.get_filename() or 'text'}, {one.place}", one.part)
                for one in found.paragraphs
            ]
            content.unread += found.unread
