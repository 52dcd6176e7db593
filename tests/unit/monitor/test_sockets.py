"""Only the users whose containers hold a socket are answered on it, whoever comes to have the path."""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.enclave.render import GATEWAY_UID
from appliance.monitor.context import Context, seal
from tests.catalogue import CATALOGUE
from tests.unit.monitor.gateway import KEY, Rig, running

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
    command = [sys.executable, "-c", ASK, str(path), request, body]
    return subprocess.run(command, check=True, capture_output=True, text=True, user=uid, group=uid).stdout.strip()


def test_only_the_enclave_s_gateway_may_ask_for_decisions(rig: Rig) -> None:
    other = rig.site.enclave("unclassified")
    own = rig.enclave.uids + GATEWAY_UID
    assert ask(rig, own, "gateway/gateway.sock", "GET /decide") == "403"
    for uid in (0, 65534, other.uids + GATEWAY_UID, rig.enclave.uids, rig.enclave.uids + CATALOGUE["labeling"].uid):
        assert ask(rig, uid, "gateway/gateway.sock", "GET /decide") == "nothing", uid


def test_only_the_enclave_s_services_may_record(rig: Rig) -> None:
    body = json.dumps({"activity": "records.export", "subject": "analyst"})
    labeling = CATALOGUE["labeling"].uid
    assert ask(rig, rig.enclave.uids + labeling, "record/record.sock", "POST /record", body) == "200"
    before = len(rig.records())
    for uid in (0, 65534, rig.site.enclave("unclassified").uids + labeling, rig.enclave.uids + GATEWAY_UID):
        assert ask(rig, uid, "record/record.sock", "POST /record", body) == "nothing", uid
    assert len(rig.records()) == before


def test_a_service_cannot_use_another_s_context_for_a_grant(rig: Rig) -> None:
    label = rig.enclave.marking.label.encode()
    context = Context(
        request="0" * 32,
        enclave="secret",
        service="evaluation",
        method="POST",
        path="/evaluation/api/jobs",
        action="run",
        subject="analyst",
        level="S",
        nationalities=("USA",),
        label=label,
        working=label,
        expires=int(time.time()) + 60,
    )
    body = json.dumps({"context": seal(context, KEY), "job": "job", "model": "model"})
    for service, status in (("evaluation", "200"), ("labeling", "403")):
        uid = rig.enclave.uids + CATALOGUE[service].uid
        assert ask(rig, uid, "record/record.sock", "POST /grant", body) == status
