"""Each check says what it saw: what holds, what does not, and what could not be looked at."""

import asyncio
import hashlib
import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from appliance.audit.events import kinds as events
from appliance.audit.events.kinds import Scope
from appliance.audit.log import anchor
from appliance.audit.log.note import Verifier
from appliance.audit.log.writer import Log
from appliance.bundle.read.summary import VERIFIER_ID
from appliance.host.data.host_backup import BACKUP
from appliance.host.report.evidence.checks.looking import Host as Looked
from appliance.host.report.evidence.checks.registry import make
from appliance.host.report.evidence.controls import State
from appliance.host.state import generation
from appliance.host.state.generation import Facts
from appliance.trust.keys import PrivateKey, generate, host_key
from appliance.trust.statements import VERIFICATION_SUMMARY, sign_statement
from tests.unit.evidence.site import looked
from tests.unit.host.installed import BUNDLE, Host
from tests.unit.monitor.gateway import SUBJECTS

NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
def still(tmp_path: Path) -> Host:
    """A host whose monitor does not run."""
    return Host(tmp_path)


def found(host: Host, name: str, **given: Any) -> tuple[State, str]:
    outcome = make(looked(host, NOW, **given), name)
    return outcome.state, outcome.found


def record(host: Host, *made: Any) -> None:
    async def append() -> None:
        log = Log.open(host.paths.root / "log", host.paths.root / "secrets" / "log.key", checkpoint_interval=0.05)
        await log.append([event.record() for event in made])
        await log.close()

    asyncio.run(append())


def test_a_stranger_is_refused_on_the_record(host: Host) -> None:
    one = looked(host, NOW)
    assert make(one, "refusal").state is State.SATISFIED
    assert one.refused.record is not None
    body = json.loads(one.refused.record.body)
    assert body["metadata"]["correlation_uid"] == one.refused.reference or one.refused.reference in json.dumps(body)
    assert body["actor"]["user"]["name"] not in SUBJECTS, "the record accuses nobody"


def test_a_monitor_that_does_not_answer_was_not_tested(still: Host) -> None:
    state, text = found(still, "refusal")
    assert state is State.NOT_TESTED
    assert "does not answer" in text


def test_a_stranger_whose_refusal_the_log_has_not_is_a_finding(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("appliance.host.report.evidence.checks.probe.lines", lambda _: iter(()))
    assert found(host, "refusal")[0] is State.NOT_SATISFIED


def test_a_damaged_log_is_a_finding(still: Host) -> None:
    record(still, events.activity(Scope(label="U;;*"), "host", "install"))
    assert found(still, "log")[0] is State.SATISFIED
    body = next((still.paths.root / "log" / "bodies").glob("*.jsonl"))
    body.write_bytes(body.read_bytes().replace(b"install", b"instill"))
    state, text = found(still, "log")
    assert state is State.NOT_SATISFIED
    assert "bodies" in text


def test_rules_that_the_log_does_not_name_are_a_finding(still: Host) -> None:
    assert found(still, "statements")[0] is State.NOT_SATISFIED
    (still.paths.registries / "current" / "access.dsse.json").write_text("{}")
    assert found(still, "statements")[0] is State.NOT_TESTED


def test_an_anchor_a_backup_and_a_review_are_due(still: Host) -> None:
    log = still.paths.root / "log"
    assert {name: found(still, name)[0] for name in ("anchor", "backup", "review")} == dict.fromkeys(
        ("anchor", "backup", "review"), State.NOT_SATISFIED
    )
    begun = events.activity(Scope(label="U;;*"), "host", BACKUP, detail={"state": "begun"})
    record(still, begun)
    assert found(still, "backup")[0] is State.NOT_SATISFIED, "one that was begun is none"
    record(still, events.activity(Scope(label="U;;*"), "host", BACKUP, detail={"state": "done"}))
    anchor.keep(anchor.take(log, Verifier.decode((log / "log.vkey").read_text().strip())), log)
    assert found(still, "backup")[0] is State.SATISFIED
    assert found(still, "anchor")[0] is State.SATISFIED
    later = Looked(still.paths, looked(still).log_key, NOW + timedelta(days=8))
    assert [make(later, name).state for name in ("anchor", "backup")] == [State.NOT_SATISFIED] * 2


def test_who_reviews_has_no_other_role(still: Host) -> None:
    people = [{"name": name, "expires": "2100-01-01"} | fields for name, fields in SUBJECTS.items()]
    officer = {
        "name": "isso",
        "clearance": "SECRET",
        "nationalities": ["USA"],
        "roles": ["officer"],
        "expires": "2100-01-01",
    }
    assert found(still, "duties") == (State.NOT_SATISFIED, "no subject may review the log")
    registries = still.paths.registries / "current"
    for roles, state in ((["officer"], State.SATISFIED), (["officer", "analyst"], State.NOT_SATISFIED)):
        signed = still.sign(still.folder / "again", subjects={"subjects": [*people, officer | {"roles": roles}]})
        shutil.copy(signed / "subjects.dsse.json", registries / "subjects.dsse.json")
        assert found(still, "duties")[0] is state


def images(host: Host) -> dict[str, str]:
    """Give the generation an image and its bundle the attestations, as an installation leaves them."""
    current = generation.required(host.paths)
    facts = json.loads(Facts.of(current).encode())
    facts["images"]["digests"] = {"labeling": f"sha256:{'ab' * 32}"}
    (current / generation.FACTS).write_text(json.dumps(facts))
    return {"labeling": "ab" * 32}


def test_the_summary_of_this_bundle_counts_and_no_other(still: Host) -> None:
    assert found(still, "vsa")[0] is State.NOT_TESTED
    images(still)
    targets = still.paths.root / "bundle" / BUNDLE / "targets"
    claims = {f"attestations/labeling.{kind}.dsse.json": kind.encode() for kind in ("sbom", "provenance")}
    for path, data in claims.items():
        (targets / path).parent.mkdir(exist_ok=True)
        (targets / path).write_bytes(data)
    digests = {path: hashlib.sha256(data).hexdigest() for path, data in claims.items()}
    own, version = host_key(still.paths.root / "secrets" / "host.pem"), 1

    def summarize(number: int, key: PrivateKey, result: str = "PASSED", bundle: int = version) -> None:
        predicate = {
            "verifier": {"id": VERIFIER_ID},
            "timeVerified": f"2026-11-28T09:00:{number:02}Z",
            "resourceUri": f"urn:mls-appliance:bundle:{still.makers.fingerprint}:{bundle}",
            "verificationResult": result,
        }
        folder = still.paths.root / "verifications"
        folder.mkdir(exist_ok=True)
        data = sign_statement(digests, VERIFICATION_SUMMARY, predicate, [key])
        (folder / f"{number}.vsa.dsse.json").write_bytes(data)

    summarize(1, generate("another host"))
    summarize(2, own, bundle=version + 1)
    assert found(still, "vsa")[0] is State.NOT_TESTED, "another host's, or of another bundle"
    summarize(3, own)
    assert [found(still, name)[0] for name in ("vsa", "sbom")] == [State.SATISFIED] * 2
    (targets / "attestations" / "labeling.sbom.dsse.json").write_bytes(b"less")
    state, text = found(still, "sbom")
    assert state is State.NOT_SATISFIED
    assert "labeling.sbom.dsse.json" in text
    summarize(4, own, "FAILED")
    assert found(still, "vsa")[0] is State.NOT_SATISFIED, "the newest counts"


def test_what_was_rebuilt_is_what_runs(still: Host) -> None:
    (name, digest), *_ = images(still).items()
    assert found(still, "rebuilt")[0] is State.NOT_TESTED
    assert found(still, "rebuilt", rebuilt=[{"name": name, "rebuilt": digest}])[0] is State.SATISFIED
    for other in ([], [{"name": name, "rebuilt": "cd" * 32}]):
        assert found(still, "rebuilt", rebuilt=other)[0] is State.NOT_SATISFIED


def test_another_version_of_tls_is_a_finding(still: Host) -> None:
    for enclave in still.site.enclaves:
        folder = still.paths.settings(enclave.name)
        folder.mkdir(parents=True)
        (folder / "nginx.conf").write_text(still.config(enclave, still.folder, 1, 2))
    assert found(still, "tls")[0] is State.SATISFIED
    text = (folder / "nginx.conf").read_text()
    (folder / "nginx.conf").write_text(text.replace("ssl_protocols TLSv1.3", "ssl_protocols TLSv1.2 TLSv1.3"))
    assert found(still, "tls")[0] is State.NOT_SATISFIED


def test_a_check_that_nobody_knows_was_not_tested(still: Host) -> None:
    assert found(still, "weather")[0] is State.NOT_TESTED
    assert found(still, "layer: paint")[0] is State.NOT_TESTED
