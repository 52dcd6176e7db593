"""On the running site: from SECRET one reads what UNCLASSIFIED published, and leaves nothing there."""

import json
import secrets
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from demo.instance import Instance
from demo.users import ADDRESSES, tls, user
from tests.integration.podman import podman, recorded

MARKER = f"MERLIN{secrets.token_hex(6)}"


@dataclass
class Below:
    """A project of the lower enclave, and its one task."""

    project: str
    task: str

    @property
    def path(self) -> str:
        return f"/labeling/api/projects/{self.project}"


@pytest.fixture(scope="module")
def below(site: Instance) -> Iterator[Below]:
    with user(site, "annotator", "unclassified", session=True) as owner:
        project = owner.post("/labeling/api/projects", json={"name": "read from above"}).json()["id"]
        task = {"prompt": "Which bird?", "answers": ["A heron.", "A merlin."]}
        added = owner.post(f"/labeling/api/projects/{project}/tasks", json={"tasks": [task]})
        yield Below(project, added.json()["tasks"][0])


def test_from_above_one_reads_what_was_published(site: Instance, below: Below) -> None:
    with user(site, "analyst", "secret", session=True), user(site, "analyst", "unclassified") as down:
        listed = down.get("/labeling/api/projects")
        (task,) = down.get(f"{below.path}/tasks").json()["tasks"]
        page = down.get(f"/labeling/projects/{below.project}")
        head = down.head(f"/labeling/projects/{below.project}")
        alone = down.get(f"{below.path}/tasks/{below.task}")
    assert below.project in listed.text
    assert listed.headers["x-classification"] == "UNCLASSIFIED"
    assert (task["id"], task["data"]["prompt"]) == (below.task, "Which bird?")
    assert "read-only" in page.text
    assert "<script" not in page.text
    assert (head.status_code, head.content) == (200, b"")
    assert alone.status_code == 404
    log = podman(site, "logs", "unclassified-labeling")
    for answer in (listed, page):
        assert recorded(site, answer.headers["x-request-id"])
        assert answer.headers["x-request-id"] not in log.stdout + log.stderr, "the service was asked"


def send(site: Instance, request: bytes) -> None:
    """What no client library sends, with the analyst's certificate."""
    address = (site.address(ADDRESSES["unclassified"]), 443)
    context: ssl.SSLContext = tls(site, "analyst")
    with (
        socket.create_connection(address, timeout=10) as plain,
        context.wrap_socket(plain, server_hostname=address[0]) as connection,
    ):
        connection.settimeout(2)
        try:
            connection.sendall(request)
            while connection.recv(65536):
                pass
        except (TimeoutError, ssl.SSLError, ConnectionError):
            pass


def attempts(site: Instance, below: Below) -> list[bytes]:
    """The marker in every place of a request."""
    host = f"Host: {site.address(ADDRESSES['unclassified'])}\r\nConnection: close\r\n"
    paths = [
        f"/labeling/api/tasks/{MARKER}",
        f"{below.path}/{MARKER}",
        f"{below.path}?{MARKER}",
        f"/labeling/{MARKER}",
        f"/{MARKER}",
        f"/inference/v1/{MARKER}",
        f"/evaluation/{MARKER}",
        f"/session?{MARKER}",
        f"/labeling//{MARKER}",
        f"/labeling/%2e%2e/{MARKER}",
    ]
    headers = [
        f"Cookie: {MARKER}",
        f"User-Agent: {MARKER}",
        f"Referer: https://x/{MARKER}",
        f"Accept: {MARKER}",
        f"If-None-Match: {MARKER}",
        f"Range: {MARKER}",
        f"X-{MARKER}: 1",
        f"X-Appliance-Context: {MARKER}",
        f"X-Request-Id: {MARKER}",
        f"X-Large: {MARKER * 2000}",
    ]
    body = MARKER.encode() * 100_000
    plain = f"GET {below.path} HTTP/1.1\r\n{host}".encode()
    return [
        *(f"GET {path} HTTP/1.1\r\n{host}\r\n".encode() for path in paths),
        *(plain + f"{header}\r\n\r\n".encode() for header in headers),
        plain + b"Content-Length: %d\r\n\r\n" % len(body) + body,
        plain + b"Content-Length: %d\r\n\r\n" % (2 * len(body)) + body,
        plain + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(body), body),
        f"POST /labeling/api/projects HTTP/1.1\r\n{host}Content-Length: {len(body)}\r\n\r\n".encode() + body,
        f"POST /session HTTP/1.1\r\n{host}Content-Length: {len(body)}\r\n\r\n".encode() + body,
        f"{MARKER} {below.path} HTTP/1.1\r\n{host}\r\n".encode(),
        f"GET {below.path} HTTP/1.1\r\nHost: {MARKER}.test\r\n\r\n".encode(),
        f"GET /labeling/{MARKER}\r\n".encode(),
        f"{MARKER}\r\n\r\n".encode(),
    ]


def test_whatever_is_tried_from_above_leaves_nothing_below(site: Instance, below: Below) -> None:
    with user(site, "analyst", "secret", session=True) as above:
        above.post("/labeling/api/projects", json={"name": MARKER})  # what the search below must find, and here alone
        for request in attempts(site, below):
            send(site, request)
    marks = (MARKER.encode(), MARKER.lower().encode())
    found = {"unclassified": set[str](), "secret": set[str]()}
    for enclave, files in found.items():
        for file in (site.root / "enclaves" / enclave).rglob("*"):
            if file.is_file() and file.suffix != ".gguf" and any(mark in file.read_bytes() for mark in marks):
                files.add(str(file))
    assert found["unclassified"] == set(), "a database or a volume below has it"
    assert found["secret"], "the search itself finds nothing"
    for name in podman(site, "ps", "--format", "{{.Names}}").stdout.split():
        if name.startswith("unclassified-"):
            log = podman(site, "logs", name)
            assert MARKER.lower() not in (log.stdout + log.stderr).lower(), f"{name} logs it"
    kept = podman(site, "exec", "unclassified-gateway", "find", "/tmp", "-type", "f")  # noqa: S108  # in the container
    assert "/tmp/body" not in kept.stdout  # noqa: S108
    labels = set()
    for file in (site.root / "log" / "bodies").glob("*"):
        for line in file.read_text().splitlines():
            if MARKER in line:
                labels.add(json.loads(line)["label"])
    assert labels == {"S;;GBR,USA"}, "what was tried is recorded at the level of who tried it"
