"""A trace names what a record touched and nothing else, by the events of a log."""

import asyncio
import json
import uuid
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from appliance.audit.events import kinds as events
from appliance.audit.events.kinds import Call, Entity, Lineage, Scope, Verdict
from appliance.audit.events.ocsf import Event
from appliance.audit.log.bodies import Record
from appliance.audit.review import spill
from appliance.cli.main import app
from appliance.errors import ApplianceError
from tests.catalogue import CATALOGUE
from tests.unit.audit.conftest import Place

TASK, OTHER, COPY, PROJECT, ABOVE = (str(uuid.uuid4()) for _ in range(5))
LOW, HIGH = Scope(label="U;;*", enclave="low"), Scope(label="S;;GBR,USA", enclave="high")
MODEL = Entity(kind="model", name="small", digest="sha256:" + "a" * 64)
READ, MADE, FILE, LATER = ("sha256:" + letter * 64 for letter in "bcde")


def asked(scope: Scope, subject: str, path: str, request: str, *, allowed: bool = True) -> Event:
    where = replace(scope, service="labeling", request=request)
    return events.decision(
        where, subject, Call(method="GET", path=path, action="read"), Verdict(allowed=allowed, rule="r")
    )


def story() -> list[Event]:
    """One record is made, read, refused, copied up, exported there, asked about and backed up; another is not it."""
    return [
        events.activity(Scope(label="U;;*", enclave="low"), "host", "enclave.backup", detail={"file": "before"}),
        events.activity(LOW, "maker", "records.create", detail={"request": "r0", "project": PROJECT, "tasks": [TASK]}),
        events.activity(LOW, "other", "records.create", detail={"request": "r9", "project": PROJECT, "tasks": [OTHER]}),
        asked(LOW, "reader", f"/labeling/api/tasks/{TASK}", "r1"),
        asked(LOW, "stranger", f"/labeling/api/tasks/{OTHER}", "r2"),
        asked(LOW, "browser", f"/labeling/api/projects/{PROJECT}/tasks/1", "r3"),
        asked(LOW, "outsider", f"/labeling/api/tasks/{TASK}", "r4", allowed=False),
        events.activity(
            HIGH,
            "lifter",
            "record.upgrade",
            Lineage(inputs=(READ,), outputs=(MADE,)),
            detail={"request": "r5", "from": f"low/{TASK}", "to": COPY, "project": ABOVE},
        ),
        asked(HIGH, "exporter", f"/labeling/api/export/{ABOVE}", "r6"),
        events.activity(
            HIGH, "exporter", "records.export", Lineage(outputs=(FILE,)), detail={"request": "r6", "project": ABOVE}
        ),
        events.inference(HIGH, "asker", MODEL, Lineage(inputs=(MADE, MODEL.digest)), detail={"request": "r7"}),
        events.inference(HIGH, "innocent", MODEL, Lineage(inputs=(LATER, MODEL.digest)), detail={"request": "r8"}),
        events.activity(HIGH, "host", "enclave.backup", detail={"file": "after"}),
    ]


@pytest.fixture
def log(place: Place) -> Path:
    async def write() -> None:
        writer = place.open()
        await writer.append([event.record() for event in story()])
        await writer.close()

    asyncio.run(write())
    return place.path


def names(found: spill.Trace, kind: str) -> set[str]:
    return {touch.name for touch in found.of(kind)}


@pytest.mark.parametrize("start", [TASK, TASK.upper()])
def test_everything_that_a_record_touched_is_named_and_nothing_else(log: Path, start: str) -> None:
    found = spill.trace(log, [start], CATALOGUE)
    assert names(found, "subject") == {"maker", "reader", "browser", "lifter", "exporter", "asker"}
    assert names(found, "refused") == {"outsider"}
    assert names(found, "copy") == {COPY}
    assert names(found, "export") == {FILE}
    assert names(found, "answer") == {"small, request r7"}
    assert names(found, "backup") == {"after"}
    assert names(found, "container") == {"low-labeling", "high-labeling", "high-inference"}
    assert {"low/database", "high/database"} <= names(found, "volume")
    sure = {touch.name: touch.certainty for touch in found.of("subject")}
    assert (sure["reader"], sure["browser"], sure["exporter"]) == ("certain", "possible", "possible")
    assert found.label.encode() == "S;;GBR,USA"


def test_a_trace_can_begin_in_the_middle_with_a_digest_or_a_receipt(log: Path) -> None:
    assert names(spill.trace(log, [FILE], CATALOGUE), "subject") == {"exporter"}
    assert names(spill.trace(log, [MADE.removeprefix("sha256:")], CATALOGUE), "answer") == {"small, request r7"}
    lines = (log / "bodies" / "000000000000.jsonl").read_bytes().splitlines(keepends=True)
    receipt = Record.decode(lines[7]).entry.hex()
    assert names(spill.trace(log, [receipt], CATALOGUE), "copy") == {COPY}


@pytest.mark.parametrize("start", [str(uuid.uuid4()), "sha256:" + "9" * 64])
def test_what_the_log_never_met_is_said(log: Path, start: str) -> None:
    with pytest.raises(ApplianceError, match="the log knows nothing of"):
        spill.trace(log, [start], CATALOGUE)


@pytest.mark.parametrize("start", ["", "a", "x" * 200, "../../etc/passwd", "a b c d e f g"])
def test_what_is_no_name_is_refused(log: Path, start: str) -> None:
    with pytest.raises(ApplianceError, match="is not the name of a record"):
        spill.trace(log, [start], CATALOGUE)


def test_the_worksheet_is_marked_and_has_the_steps_and_the_tracing_is_recorded(log: Path, tmp_path: Path) -> None:
    root = log.parent
    services = tmp_path / "catalogue.json"
    services.write_bytes(CATALOGUE.encode())
    for form in (".html", ".md"):
        sheet = tmp_path / f"sheet{form}"
        arguments = ["spill", "trace", TASK, "--root", str(root), "--worksheet", str(sheet), "--officer", "<b>isso|"]
        answer = CliRunner().invoke(app, arguments)
        assert "--catalogue" in getattr(answer.exception, "remedy", ""), "nothing says whose the activities are"
        arguments += ["--catalogue", str(services)]
        answer = CliRunner().invoke(app, arguments)
        assert answer.exit_code == 0, answer.output
        text = sheet.read_text()
        assert text.count("SECRET//REL TO USA, GBR") >= 2
        assert "<b>isso" not in text
        for step in ("a. Who", "b. The", "c. Alert", "d. Isolate", "e. Eradicate", "f. Other", "g. Further"):
            assert step in text
        assert all(name in text for name in (COPY, FILE, "after", "outsider"))
    spooled = [json.loads(line)["event"] for line in (root / "spool" / "spool.jsonl").read_bytes().splitlines()]
    assert [event["api"]["operation"] for event in spooled] == ["spill.trace"] * 2
    assert spooled[0]["unmapped"]["detail"]["names"] == [TASK]


def test_a_worksheet_of_another_form_is_refused_before_anything_is_recorded(log: Path, tmp_path: Path) -> None:
    arguments = ["spill", "trace", TASK, "--root", str(log.parent), "--worksheet", str(tmp_path / "sheet.docx")]
    answer = CliRunner().invoke(app, arguments)
    assert isinstance(answer.exception, ApplianceError)
    assert not (log.parent / "spool").exists()
