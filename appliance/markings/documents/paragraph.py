"""What a reader finds in a document: paragraphs with their places, and what it did not look at."""

from dataclasses import dataclass, field

KINDS = ("txt", "md", "html", "docx", "pptx", "xlsx", "pdf", "eml")
"""The kinds of document, by the end of the file name."""

BODY, MARGIN, SUBJECT, HEADER = "body", "margin", "subject", "header"
"""What a paragraph is: text, a line of a page's head or foot, a subject or title, or a header of e-mail."""

MAXIMUM_PARAGRAPHS = 200_000
LONGEST = 600
"""Characters kept of a paragraph: a marking stands at its beginning."""


class DocumentError(ValueError):
    """A document cannot be read: it is damaged, encrypted, too large, or of another kind than its name says."""


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A piece of text that a marking can stand before.

    Attributes:
        text: its text, without the spaces around it, cut after ``LONGEST`` characters.
        place: where it stands, for people: line 12, page 3, slide 2, cell B7 of Costs.
        part: body, margin, subject or header.
    """

    text: str
    place: str
    part: str = BODY


@dataclass(slots=True)
class Content:
    """The content of a document.

    Attributes:
        paragraphs: its paragraphs, in order.
        unread: what was not looked at: pictures, embedded objects, attachments of other kinds.
    """

    paragraphs: list[Paragraph] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)

    def add(self, text: str, place: str, part: str = BODY) -> None:
        """Add a paragraph, unless it is empty.

        Raises:
            DocumentError: there are too many.
        """
        text = text.strip()
        if not text:
            return
        if len(self.paragraphs) >= MAXIMUM_PARAGRAPHS:
            raise DocumentError(f"the document has more than {MAXIMUM_PARAGRAPHS} paragraphs")
        self.paragraphs.append(Paragraph(text[:LONGEST], place, part))

    def extend(self, other: "Content", prefix: str) -> None:
        """Add what another document inside this one has; its places begin with ``prefix``."""
        for paragraph in other.paragraphs:
            self.add(paragraph.text, f"{prefix}, {paragraph.place}", paragraph.part)
        self.unread += [f"{prefix}, {name}" for name in other.unread]
