"""The commands of `appliance audit` by which officers review and cosign."""

import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from appliance.cli.shared import checks, inputs
from appliance.cli.shared.options import (
    ROOT,
    SPOOL_IS,
    Json,
    Log,
    PassphraseFile,
    Spool,
    new_passphrase,
    print_json,
    read_passphrase,
)
from appliance.errors import ApplianceError

if TYPE_CHECKING:
    from appliance.audit.log.note import Checkpoint, Verifier
    from appliance.audit.log.policy import Policy
    from appliance.audit.review.summary import Review

Read = TypeVar("Read")
LogKey = Annotated[Path, inputs.file_option("File with the log's verifier key, as carried on paper.", "--key")]
PolicyFile = Annotated[
    Path | None, inputs.file_option("Who must cosign (C2SP tlog-policy); otherwise the installed one.", "--policy")
]
RIGHT = "name the right file"
Out = Annotated[Path, inputs.new_file_option("File to write.", "--out", "-o")]


def witness(
    name: Annotated[str, inputs.word_argument("NAME", "Name of the officer, without spaces.")],
    out: Out,
    passphrase_file: PassphraseFile = None,
    as_json: Json = False,
) -> None:
    """Make an officer's cosigning key, on the officer's own machine, encrypted; prints the line for the policy.

    Example: appliance audit witness isso --out isso.key
    """
    from appliance.audit.log import key_file
    from appliance.audit.log.note import COSIGNATURE, Signer
    from appliance.trust.ceremony import long_enough

    if out.exists():
        raise ApplianceError(f"{out} exists", rule="a key is made once", remedy="name a new file")
    signer = Signer.generate(name, COSIGNATURE)
    key_file.write(signer, out, long_enough(new_passphrase(passphrase_file)(name), name))
    line = f"witness {name} {signer.verifier.encode()}"
    print_json({"file": str(out), "policy_line": line}) if as_json else print(line)


def request(
    key: LogKey,
    out: Out,
    log: Log = ROOT / "log",
    old: Annotated[int, inputs.word_option("NUMBER", "Records in the log when the officer last cosigned.", min=0)] = 0,
    as_json: Json = False,
) -> None:
    """Write what an officer needs in order to cosign: the checkpoint, and the proof that the log only grew.

    Example: appliance audit request --key log.vkey --old 1200 --out request
    """
    from appliance.audit.log import witness as witnesses
    from appliance.audit.log.note import Checkpoint, Note
    from appliance.audit.review import summary as reviews

    made = witnesses.request(log, read_key(key), old)
    size = Checkpoint.decode(Note.decode(made.checkpoint).text).size
    reviews.require_reviewed(log, old, size)
    out.write_bytes(made.encode())
    text = f"{out}: carry it to the officer's machine, and the cosigned checkpoint back"
    print_json({"file": str(out), "old": old, "size": size}) if as_json else print(text)


def cosign(
    asked: Annotated[Path, inputs.file_argument("File made by `appliance audit request`.", metavar="REQUEST")],
    log_key: Annotated[Path, inputs.file_option("File with the log's verifier key, as carried on paper.")],
    key: Annotated[Path, inputs.file_option("The officer's cosigning key.")],
    state: Annotated[
        Path,
        inputs.new_file_option("The officer's memory: the checkpoint cosigned last. Made at the first time; keep it."),
    ],
    out: Out,
    passphrase_file: PassphraseFile = None,
    as_json: Json = False,
) -> None:
    r"""Cosign a checkpoint if the log has only grown since you last did; runs on the officer's machine.

    Example: appliance audit cosign request --log-key log.vkey --key isso.key --state isso.state --out cosigned
    """
    from appliance.audit.log import key_file
    from appliance.audit.log import witness as witnesses
    from appliance.trust.keys import ask_passphrase

    def secret(name: str) -> bytes:
        return read_passphrase(passphrase_file) if passphrase_file else ask_passphrase(key, name, demo=False)

    verifier = read_key(log_key)
    cosigned = witnesses.cosign(
        _parsed(
            asked,
            lambda _: witnesses.CosigningRequest.decode(asked.read_bytes()),
            "a request of `appliance audit request`",
        ),
        verifier,
        _parsed(key, lambda _: key_file.read(key, secret), "a cosigning key of `appliance audit witness`"),
        state,
        int(time.time()),
    )
    out.write_bytes(cosigned.encode())
    if not key_file.is_encrypted(key):
        told = f"WARNING {key} is not encrypted: make a new one (appliance audit witness), with its line in the policy"
        print(told, file=sys.stderr)
    text = cosigned.encode().decode()
    print_json({"file": str(out), "checkpoint": text}) if as_json else print(text, end="")


def accept(
    cosigned: Annotated[Path, inputs.file_argument("Checkpoint that an officer cosigned.")],
    policy: PolicyFile = None,
    log: Log = ROOT / "log",
    spool_folder: Spool = ROOT / "spool",
    as_json: Json = False,
) -> None:
    """Keep an officer's cosignature beside the log, and say whether the quorum is reached.

    Example: appliance audit accept cosigned
    """
    from appliance.audit.log import witness as witnesses
    from appliance.audit.review import summary as reviews

    rules = _policy(policy, log)
    data = cosigned.read_bytes()

    def before(checkpoint: "Checkpoint", names: list[str]) -> None:
        last = reviews.last_review(log, rules)
        reviews.require_reviewed(log, last.checkpoint.size if last else 0, checkpoint.size)
        detail = {"size": checkpoint.size, "root": checkpoint.root.hex()}
        record(spool_folder, "U;;*", ", ".join(names), "review.cosign", detail)

    key = _key_of(log, rules)
    checkpoint, names = witnesses.accept(log, data, key, list(rules.witnesses.values()), record=before)
    last = reviews.last_review(log, rules)
    reached = last is not None and last.checkpoint.size >= checkpoint.size
    if as_json:
        print_json({"size": checkpoint.size, "cosigned": list(names), "quorum": rules.quorum, "reached": reached})
        return
    print(f"checkpoint over {checkpoint.size} records, cosigned by {', '.join(names)}")
    if not reached:
        print(f"the quorum {rules.quorum} is not reached yet")


def review(
    policy: PolicyFile = None,
    log: Log = ROOT / "log",
    start: Annotated[
        int | None, inputs.word_option("NUMBER", "First record, in place of the one after the last review.", min=0)
    ] = None,
    end: Annotated[
        int | None,
        inputs.word_option(
            "NUMBER", "Record behind the last, as the review said that you write notes on; the log grows.", min=0
        ),
    ] = None,
    notes: Annotated[
        Path | None, inputs.file_option('JSON with a note for each finding, {"F1": "..."}; recorded.')
    ] = None,
    officer: Annotated[str, inputs.word_option("NAME", "Who reviews; with --notes.")] = "",
    spool_folder: Annotated[
        Path, inputs.word_option("FOLDER", "Folder of the spool through which the monitor records the step.", "--spool")
    ] = ROOT / "spool",
    as_json: Json = False,
) -> None:
    """Show what happened since the last review; with --notes, record that each finding was looked at.

    Findings are numbered. So that a note stays with its finding while the log grows, give --end with --notes.

    Example: appliance audit review --end 1200 --notes notes.json --officer isso
    """
    from appliance.audit.events.text import printable
    from appliance.audit.log.verify import verify
    from appliance.audit.review import summary as reviews
    from appliance.audit.review.state import first_time

    if notes is not None and not officer:
        raise typer.BadParameter("a review has a name under it: give --officer NAME with --notes")
    rules = _policy(policy, log)
    last = reviews.last_review(log, rules)
    report = verify(log, _key_of(log, rules).encode())
    first = start if start is not None else last.checkpoint.size if last else 0
    upto = report.size if end is None else end
    if upto > report.size:
        raise typer.BadParameter(
            f"the log has {report.size} records, no record {upto - 1}; leave --end out", param_hint="--end"
        )
    made = reviews.review(log, min(first, upto), upto, report.findings)
    if notes is not None:
        checks.can_be_folder(spool_folder, SPOOL_IS)
        words = _notes(notes)
        reviews.check_notes(made, words)
        shown = {name: printable(word, 500) for name, word in words.items()}
        detail = {"start": made.start, "end": made.end, "notes": shown}
        record(spool_folder, made.label, officer, reviews.FINISHED, detail)
    print(made.model_dump_json() if as_json else _text(made))
    if reviews.overdue(last, int(time.time()), first_time(log)) and not as_json:
        print("OVERDUE: nothing was cosigned for more than seven days")


def _text(made: "Review") -> str:
    seen = f"records {made.start} to {made.end - 1}; give --end {made.end} with your notes"
    lines = [seen if made.end > made.start else "no new records"]
    lines.append("decisions: " + (", ".join(f"{count} {what}" for what, count in made.decisions.items()) or "none"))
    lines += [f"{one.id:>4}  {one.kind:<12} {one.count:>6} x  {one.text} (record {one.first})" for one in made.findings]
    return "\n".join(lines)


def _notes(file: Path) -> dict[str, str]:
    """An officer's words on each finding."""
    from appliance.trust import canonical

    value = canonical.decode(file.read_bytes(), str(file))
    if not isinstance(value, dict) or not all(isinstance(word, str) for word in value.values()):
        raise ApplianceError(
            f"{file}: is not a note for each finding",
            rule="notes are a JSON object of finding and text",
            remedy='write for example {"F1": "asked anna, a mistyped date"}',
        )
    return value


def read_key(file: Path) -> "Verifier":
    """The log's verifier key in a file.

    Raises:
        ApplianceError: it is something else.
    """
    from appliance.audit.log.note import Verifier

    return _parsed(file, Verifier.decode, "the verifier key of a log, one line as log.vkey has it")


def read_policy(file: Path) -> "Policy":
    """The officers' policy in a file.

    Raises:
        ApplianceError: it is something else.
    """
    from appliance.audit.log.policy import Policy

    return _parsed(file, Policy.decode, "a policy of cosigners (C2SP tlog-policy)")


def _parsed(file: Path, decode: Callable[[str], Read], what: str) -> Read:
    """What a text file says; a refusal names the file."""
    try:
        return decode(file.read_text())
    except UnicodeDecodeError as error:
        why = "it is not text"
        raise ApplianceError(f"{file}: is not {what}: {why}", rule=f"this file is {what}", remedy=RIGHT) from error
    except ApplianceError as error:
        rule = error.rule or f"this file is {what}"
        raise ApplianceError(
            f"{file}: is not {what}: {error.message}", rule=rule, remedy=error.remedy or RIGHT
        ) from error


def _policy(file: Path | None, log: Path) -> "Policy":
    """The policy in ``file``, or the one beside the log."""
    from appliance.audit.log.policy import installed

    rules = read_policy(file) if file else installed(log)
    if rules is None:
        raise ApplianceError(
            "no policy says who must cosign",
            rule="a review counts when those cosigned whom the officers' policy names",
            remedy="appliance audit policy FILE, or --policy",
        )
    return rules


def _key_of(log: Path, rules: "Policy") -> "Verifier":
    """The policy's key that the log's checkpoint names."""
    from appliance.audit.log.note import Note
    from appliance.audit.log.tiles import CHECKPOINT

    origin = Note.decode((log / CHECKPOINT).read_bytes()).text.partition("\n")[0]
    key = next((key for key in rules.logs if key.name == origin), None)
    if key is None:
        raise ApplianceError(
            f"{log} is the log {origin}, which the policy does not name",
            rule="a policy begins with the log that it is for (C2SP tlog-policy)",
            remedy="name the policy of this log: --policy",
        )
    return key


def record(folder: Path, label: str, subject: str, activity: str, detail: Mapping[str, Any]) -> None:
    """Record through the spool: the monitor takes it in."""
    from appliance.audit.events import kinds as events
    from appliance.audit.events import spool
    from appliance.audit.events.text import printable

    event = events.activity(events.Scope(label=label), printable(subject, 200), activity, detail=dict(detail))
    spool.append(str(folder), event.record()[1])
