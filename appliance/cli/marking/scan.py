"""`appliance marking scan`: find the markings of a document, roll them up, and tell what is not marked."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from appliance.cli.marking.profile import Profile, words_of
from appliance.cli.shared import inputs
from appliance.cli.shared.options import Json
from appliance.errors import ApplianceError

if TYPE_CHECKING:
    from appliance.markings.formats.scan import Found, Scan

SHOWN = 60
"""Characters of an unmarked paragraph that are shown."""

Document = Annotated[Path, inputs.file_argument("The document: txt, md, html, docx, pptx, xlsx, pdf or eml.")]
Kind = Annotated[str, inputs.word_option("TEXT", "The kind of document, when its name does not tell.", "--kind")]


def scan(document: Document, kind: Kind = "", profile: Profile = "", as_json: Json = False) -> None:
    """Find every banner and portion of a document, roll the portions up, compare, and list what is not marked.

    Example: appliance marking scan report.docx
    """
    import typer  # keeps `appliance --help` quick

    from appliance.markings.documents import KINDS, DocumentError
    from appliance.markings.formats.scan import scan_file

    if kind and kind not in KINDS:
        raise ApplianceError(
            f"--kind {kind!r}: no document of that kind can be read", remedy=f"one of {', '.join(KINDS)}"
        )
    try:
        found = scan_file(document, kind=kind, vocabulary=words_of(profile))
    except (DocumentError, OSError) as error:
        raise ApplianceError(
            f"{document}: {error}",
            rule="a document is read in a process of its own, with limits of time and memory",
            remedy="give the document as its own program writes it, or as plain text",
        ) from error
    if as_json:
        print(json.dumps(_as_dict(found), indent=2))
    else:
        _show(document.name, found)
    if not found.valid:
        raise typer.Exit(1)


def _as_dict(found: "Scan") -> dict[str, Any]:
    return {
        "valid": found.valid,
        "banners": [_entry(entry) for entry in found.banners],
        "portions": [_entry(entry) for entry in found.portions],
        "unmarked": [{"place": paragraph.place, "text": paragraph.text[:SHOWN]} for paragraph in found.unmarked],
        "unread": list(found.unread),
        "rollup": None if found.result is None else found.result.marking.banner,
        "label": None if found.result is None else found.result.label.encode(),
        "violations": [violation.as_dict() for violation in found.violations],
    }


def _entry(entry: "Found") -> dict[str, Any]:
    return {
        "text": entry.text,
        "place": entry.place,
        "banner": entry.marking.banner if entry.marking is not None and not entry.violations else None,
        "violations": [violation.as_dict() for violation in entry.violations],
    }


def _show(name: str, found: "Scan") -> None:
    banners = ", ".join(dict.fromkeys(entry.text for entry in found.banners)) or "none"
    print(f"{_visible(name)}  {'is marked right' if found.valid else 'is not marked right'}")
    print(f"  banner    {_visible(banners)}")
    demanded = found.result.marking.banner if found.result else "no banner"
    print(f"  portions  {len(found.portions)}, which demand {demanded}")
    for entry in (*found.banners, *found.portions):
        for violation in entry.violations:
            print(f"  {_visible(entry.place)}: {_visible(entry.text)}: {violation.message}")
            print(f"      rule {violation.rule}, {violation.source}")
    for violation in found.violations:
        print(f"  {_visible(violation.message)}")
        print(f"      rule {violation.rule}, {violation.source}")
    for paragraph in found.unmarked:
        print(f"  {_visible(paragraph.place)}: not marked: {_visible(paragraph.text[:SHOWN])}")
    for part in found.unread:
        print(f"  not looked at: {_visible(part)}")
    if not found.banners:
        print("  the document has no banner")


def _visible(text: str) -> str:
    """The text with what a terminal would hide or obey made visible."""
    return text if text.isprintable() else repr(text)
