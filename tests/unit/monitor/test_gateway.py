"""The gateway with its real parts: every request is decided and recorded before it goes on; what leaves is marked."""

import socket
import ssl
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from appliance.trust.certificates import issue_client, make_authority
from appliance.trust.keys import generate
from tests.unit.monitor.gateway import MARKED, REFUSED, Rig, running

MARKING = "SECRET//REL TO USA, GBR"


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as one:
        yield one


@pytest.fixture
def analyst(rig: Rig) -> Iterator[httpx.Client]:
    with rig.client("analyst") as client:
        assert client.post("/session").status_code == 201
        yield client
        client.delete("/session")


def test_a_permitted_request_arrives_with_a_context_for_it_alone(rig: Rig, analyst: httpx.Client) -> None:
    answer = analyst.get("/labeling/api/projects?page=2")
    assert answer.status_code == 200
    assert answer.headers["x-classification"] == MARKING
    context = answer.json()
    assert (context["subject"], context["path"], context["action"]) == ("analyst", "/labeling/api/projects", "read")
    assert context["roles"] == ["analyst"]
    record = rig.records()[-1]
    assert record["metadata"]["correlation_uid"] == context["request"]
    assert record["action_id"] == 1


def test_without_a_session_nothing_is_served_and_the_answer_says_what_to_do(rig: Rig) -> None:
    with rig.client("analyst") as client:
        client.delete("/session")
        answer = client.get("/labeling/api/projects")
        page = client.get("/labeling/", headers={"accept": "text/html"})
    assert answer.status_code == 401
    assert "POST /session" in answer.json()["error"]
    assert page.status_code == 401
    assert "I agree" in page.text
    assert rig.last_rule() == "session.none"


def test_the_annotator_cannot_tell_a_record_from_nothing(rig: Rig) -> None:
    with rig.client("annotator") as client:
        answers = [client.get(path) for path in ("/labeling/api/projects", "/labeling/no", "/no/such")]
        sessions = client.post("/session")
    assert {answer.status_code for answer in [*answers, sessions]} == {404}
    bodies = {answer.text.replace(answer.headers["x-request-id"], "") for answer in answers}
    assert len(bodies) == 1
    assert rig.last_rule() == "mandatory.clearance-does-not-dominate"


def test_a_service_s_own_404_looks_like_any_other(analyst: httpx.Client, rig: Rig) -> None:
    answer = analyst.get("/labeling/missing")
    assert (answer.status_code, answer.json()["error"]) == (404, "not found")


def test_an_unmarked_response_does_not_leave(analyst: httpx.Client) -> None:
    answer = analyst.get("/labeling/bare")
    assert answer.status_code == 502
    assert "SECRET words" not in answer.text
    assert "x-leak" not in answer.headers
    assert answer.headers["x-classification"] == MARKING


def test_what_went_wrong_with_a_service_is_told_without_the_request(rig: Rig, analyst: httpx.Client) -> None:
    answer = analyst.get("/labeling/bare/ORCHID")
    told = (rig.folder / "stderr").read_text()
    assert f"502 by service: 200, request {answer.headers['x-request-id']}" in told
    assert "ORCHID" not in told


@pytest.mark.parametrize("path", ["/labeling", "/inference", "/nothing"])
def test_a_name_without_its_slash_is_absent_marked_and_recorded(rig: Rig, analyst: httpx.Client, path: str) -> None:
    before = len(decisions(rig))
    answer = analyst.get(path)
    assert (answer.status_code, answer.headers["x-classification"]) == (404, "SECRET//REL TO USA, GBR")
    assert len(decisions(rig)) == before + 1


@pytest.mark.parametrize("path", MARKED)
def test_a_response_marked_with_what_is_not_the_enclaves_does_not_leave(analyst: httpx.Client, path: str) -> None:
    answer = analyst.get(path)
    assert answer.status_code == 502
    assert "SECRET words" not in answer.text
    assert "x-leak" not in answer.headers
    assert answer.headers["x-classification"] == "SECRET//REL TO USA, GBR"


@pytest.mark.parametrize(("path", "status"), REFUSED.items())
def test_what_a_service_refuses_leaves_as_it_is_and_accuses_nobody(
    rig: Rig, analyst: httpx.Client, path: str, status: int
) -> None:
    before = len(decisions(rig))
    answer = analyst.post(path, json={})
    assert (answer.status_code, answer.json()) == (status, {"error": "prompt: too long"})
    assert answer.headers["x-classification"] == "SECRET//REL TO USA, GBR"
    assert decisions(rig)[before:] == ["access.permitted"], "a service's own refusal is no denial of the person"


def test_no_certificate_no_service_but_the_probe(rig: Rig) -> None:
    with rig.client(None) as client:
        assert client.get("/health").json()["classification"]["marking"] == MARKING
        assert client.get("/labeling/api/projects").status_code == 404
    assert rig.last_rule() == "identity.none"


@pytest.mark.parametrize(
    ("kind", "rule"),
    [("expired", "identity.expired"), ("foreign", "identity.foreign"), ("stranger", "identity.not-registered")],
)
def test_bad_certificates_are_refused_and_recorded(rig: Rig, kind: str, rule: str) -> None:
    authority = make_authority(generate("other", demo=True)) if kind == "foreign" else rig.issuer
    now = datetime.now(UTC)
    issued = issue_client(
        authority,
        "stranger" if kind == "stranger" else "analyst",
        not_before=now - timedelta(days=9),
        not_after=now - timedelta(days=1) if kind == "expired" else now + timedelta(days=1),
    )
    if not (rig.folder / f"{kind}.pem").exists():
        issued.write(rig.folder, kind)
    with rig.client(kind) as client:
        answer = client.get("/labeling/api/projects")
    assert answer.status_code in (400, 404)
    assert answer.headers["x-classification"] == MARKING
    assert rig.last_rule() == rule


def test_a_context_sent_by_a_client_is_thrown_away(rig: Rig, analyst: httpx.Client) -> None:
    answer = analyst.get(
        "/labeling/api/x", headers={"X-Appliance-Context": "v1.forged.00", "X-Original-URI": "/session"}
    )
    assert answer.json()["path"] == "/labeling/api/x"


def test_a_page_of_another_origin_cannot_use_the_certificate(analyst: httpx.Client, rig: Rig) -> None:
    answer = analyst.post("/labeling/api/tasks", headers={"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"})
    assert answer.status_code == 404
    assert rig.last_rule() == "browser.cross-site"


@pytest.mark.parametrize("path", ["/labeling/api/tasks", "/session", "/nothing"])
def test_a_body_over_the_limit_is_one_clear_error_and_recorded(rig: Rig, analyst: httpx.Client, path: str) -> None:
    before = len(decisions(rig))
    answer = analyst.post(path, content=b"x" * (5 << 20))
    assert answer.status_code == 413
    assert "limit" in answer.json()["error"]
    assert answer.headers["x-classification"] == MARKING
    assert len(decisions(rig)) == before + 1
    assert rig.last_rule() == "request.too-large"


def test_no_durable_record_no_effect(rig: Rig, analyst: httpx.Client) -> None:
    before = len(decisions(rig))
    rig.fail_log = True
    try:
        answer = analyst.get("/labeling/api/projects")
    finally:
        rig.fail_log = False
    assert answer.status_code == 503
    assert "durable record" in answer.json()["error"]
    assert len(decisions(rig)) == before


def decisions(rig: Rig) -> list[str]:
    """The rules of all decisions in the log."""
    actors = [record["actor"] for record in rig.records()]
    return [actor["authorizations"][0]["policy"]["name"] for actor in actors if "authorizations" in actor]


def raw(rig: Rig, head: str) -> bytes:
    """Answer to ``head``, sent as it is with the analyst's certificate."""
    context = ssl.create_default_context(cafile=str(rig.folder / "ca.pem"))
    context.load_cert_chain(rig.folder / "analyst.pem", rig.folder / "analyst.key")
    with (
        socket.create_connection(("127.0.0.1", rig.port)) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as tls,
    ):
        tls.sendall(f"{head}\r\n\r\n".encode())
        answer = b""
        while chunk := tls.recv(65536):
            answer += chunk
    return answer


@pytest.mark.parametrize("path", ["/labeling/../console/", "/labeling/%2e%2e/x", "/labeling//x", "/labeling/a%00b"])
def test_tricky_paths_are_refused(rig: Rig, path: str) -> None:
    with rig.client("analyst") as client:
        client.post("/session")
    answer = raw(rig, f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close")
    assert answer.split(b" ")[1] in (b"404", b"400")


# What nginx would answer by itself, before any location: (request, why it is refused).
NGINX_OWN = {
    "TRACE /labeling/ HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close": "405, the method",
    "GET /labeling/ HTTP/3.0\r\nHost: 127.0.0.1\r\nConnection: close": "505, the version",
    "POST /labeling/ HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: rot13\r\nConnection: close": "501, the coding",
    "GET /labeling/ HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: i\r\nConnection: close": "400, a header twice",
}


@pytest.mark.parametrize("head", NGINX_OWN, ids=NGINX_OWN.values())
def test_what_nginx_refuses_by_itself_is_recorded_and_marked(rig: Rig, head: str) -> None:
    before = len(decisions(rig))
    answer = raw(rig, head)
    assert answer.split(b" ")[1] == b"400"
    assert f"X-Classification: {MARKING}".encode() in answer
    assert len(decisions(rig)) == before + 1
    assert rig.last_rule() in ("identity.malformed-request", "request.method")


@pytest.mark.parametrize("path", ["/decide", "/refused", "/no-session", "/nothing"])
def test_the_gateway_s_own_paths_look_like_any_that_is_not_there(rig: Rig, analyst: httpx.Client, path: str) -> None:
    before = len(decisions(rig))
    answer = analyst.get(path)
    assert answer.status_code == 404
    assert set(answer.json()) == {"title", "status", "error", "reference", "classification"}
    record = rig.records()[-1]
    assert len(decisions(rig)) == before + 1
    assert record["metadata"]["correlation_uid"] == answer.json()["reference"]
    assert record["http_request"]["url"]["path"] == path
