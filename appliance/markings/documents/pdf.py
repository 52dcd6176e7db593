"""Paragraphs of PDF, page by page, with pypdf."""

import io

from appliance.markings.documents.paragraph import SUBJECT, Content, DocumentError
from appliance.markings.documents.plain import lines_of

MAXIMUM_PAGES = 5_000


def read_pdf(data: bytes) -> Content:
    """Paragraphs of a PDF file; the text of pictures is not read.

    Raises:
        DocumentError: the file is no PDF, damaged, encrypted, or has too many pages.
    """
    from pypdf import PdfReader  # noqa: PLC0415 - only the process that reads a PDF needs it
    from pypdf.errors import PyPdfError  # noqa: PLC0415

    content = Content()
    try:
        reader = PdfReader(io.BytesIO(data))
        if reader.is_encrypted:
            raise DocumentError("the PDF is encrypted")
        if len(reader.pages) > MAXIMUM_PAGES:
            raise DocumentError(f"the PDF has {len(reader.pages)} pages, more than {MAXIMUM_PAGES}")
        title = reader.metadata.title if reader.metadata else None
        content.add(title or "", "title of the document", SUBJECT)
        for number, page in enumerate(reader.pages, 1):
            lines = lines_of(page.extract_text(extraction_mode="layout"), "line")
            content.extend(lines, f"page {number}")
            if not lines.paragraphs:
                content.unread.append(f"page {number} (it has no text)")
    except (
        PyPdfError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        IndexError,
        RecursionError,
        OverflowError,
    ) as error:
        if isinstance(error, DocumentError):
            raise
        raise DocumentError(f"the PDF cannot be read: {error}") from error
    return content
