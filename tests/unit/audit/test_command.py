"""`appliance audit` says what is in the log and whether it is whole."""

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from appliance.audit.events import kinds as events
from appliance.audit.events.kinds import Call, Scope, Verdict
from appliance.cli.main import app
from tests.unit.audit.conftest import Place

RUNNER = CliRunner()


@pytest.fixture
def key(place: Place, tmp_path: Path) -> str:
    async def write() -> None:
        log = place.open()
        for n, (subject, allowed) in enumerate([("analyst", True), ("annotator", False), ("analyst", False)]):
            verdict = Verdict(allowed=allowed, rule="dominance" if n < 2 else "role", policy="a" * 64)
            call = Call(method="GET", path=f"/labeling/{n}", action="read")
            event = events.decision(Scope(label="U;;*", enclave="low"), subject, call, verdict)
            await log.append([event.record()])
        await log.close()

    asyncio.run(write())
    (tmp_path / "paper.vkey").write_text(place.vkey)
    return str(tmp_path / "paper.vkey")


def audit(*arguments: str) -> tuple[int, str]:
    result = RUNNER.invoke(app, ["audit", *arguments])
    return result.exit_code, result.output


def test_verify_passes_on_a_whole_log_and_names_a_changed_record(place: Place, key: str) -> None:
    assert audit("verify", "--log", str(place.path), "--key", key)[0] == 0
    file = place.path / "bodies" / "000000000000.jsonl"
    file.write_bytes(file.read_bytes().replace(b"/labeling/1", b"/labeling/9"))
    code, output = audit("verify", "--log", str(place.path), "--key", key, "--json")
    assert code == 1
    assert json.loads(output)["findings"][0]["index"] == 1
    code, output = audit("verify", "--log", str(place.path), "--key", key)
    assert code == 1
    assert "record 1: the record is not what the log committed to" in output


@pytest.mark.parametrize(
    ("options", "paths"),
    [
        ([], [0, 1, 2]),
        (["--subject", "analyst"], [0, 2]),
        (["--decision", "denied"], [1, 2]),
        (["--rule", "role"], [2]),
        (["--text", "ANNOTATOR"], [1]),
        (["--enclave", "high"], []),
        (["--label", "U;;*", "-n", "1"], [2]),
        (["--until", "2020-01-01"], []),
        (["--since", "2020-01-01", "--activity", "read"], [0, 1, 2]),
    ],
)
def test_show_filters(place: Place, key: str, options: list[str], paths: list[int]) -> None:
    code, output = audit("show", "--log", str(place.path), "--json", *options)
    assert code == 0
    found = [json.loads(line)["body"]["http_request"]["url"]["path"] for line in output.splitlines()]
    assert found == [f"/labeling/{n}" for n in paths]
    assert audit("show", "--log", str(place.path), *options)[0] == 0


def test_checkpoint_prints_the_signed_note(place: Place, key: str) -> None:
    code, output = audit("checkpoint", "--log", str(place.path), "--key", key)
    assert (code, output.encode()) == (0, (place.path / "checkpoint").read_bytes())
    code, output = audit("checkpoint", "--log", str(place.path), "--key", key, "--json")
    assert json.loads(output)["size"] == 3


def test_show_speaks_cef_and_ecs(place: Place, key: str) -> None:
    code, output = audit("show", "--log", str(place.path), "--format", "cef", "--decision", "denied", "-n", "1")
    assert (code, output.startswith("CEF:0|appliance|appliance|")) == (0, True)
    assert "|6003:2|analyst may not read /labeling/2|6|" in output
    assert "suser=analyst act=read outcome=denied" in output
    assert "cn1=2 cs1Label=rule cs1=role" in output
    code, output = audit("show", "--log", str(place.path), "--format", "ecs")
    documents = [json.loads(line) for line in output.splitlines()]
    assert [document["event"]["outcome"] for document in documents] == ["success", "failure", "failure"]
    assert documents[2]["rule"] == {"name": "role", "uuid": "a" * 64}
