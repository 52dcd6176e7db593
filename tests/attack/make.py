"""Short ways to write rows: requests, raw bytes, and shells in containers."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tests.attack.row import Actor, Kind, Row, Seen
from tests.attack.world import WORD, World

SUBJECTS = {Actor.OUTSIDER: None, Actor.LOW: "annotator", Actor.HIGH: "analyst", Actor.OFFICER: "officer"}
PLACES = {
    Actor.LABELING: "unclassified-labeling",
    Actor.EVALUATION: "unclassified-evaluation",
    Actor.INFERENCE: "unclassified-inference",
    Actor.CONSOLE: "system-high-console",
    Actor.GATEWAY: "unclassified-gateway",
    Actor.DATABASE: "unclassified-database",
    Actor.NEIGHBOUR: "secret-labeling",
}
KERNEL = "the kernel refuses: nothing reaches a decision point"


def ask(
    actor: Actor,
    kind: Kind,
    attempt: str,
    call: str,
    expect: str,
    record: str,
    *,
    at: str = "secret",
    headers: dict[str, str] | None = None,
    body: Any = None,
    **more: Any,
) -> Row:
    """A request: ``call`` is method and path."""
    method, path = call.split(" ", 1)

    def do(world: World) -> Seen:
        return world.request(SUBJECTS[actor], at, method, path, headers or {}, body)

    return Row(actor, kind, attempt, do, expect, record, **more)


def wire(
    actor: Actor,
    kind: Kind,
    attempt: str,
    request: str,
    expect: str,
    record: str = "",
    *,
    at: str = "secret",
    **more: Any,
) -> Row:
    """Raw bytes on a TLS connection; the result is the status (``4xx`` where any will do), or ``closed``."""

    def do(world: World) -> Seen:
        answer = world.raw(SUBJECTS[actor], at, world.path(request).encode("latin-1"))
        seen = status_of(answer)
        alike = expect == "4xx" and re.fullmatch(r"4\d\d", seen.said)
        return replace(seen, said="4xx") if alike else seen

    return Row(actor, kind, attempt, do, expect, record, **more)


def status_of(answer: bytes) -> Seen:
    """The statuses in ``answer``, and what is wrong with it."""
    lines = [line for line in answer.split(b"\r\n") if line.startswith(b"HTTP/1.1 ")]
    said = " ".join(line.split(b" ")[1].decode() for line in lines) or "closed"
    wrong = " LEAKED" if WORD.encode() in answer else ""
    wrong += " UNMARKED" if lines and b"x-classification:" not in answer.lower() else ""
    reference = answer.lower().partition(b"x-request-id: ")[2].partition(b"\r\n")[0].decode() if len(lines) == 1 else ""
    return Seen(said + wrong, reference)


def shell(
    actor: Actor, kind: Kind, attempt: str, code: str, expect: str = "refused", record: str = "", **more: Any
) -> Row:
    """A program in the actor's container, Python in a service's and bash in the others."""
    program = ("bash", "-c") if actor in (Actor.GATEWAY, Actor.DATABASE) else ("python3", "-c")

    def do(world: World) -> Seen:
        return world.shell(PLACES[actor], code, program)

    if not record:
        more.setdefault("unrecorded", KERNEL)
    return Row(actor, kind, attempt, do, expect, record, **more)


def each(actors: tuple[Actor, ...], make: Callable[[Actor], Row]) -> list[Row]:
    """The same attempt by several actors."""
    return [make(actor) for actor in actors]
