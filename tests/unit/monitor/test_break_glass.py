"""Break-glass lends a role for hours, on the record; it never reaches above a clearance, and is never forgotten."""

import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
import yaml
from typer.testing import CliRunner

from appliance.audit.review.summary import unreviewed_break_glass
from appliance.cli.main import app
from appliance.trust import dsse
from appliance.trust.keys import generate
from appliance.trust.officers import payload_digest, payload_type
from tests.unit.monitor.gateway import PEOPLE, Rig, running

RUNNER = CliRunner()


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as one:
        yield one


@pytest.fixture
def evaluator(rig: Rig) -> Iterator[httpx.Client]:
    with rig.client("evaluator") as client:
        assert client.post("/session").status_code == 201
        yield client
        client.delete("/session")


def statement(rig: Rig, name: str, by: list[str], **changes: object) -> Path:
    now = datetime.now(UTC).replace(microsecond=0)
    value = {
        "id": name,
        "site": rig.site.site,
        "subject": "evaluator",
        "enclave": "secret",
        "roles": ["annotator"],
        "groups": [],
        "reason": "the annotators are away and the exercise begins",
        "begins": (now - timedelta(minutes=5)).isoformat(),
        "ends": (now + timedelta(hours=1)).isoformat(),
    } | changes
    file = rig.folder / f"{name}.dsse.json"
    file.write_bytes(dsse.sign(value, payload_type("break-glass"), [rig.officers[one] for one in by]))
    return file


def start(rig: Rig, file: Path, code: int = 0) -> str:
    done = RUNNER.invoke(app, ["audit", "break-glass", "start", str(file), "--root", str(rig.paths.root)])
    assert (done.exit_code == 0) == (code == 0), done.output
    return done.output + str(done.exception or "")


def end(rig: Rig) -> None:
    for file in (rig.paths.root / "break-glass").glob("*"):
        file.unlink()


TWO = list(PEOPLE)[:2]


def test_it_lends_a_role_in_one_enclave_and_each_use_is_on_the_record(rig: Rig, evaluator: httpx.Client) -> None:
    assert evaluator.post("/labeling/api/tasks").status_code == 404
    assert rig.last_rule() == "access.role"
    start(rig, statement(rig, "fire", TWO))
    answer = evaluator.post("/labeling/api/tasks")
    assert answer.status_code == 200
    assert set(answer.json()["roles"]) == {"evaluator", "annotator"}
    record = rig.records()[-1]
    assert rig.last_rule() == "break-glass"
    assert record["unmapped"]["reason"].startswith("fire: the annotators are away")
    log, end_of_log = rig.paths.root / "log", len(rig.records())
    assert unreviewed_break_glass(log, 0, end_of_log) != []
    assert evaluator.get("/labeling/api/tasks").status_code == 200
    assert rig.last_rule() == "access.permitted"
    assert "was started before" in start(rig, rig.folder / "fire.dsse.json", code=1)
    end(rig)
    assert evaluator.post("/labeling/api/tasks").status_code == 404


def test_what_officers_withdrew_is_lent_no_more_and_not_started_again(rig: Rig, evaluator: httpx.Client) -> None:
    file = statement(rig, "withdrawn", TWO)
    start(rig, file)
    assert evaluator.post("/labeling/api/tasks").status_code == 200
    payload = payload_digest(dsse.payload_of(file.read_bytes(), "x")[1])
    (rig.paths.root / "revocations").mkdir()
    (rig.paths.root / "revocations" / f"break-glass.{payload}.dsse.json").write_bytes(b"the statement")
    assert evaluator.post("/labeling/api/tasks").status_code == 404, "from the next request on"
    end(rig)
    assert "was revoked by two officers" in start(rig, file, 1)


ATTACKS: dict[str, tuple[list[str], dict[str, object], str]] = {
    "one officer alone": (TWO[:1], {}, "sign"),
    "one officer twice": ([TWO[0], TWO[0]], {}, "sign"),
    "expired": (
        TWO,
        {"begins": "2026-01-01T00:00:00Z", "ends": "2026-01-01T01:00:00Z"},
        "ended",
    ),
    "without end": (TWO, {"ends": "2100-01-01T00:00:00Z"}, "eight hours"),
    "another site": (TWO, {"site": "elsewhere"}, "not for this one"),
    "no such enclave": (TWO, {"enclave": "cellar"}, "not for this one"),
    "an officer's role": (TWO, {"roles": ["officer"]}, "officer opens nothing in secret"),
    "a role that there is not": (TWO, {"roles": ["wizard"]}, "wizard opens nothing in secret"),
    "the officers' own enclave": (TWO, {"enclave": "system-high", "roles": ["officer"]}, "where the log"),
    "a clearance": (TWO, {"clearance": "TOP SECRET"}, "clearance"),
    "nothing": (TWO, {"roles": []}, "lifts nothing"),
    "no reason": (TWO, {"reason": "because"}, "reason"),
    "a path for a name": (TWO, {"id": "../site/x"}, "id"),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_is_no_break_glass_is_refused_and_lends_nothing(rig: Rig, evaluator: httpx.Client, attack: str) -> None:
    by, changes, problem = ATTACKS[attack]
    file = statement(rig, "attack", by, **changes)
    assert problem in start(rig, file, code=1)
    assert not list((rig.paths.root / "break-glass").glob("*"))
    (rig.paths.root / "break-glass").mkdir(exist_ok=True)
    (rig.paths.root / "break-glass" / "attack.dsse.json").write_bytes(file.read_bytes())
    assert evaluator.post("/labeling/api/tasks").status_code == 404
    end(rig)


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"subject": "analyst"}, "access.role"),
        ({"enclave": "unclassified"}, "access.role"),
        ({"begins": (datetime.now(UTC) + timedelta(minutes=30)).isoformat()}, "access.role"),
        ({"roles": ["analyst"], "subject": "annotator"}, "access.role"),
    ],
)
def test_it_serves_one_subject_in_one_enclave_in_its_time(
    rig: Rig, evaluator: httpx.Client, changes: dict[str, object], rule: str
) -> None:
    start(rig, statement(rig, "other", TWO, **changes))
    assert evaluator.post("/labeling/api/tasks").status_code == 404
    assert rig.last_rule() == rule
    end(rig)


def test_a_lower_clearance_stays_below(rig: Rig) -> None:
    start(rig, statement(rig, "climb", TWO, subject="annotator", roles=["analyst", "evaluator"]))
    with rig.client("annotator") as client:
        assert client.post("/labeling/api/tasks").status_code == 404
    assert rig.last_rule() == "mandatory.clearance-does-not-dominate"
    end(rig)


def test_two_officers_sign_by_command_one_after_the_other(rig: Rig, tmp_path: Path) -> None:
    text = {
        "id": "drill",
        "site": rig.site.site,
        "subject": "evaluator",
        "enclave": "secret",
        "roles": ["annotator"],
        "reason": "a drill of the procedure",
        "begins": "2026-01-01T00:00:00Z",
        "ends": "2026-01-01T01:00:00Z",
    }
    (tmp_path / "drill.yml").write_text(yaml.safe_dump(text))
    out = tmp_path / "drill.dsse.json"
    (tmp_path / "passphrase").write_text("x")
    for name, count in (("isso", 1), ("isso", 1), ("issm", 2)):
        key = tmp_path / f"{name}.pem"
        if not key.exists():
            generate(name, demo=True).write(key, b"x", role="officer")
        command = ["audit", "break-glass", "sign", str(tmp_path / "drill.yml"), "--key", str(key), "--out", str(out)]
        command += ["--passphrase-file", str(tmp_path / "passphrase")]
        done = RUNNER.invoke(app, command)
        assert done.exit_code == 0, done.output
        assert f"{count} of 2" in done.output
    (tmp_path / "drill.yml").write_text(yaml.safe_dump(text | {"subject": "analyst"}))
    assert RUNNER.invoke(app, command).exit_code == 1
