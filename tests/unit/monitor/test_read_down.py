"""Reading from a higher level: only what was published arrives above, and nothing at all arrives below."""

import json
import socket
import socketserver
import ssl
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.audit.review.summary import review
from appliance.monitor.decide.channel import BITS_A_SECOND, SAVED_BITS, Channel, cost
from tests.unit.monitor.gateway import Rig, free_port, nginx, running

PROJECT = "/labeling/api/projects/3f2a0000-0000-4000-8000-000000000001"
PAGE = "/labeling/projects/3f2a0000-0000-4000-8000-000000000001"
OTHER = "/labeling/api/projects/3f2a0000-0000-4000-8000-000000000002"
MARKER = "HERON7fd1"
"""What a session at SECRET tries to bring down; a name of a method, too."""


class Listening(socketserver.BaseRequestHandler):
    """A service that keeps every byte that it is sent."""

    def handle(self) -> None:
        server = self.server
        assert isinstance(server, Low)
        while data := self.request.recv(65536):
            server.heard.append(data)
            self.request.sendall(b"HTTP/1.1 200 OK\r\nX-Classification: UNCLASSIFIED\r\nContent-Length: 2\r\n\r\nlo")


class Low(socketserver.ThreadingTCPServer):
    """The service of the enclave below."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Listening)
        self.heard: list[bytes] = []


@dataclass
class Two:
    """A gateway at SECRET and one at UNCLASSIFIED, with one monitor; everything of the lower one is in ``folder``."""

    rig: Rig
    low: Low
    folder: Path
    port: int
    address: str = "127.0.0.2"

    def client(self, name: str | None = "analyst") -> httpx.Client:
        return httpx.Client(base_url=f"https://{self.address}:{self.port}", verify=self.rig.tls(name), timeout=10)

    def raw(self, request: bytes, server_name: str | None = None) -> bytes:
        context = self.rig.tls("analyst")
        if server_name:
            context.check_hostname = False
        with (
            socket.create_connection((self.address, self.port), timeout=10) as plain,
            context.wrap_socket(plain, server_hostname=server_name or self.address) as tls,
        ):
            tls.sendall(request)
            tls.settimeout(1)
            answer = b""
            try:
                while chunk := tls.recv(65536):
                    answer += chunk
            except (TimeoutError, ssl.SSLError, ConnectionError):
                pass
            return answer

    def records(self) -> list[tuple[str, dict[str, Any]]]:
        """Label and body of every record."""
        files = sorted((self.rig.paths.root / "log" / "bodies").glob("*"))
        lines = [json.loads(line) for file in files for line in file.read_text().splitlines()]
        return [(line["body"]["label"], line["body"]) for line in lines]


@pytest.fixture(scope="module")
def two() -> Iterator[Two]:
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as rig, Low() as low:
        threading.Thread(target=low.serve_forever, daemon=True).start()
        below, port = Path(folder) / "below", free_port()
        below.mkdir()
        published = rig.paths.published("unclassified") / "labeling"
        published.mkdir()
        (published / f"{PROJECT[1:].replace('/', ',')}.json").write_text('{"name": "published"}')
        (published / f"{PAGE[1:].replace('/', ',')}.html").write_text("<p>published</p>")
        with nginx(rig, rig.site.enclave("unclassified"), below, port, low.server_address[1]):
            yield Two(rig, low, below, port)
        low.shutdown()


@contextmanager
def working_above(two: Two) -> Iterator[None]:
    with two.rig.client("analyst") as above:
        assert above.post("/session").status_code == 201
        yield
        above.delete("/session")


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_what_was_published_is_read_without_the_service(two: Two, method: str) -> None:
    with working_above(two), two.client() as down:
        answer = down.request(method, PROJECT)
        page = down.get(PAGE)
    assert answer.status_code == 200
    assert answer.headers["x-classification"] == "UNCLASSIFIED"
    assert method == "HEAD" or answer.json() == {"name": "published"}
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert {"etag", "last-modified", "accept-ranges"}.isdisjoint(page.headers)
    assert two.low.heard == []
    label, record = two.records()[-2]
    assert record["actor"]["authorizations"][0]["policy"]["name"] == "access.permitted-read-down"
    assert label == two.rig.enclave.encoded, "the record has the level of the session"
    assert two.rig.last_rule() == "session.permitted"


def post(path: str, body: bytes) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.2\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def requests_with_the_marker() -> list[tuple[str, bytes]]:
    """The marker in every place that an HTTP request has."""
    head = "GET {path} HTTP/1.1\r\nHost: 127.0.0.2\r\nConnection: close\r\n"
    plain = head.format(path=PROJECT).encode()
    body = MARKER.encode() * 200_000
    chunks = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    found = [
        (f"path {path}", head.format(path=path).encode() + b"\r\n")
        for path in (
            f"/labeling/api/projects/{MARKER}",
            f"{PROJECT}/{MARKER}",
            f"/labeling/{MARKER}",
            f"/{MARKER}",
            f"/{MARKER}/x",
            f"/labeling//{MARKER}",
            f"/labeling/%2e%2e/{MARKER}",
            f"{PROJECT}?{MARKER}",
            f"{PROJECT}?q={MARKER}",
            f"/session?{MARKER}",
            f"/session/end?{MARKER}",
            f"/?{MARKER}",
            f"/health?{MARKER}",
            f"/published/labeling/{MARKER}",
            f"/decide?{MARKER}",
            f"/refused/{MARKER}",
            f"https://{MARKER}.test{PROJECT}",
            f"{PROJECT}#{MARKER}",
            "/" + MARKER * 4000,
        )
    ]
    found += [
        (f"header {name}", plain + f"{name}: {value}\r\n\r\n".encode())
        for name, value in {
            "Cookie": MARKER,
            "User-Agent": MARKER,
            "Referer": f"https://127.0.0.2/{MARKER}",
            "Accept": f"text/{MARKER}",
            "Accept-Language": MARKER,
            "Range": f"bytes=0-{len(MARKER)}",
            "If-None-Match": f'"{MARKER}"',
            "If-Modified-Since": MARKER,
            "X-Request-Id": MARKER,
            "X-Appliance-Context": MARKER,
            "X-Appliance-Job": MARKER,
            "X-Original-URI": f"/{MARKER}",
            "Authorization": f"Bearer {MARKER}",
            "Sec-Fetch-Site": MARKER,
            "Upgrade": MARKER,
            "TE": MARKER,
            "Via": MARKER,
            f"X-{MARKER}": "1",
            "X-Long": MARKER * 1500,
            "X-Longer": MARKER * 9000,
        }.items()
    ]
    found += [
        ("a body", plain + b"Content-Length: %d\r\n\r\n%s" % (len(body), body)),
        ("a body that stops", plain + b"Content-Length: %d\r\n\r\n%s" % (2 * len(body), body)),
        ("a chunked body", plain + b"Transfer-Encoding: chunked\r\n\r\n" + chunks),
        ("a chunk extension", plain + f"Transfer-Encoding: chunked\r\n\r\n1;{MARKER}\r\nx\r\n0\r\n\r\n".encode()),
        ("a trailer", plain + f"Transfer-Encoding: chunked\r\n\r\n0\r\n{MARKER}: 1\r\n\r\n".encode()),
        ("a bad chunk", plain + f"Transfer-Encoding: chunked\r\n\r\n{MARKER}\r\n\r\n".encode()),
        ("a body over the limit", plain + b"Content-Length: 999999999\r\n\r\n" + body),
        ("a body that is expected", plain + f"Expect: {MARKER}\r\n\r\n".encode()),
        ("a coding", plain + f"Transfer-Encoding: {MARKER}\r\n\r\n".encode()),
        ("a method", f"{MARKER} {PROJECT} HTTP/1.1\r\nHost: 127.0.0.2\r\n\r\n".encode()),
        ("a protocol", f"GET {PROJECT} {MARKER}/1.1\r\nHost: 127.0.0.2\r\n\r\n".encode()),
        ("a host", f"GET {PROJECT} HTTP/1.1\r\nHost: {MARKER}.test\r\n\r\n".encode()),
        ("no request", f"{MARKER}\r\n\r\n".encode()),
        ("HTTP/0.9", f"GET /labeling/{MARKER}\r\n".encode()),
        ("half a request", f"GET /labeling/{MARKER} HTTP/1.1\r\nX".encode()),
        *((f"a body to {path}", post(path, body)) for path in ("/labeling/api/projects", "/session", f"/{MARKER}")),
        ("a small body", post(f"/session?to=/labeling/{MARKER}", body[:10_000])),
    ]  # fmt: skip
    return found


def test_no_byte_of_a_session_above_arrives_below(two: Two) -> None:
    count = len(two.records())
    with working_above(two):
        for name, request in requests_with_the_marker():
            answer = two.raw(request)
            assert answer == b"" or b" 5" not in answer[:12], (name, answer[:200])
        two.raw(f"GET {PROJECT} HTTP/1.1\r\nHost: 127.0.0.2\r\nConnection: close\r\n\r\n".encode(), f"{MARKER}.test")
        files = [file for file in two.folder.rglob("*") if file.is_file()]
        assert [str(file) for file in files if MARKER.lower() in file.read_bytes().decode("latin-1").lower()] == []
    assert two.low.heard == [], "the service below was asked"
    made = two.records()[count:]
    low = two.rig.site.enclave("unclassified").encoded
    assert [body["message"] for label, body in made if label == low] == []
    assert sum(MARKER in json.dumps(body) for _, body in made) > 10, "what was tried is in the log, above"


@pytest.mark.parametrize("path", [PROJECT, "/labeling/api/projects", "/session", "/session/end", "/", "/nothing"])
@pytest.mark.parametrize("length", [15_000, 2_000_000])
def test_a_body_is_in_no_file_while_it_arrives(two: Two, path: str, length: int) -> None:
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.2\r\nContent-Length: {length}\r\n\r\n".encode()
    with (
        working_above(two),
        socket.create_connection((two.address, two.port), timeout=10) as plain,
        two.rig.tls("analyst").wrap_socket(plain, server_hostname=two.address) as tls,
    ):
        tls.sendall(head + (MARKER.encode() * length)[: length - 1])
        time.sleep(0.1)
        opened = [link.readlink() for process in workers(two) for link in Path(f"/proc/{process}/fd").iterdir()]
        assert [file for file in opened if file.is_relative_to(two.folder / "body")] == []


def workers(two: Two) -> list[int]:
    """The processes of the lower gateway."""
    main = int((two.folder / "nginx.pid").read_text())
    children = Path(f"/proc/{main}/task/{main}/children").read_text().split()
    return [main, *map(int, children)]


def test_what_was_not_published_is_absent(two: Two) -> None:
    with working_above(two), two.client() as down:
        answers = [down.get(path) for path in (OTHER, "/labeling/api/projects", "/labeling/assets/keys.js")]
        empty = two.raw(f"GET {PROJECT}? HTTP/1.1\r\nHost: 127.0.0.2\r\nConnection: close\r\n\r\n".encode())
    assert [answer.status_code for answer in answers] == [404] * 3
    assert empty.startswith(b"HTTP/1.1 404")
    assert two.low.heard == []


def test_who_works_below_asks_the_service_itself(two: Two) -> None:
    with two.client("annotator") as worker:
        assert worker.post("/session").status_code == 201
        assert worker.get(PROJECT).text == "lo"
        worker.delete("/session")
    assert b"x-appliance-context" in two.low.heard[0].lower()
    two.low.heard.clear()


def test_refused_attempts_from_above_are_not_counted_below(two: Two) -> None:
    with working_above(two), two.client() as down:
        for _ in range(3):
            down.post("/session")
    with two.client() as worker:
        assert worker.post("/session").json()["session"]["last"]["refused_since"] == 0
        worker.delete("/session")


def test_who_reads_too_much_from_above_is_told_when_to_go_on_and_found_in_the_review(two: Two) -> None:
    with working_above(two), two.client() as down:
        for _ in range(int(SAVED_BITS) // cost(2) * 2):
            answer = down.get(PROJECT)
            if answer.status_code != 200:
                break
    assert answer.status_code == 503
    assert "try again in" in answer.json()["error"]
    refused = [body for _, body in two.records() if "read-down.over-rate" in json.dumps(body)]
    assert len(refused) == 1
    assert "by service" not in (two.folder / "stderr").read_text(), "a line below, written from above"
    findings = review(two.rig.paths.root / "log", 0, len(two.records())).findings
    assert [one.count for one in findings if one.kind == "anomaly" and "read from a higher level" in one.text] == [1]


@given(st.lists(st.tuples(st.floats(0, 100), st.integers(1, 1 << 16)), max_size=300))
def test_nobody_signals_more_than_a_bit_a_second_beyond_what_they_saved(reads: list[tuple[float, int]]) -> None:
    now, signalled = 0.0, 0
    channel = Channel(lambda: now)
    for pause, choices in reads:
        now += pause
        if not channel.take("someone", choices):
            signalled += cost(choices)
        assert signalled <= SAVED_BITS + now * BITS_A_SECOND + 1e-6
