"""Anchors: what the log committed to, kept where root of this host cannot reach it (SP 800-53 AU-9(2)).

An anchor is the signed checkpoint of a day: a folder for a second host or a write-once disc, whose page prints as paper
with a QR code. Whoever holds one finds out whether the log was cut or rewritten since; the log keeps a copy in
``anchored/<size>`` only to know how much is not anchored yet.
"""

import html
import io
from dataclasses import dataclass
from pathlib import Path

from appliance.audit.log.merkle import EMPTY
from appliance.audit.log.note import Checkpoint, Verifier, open_checkpoint
from appliance.audit.log.tiles import CHECKPOINT, LogError, TileReader
from appliance.errors import ApplianceError
from appliance.trust.files import replace_file

ANCHORED = "anchored"
DUE = 24 * 3600
_FILES = ("checkpoint", "qr.svg", "paper.html")
_STYLE = "body{font:11pt/1.5 sans-serif;max-width:17cm;margin:1cm auto}pre{font-size:8pt;white-space:pre-wrap;\
word-break:break-all;border:1px solid;padding:.5em}svg{width:7cm;height:7cm}"


@dataclass(frozen=True)
class Anchor:
    """A checkpoint's signed note and what it says."""

    note: bytes
    checkpoint: Checkpoint


def take(log: Path, log_key: Verifier) -> Anchor:
    """The log's checkpoint of now, to be anchored.

    Raises:
        NoteError: the checkpoint is damaged or not signed by ``log_key``.
    """
    note = (log / CHECKPOINT).read_bytes()
    return Anchor(note, open_checkpoint(note, log_key))


def write(anchor: Anchor, folder: Path, moment: str) -> None:
    """Write the anchor's files to the new folder ``folder``: the note, its QR code, and a page to print.

    Args:
        anchor: what to write.
        folder: made by this; burn it, print its page, copy it to the second host.
        moment: when, for people.

    Raises:
        LogError: the folder exists: an anchor is written once.
    """
    import segno  # noqa: PLC0415 - only anchors need it

    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        raise LogError(f"{folder} exists", rule="an anchor is written once", remedy="name a new folder") from None
    drawn = io.BytesIO()
    segno.make(anchor.note, error="m", micro=False).save(drawn, kind="svg", border=4, xmldecl=False)
    files = (anchor.note, drawn.getvalue(), _paper(anchor, drawn.getvalue().decode(), moment).encode())
    for name, data in zip(_FILES, files, strict=True):
        replace_file(folder / name, data)


def keep(anchor: Anchor, log: Path) -> None:
    """Note beside the log that it is anchored up to here."""
    replace_file(log / ANCHORED / str(anchor.checkpoint.size), anchor.note)


def check(log: Path, log_key: Verifier, note: bytes) -> Checkpoint:
    """Verify that ``log`` still holds what the anchor ``note`` committed to.

    Args:
        log: the log's folder.
        log_key: its key, as on paper.
        note: the anchor's checkpoint, from disc, second host or a scanned QR code.

    Raises:
        LogError: records were removed or rewritten since the anchor.
        ApplianceError: the anchor or the log's own checkpoint is damaged or another log's.
    """
    anchored = open_checkpoint(note, log_key)
    current = open_checkpoint((log / CHECKPOINT).read_bytes(), log_key)
    if current.size < anchored.size:
        raise LogError(
            f"the log has {current.size} records, the anchor {anchored.size}: records were removed",
            rule="a log only grows",
            remedy="secure the host; keep anchor and log as evidence",
        )
    root = TileReader(log, anchored.size).edge().root() if anchored.size else EMPTY
    if root != anchored.root:
        raise LogError(
            f"the first {anchored.size} records are not those that were anchored: the log was rewritten",
            rule="a log only grows",
            remedy="secure the host; keep anchor and log as evidence",
        )
    return anchored


def last(log: Path) -> tuple[int, float] | None:
    """Records under the largest anchor, and when it was taken (seconds since the epoch); None without any."""
    folder = log / ANCHORED
    files = [file for file in folder.iterdir() if file.name.isdecimal()] if folder.is_dir() else []
    newest = max(files, key=lambda file: int(file.name), default=None)
    return (int(newest.name), newest.stat().st_mtime) if newest else None


def problem(log: Path, log_key: Verifier, size: int) -> str:
    """What is wrong with the log's own copy of the anchor over ``size`` records, or empty."""
    try:
        found = check(log, log_key, (log / ANCHORED / str(size)).read_bytes())
    except ApplianceError as error:
        return error.message
    return "" if found.size == size else "not the anchor of that size"


def _paper(anchor: Anchor, drawn: str, moment: str) -> str:
    checkpoint = anchor.checkpoint
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Anchor over {checkpoint.size} records</title>'
        f"<style>{_STYLE}</style><h1>Anchor of the audit log</h1><p>{html.escape(checkpoint.origin)}, "
        f"{checkpoint.size} records, {html.escape(moment)}.</p>{drawn}<p>The code holds exactly the text below: the "
        "checkpoint that the log signed. Keep this page away from the host. To compare: scan it into a file, then "
        "<code>appliance audit anchor check FILE --key log.vkey</code>.</p>"
        f"<pre>{html.escape(anchor.note.decode())}</pre><p>Printed by: ____________ &nbsp; Kept at: ____________</p>"
    )
