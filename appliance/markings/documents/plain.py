"""Paragraphs of plain text, Markdown and HTML."""

import re
from html.parser import HTMLParser

from appliance.markings.documents.paragraph import BODY, SUBJECT, Content, DocumentError

# A line that begins a paragraph whatever stands before it: a parenthesis, a heading, a list, a row of a table.
_BEGINS = re.compile(r"\s*(?:\(|#{1,6}\s|[-*+•▪]\s|\d+(?:\.\d+)*[.)]\s|[A-Za-z][.)]\s|\||>)")
_RULE = re.compile(r"\s*(?:[-=_*~+|:]\s*){3,}$|\s*```.*$")
_BLOCKS = frozenset(
    [
        "address",
        "article",
        "aside",
        "blockquote",
        "body",
        "br",
        "caption",
        "dd",
        "div",
        "dl",
        "dt",
        "fieldset",
        "figcaption",
        "figure",
        "footer",
        "form",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hr",
        "html",
        "li",
        "main",
        "nav",
        "ol",
        "option",
        "p",
        "pre",
        "section",
        "summary",
        "table",
        "tbody",
        "td",
        "tfoot",
        "th",
        "thead",
        "title",
        "tr",
        "ul",
    ]
)
_HIDDEN = frozenset(("script", "style", "template"))


def decoded(data: bytes) -> str:
    """The text of bytes in UTF-8, or in UTF-16 with its mark.

    Raises:
        DocumentError: it is neither.
    """
    encoding = "utf-16" if data[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise DocumentError(f"the text is no {encoding}: byte {error.start}") from error


def read_text(data: bytes) -> Content:
    """Paragraphs of plain text: lines that belong together, with the line that each begins in."""
    return lines_of(decoded(data), "line")


def lines_of(text: str, unit: str) -> Content:
    """Paragraphs of lines; ``unit`` is how their places are named.

    A line of capitals alone, as a banner is, is a paragraph of its own.
    """
    content = Content()
    held: list[str] = []
    begun = 0
    for number, line in enumerate(re.split(r"\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]", text), 1):
        alone = bool(line.strip()) and line == line.upper() and not line.lstrip().startswith("(")
        if held and (not line.strip() or alone or _BEGINS.match(line) or _RULE.match(line)):
            content.add(" ".join(held), f"{unit} {begun}")
            held = []
        if alone and not _RULE.match(line):
            content.add(line, f"{unit} {number}")
        elif line.strip() and not _RULE.match(line):
            begun = begun if held else number
            held.append(line.strip())
    content.add(" ".join(held), f"{unit} {begun}")
    return content


def read_markdown(data: bytes) -> Content:
    """Paragraphs of Markdown: the same, without the marks of emphasis, quotes and rows of tables around them."""
    content = Content()
    for paragraph in read_text(data).paragraphs:
        text = re.sub(r"^[\s>#|*_+-]+(?=\S)", "", paragraph.text)
        content.add(re.sub(r"[*_`|]+$", "", text).replace("**", "").replace("\\", ""), paragraph.place)
    return content


class _Blocks(HTMLParser):
    """Collects the text of block elements."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.content = Content()
        self._held: list[str] = []
        self._line = 1
        self._hidden = 0
        self._part = BODY

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 - the parser's form
        if tag in _BLOCKS:
            self.flush()
        self._hidden += tag in _HIDDEN
        self._part = SUBJECT if tag == "title" else self._part

    def handle_endtag(self, tag: str) -> None:
        if tag in _BLOCKS:
            self.flush()
        self._hidden -= tag in _HIDDEN and self._hidden > 0
        self._part = BODY if tag == "title" else self._part

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            if not "".join(self._held).strip():
                self._line = self.getpos()[0]
            self._held.append(data)

    def flush(self) -> None:
        self.content.add(" ".join("".join(self._held).split()), f"line {self._line}", self._part)
        self._held = []


def read_html(data: bytes) -> Content:
    """Paragraphs of HTML: the text of each block element."""
    parser = _Blocks()
    parser.feed(decoded(data))
    parser.close()
    parser.flush()
    return parser.content
