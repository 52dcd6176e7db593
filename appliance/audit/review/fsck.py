"""Every kind of damage that a log's folder can have: ``verify``, and whatever else lies there."""

from pathlib import Path

from appliance.audit.events import ocsf, schema
from appliance.audit.log import anchor, bodies, policy
from appliance.audit.log.note import ED25519, Checkpoint, Note, Verifier
from appliance.audit.log.tiles import BODIES, CHECKPOINT, TileReader, tiles_of
from appliance.audit.log.verify import Damage, Report, verify
from appliance.audit.log.witness import COSIGNED, cosigned_sizes
from appliance.audit.review.ingest import STATE
from appliance.contract import calendar
from appliance.errors import ApplianceError

UNFINISHED = "unfinished"
_KNOWN = {CHECKPOINT, "log.vkey", "lock", STATE, policy.FILE, calendar.FILE, "greatest-time.json"}
_FOLDERS = {BODIES, "tile", COSIGNED, UNFINISHED, anchor.ANCHORED}


def fsck(path: Path, vkey: str) -> Report:
    """Verify the log in ``path`` and look at every other file there.

    Beyond ``verify`` it finds records that are no events, files that do not belong, tiles that nothing commits to,
    records that a crash left unfinished, a key other than the given one, and a log that is shorter or other than a
    checkpoint that an officer cosigned.

    Raises:
        NoteError: ``vkey`` is not a verifier key.
    """
    report = verify(path, vkey)
    report.findings += [*_strangers(path, report), *_no_events(path), *_cosigned(path, Verifier.decode(vkey), report)]
    report.findings += _anchored(path, Verifier.decode(vkey))
    key = path / "log.vkey"
    if not key.is_file() or key.read_text().strip() != vkey.strip():
        report.findings.append(Damage(file=key.name, index=None, problem="not the key that you gave"))
    return report


def _strangers(path: Path, report: Report) -> list[Damage]:
    found = []
    expected = _tiles(report.size)
    for file in sorted(path.rglob("*")):
        name = str(file.relative_to(path))
        top = name.split("/", 1)[0]
        if file.is_dir():
            continue
        if file.is_symlink() or not file.is_file():
            problem = "not a plain file"
        elif top == UNFINISHED:
            problem = "an unfinished record that a crash left; it was never acknowledged"
        elif top == "tile" and name not in expected:
            problem = "" if report.open else "nothing under the checkpoint needs this tile"
        elif (top == BODIES and file.suffix != ".jsonl") or (top not in _FOLDERS and name not in _KNOWN):
            problem = "does not belong in a log"
        else:
            problem = ""
        if problem:
            found.append(Damage(file=name, index=None, problem=problem))
    return found


def _tiles(size: int) -> set[str]:
    """Paths of all tiles and bundles of a log with ``size`` records."""
    return {name for name, *_ in tiles_of(size)}


def _no_events(path: Path) -> list[Damage]:
    found = []
    for file, _, record in bodies.scan(path, 0):
        if record is not None:
            try:
                ocsf.read(record.body)
                schema.check(record.body)
            except ApplianceError as error:
                name = str(file.relative_to(path))
                found.append(Damage(file=name, index=record.index, problem=f"no event: {error.message}"))
    return found


def _cosigned(path: Path, log_key: Verifier, report: Report) -> list[Damage]:
    found = []
    for size in cosigned_sizes(path):
        name = f"{COSIGNED}/{size}"
        try:
            note = Note.decode((path / name).read_bytes())
            checkpoint = Checkpoint.decode(note.text)
            if checkpoint.size != size or log_key.kind != ED25519 or note.signature_of(log_key) is None:
                problem = "not a checkpoint of this log"
            elif size > report.size:
                problem = f"an officer saw {size} records, the log now has {report.size}"
            else:
                root = TileReader(path, size).edge().root()
                problem = "" if root == checkpoint.root else f"the first {size} records are not those an officer saw"
        except ApplianceError as error:
            problem = error.message
        if problem:
            found.append(Damage(file=name, index=None, problem=problem))
    return found


def _anchored(path: Path, log_key: Verifier) -> list[Damage]:
    folder = path / anchor.ANCHORED
    found = []
    for file in sorted(folder.iterdir()) if folder.is_dir() else []:
        size = int(file.name) if file.name.isdecimal() else -1
        if problem := anchor.problem(path, log_key, size) if size >= 0 else "does not belong in a log":
            found.append(Damage(file=f"{anchor.ANCHORED}/{file.name}", index=None, problem=problem))
    return found
