"""`appliance audit`."""

import datetime
import os
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from appliance.cli.audit import anchor as audit_anchor
from appliance.cli.audit import break_glass as audit_break_glass
from appliance.cli.audit import officers as audit_officers
from appliance.cli.audit import prompt as audit_prompt
from appliance.cli.audit.officers import LogKey, read_key, read_policy
from appliance.cli.shared import completion, contents, inputs
from appliance.cli.shared.commands import Commands
from appliance.cli.shared.options import LOG_IS, LOG_UMASK, ROOT, AnyLog, Json, Log, Spool, print_json, print_table
from appliance.errors import ApplianceError

if TYPE_CHECKING:
    from rich.table import Table

    from appliance.audit.events.ocsf import Event
    from appliance.audit.log.bodies import Record
    from appliance.audit.log.verify import Report
    from appliance.audit.review.query import Filter

app = Commands("audit")
for command in (audit_officers.witness, audit_officers.request, audit_officers.cosign, audit_officers.accept):
    app.command()(command)
for step in (audit_officers.review, audit_anchor.status, audit_anchor.policy):
    app.command()(step)
app.command()(audit_prompt.prompt)
app.add_typer(audit_anchor.app, name="anchor")
app.add_typer(audit_break_glass.app, name="break-glass")

KEY = "File with the log's verifier key, as carried on paper."
Subject = Annotated[
    str | None, inputs.word_option("SUBJECT", "Name of the subject.", autocompletion=completion.subjects)
]
Enclave = Annotated[
    str | None, inputs.word_option("ENCLAVE", "Name of the enclave.", autocompletion=completion.enclaves)
]
LabelText = Annotated[str | None, inputs.label_option("Encoded label, for example 'S;;GBR,USA'.")]
Rule = Annotated[str | None, inputs.word_option("RULE", "The rule that decided.")]
Activity = Annotated[str | None, inputs.word_option("ACTIVITY", "What was done, for example records.export.")]
AnyText = Annotated[str | None, inputs.word_option("TEXT", "Text anywhere in the event.")]
Since = Annotated[datetime.datetime | None, inputs.word_option("TIME", "First time, UTC, as 2026-11-20T08:00.")]
Until = Annotated[datetime.datetime | None, inputs.word_option("TIME", "Last time, UTC, as 2026-11-20.")]


@app.callback()
def audit() -> None:
    """Verify, review and export the audit log."""
    os.umask(LOG_UMASK)


class Choice(StrEnum):
    """Decisions that events are chosen by."""

    ALLOWED = "allowed"
    DENIED = "denied"


Decision = Annotated[Choice | None, typer.Option(help="How it was decided.")]


class Form(StrEnum):
    """Forms in which events are listed."""

    TABLE = "table"
    JSON = "json"
    CEF = "cef"
    ECS = "ecs"


@app.command()
def verify(
    archive: Annotated[
        Path | None, inputs.file_argument("Archive made by `appliance audit export`.", metavar="EVIDENCE")
    ] = None,
    policy: Annotated[Path | None, inputs.file_option("Who must have signed; with EVIDENCE.")] = None,
    key: Annotated[Path | None, inputs.file_option(KEY)] = None,
    log: Annotated[Path, inputs.word_option("FOLDER", "Folder of the audit log.")] = ROOT / "log",
    as_json: Json = False,
) -> None:
    """Recompute the whole log, or an archive of evidence, up to its signatures; exit 1 and name the damage.

    Example: appliance audit verify --key log.vkey
    """
    if archive is not None:
        _verify_evidence(archive, policy, as_json=as_json)
        return
    if key is None:
        raise typer.BadParameter(
            "a log proves nothing without the key that is on paper, nor an archive of evidence without being named: "
            "give --key FILE, or EVIDENCE and --policy FILE"
        )
    from rich.console import Console
    from rich.progress import Progress

    from appliance.audit.log.verify import verify as verify_log

    contents.is_log(log, LOG_IS)
    verifier = read_key(key)
    with Progress(console=Console(stderr=True), transient=True, disable=as_json) as progress:
        task = progress.add_task("records", total=None)
        report = verify_log(
            log, verifier.encode(), progress=lambda done, total: progress.update(task, completed=done, total=total)
        )
    print(report.model_dump_json() if as_json else _verdict(report, log))
    if not report.whole:
        raise typer.Exit(1)


@app.command()
def fsck(key: LogKey, log: AnyLog = ROOT / "log", as_json: Json = False) -> None:
    """Verify the log and look at every other file in its folder; exit 1 and name whatever is wrong.

    Example: appliance audit fsck --key log.vkey
    """
    from appliance.audit.review.fsck import fsck as check

    report = check(log, read_key(key).encode())
    print(report.model_dump_json() if as_json else _verdict(report, log))
    if not report.whole:
        raise typer.Exit(1)


def _verify_evidence(archive: Path, policy: Path | None, *, as_json: bool) -> None:
    from appliance.audit.review import evidence

    if policy is None:
        raise typer.BadParameter("a policy says whose signatures count: give --policy FILE with EVIDENCE")
    report = evidence.check(archive, read_policy(policy))
    if as_json:
        print(report.model_dump_json())
    else:
        print("\n".join(f"{archive}: {text}" for text in (*report.findings, *report.notes)) or f"{archive}: whole")
        signers = ", ".join(report.cosigned) or "no witness"
        print(f"{report.records} records of {report.origin}; checkpoint over {report.size}, cosigned by {signers}")
        print("all records of their stretch of the log" if report.complete else "a choice of records: others exist")
    if report.findings:
        raise typer.Exit(1)


@app.command()
def checkpoint(key: LogKey, log: Log = ROOT / "log", as_json: Json = False) -> None:
    """Print the last checkpoint after verifying its signature: what an officer compares with paper.

    Example: appliance audit checkpoint --key log.vkey
    """
    from appliance.audit.log.note import Note, open_checkpoint
    from appliance.audit.log.tiles import CHECKPOINT

    data = (log / CHECKPOINT).read_bytes()
    signed = open_checkpoint(data, read_key(key))
    if as_json:
        print_json({"origin": signed.origin, "size": signed.size, "root": signed.root.hex()})
    else:
        print(Note.decode(data).encode().decode(), end="")


@app.command()
def show(
    log: Log = ROOT / "log",
    subject: Subject = None,
    enclave: Enclave = None,
    label: LabelText = None,
    decision: Decision = None,
    rule: Rule = None,
    activity: Activity = None,
    text: AnyText = None,
    since: Since = None,
    until: Until = None,
    last: Annotated[int, inputs.word_option("NUMBER", "At most so many, the newest.", "--last", "-n", min=1)] = 50,
    form: Annotated[
        Form, typer.Option("--format", help="Form of the list; cef and ecs are for other collectors.")
    ] = Form.TABLE,
    as_json: Json = False,
) -> None:
    """List the newest events that match; with --json as the log's own lines, whole and exact.

    Example: appliance audit show --decision denied --since 2026-11-20 --last 10
    """
    from collections import deque

    from appliance.audit.events import forms
    from appliance.audit.review import query

    wanted = _filter(subject, enclave, label, decision, rule, activity, text, since, until)
    found: deque[tuple[Record, Event]] = deque(maxlen=last)
    damage: ApplianceError | None = None
    try:
        found.extend(query.select(log, wanted))
    except ApplianceError as error:
        damage = error
    if as_json:
        form = Form.JSON
    if form is Form.TABLE and found:
        print_table(_table(found))
    elif form is Form.TABLE and damage is None:
        print(f"none of the {query.checkpoint_of(log).size} records under the checkpoint, or since, matches")
    for record, event in found:
        if form is Form.JSON:
            print(record.line().decode(), end="")
        elif form is not Form.TABLE:
            print(forms.cef(event, record.index) if form is Form.CEF else forms.ecs(event, record.index))
    if damage:
        raise damage


@app.command()
def export(
    out: Annotated[Path, inputs.new_file_argument("Archive to write.")],
    key: LogKey,
    log: Log = ROOT / "log",
    policy: Annotated[Path | None, inputs.file_option("Use the last checkpoint that its quorum cosigned.")] = None,
    first: Annotated[int, inputs.word_option("NUMBER", "First record of the stretch.", min=0)] = 0,
    end: Annotated[int | None, inputs.word_option("NUMBER", "Record behind the last of the stretch.", min=0)] = None,
    subject: Subject = None,
    enclave: Enclave = None,
    label: LabelText = None,
    decision: Decision = None,
    rule: Rule = None,
    activity: Activity = None,
    text: AnyText = None,
    since: Since = None,
    until: Until = None,
    include: Annotated[list[Path] | None, inputs.file_option("Policy that events name by digest; repeat.")] = None,
    officer: Annotated[
        str, inputs.word_option("NAME", "Who exports; recorded before the archive is written.")
    ] = "root",
    spool_folder: Spool = ROOT / "spool",
    as_json: Json = False,
) -> None:
    """Write events, proofs and the signed checkpoint as one archive that anyone can verify without this host.

    Example: appliance audit export case-17.zip --key log.vkey --subject annotator --decision denied --officer isso
    """
    from appliance.audit.events.marked import joined
    from appliance.audit.log.note import open_checkpoint
    from appliance.audit.log.tiles import CHECKPOINT
    from appliance.audit.review import evidence, query
    from appliance.audit.review import summary as review
    from appliance.trust.files import replace_file

    data = (log / CHECKPOINT).read_bytes()
    if policy is not None:
        reviewed = review.last_review(log, read_policy(policy))
        if reviewed is None:
            raise ApplianceError(
                "no checkpoint is cosigned by the quorum",
                rule="--policy asks for the last checkpoint that the officers' quorum cosigned",
                remedy="appliance audit request, cosign, accept; or export without --policy",
            )
        data = reviewed.note.encode()
    size = open_checkpoint(data, read_key(key)).size
    wanted = _filter(subject, enclave, label, decision, rule, activity, text, since, until)
    selection = evidence.Selection(wanted=wanted, first=first, end=min(size, size if end is None else end))
    within = range(selection.first, selection.end)
    records = [record for record, _ in query.select(log, wanted) if record.index in within]
    if not records:
        raise ApplianceError(
            f"none of the {size} records under the checkpoint is asked for; nothing was written",
            rule="evidence is of at least one record",
            remedy="see what there is: appliance audit show, with the same choice",
        )
    detail: dict[str, object] = {"records": len(records), "first": selection.first, "end": selection.end}
    high = joined(record.label for record in records).encode()
    audit_officers.record(spool_folder, high, officer, "evidence.export", detail)
    policies = [file.read_bytes() for file in include or []]
    replace_file(out, evidence.archive(log, data, records, selection, policies))
    if as_json:
        print_json({"file": str(out), "checkpoint": size} | detail)
    else:
        print(f"{out}: {len(records)} records under the checkpoint over {size}")


def _filter(
    subject: str | None,
    enclave: str | None,
    label: str | None,
    decision: Choice | None,
    rule: str | None,
    activity: str | None,
    text: str | None,
    since: datetime.datetime | None,
    until: datetime.datetime | None,
) -> "Filter":
    from appliance.audit.review.query import Filter

    if since and until and since > until:
        raise typer.BadParameter(f"--since {since} is after --until {until}, so nothing can match")
    return Filter(
        subject=subject,
        enclave=enclave,
        label=label,
        decision=decision,
        rule=rule,
        activity=activity,
        text=text,
        since=_milliseconds(since),
        until=_milliseconds(until),
    )


def _milliseconds(moment: datetime.datetime | None) -> int | None:
    return None if moment is None else int(moment.replace(tzinfo=datetime.UTC).timestamp() * 1000)


def _table(found: "Sequence[tuple[Record, Event]]") -> "Table":
    from rich.table import Table
    from rich.text import Text

    table = Table("record", "time (UTC)", "subject", "enclave", "decision", "activity", "rule", "message")
    for record, event in found:
        moment = datetime.datetime.fromtimestamp(event.time / 1000, datetime.UTC)
        table.add_row(
            str(record.index),
            f"{moment:%Y-%m-%d %H:%M:%S}",
            Text(event.subject),
            Text(event.unmapped.enclave),
            Text(event.decision, style="red" if event.decision == "denied" else ""),
            Text(event.activity),
            Text(event.policy.name if event.policy else ""),
            Text(event.message),
        )
    return table


def _verdict(report: "Report", log: Path) -> str:
    lines = [f"{log}: {finding.file}: {_place(finding.index)}{finding.problem}" for finding in report.findings]
    state = "whole" if report.whole else f"DAMAGED, {len(report.findings)} findings"
    lines.append(f"log {report.origin}: {state}; {report.size} records under the checkpoint, root {report.root}")
    if report.unsigned and report.open:
        lines.append(f"{report.unsigned} records wait for the next checkpoint; the log is open")
    return "\n".join(lines)


def _place(index: int | None) -> str:
    return "" if index is None else f"record {index}: "
