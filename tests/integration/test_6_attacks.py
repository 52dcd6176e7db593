"""Attacks of users on the running site, each a short test; docs/attacks.md orders all attacks by class and actor."""

import secrets
import socket
import subprocess
import time
import urllib.parse
import uuid
from contextlib import ExitStack

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from appliance.contract.context import Context, seal
from demo.instance import Instance
from demo.users import ADDRESSES, MODEL, tls, user
from tests.integration.attacks import NAME, SUBJECTS, attacker, raw, refused

everyone = pytest.mark.parametrize("actor", list(SUBJECTS))


# Identity and context


@everyone
def test_forged_identity_and_context(site: Instance, target: str, actor: str) -> None:
    certificate = urllib.parse.quote((site.subjects / "analyst.pem").read_text())
    claims = Context(
        request="0" * 32, enclave="secret", service="labeling", method="GET", path=target, action="read",
        subject="analyst", roles=("analyst",), level="S", nationalities=("USA",), label="S;;GBR,USA",
        working="S;;GBR,USA", expires=int(time.time()) + 60,
    )  # fmt: skip
    forgeries = [
        {"X-Appliance-Context": seal(claims, Ed25519PrivateKey.generate(), secrets.token_bytes(32))},
        {"X-Client-Certificate": certificate, "X-Client-Verify": "SUCCESS"},
        {"X-Original-URI": "/health", "X-Original-Method": "GET"},
        {"X-Appliance-Job": seal(claims, Ed25519PrivateKey.generate(), bytes(32))},
        {"X-Request-Id": "0" * 32, "X-Forwarded-For": "127.0.0.1"},
    ]
    with attacker(site, actor) as client:
        for headers in forgeries:
            refused(site, client.get(target, headers=headers))


# Headers and paths


@everyone
def test_header_and_path_tricks(site: Instance, target: str, actor: str) -> None:
    rest = target.removeprefix("/labeling")
    paths = [
        f"/health/..{target}",
        f"/health/..%2flabeling{rest}",
        f"/{target}",
        f"/labeling;x{rest}",
        f"/LABELING{rest}",
        f"/console/../labeling{rest}",
        f"/labeling/./{rest}",
        f"/labeling/%2e%2e/labeling{rest}",
        f"/labeling{rest}%00",
        f"/labeling{rest}?/health",
        f"https://{site.address(ADDRESSES['unclassified'])}{target}",
    ]
    for path in paths:
        answer = raw(
            site, actor, f"GET {path} HTTP/1.1\r\nHost: gateway.internal\r\nConnection: close\r\n\r\n".encode()
        )
        assert NAME.encode() not in answer, path
        assert b" 200 " not in answer[:20], path
    hidden = f"GET {target} HTTP/1.1\r\nHost: gateway.internal\r\n\r\n".encode()
    smuggled = (
        b"POST /health HTTP/1.1\r\nHost: gateway.internal\r\nContent-Length: %d\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n%s"
    )
    assert NAME.encode() not in raw(site, actor, smuggled % (len(hidden) + 5, hidden))


# Streaming, slow paths and floods


@everyone
def test_slow_requests_and_streams(site: Instance, target: str, actor: str) -> None:
    context = tls(site, SUBJECTS[actor])
    with ExitStack() as opened:
        for _ in range(40):
            plain = opened.enter_context(socket.create_connection((site.address(ADDRESSES["secret"]), 443), timeout=10))
            slow = opened.enter_context(context.wrap_socket(plain, server_hostname=site.address(ADDRESSES["secret"])))
            slow.sendall(f"GET {target} HTTP/1.1\r\nHost: gateway.internal\r\nX-Slow: ".encode())
        with user(site, "analyst", "secret") as owner:
            assert owner.get(target).status_code == 200, "forty slow requests keep a fifth person out"
    with attacker(site, actor) as client:
        body = {"model": MODEL, "stream": True, "messages": [{"role": "user", "content": "Hello"}]}
        answer = client.post("/inference/v1/chat/completions", json=body)
        refused(site, answer)
        assert "data:" not in answer.text
        refused(
            site, client.get(target, headers={"Upgrade": "websocket", "Connection": "Upgrade", "Range": "bytes=0-"})
        )


# Direct ports


def test_direct_ports_from_outside(site: Instance) -> None:
    network = f"10.{78 + site.block}.0.0/16"
    subprocess.run(["ip", "route", "add", network, "via", site.address(10)], check=True)
    try:
        for last, port in ((10, 8000), (12, 8000), (2, 443), (130, 443), (1, 22), (1, 53)):
            with pytest.raises(OSError):  # noqa: PT011  # refused, unreachable or dropped: all are an OSError
                socket.create_connection((site.inner_address(2, last), port), timeout=1).close()
    finally:
        subprocess.run(["ip", "route", "del", network], check=True)
    for last in (11, 12, 13):
        for port in (22, 53, 80, 5432, 8000):
            with pytest.raises(OSError):  # noqa: PT011
                socket.create_connection((site.address(last), port), timeout=1).close()


# Labels and SQL


def test_sql_in_labels_paths_and_text(site: Instance) -> None:
    sql = "S'); SET ROLE postgres; DROP TABLE labeling.projects; --"
    with user(site, "annotator", "unclassified", session=True) as client:
        assert client.post("/labeling/api/projects", json={"name": "x", "marking": sql}).status_code in (400, 409, 422)
        made = client.post("/labeling/api/projects", json={"name": sql})
        assert made.status_code == 201
        assert client.get(f"/labeling/api/projects/{made.json()['id']}").json()["name"] == sql
        for path in ("/labeling/api/projects/' OR '1'='1", "/labeling/api/projects/1;SELECT 1"):
            refused(site, client.get(path))


# Error text and caches


@everyone
def test_a_record_that_exists_looks_like_one_that_does_not(site: Instance, target: str, actor: str) -> None:
    with attacker(site, actor) as client:
        shapes = set()
        for path in (target, f"/labeling/api/projects/{uuid.uuid4()}", "/labeling/api/none", "/nothing"):
            answer = client.get(path)
            refused(site, answer)
            text = answer.text.replace(answer.json()["reference"], "")
            shapes.add((answer.status_code, text, tuple(sorted(answer.headers))))
        assert len(shapes) == 1, shapes


@everyone
def test_nothing_is_kept_in_a_cache(site: Instance, target: str, actor: str) -> None:
    with user(site, "analyst", "secret") as owner:
        answer = owner.get(target)
        assert "no-store" in answer.headers["cache-control"]
    with attacker(site, actor) as client:
        refused(site, client.get(target, headers={"Cache-Control": "only-if-cached", "If-None-Match": "*"}))
