"""Attempts of people who may be here: a low user, a person who works above, an officer."""

import secrets
from dataclasses import replace

from tests.attack.make import ask, status_of, wire
from tests.attack.row import Actor, Kind, Row, Seen
from tests.attack.world import World


def low() -> list[Row]:
    """A low user in their own enclave and at the gates of others."""
    sql = "S'); SET ROLE postgres; DROP TABLE labeling.projects; --"
    at = "unclassified"
    return [
        ask(
            Actor.LOW,
            Kind.IDENTITY,
            "opens a session above the clearance",
            "POST /session",
            "404",
            "mandatory.clearance-does-not-dominate",
            quick=True,
        ),
        ask(
            Actor.LOW,
            Kind.IDENTITY,
            "opens a session at the console",
            "POST /session",
            "404",
            "mandatory.clearance-does-not-dominate",
            at="system-high",
        ),
        ask(
            Actor.LOW,
            Kind.DATABASE,
            "marks a project with SQL",
            "POST /labeling/api/projects",
            "409",
            "access.permitted",
            at=at,
            body={"name": "x", "marking": sql},
            quick=True,
        ),
        ask(
            Actor.LOW,
            Kind.LEVELS,
            "marks a project above the enclave",
            "POST /labeling/api/projects",
            "409",
            "access.permitted",
            at=at,
            body={"name": "x", "marking": "SECRET//NOFORN"},
        ),
        ask(
            Actor.LOW,
            Kind.DATABASE,
            "looks a project up by SQL",
            "GET /labeling/api/projects/1'%20OR%20'1'='1",
            "404",
            '"action_id":2',
            at=at,
        ),
        ask(
            Actor.LOW,
            Kind.ERRORS,
            "sends a zero character",
            "POST /labeling/api/projects",
            "422",
            "access.permitted",
            at=at,
            body={"name": "a\0b"},
        ),
        ask(
            Actor.LOW,
            Kind.ERRORS,
            "sends half a surrogate pair",
            "POST /labeling/api/projects",
            "422",
            "access.permitted",
            at=at,
            body=b'{"name": "\\ud800"}',
            headers={"Content-Type": "application/json"},
        ),
        ask(
            Actor.LOW,
            Kind.ERRORS,
            "sends a number beyond JSON",
            "POST /labeling/api/projects",
            "422",
            "access.permitted",
            at=at,
            body=b'{"name": "x", "n": 1e999}',
            headers={"Content-Type": "application/json"},
        ),
        ask(
            Actor.LOW,
            Kind.ERRORS,
            "names a field twice",
            "POST /labeling/api/projects",
            "422",
            "access.permitted",
            at=at,
            body=b'{"name": "x", "name": "y"}',
            headers={"Content-Type": "application/json"},
        ),
        ask(
            Actor.LOW,
            Kind.ERRORS,
            "sends half of JSON",
            "POST /labeling/api/projects",
            "422",
            "access.permitted",
            at=at,
            body=b'{"name": ',
            headers={"Content-Type": "application/json"},
        ),
        ask(
            Actor.LOW,
            Kind.ERRORS,
            "asks for a project that is not there",
            f"GET /labeling/api/projects/{'0' * 8}",
            "404",
            "access.permitted",
            at=at,
        ),
        ask(
            Actor.LOW,
            Kind.LEVELS,
            "exports without the role",
            "GET /labeling/api/export/1",
            "404",
            "access.role",
            at=at,
        ),
        ask(
            Actor.LOW,
            Kind.LEVELS,
            "exports a version without the role",
            f"GET /labeling/api/export/1/versions/sha256:{'0' * 64}/all/jsonl",
            "404",
            "access.role",
            at=at,
        ),
        ask(
            Actor.LOW,
            Kind.LEVELS,
            "changes the classes of a project without the role",
            "POST /labeling/api/projects/1/review/ontology",
            "404",
            "access.role",
            at=at,
        ),
        ask(
            Actor.LOW,
            Kind.LEVELS,
            "decides a check without the role",
            f"POST /labeling/api/projects/1/review/checks/{'0' * 32}",
            "404",
            "access.role",
            at=at,
        ),
        ask(
            Actor.LOW,
            Kind.LEVELS,
            "starts an evaluation without the role",
            "POST /evaluation/api/jobs",
            "404",
            "access.role",
            at=at,
            body={"model": "x"},
        ),
        ask(
            Actor.LOW,
            Kind.LEVELS,
            "uploads a pack of items without the role",
            "POST /evaluation/api/packs",
            "404",
            "access.role",
            at=at,
            body={"file": "x.jsonl", "items": ""},
        ),
        ask(
            Actor.LOW,
            Kind.LEVELS,
            "rates an attempt of the red team without the role",
            f"POST /evaluation/api/red-team/attempts/{'0' * 8}-0000-0000-0000-{'0' * 12}/ratings",
            "404",
            "access.role",
            at=at,
            body={"succeeded": False},
        ),
        ask(Actor.LOW, Kind.LEVELS, "copies a record up", "POST <low>/upgrades", "404", "access.role", at=at, body={}),
        ask(
            Actor.LOW,
            Kind.PATHS,
            "uses a method that no route has",
            "PROPFIND /labeling/api/projects",
            "404",
            '"action_id":2',
            at=at,
        ),
        ask(
            Actor.LOW,
            Kind.IDENTITY,
            "comes from a page of another origin",
            "POST /labeling/api/projects",
            "404",
            "browser.cross-site",
            at=at,
            body={"name": "x"},
            headers={"Sec-Fetch-Site": "cross-site"},
        ),
        ask(
            Actor.LOW,
            Kind.IDENTITY,
            "is framed by a page of the same site",
            "GET <low>",
            "404",
            "browser.cross-site",
            at=at,
            headers={"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"},
        ),
    ]


def high() -> list[Row]:
    """A person who works at SECRET and writes to what lies below."""
    at, rule = "unclassified", "mandatory.no-write-down"
    return [
        ask(
            Actor.HIGH,
            Kind.LEVELS,
            "writes a project below",
            "POST /labeling/api/projects",
            "404",
            rule,
            at=at,
            body={"name": "from above"},
            quick=True,
        ),
        ask(Actor.HIGH, Kind.LEVELS, "adds tasks below", "POST <low>/tasks", "404", rule, at=at, body={"tasks": []}),
        ask(Actor.HIGH, Kind.LEVELS, "changes a project below", "PATCH <low>", "404", rule, at=at, body={"name": "x"}),
        ask(Actor.HIGH, Kind.LEVELS, "puts a project below", "PUT <low>", "404", rule, at=at, body={"name": "x"}),
        ask(Actor.HIGH, Kind.LEVELS, "deletes a project below", "DELETE <low>", "404", rule, at=at),
        ask(
            Actor.HIGH,
            Kind.LEVELS,
            "asks the model below",
            "POST /inference/v1/chat/completions",
            "404",
            rule,
            at=at,
            body={"model": "x", "messages": []},
            quick=True,
        ),
        ask(Actor.HIGH, Kind.LEVELS, "searches below", "GET <low>?q=words", "404", rule, at=at, quick=True),
        ask(Actor.HIGH, Kind.LEVELS, "exports below", "GET /labeling/api/export/1", "404", rule, at=at),
        ask(Actor.HIGH, Kind.LEVELS, "annotates below", "GET /labeling/projects/1/annotate", "404", rule, at=at),
        ask(Actor.HIGH, Kind.LEVELS, "takes the next task below", "GET <low>/next", "404", rule, at=at),
        ask(
            Actor.HIGH,
            Kind.LEVELS,
            "starts an evaluation below",
            "POST /evaluation/api/jobs",
            "404",
            rule,
            at=at,
            body={"model": "x"},
        ),
        ask(
            Actor.HIGH, Kind.LEVELS, "reads the evaluation's page below", "GET /evaluation/api/jobs", "404", rule, at=at
        ),
        ask(
            Actor.HIGH,
            Kind.LEVELS,
            "opens a second session below",
            "POST /session",
            "409",
            "session.open-at-another-level",
            at=at,
            quick=True,
        ),
        ask(
            Actor.HIGH,
            Kind.LEVELS,
            "opens a second session above",
            "POST /session",
            "409",
            "session.open-at-another-level",
            at="system-high",
        ),
        ask(
            Actor.HIGH,
            Kind.LEVELS,
            "reads the console",
            "GET /console/",
            "404",
            "mandatory.no-read-up-from-working-level",
            at="system-high",
        ),
        ask(
            Actor.HIGH,
            Kind.IDENTITY,
            "asks for the project from a page below",
            "POST <target>/tasks",
            "404",
            "browser.cross-site",
            headers={"Sec-Fetch-Site": "cross-site"},
            body={"tasks": []},
            quick=True,
        ),
    ]


def officer() -> list[Row]:
    """An officer beyond what officers do."""
    at = "system-high"
    rows = [
        ask(Actor.OFFICER, Kind.LEVELS, "reads labeling at SECRET", "GET <target>", "404", '"action_id":2', quick=True),
        ask(
            Actor.OFFICER,
            Kind.LEVELS,
            "writes to labeling at SECRET",
            "POST /labeling/api/projects",
            "404",
            '"action_id":2',
            body={"name": "x"},
        ),
        ask(
            Actor.OFFICER,
            Kind.LEVELS,
            "asks the model at SECRET",
            "POST /inference/v1/chat/completions",
            "404",
            '"action_id":2',
            body={"model": "x", "messages": []},
        ),
        ask(
            Actor.OFFICER,
            Kind.RECORDS,
            "deletes a record",
            "DELETE /console/events/1",
            "404",
            '"action_id":2',
            at=at,
            quick=True,
        ),
        ask(
            Actor.OFFICER,
            Kind.RECORDS,
            "changes a record",
            "PUT /console/events/1",
            "404",
            '"action_id":2',
            at=at,
            body={},
        ),
        ask(
            Actor.OFFICER,
            Kind.RECORDS,
            "asks for a record beyond the end",
            "GET /console/events/999999999",
            "404",
            "access.permitted",
            at=at,
        ),
        ask(
            Actor.OFFICER,
            Kind.RECORDS,
            "asks for a record by a path",
            "GET /console/events/..%2f..%2fcheckpoint",
            "404",
            '"action_id":2',
            at=at,
        ),
    ]
    rows += [
        ask(
            Actor.OFFICER,
            Kind.RECORDS,
            "cosigns with what is no note",
            "POST /console/review/cosignature",
            "422",
            "access.permitted",
            at=at,
            body=b"note=x",
            headers={"Content-Type": "application/x-www-form-urlencoded"},
        ),
        ask(
            Actor.OFFICER,
            Kind.PATHS,
            "searches by SQL",
            "GET /console/?q=%27+OR+1%3D1+--",
            "200",
            "access.permitted",
            at=at,
        ),
        ask(
            Actor.OFFICER,
            Kind.IDENTITY,
            "reviews by a page of another origin",
            "POST /console/searches",
            "404",
            "browser.cross-site",
            at=at,
            headers={"Sec-Fetch-Site": "cross-site"},
            body={},
        ),
        ask(
            Actor.OFFICER,
            Kind.LEVELS,
            "opens a session at SECRET besides",
            "POST /session",
            "409",
            "session.open-at-another-level",
        ),
    ]
    for attempt, path in (("dots", "/console/../labeling"), ("an escaped path", "/console/%2e%2e/etc/passwd")):
        request = f"GET {path} HTTP/1.1\r\nHost: gateway.internal\r\nConnection: close\r\n\r\n"
        rows.append(
            wire(Actor.OFFICER, Kind.PATHS, f"leaves the console by {attempt}", request, "404", '"action_id":2', at=at)
        )
    return rows


HOST = "Host: gateway.internal\r\nConnection: close\r\n"
READ = f"GET /labeling/api/projects HTTP/1.1\r\n{HOST}"
SMUGGLED = (
    # Where a word from above stands in a request, the request, and whether that is a refusal.
    ("a path", f"GET /labeling/api/tasks/<word> HTTP/1.1\r\n{HOST}\r\n", True),
    ("a path of no service", f"GET /<word> HTTP/1.1\r\n{HOST}\r\n", True),
    ("a query", f"GET /labeling/api/projects?<word> HTTP/1.1\r\n{HOST}\r\n", True),
    ("a cookie", f"{READ}Cookie: <word>\r\n\r\n", False),
    ("the user agent", f"{READ}User-Agent: <word>\r\n\r\n", False),
    ("the referrer", f"{READ}Referer: https://x/<word>\r\n\r\n", False),
    ("a validator", f"{READ}If-None-Match: <word>\r\n\r\n", False),
    ("a header of its own", f"{READ}X-<word>: <word>\r\n\r\n", False),
    ("a method", f"<word> /labeling/api/projects HTTP/1.1\r\n{HOST}\r\n", True),
    ("a body", f"POST /labeling/api/projects HTTP/1.1\r\n{HOST}Content-Length: 13\r\n\r\n<word>", True),
)


def smuggled() -> list[Row]:
    """A word from SECRET in each place of a request to UNCLASSIFIED: the services below must never see it."""
    rows = []
    for place, request, refused in SMUGGLED:

        def do(world: World, request: str = request, refused: bool = refused) -> Seen:
            word = f"MERLIN{secrets.token_hex(4)}".upper()[:13]
            answer = status_of(world.raw("analyst", "unclassified", request.replace("<word>", word).encode()))
            arrived = any(word in world.said(f"unclassified-{name}") for name in ("labeling", "gateway", "database"))
            passed = refused and not answer.said.startswith("4")
            return replace(answer, said="ARRIVED BELOW" if arrived else answer.said if passed else "nothing below")

        record = '"action_id":2' if refused else "access.permitted-read-down"
        attempt, quick = f"writes below by {place}", place in {"a path", "a cookie"}
        rows.append(Row(Actor.HIGH, Kind.LEVELS, attempt, do, "nothing below", record, quick=quick))
    return rows


def rows() -> list[Row]:
    """All of them."""
    return [*low(), *high(), *smuggled(), *officer()]
