"""Only the users whose containers hold a socket are answered on it, whoever comes to have the path."""

import hashlib
import hmac
import json
import secrets
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from appliance.cli import main
from appliance.contract import digest
from appliance.contract.context import verified
from appliance.contract.grant import Grant, seal_grant
from appliance.enclave.render import GATEWAY_UID
from tests.catalogue import CATALOGUE
from tests.contexts import DIGEST_KEY, GRANT_KEY, PUBLIC_KEY
from tests.unit.monitor.gateway import Rig, running, token

# The system's own interpreter: the users of the test may not reach a checkout in root's home folder.
PYTHON = "/usr/bin/python3"
ASK = """
import socket, sys
client = socket.socket(socket.AF_UNIX)
client.connect(sys.argv[1])
body = sys.argv[3].encode()
head = f"{sys.argv[2]} HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: {len(body)}\\r\\n\\r\\n"
try:
    client.sendall(head.encode() + body)
    client.shutdown(socket.SHUT_WR)
    answer = b""
    while part := client.recv(65536):
        answer += part
except ConnectionError:
    answer = b""
print(answer.decode().split(" ")[1] if answer else "nothing")
"""


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as one:
        yield one


def ask(rig: Rig, uid: int, socket: str, request: str, body: str = "") -> str:
    """Status of the answer to a process of ``uid``, or ``nothing``; the socket's own mode stands in nobody's way."""
    path = rig.paths.run / rig.enclave.name / socket
    path.chmod(0o666)
    command = [PYTHON, "-c", ASK, str(path), request, body]
    return subprocess.run(command, check=True, capture_output=True, text=True, user=uid, group=uid).stdout.strip()


def test_only_the_enclave_s_gateway_may_ask_for_decisions(rig: Rig) -> None:
    other = rig.site.enclave("unclassified")
    own = rig.enclave.uids + GATEWAY_UID
    assert ask(rig, own, "gateway/gateway.sock", "GET /decide") == "403"
    for uid in (0, 65534, other.uids + GATEWAY_UID, rig.enclave.uids, rig.enclave.uids + CATALOGUE["labeling"].uid):
        assert ask(rig, uid, "gateway/gateway.sock", "GET /decide") == "nothing", uid


def test_only_the_service_itself_may_record(rig: Rig) -> None:
    body = json.dumps({"activity": "records.export", "context": token(rig.enclave, "labeling")})
    labeling, socket = CATALOGUE["labeling"].uid, "record/labeling/record.sock"
    assert ask(rig, rig.enclave.uids + labeling, socket, "POST /record", body) == "200"
    before = len(rig.records())
    evaluation = rig.enclave.uids + CATALOGUE["evaluation"].uid
    for uid in (0, 65534, rig.site.enclave("unclassified").uids + labeling, rig.enclave.uids + GATEWAY_UID, evaluation):
        assert ask(rig, uid, socket, "POST /record", body) == "nothing", uid
    assert len(rig.records()) == before


def started(rig: Rig, job: str, /, **changes: Any) -> dict[str, Any]:
    """What the evaluation service asks for a person who started a job; ``changes`` are to the context."""
    context = token(rig.enclave, "evaluation", **{"action": "job"} | changes)
    return {"context": context, "job": job, "model": rig.enclave.models[0], "purpose": "evaluation", "calls": 1}


def granted(rig: Rig, service: str, body: dict[str, Any]) -> str:
    """Status of the answer to ``service``."""
    uid = rig.enclave.uids + CATALOGUE[service].uid
    return ask(rig, uid, f"record/{service}/record.sock", "POST /grant", json.dumps(body))


def said(rig: Rig, service: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """The whole answer to ``service``."""
    socket = rig.paths.records(rig.enclave.name, service) / "record.sock"
    socket.chmod(0o666)
    program = ASK.replace('print(answer.decode().split(" ")[1] if answer else "nothing")', "print(answer.decode())")
    uid = rig.enclave.uids + CATALOGUE[service].uid
    command = [PYTHON, "-c", program, str(socket), f"POST {path}", json.dumps(body)]
    answer = subprocess.run(command, check=True, capture_output=True, text=True, user=uid, group=uid).stdout
    found: dict[str, Any] = json.loads(answer.partition("\n\n")[2])
    return found


def job(rig: Rig, name: str, calls: int = 3, groups: tuple[str, ...] = (), **context: Any) -> str:
    """The grant of a job that asks no model, for the evaluator of the enclave."""
    values = {"action": "job", "subject": "evaluator", "method": "POST", "path": "/evaluation/api/jobs"} | context
    asked = {"job": name, "purpose": "count", "calls": calls, "groups": list(groups)}
    body = {"context": token(rig.enclave, "evaluation", **values)} | asked
    return str(said(rig, "evaluation", "/grant", body)["grant"])


def test_a_job_trades_its_grant_for_a_context_of_a_minute_which_is_recorded(rig: Rig) -> None:
    grant = job(rig, "trades", 2)
    first = verified(str(said(rig, "evaluation", "/context", {"grant": grant})["context"]), PUBLIC_KEY)
    record = rig.records()[-1]
    assert (record["api"]["operation"], record["actor"]["user"]["name"]) == ("job.context", "evaluator")
    assert record["unmapped"]["detail"]["request"] == first.request
    second = verified(str(said(rig, "evaluation", "/context", {"grant": grant})["context"]), PUBLIC_KEY)
    assert first.request != second.request, "each writes once"
    assert (first.subject, first.on_behalf_of, first.action) == ("service:evaluation", "evaluator", "job")
    assert (first.label, first.working, first.groups) == (rig.enclave.encoded, rig.enclave.encoded, ())
    assert first.nationalities, "what person and enclave may read together, rows under REL TO included"
    assert 0 < first.expires - time.time() <= 60
    assert said(rig, "evaluation", "/context", {"grant": grant}) == {"error": "the job has made all its calls"}


CONTINUES = [
    # whose grant, and what a taken-over service tries with it
    ("of a person who may start none", {"subject": "analyst"}),
    ("of nobody who is registered", {"path": "/evaluation/api/jobs", "subject": "evaluator", "revoke": True}),
    ("of a path that is another action", {"path": "/evaluation/markings"}),
    ("of a path elsewhere", {"path": "/labeling/api/projects"}),
]


@pytest.mark.parametrize(("what", "context"), CONTINUES, ids=[what for what, _ in CONTINUES])
def test_a_job_gets_no_context(rig: Rig, what: str, context: dict[str, Any]) -> None:
    values = dict(context)
    if values.pop("revoke", False):
        grant = Grant(
            job="gone", service="evaluation", enclave=rig.enclave.name, purpose="count", subject="somebody",
            label=rig.enclave.encoded, path="/evaluation/api/jobs", calls=1, expires=int(time.time()) + 60,
        )  # fmt: skip
        sealed_grant = seal_grant(grant, GRANT_KEY)
    else:
        sealed_grant = job(rig, what.replace(" ", "-"), **values)
    before = len(rig.records())
    assert "error" in said(rig, "evaluation", "/context", {"grant": sealed_grant})
    added = rig.records()[before:]
    assert [record["api"]["operation"] for record in added] == ["record.unattributed"], "and it is a finding"


def test_a_grant_serves_its_own_service_alone(rig: Rig) -> None:
    grant = job(rig, "own-service")
    assert "error" in said(rig, "labeling", "/context", {"grant": grant})
    assert "error" in said(rig, "evaluation", "/context", {"grant": grant[:-1] + ("0" if grant[-1] != "0" else "1")})
    assert "context" in said(rig, "evaluation", "/context", {"grant": grant})


def test_a_service_cannot_use_another_s_context_for_a_grant(rig: Rig) -> None:
    body = started(rig, "own")
    assert granted(rig, "labeling", body) == "403"
    assert granted(rig, "evaluation", body) == "200"
    record = rig.records()[-1]
    assert (record["api"]["operation"], record["actor"]["user"]["name"]) == ("job.grant", "analyst")
    assert record["unmapped"]["detail"]["calls"] == 1


GRANTS = [
    # what a taken-over service asks for, what differs in the context, what in the question, and the answer
    ("for a person who only reads", {"action": "read", "method": "GET"}, {}, "403"),
    ("for a person who asked a model", {"action": "run"}, {}, "403"),
    ("for a person who works elsewhere", {"working": "TS;;USA"}, {}, "403"),
    ("for nobody", {"subject": "nobody"}, {}, "403"),
    ("for a job", {"subject": "service:evaluation", "job": "1"}, {}, "403"),
    ("of yesterday", {"expires": int(time.time()) - 1}, {}, "403"),
    ("with a seal of its own", {}, {"context": "forged"}, "403"),
    ("for a model that is not here", {}, {"model": "another"}, "403"),
    ("with a group that is not theirs", {}, {"groups": ["falcon"]}, "403"),
    ("with a name that no group has", {}, {"groups": ["Falcon, heron"]}, "422"),
    ("for ever", {}, {"seconds": 6 * 3600 + 1}, "422"),
    ("without end", {}, {"calls": 100_001}, "422"),
    ("for another person", {}, {"subject": "evaluator"}, "422"),
]


@pytest.mark.parametrize(("what", "context", "asked", "status"), GRANTS, ids=[what for what, *_ in GRANTS])
def test_a_service_gets_no_grant(
    rig: Rig, what: str, context: dict[str, Any], asked: dict[str, Any], status: str
) -> None:
    body = started(rig, what.replace(" ", "-"), **context)
    if "context" in asked:
        parts = str(body["context"]).split(".")
        other = str(started(rig, "x", subject="evaluator")["context"]).split(".")
        asked = {"context": f"v2.{other[1]}.{parts[2]}.{parts[3]}"}
    before = len(rig.records())
    assert granted(rig, "evaluation", body | asked) == status
    added = rig.records()[before:]
    assert {record["api"]["operation"] for record in added} <= {"record.unattributed"}
    assert len(added) == (1 if status == "403" else 0)


def test_a_request_starts_one_job(rig: Rig) -> None:
    body = started(rig, "first")
    assert granted(rig, "evaluation", body) == "200"
    assert granted(rig, "evaluation", body) == "403"
    assert granted(rig, "evaluation", body | {"job": "second", "model": rig.enclave.models[0]}) == "403"
    assert granted(rig, "evaluation", started(rig, "first")) == "403"


FORGERIES = [
    # what a taken-over service tries, what it sends, and the status that it gets
    ("somebody else's activity", {"activity": "review.finish"}, "403"),
    ("the host's activity", {"activity": "storage.halt"}, "403"),
    ("an enclave's end", {"activity": "enclave.erase"}, "403"),
    ("a gap", {"activity": "spool.gap"}, "403"),
    ("a grant for others", {"activity": "job.grant"}, "403"),
    ("no name at all", {"context": None}, "403"),
    ("a name of its own", {"subject": "officer"}, "422"),
    ("a forged context", {"context": f"v2.e30=.{'A' * 86}.{'0' * 64}"}, "403"),
    ("a context of an earlier version", {"context": "v1.e30=." + "0" * 64}, "403"),
    ("another service's context", {"context": "evaluation"}, "403"),
    ("another enclave's context", {"context": "unclassified"}, "403"),
    ("yesterday's context", {"context": "expired"}, "403"),
    ("a forged grant", {"context": None, "grant": "v1.e30=." + "0" * 64}, "403"),
    ("context and grant", {"grant": "v1.e30=." + "0" * 64}, "403"),
]


@pytest.mark.parametrize(("_what", "change", "status"), FORGERIES, ids=[what for what, _, _ in FORGERIES])
def test_a_service_forges_no_record(rig: Rig, _what: str, change: dict[str, Any], status: str) -> None:
    tokens = {
        "evaluation": token(rig.enclave, "evaluation"),
        "unclassified": token(rig.site.enclave("unclassified"), "labeling"),
        "expired": token(rig.enclave, "labeling", expires=int(time.time()) - 1),
    }
    body = {"activity": "records.export", "context": token(rig.enclave, "labeling")} | change
    body["context"] = tokens.get(str(body["context"]), body["context"])
    before = rig.records()
    uid = rig.enclave.uids + CATALOGUE["labeling"].uid
    assert ask(rig, uid, "record/labeling/record.sock", "POST /record", json.dumps(body)) == status
    added = rig.records()[len(before) :]
    assert {record["api"]["operation"] for record in added} <= {"record.unattributed"}
    assert len(added) == (1 if status == "403" else 0)
    assert all(record["actor"]["user"]["name"] == "service:labeling" for record in added)


def test_a_record_says_who_by_the_context_and_not_by_the_service(rig: Rig) -> None:
    detail = {"request": "f" * 32, "on_behalf_of": "officer", "job": "none"}
    said = token(rig.enclave, "labeling", subject="anna", request="1" * 32)
    body = {"activity": "records.export", "context": said, "detail": detail}
    uid = rig.enclave.uids + CATALOGUE["labeling"].uid
    assert ask(rig, uid, "record/labeling/record.sock", "POST /record", json.dumps(body)) == "200"
    record = rig.records()[-1]
    assert record["actor"]["user"]["name"] == "anna"
    assert record["api"]["service"]["name"] == "labeling"
    assert record["unmapped"]["detail"]["request"] == "1" * 32


@pytest.mark.parametrize(
    ("restriction", "status"),
    [
        ("S;;GBR,USA|falcon|", "200"),
        ("U;;*|falcon,heron|OC", "200"),
        ("TS;;USA||", "403"),
        ("S;;USA||", "403"),
        ("S;;GBR,USA|heron,falcon|", "422"),
        ("S;;GBR,USA", "422"),
        ("anything", "422"),
    ],
)
def test_a_record_says_what_limits_readers_within_its_enclave(rig: Rig, restriction: str, status: str) -> None:
    said = token(rig.enclave, "labeling")
    body = {"activity": "records.export", "context": said, "restriction": restriction}
    uid = rig.enclave.uids + CATALOGUE["labeling"].uid
    assert ask(rig, uid, "record/labeling/record.sock", "POST /record", json.dumps(body)) == status
    if status == "200":
        assert rig.records()[-1]["unmapped"]["detail"]["restriction"] == restriction


def test_what_could_be_guessed_is_recorded_under_a_key(rig: Rig) -> None:
    """Whoever has the log and tries what a prompt may have been finds nothing; other digests stay as they are."""
    prompt = digest.text("Is the bridge guarded?")
    bare = hashlib.sha256(b"Is the bridge guarded?").hexdigest()
    model = digest.plain(b"model")
    said = token(rig.enclave, "inference")
    body = {"activity": "model_inference_activity", "context": said, "inputs": [prompt, model], "outputs": [prompt]}
    uid = rig.enclave.uids + CATALOGUE["inference"].uid
    assert ask(rig, uid, "record/inference/record.sock", "POST /record", json.dumps(body)) == "200"
    record = rig.records()[-1]
    keyed = "hmac-sha256:" + hmac.digest(DIGEST_KEY, bytes.fromhex(bare), "sha256").hex()
    assert record["unmapped"]["inputs"] == [keyed, model]
    assert record["unmapped"]["outputs"] == [keyed]
    assert bare not in json.dumps(record)
    for wrong in ("keyed:", "keyed:sha256:00", f"keyed:sha512:{bare}", f"keyed:sha256:{bare}0"):
        refused = json.dumps(body | {"inputs": [wrong]})
        assert ask(rig, uid, "record/inference/record.sock", "POST /record", refused) == "422", wrong


@pytest.mark.parametrize(
    ("suspected", "enclave", "found"),
    [
        ("Who is the source?", None, True),
        ("  Who is the source?\n", "secret", True),
        ("Who is the source", "secret", False),
        ("Who is the source?", "unclassified", False),
    ],
)
def test_an_officer_finds_who_asked_a_text(
    rig: Rig, tmp_path: Path, suspected: str, enclave: str | None, found: bool
) -> None:
    uid = rig.enclave.uids + CATALOGUE["inference"].uid
    request = secrets.token_hex(16)
    said = token(rig.enclave, "inference", subject="anna", request=request)
    body = {"activity": "model_inference_activity", "context": said, "inputs": [digest.text("Who is the source?")]}
    assert ask(rig, uid, "record/inference/record.sock", "POST /record", json.dumps(body)) == "200"
    (tmp_path / "text").write_text(suspected)
    words = ["audit", "prompt", str(tmp_path / "text"), "--root", str(rig.paths.root), "--officer", "isso", "--json"]
    result = CliRunner().invoke(main.app, words + (["--enclave", enclave] if enclave else []))
    assert result.exit_code == (0 if found else 1), result.output
    answer = json.loads(result.stdout)
    assert (request in [one["request"] for one in answer["found"]]) is found
    assert {one["subject"] for one in answer["found"]} == ({"anna"} if found else set())
    compared = [one for one in said_in(rig) if "prompt.compare" in one]
    assert compared
    assert all("isso" in one and "source" not in one for one in compared)


def said_in(rig: Rig) -> list[str]:
    """What the log and its spool say, one line each."""
    files = [rig.paths.root / "spool" / "spool.jsonl", *(rig.paths.root / "log" / "bodies").glob("*")]
    return [line for file in files if file.exists() for line in file.read_text().splitlines()]


FLOOD = """
import socket, sys, time
held = []
for _ in range(int(sys.argv[2])):
    client = socket.socket(socket.AF_UNIX)
    client.connect(sys.argv[1])
    client.sendall(sys.argv[3].encode())
    held.append(client)
print(len(held), flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("sent", ["", "POST /record HTTP/1.1\r\nContent-Le"], ids=["idle", "half a head"])
def test_a_service_that_holds_connections_keeps_nobody_else_waiting(rig: Rig, sent: str) -> None:
    uid = rig.enclave.uids + CATALOGUE["labeling"].uid
    path = rig.paths.records("secret", "labeling") / "record.sock"
    path.chmod(0o666)
    command = [PYTHON, "-c", FLOOD, str(path), "900", sent]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, user=uid, group=uid) as flood:
        assert flood.stdout
        assert flood.stdin
        assert flood.stdout.readline() == "900\n"
        began = time.monotonic()
        body = json.dumps({"activity": "evaluation.run", "context": token(rig.enclave, "evaluation")})
        other = rig.enclave.uids + CATALOGUE["evaluation"].uid
        assert ask(rig, other, "record/evaluation/record.sock", "POST /record", body) == "200"
        assert ask(rig, rig.enclave.uids + GATEWAY_UID, "gateway/gateway.sock", "GET /decide") == "403"
        assert time.monotonic() - began < 10
        assert ask(rig, uid, "record/labeling/record.sock", "POST /record") == "nothing", "its own budget is used up"
        flood.stdin.close()
    assert ask(rig, uid, "record/labeling/record.sock", "POST /record") == "422"
