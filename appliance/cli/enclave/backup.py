"""The commands of `appliance enclave` that back an enclave up and restore it."""

from pathlib import Path
from typing import Annotated

import typer

from appliance.cli.shared import inputs
from appliance.cli.shared.options import (
    ROOT,
    RUN,
    DryRun,
    EnclaveName,
    Json,
    PassphraseFile,
    Root,
    Run,
    new_passphrase,
    print_json,
    progress_printer,
    size,
)

Signer = Annotated[Path | None, inputs.file_option("Public key of the host that made it, where that was another.")]
Objects = Annotated[
    list[Path] | None,
    inputs.folder_option("Folder of another backup, whose parts of files count too; give it for each medium."),
]


def backup_key(
    file: Annotated[Path, inputs.new_file_argument("New file for the private half; keep it away from the host.")],
    *,
    passphrase_file: PassphraseFile = None,
    as_json: Json = False,
) -> None:
    """Make a key for backups on its holder's own machine; prints the line for the file of recipients.

    Example: appliance enclave backup-key isso.age
    """
    from appliance.trust.age import generate  # keeps `appliance --help` quick

    line = generate(file, new_passphrase(passphrase_file)(file.stem))
    print_json({"file": str(file), "recipient": line}) if as_json else print(line)


def backup(
    name: EnclaveName,
    *,
    out: Annotated[Path, inputs.folder_option("Folder for the archive and its signed statement, on the medium.")],
    to: Annotated[Path, inputs.file_option("File with the recipients who can open it, a line `age1...` each.")],
    root: Root = ROOT,
    run: Run = RUN,
    as_json: Json = False,
) -> None:
    """Back up all data of an enclave, encrypted and labelled; its services stand still for a cold copy meanwhile.

    Uploaded files are ciphertext and go to the folder `objects` there while the enclave runs, each part once, whatever
    backups need it. The archive's name carries the marking, and the host signs what it is of: treat the medium as the
    marking says.

    Example: appliance enclave backup secret --out /media/backup --to recipients.txt
    """
    from appliance.enclave.paths import HostPaths
    from appliance.host.data.backup import back_up  # keeps `appliance --help` quick

    paths = HostPaths(root.resolve(), run)
    statement, made = back_up(paths, name, out.resolve(), to, progress_printer(quiet=as_json))
    if as_json:
        print_json({"statement": str(statement)} | made.model_dump(mode="json"))
        return
    print(f"{made.marking}\n{out / made.archive}: {size(made.size)}, SHA-256 {made.sha256}\n{statement}")
    if made.parts:
        print(f"{out / 'objects'}: {made.parts} parts of files belong to it, {size(made.part_bytes)}")


def restore(
    name: EnclaveName,
    statement: Annotated[
        Path, inputs.file_argument("The backup's .dsse.json; the archive lies beside it.", metavar="STATEMENT")
    ],
    *,
    key: Annotated[Path, inputs.file_option("The private half of a recipient's key.")],
    signer: Signer = None,
    objects: Objects = None,
    root: Root = ROOT,
    run: Run = RUN,
    passphrase_file: PassphraseFile = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Put the data of a backup back into the enclave it was taken of; `undo-restore` takes that back.

    Everything is proven before the enclave stops; where it does not become healthy, it gets back what it had.

    Example: appliance enclave restore secret /media/backup/hq-secret-SECRET-20260101T000000Z.dsse.json --key isso.age
    """
    from appliance.cli.shared.options import read_passphrase
    from appliance.enclave.paths import HostPaths
    from appliance.host.data import backup as backups  # keeps `appliance --help` quick
    from appliance.trust.age import load_identity
    from appliance.trust.keys import ask_passphrase, load_public_key

    secret = read_passphrase(passphrase_file) if passphrase_file else ask_passphrase(key, key.stem, demo=False)
    paths = HostPaths(root.resolve(), run)
    found = backups.restore(
        paths,
        name,
        backups.Source(statement, load_public_key(signer) if signer else None, tuple(objects or ())),
        load_identity(key, secret),
        progress_printer(quiet=as_json),
        dry_run=dry_run,
    )
    if as_json:
        print_json({"restored": not dry_run} | found.model_dump(mode="json"))
        return
    what = "would be restored" if dry_run else "restored"
    print(f"{name} ({found.marking}) {what} as of {found.taken:%Y-%m-%d %H:%M:%S} UTC")


def verify_backup(
    statement: Annotated[Path, inputs.file_argument("The backup's .dsse.json.", metavar="STATEMENT")],
    *,
    signer: Signer = None,
    objects: Objects = None,
    files: Annotated[
        bool, typer.Option("--files", help="Only list the files that belong to it, one a line, for tar or a disc.")
    ] = False,
    since: Annotated[
        list[Path] | None,
        inputs.file_option("With --files: leave out what this backup's statement has on another medium already."),
    ] = None,
    root: Root = ROOT,
    run: Run = RUN,
    as_json: Json = False,
) -> None:
    """Read every byte of a backup back from its media and name what is damaged; no key is needed. Exit 1 then.

    Example: appliance enclave verify-backup /media/backup/hq-secret-SECRET-20260101T000000Z.dsse.json
    """
    from appliance.enclave.paths import HostPaths
    from appliance.host.data import backup_media  # keeps `appliance --help` quick
    from appliance.host.data.backup import Source
    from appliance.trust.keys import load_public_key

    paths = HostPaths(root.resolve(), run)
    source = Source(statement, load_public_key(signer) if signer else None, tuple(objects or ()))
    if files:
        names = backup_media.files(paths, source, since or ())
        print_json({"files": names}) if as_json else print("\n".join(names))
        return
    found = backup_media.verify(paths, source)
    if as_json:
        print_json({"whole": not found.damaged, "damaged": found.damaged} | found.backup.model_dump(mode="json"))
    else:
        for digest in found.damaged:
            print(f"damaged or missing: objects/{digest[:2]}/{digest}")
        backup = found.backup
        state = f"{len(found.damaged)} parts are damaged" if found.damaged else "whole"
        print(f"{backup.marking}\n{backup.archive}: {state}; {backup.parts} parts, {size(backup.part_bytes)}")
    if found.damaged:
        raise typer.Exit(1)


def prune_backups(
    name: EnclaveName,
    *,
    out: Annotated[Path, inputs.folder_option("Folder of the backups, on the medium.")],
    keep: Annotated[int, inputs.word_option("NUMBER", "How many of this enclave's stay, the newest.", min=1)],
    root: Root = ROOT,
    run: Run = RUN,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Delete the older backups of an enclave in a folder, and the parts of files that no backup there needs any more.

    Example: appliance enclave prune-backups secret --out /media/backup --keep 4 --dry-run
    """
    from appliance.enclave.paths import HostPaths
    from appliance.host.data.backup_media import prune  # keeps `appliance --help` quick

    done = prune(HostPaths(root.resolve(), run), name, out.resolve(), keep, dry_run=dry_run)
    if as_json:
        print_json({"deleted": not dry_run} | done.as_dict())
        return
    for file in done.statements:
        print(f"  {file}")
    what = "would delete" if dry_run else "deleted"
    print(f"{what} {len(done.statements)} backups and {done.parts} parts of files: {size(done.bytes)}")


def undo_restore(
    name: EnclaveName,
    *,
    root: Root = ROOT,
    run: Run = RUN,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Give an enclave back the data that its last restoration set aside, until the next update or roll-back.

    For a wrong backup, or where the host stopped before it knew whether the enclave becomes healthy on it.

    Example: appliance enclave undo-restore secret
    """
    from appliance.enclave.paths import HostPaths
    from appliance.host.data.backup import undo  # keeps `appliance --help` quick

    undo(HostPaths(root.resolve(), run), name, progress_printer(quiet=as_json), dry_run=dry_run)
    if as_json:
        print_json({"enclave": name, "undone": not dry_run})
        return
    print(f"{name}: the restoration {'can be' if dry_run else 'was'} undone")
