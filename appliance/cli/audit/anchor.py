"""`appliance audit anchor`, `status` and `policy`: what leaves the host, what is due, and who must cosign."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from appliance.cli.audit.officers import LogKey, read_key, read_policy, record
from appliance.cli.shared import checks, contents, inputs
from appliance.cli.shared.commands import Commands
from appliance.cli.shared.options import LOG_IS, ROOT, SPOOL_IS, AnyLog, DryRun, Json, Log, Spool, print_json
from appliance.errors import ApplianceError

app = Commands("anchor", invoke_without_command=True, no_args_is_help=False)


@app.callback()
def anchor(
    context: typer.Context,
    key: Annotated[Path | None, inputs.file_option("File with the log's verifier key, as carried on paper.")] = None,
    out: Annotated[Path | None, inputs.new_folder_option("New folder, for example on the disc.", "--out", "-o")] = None,
    log: Annotated[Path, inputs.word_option("FOLDER", "Folder of the audit log.")] = ROOT / "log",
    spool_folder: Annotated[
        Path, inputs.word_option("FOLDER", "Folder of the spool through which the monitor records the step.", "--spool")
    ] = ROOT / "spool",
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Write the signed checkpoint as a file, a QR code and a page to print: daily, for where this host cannot reach.

    Example: appliance audit anchor --key log.vkey --out /media/disc/2026-11-22
    """
    if context.invoked_subcommand is not None:
        return
    if key is None or out is None:
        raise typer.BadParameter("an anchor is taken with --key FILE and --out FOLDER")
    from appliance.audit.log import anchor as anchors

    contents.is_log(log, LOG_IS)
    checks.can_be_folder(spool_folder, SPOOL_IS)
    taken = anchors.take(log, read_key(key))
    checkpoint = taken.checkpoint
    said = {"folder": str(out), "size": checkpoint.size, "root": checkpoint.root.hex(), "dry_run": dry_run}
    if dry_run:
        text = f"{out}: would anchor {checkpoint.size} records, root {checkpoint.root.hex()}"
        print_json(said) if as_json else print(text)
        return
    record(spool_folder, "U;;*", "root", "log.anchor", {"size": checkpoint.size, "root": checkpoint.root.hex()})
    anchors.write(taken, out, f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC")
    anchors.keep(taken, log)
    text = f"{out}: {checkpoint.size} records anchored; print paper.html, and keep the folder away from this host"
    print_json(said) if as_json else print(text)


@app.command()
def check(
    notes: Annotated[
        list[Path],
        inputs.file_argument(
            "Anchors: files, folders, or scanned QR codes.", check=checks.is_anything, metavar="ANCHOR"
        ),
    ],
    key: LogKey,
    log: AnyLog = ROOT / "log",
    as_json: Json = False,
) -> None:
    """Compare the log with what left the host; exit 1 if records were removed or rewritten since.

    Example: appliance audit anchor check /media/disc/2026-11-22 --key log.vkey
    """
    from appliance.audit.log import anchor as anchors

    log_key = read_key(key)
    held = []
    for note in notes:
        file = note / "checkpoint" if note.is_dir() else note
        checks.is_file(file, "ANCHOR: a checkpoint of the log that left this host")
        found = anchors.check(log, log_key, _anchor_in(file))
        held.append({"anchor": str(note), "size": found.size})
        if not as_json:
            print(f"{note}: holds for the first {found.size} records")
    if as_json:
        print_json(held)


def _anchor_in(file: Path) -> bytes:
    """The bytes of an anchor, once they are the checkpoint of some log."""
    from appliance.audit.log.note import Checkpoint, Note

    try:
        Checkpoint.decode(Note.decode(file.read_bytes()).text)
    except ApplianceError as error:
        raise ApplianceError(
            f"{file}: is not an anchor: {error.message}",
            rule="an anchor is a checkpoint of the log: the file, or the text of its QR code",
            remedy="name the folder that `appliance audit anchor` wrote, or scan the code again",
        ) from error
    return file.read_bytes()


def status(
    log: Log = ROOT / "log",
    policy: Annotated[Path | None, inputs.file_option("Who must cosign, in place of the installed one.")] = None,
    as_json: Json = False,
) -> None:
    """Show room, last review and last anchor of the log, and what is due.

    Example: appliance audit status
    """
    from appliance.audit.review.state import log_state

    state = log_state(log, time.time(), read_policy(policy) if policy else None)
    if as_json:
        print(state.model_dump_json())
        return
    print(f"{state.size} records; disk {state.storage}")
    print(f"not cosigned: {state.unreviewed} records; not anchored: {state.unanchored} records")
    print("\n".join(state.warnings()) or "nothing is due")


def policy(
    file: Annotated[Path, inputs.file_argument("Who must cosign (C2SP tlog-policy).")],
    log: Log = ROOT / "log",
    spool_folder: Spool = ROOT / "spool",
    as_json: Json = False,
) -> None:
    """Install the officers' policy beside the log, so that console and status know when a review is due.

    Example: appliance audit policy officers.policy
    """
    from appliance.audit.log.note import Checkpoint, Note
    from appliance.audit.log.policy import FILE
    from appliance.audit.log.tiles import CHECKPOINT
    from appliance.trust.files import replace_file

    rules = read_policy(file)
    origin = Checkpoint.decode(Note.decode((log / CHECKPOINT).read_bytes()).text).origin
    if origin not in {key.name for key in rules.logs}:
        raise ApplianceError(
            f"{file}: does not name the log {origin}",
            rule="a policy begins with the log that it is for (C2SP tlog-policy)",
            remedy="add the line `log` with this log's verifier key, or name the right policy",
        )
    witnesses = ", ".join(sorted(rules.witnesses))
    record(spool_folder, "U;;*", "root", "policy.load", {"witnesses": witnesses})
    replace_file(log / FILE, file.read_bytes())
    said = {"file": str(log / FILE), "witnesses": sorted(rules.witnesses)}
    print_json(said) if as_json else print(f"{log / FILE}: installed")
