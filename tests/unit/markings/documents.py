"""Small documents of every kind, made here: the same paragraphs as text, Markdown, HTML, Office, PDF and e-mail."""

import io
import zipfile
from collections.abc import Callable, Mapping
from email.message import EmailMessage
from xml.sax.saxutils import escape

WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
DRAWING = "http://schemas.openxmlformats.org/drawingml/2006/main"
SHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"


def package(parts: Mapping[str, str | bytes]) -> bytes:
    """A ZIP archive with these parts."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return data.getvalue()


def txt(banner: str, paragraphs: list[str]) -> bytes:
    return "\n\n".join([banner, *paragraphs, banner]).encode()


def md(banner: str, paragraphs: list[str]) -> bytes:
    return "\n\n".join([banner, *(f"- {text}" for text in paragraphs), banner]).encode()


def html(banner: str, paragraphs: list[str]) -> bytes:
    body = "".join(f"<p>{escape(text)}</p>\n" for text in [banner, *paragraphs, banner])
    return f"<html><head><style>p {{ color: red }}</style></head><body>{body}</body></html>".encode()


def _runs(text: str) -> str:
    half = len(text) // 2
    return "".join(
        f'<w:r><w:t xml:space="preserve">{escape(piece)}</w:t></w:r>' for piece in (text[:half], text[half:])
    )


def docx(banner: str, paragraphs: list[str]) -> bytes:
    body = "".join(f"<w:p>{_runs(text)}</w:p>" for text in paragraphs)
    root = f'<w:{{0}} xmlns:w="{WORD}">{{1}}</w:{{0}}>'
    return package(
        {
            "word/document.xml": root.format("document", f"<w:body>{body}</w:body>"),
            "word/header1.xml": root.format("hdr", f"<w:p>{_runs(banner)}</w:p>"),
            "word/footer1.xml": root.format("ftr", f"<w:p>{_runs(banner)}</w:p>"),
        }
    )


def pptx(banner: str, paragraphs: list[str]) -> bytes:
    def slide(texts: list[str]) -> str:
        body = "".join(f"<a:p><a:r><a:t>{escape(text)}</a:t></a:r></a:p>" for text in texts)
        return f'<p:sld xmlns:p="urn:p" xmlns:a="{DRAWING}">{body}</p:sld>'

    return package(
        {f"ppt/slides/slide{number}.xml": slide([banner, text]) for number, text in enumerate(paragraphs, 1)}
    )


def xlsx(banner: str, paragraphs: list[str]) -> bytes:
    strings = "".join(f"<si><t>{escape(text)}</t></si>" for text in paragraphs)
    rows = "".join(
        f'<row><c r="A{n + 1}" t="s"><v>{n}</v></c><c r="B{n + 1}"><v>7</v></c></row>' for n in range(len(paragraphs))
    )
    margin = f'<headerFooter><oddHeader>&amp;C&amp;"Arial"&amp;12{escape(banner)}</oddHeader></headerFooter>'
    return package(
        {
            "xl/sharedStrings.xml": f'<sst xmlns="{SHEET}">{strings}</sst>',
            "xl/workbook.xml": f'<workbook xmlns="{SHEET}"><sheets><sheet name="(U) Costs"/></sheets></workbook>',
            "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{SHEET}"><sheetData>{rows}</sheetData>{margin}</worksheet>',
        }
    )


def eml(banner: str, paragraphs: list[str], attachments: Mapping[str, bytes] | None = None) -> bytes:
    message = EmailMessage()
    message["From"], message["To"] = "a@example.org", "b@example.org"
    message["Subject"] = "(U) a report"
    message["SIO-Label"] = f'marking="{banner}"; fgcolor=white'
    message.set_content("\n\n".join([banner, *paragraphs, banner]))
    for name, data in (attachments or {}).items():
        message.add_attachment(data, maintype="application", subtype="octet-stream", filename=name)
    return message.as_bytes()


def pdf(banner: str, paragraphs: list[str]) -> bytes:
    """One page, one line of text for each paragraph with a line between."""
    lines = " ".join(
        f"({text.replace(chr(92), '').replace('(', chr(92) + '(').replace(')', chr(92) + ')')}) Tj T* T*"
        for text in [banner, *paragraphs, banner]
    )
    stream = f"BT /F1 11 Tf 14 TL 50 780 Td {lines} ET".encode()
    font = b"<< /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >>"
    page = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources %s >>" % font
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        page,
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
    ]
    file, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(file))
        file += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    end = b"xref\n0 5\n0000000000 65535 f \n" + table + b"trailer << /Size 5 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n"
    return file + end % len(file)


MAKERS: Mapping[str, Callable[[str, list[str]], bytes]] = {
    "txt": txt, "md": md, "html": html, "docx": docx, "pptx": pptx, "xlsx": xlsx, "eml": eml, "pdf": pdf,
}  # fmt: skip
