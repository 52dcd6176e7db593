"""The commands of `appliance audit` by which officers review and cosign."""

import json
import os
import time
from pathlib import Path
from typing import Annotated

import typer
from pydantic import JsonValue

from appliance.audit import events, spool
from appliance.audit import review as reviews
from appliance.audit import witness as witnesses
from appliance.audit.note import COSIGNATURE, Checkpoint, Note, Signer, Verifier
from appliance.audit.policy import Policy, installed
from appliance.audit.state import first_time
from appliance.audit.text import printable
from appliance.audit.tiles import CHECKPOINT
from appliance.audit.verify import verify
from appliance.cli.options import ROOT, Json
from appliance.errors import ApplianceError

LogFolder = Annotated[Path, typer.Option("--log", help="Folder of the log.", exists=True, file_okay=False)]
LogKey = Annotated[
    Path, typer.Option("--key", help="File with the log's verifier key, as carried on paper.", exists=True)
]
PolicyFile = Annotated[
    Path | None, typer.Option("--policy", help="Who must cosign (C2SP tlog-policy); otherwise the installed one.")
]
SpoolFolder = Annotated[Path, typer.Option("--spool", help="Spool through which the monitor records the step.")]
Out = Annotated[Path, typer.Option("--out", "-o", help="File to write.")]


def witness(name: Annotated[str, typer.Argument(help="Name of the officer, without spaces.")], out: Out) -> None:
    """Make an officer's cosigning key, on the officer's own machine; prints the line for the policy."""
    signer = Signer.generate(name, COSIGNATURE)
    try:
        file = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise ApplianceError(f"{out} exists", rule="a key is made once") from None
    with os.fdopen(file, "w") as stream:
        stream.write(signer.encode() + "\n")
    print(f"witness {name} {signer.verifier.encode()}")


def request(
    key: LogKey,
    out: Out,
    log: LogFolder = ROOT / "log",
    old: Annotated[int, typer.Option(min=0, help="Records in the log when the officer last cosigned.")] = 0,
) -> None:
    """Write what an officer needs in order to cosign: the checkpoint, and the proof that the log only grew."""
    made = witnesses.request(log, Verifier.decode(key.read_text()), old)
    size = Checkpoint.decode(Note.decode(made.checkpoint).text).size
    reviews.require_reviewed(log, old, size)
    out.write_bytes(made.encode())
    print(f"{out}: carry it to the officer's machine, and the cosigned checkpoint back")


def cosign(
    asked: Annotated[
        Path, typer.Argument(metavar="REQUEST", help="File made by appliance audit request.", exists=True)
    ],
    log_key: Annotated[Path, typer.Option(help="The log's verifier key, as carried on paper.", exists=True)],
    key: Annotated[Path, typer.Option(help="The officer's cosigning key.", exists=True)],
    state: Annotated[Path, typer.Option(help="The officer's memory: the checkpoint cosigned last. Keep it safe.")],
    out: Out,
) -> None:
    """Cosign a checkpoint if the log has only grown since you last did; runs on the officer's machine."""
    cosigned = witnesses.cosign(
        witnesses.Request.decode(asked.read_bytes()),
        Verifier.decode(log_key.read_text()),
        Signer.decode(key.read_text()),
        state,
        int(time.time()),
    )
    out.write_bytes(cosigned.encode())
    print(cosigned.encode().decode(), end="")


def accept(
    cosigned: Annotated[Path, typer.Argument(help="Checkpoint that an officer cosigned.", exists=True)],
    policy: PolicyFile = None,
    log: LogFolder = ROOT / "log",
    spool_folder: SpoolFolder = ROOT / "spool",
) -> None:
    """Keep an officer's cosignature beside the log, and say whether the quorum is reached."""
    rules = _policy(policy, log)
    data = cosigned.read_bytes()

    def before(checkpoint: Checkpoint, names: list[str]) -> None:
        last = reviews.last_review(log, rules)
        reviews.require_reviewed(log, last.checkpoint.size if last else 0, checkpoint.size)
        detail: dict[str, JsonValue] = {"size": checkpoint.size, "root": checkpoint.root.hex()}
        record(spool_folder, "U;;*", ", ".join(names), "review.cosign", detail)

    key = _key_of(log, rules)
    checkpoint, names = witnesses.accept(log, data, key, list(rules.witnesses.values()), record=before)
    print(f"checkpoint over {checkpoint.size} records, cosigned by {', '.join(names)}")
    last = reviews.last_review(log, rules)
    if last is None or last.checkpoint.size < checkpoint.size:
        print(f"the quorum {rules.quorum} is not reached yet")


def review(
    policy: PolicyFile = None,
    log: LogFolder = ROOT / "log",
    start: Annotated[int | None, typer.Option(min=0, help="First record, in place of the policy's.")] = None,
    notes: Annotated[Path | None, typer.Option(help='JSON file with a note for each finding: {"F1": "..."}.')] = None,
    officer: Annotated[str, typer.Option(help="Who reviews; with --notes.")] = "",
    spool_folder: SpoolFolder = ROOT / "spool",
    as_json: Json = False,
) -> None:
    """Show what happened since the last review; with --notes, record that each finding was looked at."""
    rules = _policy(policy, log)
    last = reviews.last_review(log, rules)
    report = verify(log, _key_of(log, rules).encode())
    first = start if start is not None else last.checkpoint.size if last else 0
    made = reviews.review(log, min(first, report.size), report.size, report.findings)
    if notes is not None:
        words = {str(name): str(word) for name, word in json.loads(notes.read_text()).items()}
        reviews.check_notes(made, words)
        if not officer:
            raise ApplianceError("--officer is missing", rule="a review has a name under it")
        shown: dict[str, JsonValue] = {name: printable(word, 500) for name, word in words.items()}
        detail: dict[str, JsonValue] = {"start": made.start, "end": made.end, "notes": shown}
        record(spool_folder, made.label, officer, reviews.FINISHED, detail)
    print(made.model_dump_json() if as_json else _text(made))
    if reviews.overdue(last, int(time.time()), first_time(log)) and not as_json:
        print("OVERDUE: nothing was cosigned for more than seven days")


def _text(made: reviews.Review) -> str:
    lines = [f"records {made.start} to {made.end - 1}" if made.end > made.start else "no new records"]
    lines.append("decisions: " + (", ".join(f"{count} {what}" for what, count in made.decisions.items()) or "none"))
    lines += [f"{one.id:>4}  {one.kind:<12} {one.count:>6} x  {one.text} (record {one.first})" for one in made.findings]
    return "\n".join(lines)


def _policy(file: Path | None, log: Path) -> Policy:
    """The policy in ``file``, or the one beside the log."""
    rules = Policy.decode(file.read_text()) if file else installed(log)
    if rules is None:
        raise ApplianceError("no policy says who must cosign", remedy="appliance audit policy FILE, or --policy")
    return rules


def _key_of(log: Path, rules: Policy) -> Verifier:
    """The policy's key that the log's checkpoint names."""
    origin = Note.decode((log / CHECKPOINT).read_bytes()).text.partition("\n")[0]
    key = next((key for key in rules.logs if key.name == origin), None)
    if key is None:
        raise ApplianceError(f"{log} is the log {origin}, which the policy does not name", rule="C2SP tlog-policy")
    return key


def record(folder: Path, label: str, subject: str, activity: str, detail: dict[str, JsonValue]) -> None:
    """Record through the spool: the monitor takes it in."""
    event = events.activity(events.Scope(label=label), printable(subject, 200), activity, detail=detail)
    spool.append(str(folder), event.record()[1])
