"""`appliance audit anchor`, `status` and `policy`: what leaves the host, what is due, and who must cosign."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from appliance.audit import anchor as anchors
from appliance.audit.note import Checkpoint, Note, Verifier
from appliance.audit.policy import FILE, Policy
from appliance.audit.state import log_state
from appliance.audit.tiles import CHECKPOINT
from appliance.cli.audit_officers import LogFolder, SpoolFolder, record
from appliance.cli.options import ROOT, Json
from appliance.errors import ApplianceError
from appliance.trust.files import replace_file

app = typer.Typer(help="Take the checkpoint off this host, and compare with it later.", invoke_without_command=True)


@app.callback()
def anchor(
    context: typer.Context,
    key: Annotated[Path | None, typer.Option(help="The log's verifier key, as carried on paper.", exists=True)] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="New folder, for example on the disc.")] = None,
    log: Annotated[Path, typer.Option(help="Folder of the log.")] = ROOT / "log",
    spool_folder: SpoolFolder = ROOT / "spool",
    dry_run: Annotated[bool, typer.Option(help="Say what would be anchored; write nothing.")] = False,
) -> None:
    """Write the signed checkpoint as a file, a QR code and a page to print: daily, for where this host cannot reach.

    Example: appliance audit anchor --key log.vkey --out /media/disc/2026-11-22
    """
    if context.invoked_subcommand is not None:
        return
    if key is None or out is None:
        raise ApplianceError("--key and --out are needed", remedy="appliance audit anchor --help")
    taken = anchors.take(log, Verifier.decode(key.read_text()))
    checkpoint = taken.checkpoint
    if dry_run:
        print(f"{out}: would anchor {checkpoint.size} records, root {checkpoint.root.hex()}")
        return
    record(spool_folder, "U;;*", "root", "log.anchor", {"size": checkpoint.size, "root": checkpoint.root.hex()})
    anchors.write(taken, out, f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC")
    anchors.keep(taken, log)
    print(f"{out}: {checkpoint.size} records anchored; print paper.html, and keep the folder away from this host")


@app.command()
def check(
    notes: Annotated[list[Path], typer.Argument(help="Anchors: files, folders, or scanned QR codes.", exists=True)],
    key: Annotated[Path, typer.Option(help="The log's verifier key, as carried on paper.", exists=True)],
    log: LogFolder = ROOT / "log",
) -> None:
    """Compare the log with what left the host; exit 1 if records were removed or rewritten since.

    Example: appliance audit anchor check /media/disc/2026-11-22 --key log.vkey
    """
    log_key = Verifier.decode(key.read_text())
    for note in notes:
        file = note / "checkpoint" if note.is_dir() else note
        found = anchors.check(log, log_key, file.read_bytes())
        print(f"{note}: holds for the first {found.size} records")


def status(
    log: LogFolder = ROOT / "log",
    policy: Annotated[Path | None, typer.Option(help="Who must cosign, in place of the installed one.")] = None,
    as_json: Json = False,
) -> None:
    """Show room, last review and last anchor of the log, and what is due.

    Example: appliance audit status
    """
    state = log_state(log, time.time(), Policy.decode(policy.read_text()) if policy else None)
    if as_json:
        print(state.model_dump_json())
        return
    print(f"{state.size} records; disk {state.storage}")
    print(f"not cosigned: {state.unreviewed} records; not anchored: {state.unanchored} records")
    print("\n".join(state.warnings()) or "nothing is due")


def policy(
    file: Annotated[Path, typer.Argument(help="Who must cosign (C2SP tlog-policy).", exists=True)],
    log: LogFolder = ROOT / "log",
    spool_folder: SpoolFolder = ROOT / "spool",
) -> None:
    """Install the officers' policy beside the log, so that console and status know when a review is due.

    Example: appliance audit policy officers.policy
    """
    text = file.read_text()
    origin = Checkpoint.decode(Note.decode((log / CHECKPOINT).read_bytes()).text).origin
    if origin not in {key.name for key in Policy.decode(text).logs}:
        raise ApplianceError(f"{file} does not name the log {origin}", rule="C2SP tlog-policy")
    witnesses = ", ".join(sorted(Policy.decode(text).witnesses))
    record(spool_folder, "U;;*", "root", "policy.load", {"witnesses": witnesses})
    replace_file(log / FILE, text.encode())
    print(f"{log / FILE}: installed")
