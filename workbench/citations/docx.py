"""A product as a Word document (Office Open XML, ECMA-376).

It has no author and no link out of it, and the same product is always the same bytes.
"""

import io
import zipfile
from collections.abc import Iterator
from xml.sax.saxutils import escape

from .layout import Block, Laid

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml"
_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_SIZES = {"title": 36, "heading": 26, "paragraph": 22, "small": 18, "table": 22}
"""Half points."""
_EPOCH = (1980, 1, 1, 0, 0, 0)


def write(laid: Laid) -> bytes:
    """The file."""
    body = "".join(_block(block) for block in laid.blocks)
    section = (
        '<w:sectPr><w:headerReference w:type="default" r:id="banner1"/>'
        '<w:footerReference w:type="default" r:id="banner2"/>'
        '<w:pgSz w:w="11906" w:h="16838"/><w:pgMar w:top="1134" w:right="1134" w:bottom="1134" w:left="1134"'
        ' w:header="567" w:footer="567" w:gutter="0"/></w:sectPr>'
    )
    banner = _paragraph([(laid.banner, True, 22)], align="center")
    names = f'xmlns:w="{_WORD}" xmlns:r="{_OFFICE}"'
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/word/document.xml" ContentType="{_TYPE}.document.main+xml"/>'
        f'<Override PartName="/word/header1.xml" ContentType="{_TYPE}.header+xml"/>'
        f'<Override PartName="/word/footer1.xml" ContentType="{_TYPE}.footer+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
        f'<Relationship Id="document" Type="{_OFFICE}/officeDocument" Target="word/document.xml"/></Relationships>',
        "word/_rels/document.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
        f'<Relationship Id="banner1" Type="{_OFFICE}/header" Target="header1.xml"/>'
        f'<Relationship Id="banner2" Type="{_OFFICE}/footer" Target="footer1.xml"/></Relationships>',
        "word/document.xml": f"<w:document {names}><w:body>{body}{section}</w:body></w:document>",
        "word/header1.xml": f"<w:hdr {names}>{banner}</w:hdr>",
        "word/footer1.xml": f"<w:ftr {names}>{banner}</w:ftr>",
    }
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in parts.items():
            package.writestr(zipfile.ZipInfo(name, _EPOCH), _HEAD + content, zipfile.ZIP_DEFLATED)
    return file.getvalue()


def _block(block: Block) -> str:
    mark = f"({block.portion}) " if block.portion else ""
    size, bold = _SIZES[block.style], block.style in {"title", "heading"}
    words = _paragraph([(mark, True, size), (block.text, bold, size)])
    if block.style == "table":
        return words + _table(block) + _paragraph([])
    return words + (_paragraph([(block.note, False, 18)], indent=400) if block.note else "")


def _paragraph(runs: list[tuple[str, bool, int]], *, align: str = "", indent: int = 0) -> str:
    layout = '<w:spacing w:after="120"/>'
    layout += f'<w:ind w:left="{indent}"/>' if indent else ""
    layout += f'<w:jc w:val="{align}"/>' if align else ""
    return f"<w:p><w:pPr>{layout}</w:pPr>{''.join(_run(*run) for run in runs if run[0])}</w:p>"


def _run(text: str, bold: bool, size: int) -> str:
    style = ("<w:b/>" if bold else "") + f'<w:sz w:val="{size}"/>'
    lines = "<w:br/>".join(f'<w:t xml:space="preserve">{escape(_legal(line))}</w:t>' for line in text.split("\n"))
    return f"<w:r><w:rPr>{style}</w:rPr>{lines}</w:r>"


def _table(block: Block) -> str:
    edge = "".join(
        f'<w:{side} w:val="single" w:sz="4" w:color="808080"/>'
        for side in ("top", "left", "bottom", "right", "insideH", "insideV")
    )
    rows = "".join(_row(row, head=number == 0) for number, row in enumerate(block.rows))
    grid = "<w:gridCol/>" * len(block.rows[0])
    return f"<w:tbl><w:tblPr><w:tblBorders>{edge}</w:tblBorders></w:tblPr><w:tblGrid>{grid}</w:tblGrid>{rows}</w:tbl>"


def _row(cells: tuple[str, ...], *, head: bool) -> str:
    return f"<w:tr>{''.join(f'<w:tc><w:tcPr/>{_paragraph([(cell, head, 20)])}</w:tc>' for cell in cells)}</w:tr>"


def _legal(text: str) -> str:
    """Without characters that XML 1.0 has not (2.2, Char)."""
    return "".join(_legal_characters(text))


def _legal_characters(text: str) -> Iterator[str]:
    for character in text:
        code = ord(character)
        if code in {9, 10, 13} or 0x20 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or code >= 0x10000:
            yield character
