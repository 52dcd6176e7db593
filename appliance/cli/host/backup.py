"""The commands of `appliance host` that back a host up and restore it on new hardware."""

from pathlib import Path
from typing import Annotated

import typer

from appliance.cli.shared import checks, inputs
from appliance.cli.shared.options import (
    ROOT,
    RUN,
    DryRun,
    Json,
    NewRoot,
    PassphraseFile,
    Root,
    Run,
    print_json,
    progress_printer,
    size,
)


def backup(
    *,
    out: Annotated[Path, inputs.folder_option("Folder for the archive and its signed statement, on the medium.")],
    to: Annotated[
        Path, inputs.file_option("File with the recipients, a line `age1...` each; any two of them can open it.")
    ],
    root: Root = ROOT,
    run: Run = RUN,
    as_json: Json = False,
) -> None:
    """Back up this host for a dead system disk: log, statements, registries, keys and memory; nothing stops meanwhile.

    The enclaves' data are not in it (`appliance enclave backup`), nor are bundles, models and the log's key.

    Example: appliance host backup --out /media/backup --to officers.txt
    """
    from appliance.enclave.paths import HostPaths
    from appliance.host.data.host_backup import back_up  # keeps `appliance --help` quick

    statement, made = back_up(HostPaths(root.resolve(), run), out.resolve(), to, progress_printer(quiet=as_json))
    if as_json:
        print_json({"statement": str(statement)} | made.model_dump(mode="json", exclude={"shares"}))
        return
    print(f"{made.marking}\n{out / made.archive}: {size(made.size)}, SHA-256 {made.sha256}\n{statement}")
    print(f"{made.records} records of {made.log}; any two of its holders open it")


def restore(
    statement: Annotated[
        Path, inputs.file_argument("The backup's .dsse.json; the archive lies beside it.", metavar="STATEMENT")
    ],
    *,
    key: Annotated[list[Path], inputs.file_option("The private half of a holder's key; give it for two.")],
    signer: Annotated[Path, inputs.file_option("Public key of the dead host, as kept apart from it.")],
    log_key: Annotated[Path, inputs.file_option("File with the log's verifier key, as carried on paper.")],
    officers_fingerprint: Annotated[str, inputs.fingerprint_option("SHA-256 of officers.json, from paper.")],
    anchor: Annotated[
        list[Path],
        inputs.file_option(
            "The newest anchor of the log: file or folder. Give all that you have.", check=checks.is_anything
        ),
    ],
    evidence: Annotated[
        list[Path] | None, inputs.file_option("Evidence that was exported: it names records that are lost.")
    ] = None,
    accept_loss: Annotated[
        bool, typer.Option("--accept-loss", help="Go on although records up to the anchor are lost.")
    ] = False,
    root: NewRoot = ROOT,
    run: Run = RUN,
    passphrase_file: PassphraseFile = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    r"""Put a host's state back on new hardware, before `appliance host install`; everything is proven first.

    The restored log ends there and is kept; the installation begins another, whose first record says what was lost.

    Example: appliance host restore /media/backup/hq-host.dsse.json --key isso.age --key issm.age --signer host.pub \
        --log-key log.vkey --officers-fingerprint 07aa... --anchor /media/disc/2026-11-22
    """
    from appliance.cli.audit.officers import read_key
    from appliance.cli.shared.options import read_passphrase
    from appliance.enclave.paths import HostPaths
    from appliance.host.data import host_restore  # keeps `appliance --help` quick
    from appliance.trust.age import load_identity
    from appliance.trust.files import read_limited
    from appliance.trust.keys import ask_passphrase, load_public_key

    def secret(file: Path) -> bytes:
        return read_passphrase(passphrase_file) if passphrase_file else ask_passphrase(file, file.stem, demo=False)

    notes = [one / "checkpoint" if one.is_dir() else one for one in anchor]
    paper = host_restore.Paper(
        signer=load_public_key(signer),
        log_key=read_key(log_key),
        officers=officers_fingerprint,
        anchors=[(str(note), read_limited(note, 1 << 16)) for note in notes],
        evidence=evidence or [],
    )
    report = host_restore.restore(
        HostPaths(root.resolve(), run),
        statement,
        [load_identity(file, secret(file)) for file in key],
        paper,
        progress_printer(quiet=as_json),
        accept_loss=accept_loss,
        dry_run=dry_run,
    )
    if as_json:
        print_json({"restored": not dry_run} | report.model_dump(mode="json"))
        return
    what = "would be restored" if dry_run else "restored"
    print(f"{report.site} {what} as of {report.taken:%Y-%m-%d %H:%M:%S} UTC; {report.log} ends with {report.records}")
    print(f"lost: {report.lost} records at least" if report.lost else "no record is known to be lost")
    for record in report.named:
        print(f"  {record.index}  {record.time:%Y-%m-%d %H:%M:%S}  {record.subject}  {record.activity}")
    print(f"now install the bundle {report.bundle} or a newer one with the site folder, then restore the enclaves:")
    for archive, digest in report.enclaves.items():
        print(f"  {archive}  SHA-256 {digest}")
