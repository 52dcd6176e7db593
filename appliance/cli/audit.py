"""`appliance audit`."""

import datetime
import json
import os
from collections import deque
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from pydantic import JsonValue
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from appliance.audit import forms, query
from appliance.audit.bodies import Record
from appliance.audit.note import Checkpoint, Note, Verifier, open_checkpoint
from appliance.audit.ocsf import Event
from appliance.audit.policy import Policy
from appliance.audit.tiles import CHECKPOINT
from appliance.audit.verify import Report
from appliance.audit.verify import verify as verify_log
from appliance.cli import audit_anchor, audit_break_glass, audit_officers
from appliance.cli.audit_officers import LogFolder
from appliance.cli.options import LOG_UMASK, ROOT, Json
from appliance.errors import ApplianceError
from appliance.trust.files import replace_file

app = typer.Typer(help="Verify, review and export the audit log.", no_args_is_help=True)
for command in (audit_officers.witness, audit_officers.request, audit_officers.cosign, audit_officers.accept):
    app.command()(command)
for step in (audit_officers.review, audit_anchor.status, audit_anchor.policy):
    app.command()(step)
app.add_typer(audit_anchor.app, name="anchor")
app.add_typer(audit_break_glass.app, name="break-glass")

KeyFile = Annotated[
    Path, typer.Option("--key", help="File with the log's verifier key, as carried on paper.", exists=True)
]
Subject = Annotated[str | None, typer.Option(help="Name of the subject.")]
Enclave = Annotated[str | None, typer.Option(help="Name of the enclave.")]
LabelText = Annotated[str | None, typer.Option(help="Encoded label, for example 'S;;GBR,USA'.")]
Decision = Annotated[str | None, typer.Option(help="allowed or denied.")]
Rule = Annotated[str | None, typer.Option(help="The rule that decided.")]
Activity = Annotated[str | None, typer.Option(help="What was done, for example records.export.")]
AnyText = Annotated[str | None, typer.Option(help="Text anywhere in the event.")]
Since = Annotated[datetime.datetime | None, typer.Option(help="First time, UTC.")]
Until = Annotated[datetime.datetime | None, typer.Option(help="Last time, UTC.")]


@app.callback()
def audit() -> None:
    """Verify, review and export the audit log."""
    os.umask(LOG_UMASK)


class Form(StrEnum):
    """Forms in which events are listed."""

    TABLE = "table"
    JSON = "json"
    CEF = "cef"
    ECS = "ecs"


@app.command()
def verify(
    archive: Annotated[
        Path | None, typer.Argument(metavar="[EVIDENCE]", help="Archive made by export.", exists=True)
    ] = None,
    policy: Annotated[Path | None, typer.Option(help="Who must have signed; with EVIDENCE.", exists=True)] = None,
    key: Annotated[Path | None, typer.Option(help="The log's verifier key, as carried on paper.", exists=True)] = None,
    log: Annotated[Path, typer.Option(help="Folder of the log.")] = ROOT / "log",
    as_json: Json = False,
) -> None:
    """Recompute the whole log, or an archive of evidence, up to its signatures; exit 1 and name the damage."""
    if archive is not None:
        _verify_evidence(archive, policy, as_json=as_json)
        return
    if key is None:
        raise ApplianceError("--key is missing", rule="a log proves nothing without the key that is on paper")
    with Progress(console=Console(stderr=True), transient=True, disable=as_json) as progress:
        task = progress.add_task("records", total=None)
        report = verify_log(
            log, key.read_text(), progress=lambda done, total: progress.update(task, completed=done, total=total)
        )
    print(report.model_dump_json() if as_json else _verdict(report, log))
    if not report.whole:
        raise typer.Exit(1)


@app.command()
def fsck(key: KeyFile, log: LogFolder = ROOT / "log", as_json: Json = False) -> None:
    """Verify the log and look at every other file in its folder; exit 1 and name whatever is wrong."""
    from appliance.audit.fsck import fsck as check  # noqa: PLC0415  # keeps `appliance --help` quick

    report = check(log, key.read_text())
    print(report.model_dump_json() if as_json else _verdict(report, log))
    if not report.whole:
        raise typer.Exit(1)


def _verify_evidence(archive: Path, policy: Path | None, *, as_json: bool) -> None:
    from appliance.audit import evidence  # noqa: PLC0415  # keeps `appliance --help` quick

    if policy is None:
        raise ApplianceError("--policy is missing", rule="a policy says whose signatures count")
    report = evidence.check(archive, Policy.decode(policy.read_text()))
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
def checkpoint(key: KeyFile, log: LogFolder = ROOT / "log", as_json: Json = False) -> None:
    """Print the last checkpoint after verifying its signature: what an officer compares with paper."""
    data = (log / CHECKPOINT).read_bytes()
    signed: Checkpoint = open_checkpoint(data, Verifier.decode(key.read_text()))
    if as_json:
        print(json.dumps({"origin": signed.origin, "size": signed.size, "root": signed.root.hex()}))
    else:
        print(Note.decode(data).encode().decode(), end="")


@app.command()
def show(
    log: LogFolder = ROOT / "log",
    subject: Subject = None,
    enclave: Enclave = None,
    label: LabelText = None,
    decision: Decision = None,
    rule: Rule = None,
    activity: Activity = None,
    text: AnyText = None,
    since: Since = None,
    until: Until = None,
    last: Annotated[int, typer.Option("--last", "-n", min=1, help="At most so many, the newest.")] = 50,
    form: Annotated[Form, typer.Option("--format", help="cef and ecs are for other collectors.")] = Form.TABLE,
    as_json: Json = False,
) -> None:
    """List the newest events that match; with --json as the log's own lines, whole and exact."""
    wanted = _filter(subject, enclave, label, decision, rule, activity, text, since, until)
    found = deque(query.select(log, wanted), maxlen=last)
    if as_json:
        form = Form.JSON
    if form is Form.TABLE:
        Console().print(_table(found))
    for record, event in found:
        if form is Form.JSON:
            print(record.line().decode(), end="")
        elif form is not Form.TABLE:
            print(forms.cef(event, record.index) if form is Form.CEF else forms.ecs(event, record.index))


@app.command()
def export(
    out: Annotated[Path, typer.Argument(help="Archive to write.")],
    key: KeyFile,
    log: LogFolder = ROOT / "log",
    policy: Annotated[
        Path | None, typer.Option(help="Use the last checkpoint that its quorum cosigned.", exists=True)
    ] = None,
    first: Annotated[int, typer.Option(min=0, help="First record of the stretch.")] = 0,
    end: Annotated[int | None, typer.Option(min=0, help="Record behind the last of the stretch.")] = None,
    subject: Subject = None,
    enclave: Enclave = None,
    label: LabelText = None,
    decision: Decision = None,
    rule: Rule = None,
    activity: Activity = None,
    text: AnyText = None,
    since: Since = None,
    until: Until = None,
    include: Annotated[
        list[Path] | None, typer.Option(help="Policy that events name by digest; repeat.", exists=True)
    ] = None,
    officer: Annotated[str, typer.Option(help="Who exports; recorded before the archive is written.")] = "root",
    spool_folder: audit_officers.SpoolFolder = ROOT / "spool",
) -> None:
    """Write events, proofs and the signed checkpoint as one archive that anyone can verify without this host."""
    from appliance.audit import evidence, review  # noqa: PLC0415  # keeps `appliance --help` quick
    from appliance.audit.marked import joined  # noqa: PLC0415  # as above

    data = (log / CHECKPOINT).read_bytes()
    if policy is not None:
        reviewed = review.last_review(log, Policy.decode(policy.read_text()))
        if reviewed is None:
            raise ApplianceError(
                "no checkpoint is cosigned by the quorum", remedy="appliance audit request, cosign, accept"
            )
        data = reviewed.note.encode()
    size = open_checkpoint(data, Verifier.decode(key.read_text())).size
    wanted = _filter(subject, enclave, label, decision, rule, activity, text, since, until)
    selection = evidence.Selection(wanted=wanted, first=first, end=min(size, size if end is None else end))
    within = range(selection.first, selection.end)
    records = [record for record, _ in query.select(log, wanted) if record.index in within]
    detail: dict[str, JsonValue] = {"records": len(records), "first": selection.first, "end": selection.end}
    high = joined(record.label for record in records).encode()
    audit_officers.record(spool_folder, high, officer, "evidence.export", detail)
    policies = [file.read_bytes() for file in include or []]
    replace_file(out, evidence.archive(log, data, records, selection, policies))
    print(f"{out}: {len(records)} records under the checkpoint over {size}")


@app.command()
def hammer(
    folder: Annotated[Path, typer.Argument(help="New folder for a log that is made to be hammered.")],
    rounds: Annotated[int, typer.Option(min=1, help="How many loaded writers to kill.")] = 100,
    writers: Annotated[int, typer.Option(min=1, help="Concurrent writers in each.")] = 32,
    as_json: Json = False,
) -> None:
    """Kill loaded writers at random moments; exit 1 if an acknowledged record is lost or the log is damaged."""
    from appliance.audit.hammer import hammer as run  # noqa: PLC0415  # keeps `appliance --help` quick

    with Progress(console=Console(stderr=True), transient=True, disable=as_json) as progress:
        task = progress.add_task("kills", total=rounds)
        result = run(folder, rounds=rounds, writers=writers, progress=lambda _: progress.advance(task))
    if as_json:
        print(result.model_dump_json())
    else:
        print(
            f"{result.rounds} kills in {result.seconds:.1f} s: {result.acknowledged} records acknowledged, "
            f"{result.lost} lost, {result.unfinished} unfinished ones put aside, {result.records} in the log"
        )
        print("\n".join(result.findings) or "the log is whole")
    if not result.holds:
        raise typer.Exit(1)


def _filter(
    subject: str | None,
    enclave: str | None,
    label: str | None,
    decision: str | None,
    rule: str | None,
    activity: str | None,
    text: str | None,
    since: datetime.datetime | None,
    until: datetime.datetime | None,
) -> query.Filter:
    if decision not in (None, "allowed", "denied"):
        raise ApplianceError(f"--decision {decision} is not a decision", remedy="use allowed or denied")
    return query.Filter(
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


def _table(found: deque[tuple[Record, Event]]) -> Table:
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


def _verdict(report: Report, log: Path) -> str:
    lines = [f"{log}: {finding.file}: {_place(finding.index)}{finding.problem}" for finding in report.findings]
    state = "whole" if report.whole else f"DAMAGED, {len(report.findings)} findings"
    lines.append(f"log {report.origin}: {state}; {report.size} records under the checkpoint, root {report.root}")
    if report.unsigned and report.open:
        lines.append(f"{report.unsigned} records wait for the next checkpoint; the log is open")
    return "\n".join(lines)


def _place(index: int | None) -> str:
    return "" if index is None else f"record {index}: "
