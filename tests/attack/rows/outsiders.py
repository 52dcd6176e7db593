"""Attempts of whom nothing at SECRET is for: without a certificate, and cleared for less."""

import socket
import time
import urllib.parse
from collections.abc import Callable
from contextlib import ExitStack

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from appliance.contract.context import Context, seal
from demo.users import ADDRESSES, tls
from tests.attack.make import SUBJECTS, ask, wire
from tests.attack.row import Actor, Kind, Row, Seen
from tests.attack.world import World

RULES = {
    Actor.OUTSIDER: "identity.none",
    Actor.LOW: "mandatory.clearance-does-not-dominate",
}
CALLS = (
    ("reads the project", "GET <target>"),
    ("asks for a record that is not there", "GET /labeling/api/projects/00000000-0000-0000-0000-000000000000"),
    ("writes a project", "POST /labeling/api/projects"),
    ("deletes the project", "DELETE <target>"),
    ("exports the project", "GET /labeling/api/export/1"),
    ("asks the model", "POST /inference/v1/chat/completions"),
    ("starts an evaluation", "POST /evaluation/api/jobs"),
    ("reads the log's console", "GET /console/"),
    ("asks for a path that is nobody's", "GET /nothing"),
    ("asks for the gateway's own /decide", "GET /decide"),
    ("asks for the gateway's own /refused", "GET /refused"),
)
TRICKS = (
    # Paths that somebody may read in another way than the one that decides.
    ("dots behind the open path", "/health/..<target>"),
    ("an escaped slash behind the open path", "/health/..%2flabeling/api/projects"),
    ("an empty segment", "//labeling/api/projects"),
    ("a path parameter", "/labeling;x/api/projects"),
    ("capital letters", "/LABELING/api/projects"),
    ("another service and back", "/console/../labeling/api/projects"),
    ("escaped dots", "/labeling/%2e%2e/labeling/api/projects"),
    ("a query that names the open path", "<target>?/health"),
    ("a backslash", "/health\\..\\labeling"),
)


def calls() -> list[Row]:
    """What somebody asks who may not."""
    rows = []
    for actor in (Actor.OUTSIDER, Actor.LOW):
        for attempt, call in CALLS:
            body = {"name": "x"} if call.startswith("POST") else None
            rows.append(
                ask(actor, Kind.IDENTITY, attempt, call, "404", RULES[actor], body=body, quick="project" in attempt)
            )
    return rows


HOST = "Host: gateway.internal\r\n"
INNER = f"GET <target> HTTP/1.1\r\n{HOST}\r\n"
MALFORMED = (
    ("sends TRACE", f"TRACE <target> HTTP/1.1\r\n{HOST}\r\n"),
    ("sends an unknown version", f"GET <target> HTTP/3.0\r\n{HOST}\r\n"),
    ("sends an unknown transfer coding", f"POST <target> HTTP/1.1\r\n{HOST}Transfer-Encoding: x\r\n\r\n"),
    ("names two hosts", f"GET <target> HTTP/1.1\r\n{HOST}Host: y\r\n\r\n"),
    ("sends a header without end", f"GET <target> HTTP/1.1\r\n{HOST}X: {'a' * 70_000}\r\n\r\n"),
    ("sends a line without end", f"GET /{'a' * 70_000} HTTP/1.1\r\n{HOST}\r\n"),
    ("sends a zero byte in the path", f"GET <target>%00 HTTP/1.1\r\n{HOST}\r\n"),
    ("names two lengths", f"POST <target> HTTP/1.1\r\n{HOST}Content-Length: 1\r\nContent-Length: 2\r\n\r\n"),
    (
        "smuggles a second request in a body",
        f"POST /health HTTP/1.1\r\n{HOST}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{INNER}",
    ),
)
"""What is no request; each is refused in the same shape and recorded, whatever its number."""


def tricks() -> list[Row]:
    """Paths and headers that mean one thing to who decides and another to who answers."""
    rows = []
    for actor in (Actor.OUTSIDER, Actor.LOW):
        for attempt, path in TRICKS:
            request = f"GET {path} HTTP/1.1\r\n{HOST}Connection: close\r\n\r\n"
            rows.append(wire(actor, Kind.PATHS, attempt, request, "404", '"action_id":2', quick="dots" in attempt))
        rows += [
            wire(actor, Kind.PATHS, attempt, request, "4xx", '"action_id":2', quick="smuggles" in attempt)
            for attempt, request in MALFORMED
        ]
    return rows


def _context(world: World) -> dict[str, str]:
    claims = Context(
        request="0" * 32,
        enclave="secret",
        service="labeling",
        method="GET",
        path=world.target,
        action="read",
        subject="analyst",
        roles=("analyst",),
        level="S",
        nationalities=("USA",),
        label="S;;GBR,USA",
        working="S;;GBR,USA",
        expires=int(time.time()) + 60,
    )
    return {"X-Appliance-Context": seal(claims, Ed25519PrivateKey.generate(), b"\0" * 32)}


def _certificate(world: World) -> dict[str, str]:
    text = (world.site.subjects / "analyst.pem").read_text()
    return {"X-Client-Certificate": urllib.parse.quote(text)}


Headers = Callable[[World], dict[str, str]]
FORGED: tuple[tuple[str, Headers], ...] = (
    ("sends a context of its own", _context),
    ("sends the analyst's certificate as a header", _certificate),
    ("says that its certificate was verified", lambda _: {"X-Client-Verify": "SUCCESS"}),
    ("says what the original request was", lambda _: {"X-Original-URI": "/health", "X-Original-Method": "GET"}),
    ("sends a job grant of its own", lambda _: {"X-Appliance-Job": "v1.e30=." + "0" * 64}),
    ("chooses the request's identifier", lambda _: {"X-Request-Id": "0" * 32}),
    ("says that it is the host itself", lambda _: {"X-Forwarded-For": "127.0.0.1", "X-Real-IP": "127.0.0.1"}),
    ("wants a protocol of its own", lambda _: {"Upgrade": "websocket", "Connection": "Upgrade"}),
    ("wants a part of the file", lambda _: {"Range": "bytes=0-"}),
)
CACHED = (
    ("wants what a cache has", {"Cache-Control": "only-if-cached"}),
    ("asks whether it changed", {"If-None-Match": "*", "If-Modified-Since": "Sat, 01 Jan 2000 00:00:00 GMT"}),
)


def forgeries() -> list[Row]:
    """Headers that only the gateway or a service may set."""
    rows = []
    for actor in (Actor.OUTSIDER, Actor.LOW):
        for attempt, made in FORGED:

            def do(world: World, actor: Actor = actor, made: Headers = made) -> Seen:
                return world.request(SUBJECTS[actor], "secret", "GET", "<target>", made(world), None)

            rows.append(Row(actor, Kind.IDENTITY, attempt, do, "404", RULES[actor], quick="context" in attempt))
        rows += [
            ask(actor, Kind.CACHES, attempt, "GET <target>", "404", RULES[actor], headers=headers)
            for attempt, headers in CACHED
        ]
    return rows


def holds_connections(world: World) -> Seen:
    """A hundred requests whose heads never end, and somebody else who is answered meanwhile."""
    address = world.site.address(ADDRESSES["secret"])
    context = tls(world.site, None)
    with ExitStack() as stack:
        for _ in range(100):
            plain = stack.enter_context(socket.create_connection((address, 443), 10))
            slow = stack.enter_context(context.wrap_socket(plain, server_hostname=address))
            slow.sendall(b"GET / HTTP/1.1\r\nHost: gateway.internal\r\nX-Slow: ")
        answer = world.clients["analyst", "secret"].get(world.target)
    return Seen(f"the others get {answer.status_code}")


def rows() -> list[Row]:
    """All of them."""
    why = "no request ever arrives whole"
    attempt, expect = "holds a hundred slow requests", "the others get 200"
    floods = [Row(Actor.OUTSIDER, Kind.FLOODS, attempt, holds_connections, expect, unrecorded=why)]
    return [*calls(), *tricks(), *forgeries(), *floods]
