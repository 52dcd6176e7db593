"""Whatever bytes come to the gateway: one way, one record, one shape; or a closed connection that is counted."""

import json
import re
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.monitor.gateway import Rig, running

MARKING = "SECRET//REL TO USA, GBR"
STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as one:
        yield one


def send(rig: Rig, request: bytes, *, name: str = "", wait: float = 0.3) -> bytes:
    """The answer to ``request``, sent as it is with the analyst's certificate; ``name`` is the server's (SNI)."""
    context = rig.tls("analyst")
    context.check_hostname = not name
    with (
        socket.create_connection(("127.0.0.1", rig.port), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname=name or "127.0.0.1") as tls,
    ):
        answer = b""
        try:
            tls.sendall(request)
            tls.settimeout(wait)
            while chunk := tls.recv(65536):
                answer += chunk
        except (TimeoutError, ssl.SSLError, ConnectionError):
            pass
        return answer


def decided(rig: Rig) -> dict[str, str]:
    """The rule of each decision, by the identifier of its request."""
    return {
        record["metadata"]["correlation_uid"]: record["actor"]["authorizations"][0]["policy"]["name"]
        for record in rig.records()
        if "correlation_uid" in record["metadata"] and "authorizations" in record["actor"]
    }


def counted(rig: Rig, kind: str) -> int:
    """How many requests the gateway counted as ``kind``."""
    details = [record["unmapped"].get("detail") or {} for record in rig.records() if "gateway.count" in str(record)]
    return sum(detail.get(kind, 0) for detail in details)


HOST = "Host: 127.0.0.1\r\nConnection: close\r\n"
# Request, and the rule under which it is in the log.
REFUSALS = {
    f"GET /labeling/ HTTP/1.1\r\n{HOST}Cookie: a\r\nCookie: b\r\nAccept: a\r\nAccept: b\r\n\r\n": "session.none",
    f"GET /labeling/ HTTP/1.1\r\n{HOST}X-Appliance-Job: a\r\nX-Appliance-Job: b\r\n\r\n": "session.none",
    f"GET /labeling/ HTTP/1.1\r\n{HOST}X-Original-Method: DELETE\r\n\r\n": "session.none",
    f"GET /labeling/ HTTP/1.1\r\n{HOST}X: {'x' * 20_000}\r\n\r\n": "request.too-large",
    f"GET /{'x' * 20_000} HTTP/1.1\r\n{HOST}\r\n": "request.too-large",
    f"GET /labeling/ HTTP/1.1\r\n{HOST}Content-Length: 99999999999\r\n\r\n": "request.too-large",
    f"POST /session HTTP/1.1\r\n{HOST}Content-Length: 20000\r\n\r\n": "request.too-large",
    f"GET /labeling/ HTTP/1.1\r\n{HOST}Content-Length: 1\r\nContent-Length: 2\r\n\r\n": "identity.malformed-request",
    f"GET /labeling/ HTTP/1.1\r\n{HOST}Content-Length: x\r\n\r\n": "identity.malformed-request",
    f"GET /labeling/ HTTP/1.1\r\n{HOST}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n": (
        "identity.malformed-request"
    ),
    "GET /labeling/ HTTP/1.1\r\nHost: a b\r\n\r\n": "identity.malformed-request",
    "GET /labeling/ HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: other\r\n\r\n": "identity.malformed-request",
    "GET /labeling/ HTTP/1.1\r\n\r\n": "identity.malformed-request",
    "GET /labeling/\x01 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n": "identity.malformed-request",
    "nonsense\r\n\r\n": "identity.malformed-request",
    f"CONNECT other:443 HTTP/1.1\r\n{HOST}\r\n": "identity.malformed-request",
    f"TRACE /labeling/ HTTP/1.1\r\n{HOST}\r\n": "request.method",
    "GET /labeling/ HTTP/1.1\r\nHost: evil.test\r\nConnection: close\r\n\r\n": "host.foreign",
    "GET https://evil.test/labeling/ HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n": "host.foreign",
    "POST /session HTTP/1.1\r\nHost: evil.test\r\nConnection: close\r\n\r\n": "host.foreign",
    "GET / HTTP/1.1\r\nHost: evil.test\r\nConnection: close\r\n\r\n": "host.foreign",
    "GET /labeling/\r\n": "request.protocol",
}


@pytest.mark.parametrize(("request_", "rule"), REFUSALS.items(), ids=[text[:60] for text in REFUSALS])
def test_what_is_refused_has_one_record_and_one_shape(rig: Rig, request_: str, rule: str) -> None:
    answer = send(rig, request_.encode(), wait=3)
    head, _, body = answer.rpartition(b"\r\n\r\n")
    problem = json.loads(body)
    assert {"title", "status", "error", "reference", "classification"} == set(problem)
    assert problem["classification"] == {"marking": MARKING}
    if rule != "request.protocol":  # HTTP/0.9 has no head
        assert STATUS.match(head)
        assert b"application/problem+json" in head
        assert f"X-Classification: {MARKING}".encode() in head
        assert f"X-Request-Id: {problem['reference']}".encode() in head
    assert 400 <= problem["status"] < 500
    assert decided(rig)[problem["reference"]] == rule


def test_a_name_of_another_server_is_refused(rig: Rig) -> None:
    answer = send(rig, f"GET /labeling/ HTTP/1.1\r\n{HOST}\r\n".encode(), name="evil.test", wait=3)
    assert answer.startswith(b"HTTP/1.1 404")
    assert decided(rig)[json.loads(answer.rpartition(b"\r\n\r\n")[2])["reference"]] == "host.foreign"


PAGES = {
    "GET /nothing": 404,
    "GET /labeling/api/projects": 404,
    "TRACE /labeling/": 400,
    "POST /labeling/": 413,
    "GET /decide": 404,
}


@pytest.mark.parametrize(("line", "status"), PAGES.items())
def test_a_browser_gets_a_page_with_marking_reference_and_whom_to_ask(rig: Rig, line: str, status: int) -> None:
    length = "Content-Length: 999999999\r\n" if status == 413 else ""
    opened = send(rig, f"POST /session HTTP/1.1\r\n{HOST}\r\n".encode(), wait=3)
    assert opened.startswith(b"HTTP/1.1 201")
    path = "/labeling/missing" if "projects" in line else line.split()[1]
    request = (
        f"{line.split(maxsplit=1)[0]} {path} HTTP/1.1\r\n{HOST}{length}Accept: text/html,application/xhtml+xml\r\n\r\n"
    )
    answer = send(rig, request.encode(), wait=3).decode()
    send(rig, f"DELETE /session HTTP/1.1\r\n{HOST}\r\n".encode(), wait=3)
    assert answer.startswith(f"HTTP/1.1 {status} ")
    assert "Content-Type: text/html; charset=utf-8" in answer
    assert "Content-Security-Policy: default-src 'none'" in answer
    reference = re.search(r"Reference: <code>([0-9a-f]{32})</code>", answer)
    assert reference
    assert answer.count(MARKING.replace("&", "&amp;")) >= 3
    assert "security officer" in answer
    assert reference[1] in decided(rig)


@pytest.mark.parametrize(("method", "path", "size", "rule"), [
    ("POST", "/labeling/api/tasks", 5 << 20, "request.too-large"),
    ("POST", "/session", 20_000, "request.too-large"),
    ("POST", "/nothing", 20_000, "session.none"),
    ("TRACE", "/labeling/", 0, "request.method"),
])  # fmt: skip
def test_http_2_is_refused_alike(rig: Rig, method: str, path: str, size: int, rule: str) -> None:
    body = rig.folder / "received"
    (rig.folder / "sent").write_bytes(b"x" * size)
    names = {"cacert": "ca.pem", "cert": "analyst.pem", "key": "analyst.key"}
    options = [word for name, file in names.items() for word in (f"--{name}", str(rig.folder / file))]
    data = ["--data-binary", f"@{rig.folder / 'sent'}"] if size else []
    shown = ["--write-out", "%{http_version} %{http_code} %header{x-classification}", "--output", str(body)]
    url = f"https://127.0.0.1:{rig.port}{path}"
    command = ["curl", "--silent", "--http2", "--max-time", "10", "--request", method, *options, *data, *shown, url]
    told = subprocess.run(command, capture_output=True, text=True, check=False).stdout.split(" ", 2)
    assert told[0] == "2"
    assert told[1].startswith("4")
    assert told[2] == MARKING
    assert decided(rig)[json.loads(body.read_text())["reference"]] == rule


def test_a_chunk_that_is_none_is_refused_though_the_service_already_reads(rig: Rig) -> None:
    send(rig, f"POST /session HTTP/1.1\r\n{HOST}\r\n".encode(), wait=3)
    before = counted(rig, "broken")
    head = f"POST /labeling/api/projects HTTP/1.1\r\n{HOST}Transfer-Encoding: chunked\r\n\r\n"
    answer = send(rig, f"{head}1\r\nx\r\nnonsense\r\n\r\n".encode(), wait=3)
    send(rig, f"DELETE /session HTTP/1.1\r\n{HOST}\r\n".encode(), wait=3)
    assert answer.startswith(b"HTTP/1.1 400"), answer
    assert f"X-Classification: {MARKING}".encode() in answer
    assert json.loads(answer.rpartition(b"\r\n\r\n")[2])["reference"] in decided(rig)
    wait_for(lambda: counted(rig, "broken") > before)


def wait_for(what: object) -> None:
    assert callable(what)
    for _ in range(100):
        if what():
            return
        time.sleep(0.1)
    pytest.fail("the gateway told nothing")


PIECES = st.sampled_from([b"Host: 127.0.0.1", b"Host: evil.test", b"Content-Length: 3", b"Content-Length: -1",
    b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity", b"Expect: 100-continue", b"Connection: close",
    b"Connection: Upgrade", b"Upgrade: h2c", b"HTTP2-Settings: AAA", b"Accept: text/html", b"Cookie: a=b", b": empty",
    b"no colon", b"X_Y: 1", b" folded", b"Range: bytes=0-1", b"X-Original-URI: /session", b"\x00: 1", b"Host:",
])  # fmt: skip
TARGETS = st.one_of(
    st.sampled_from([b"/labeling/", b"/labeling", b"/", b"*", b"/health", b"/session", b"/decide", b"/refused/400",
        b"/published/x", b"http://127.0.0.1/labeling/", b"/%00", b"/%2e%2e/", b"/labeling/?", b"//", b"/a#b", b""]),
    st.binary(max_size=20),
)  # fmt: skip
METHODS = st.one_of(
    st.sampled_from([b"GET", b"HEAD", b"POST", b"PUT", b"TRACE", b"CONNECT", b"OPTIONS", b"PRI", b"get"]),
    st.binary(max_size=5),
)
VERSIONS = st.sampled_from(
    [b"HTTP/1.1", b"HTTP/1.1", b"HTTP/1.0", b"HTTP/2.0", b"HTTP/0.9", b"HTTP/1.9", b"http/1.1", b""]
)
ENDS = st.sampled_from([b"\r\n", b"\r\n", b"\r\n", b"\n", b"\r"])


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    end = draw(ENDS)
    first = b" ".join((draw(METHODS), draw(TARGETS), draw(VERSIONS)))
    lines = draw(st.lists(st.one_of(PIECES, st.binary(max_size=30)), max_size=6))
    body = draw(st.one_of(st.just(b""), st.binary(max_size=40), st.sampled_from([b"3\r\nabc\r\n0\r\n\r\n", b"g\r\n"])))
    return end.join((first, *lines)) + end + end + body


def test_any_bytes_are_answered_in_one_shape_and_recorded_or_closed_and_counted(rig: Rig) -> None:
    before = len(decided(rig)) + counted(rig, "closed")
    sent, closed, probes = 0, 0, 0

    @settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
    @given(st.one_of(requests(), st.binary(min_size=1, max_size=60)))
    def attempt(request: bytes) -> None:
        nonlocal sent, closed, probes
        answer = send(rig, request, wait=0.15)
        sent += 1
        closed += answer == b""
        probes += b'"status":"up"' in answer
        statuses = [int(status) for status in STATUS.findall(answer)]
        assert all(status in (100, 200, 201, 303) or 400 <= status < 500 for status in statuses), answer[:300]
        marked = answer.count(f"X-Classification: {MARKING}".encode()) + statuses.count(100)
        assert not statuses or marked == len(statuses)
        known = decided(rig)
        for reference in re.findall(rb'"reference": ?"([0-9a-f]{32})"', answer):
            assert reference.decode() in known, answer[:300]

    attempt()
    assert closed
    wait_for(lambda: len(decided(rig)) + counted(rig, "closed") - before >= sent - probes)
