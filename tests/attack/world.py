"""The running site as the red team uses it: clients of every person, shells in containers, and the log."""

import json
import secrets
import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from demo.instance import Instance
from demo.users import ADDRESSES, tls, user
from tests.attack.row import Row, Seen
from tests.integration.podman import podman

WORKPLACES = {"analyst": "secret", "annotator": "unclassified", "evaluator": "unclassified", "officer": "system-high"}
"""Where each person has a session while the attacks run."""

WORD = f"ORCHID{secrets.token_hex(8)}"
"""Stands in what nobody but the analyst at SECRET may see; an answer that has it is a leak."""


@dataclass
class World:
    """What the rows act on.

    Attributes:
        site: the running site.
        target: path of a project at SECRET.
        low: path of a project at UNCLASSIFIED.
        clients: of everybody at every gateway; those at their workplace have a session.
    """

    site: Instance
    target: str = ""
    low: str = ""
    clients: dict[tuple[str | None, str], httpx.Client] = field(default_factory=dict)

    def path(self, template: str) -> str:
        """``template`` with what this site calls its things: projects, and the first numbers of its networks."""
        known = {"target": self.target, "low": self.low, "host": self.site.address(0)[:-2]}
        known["net"] = f"10.{78 + self.site.block}"
        for name, value in known.items():
            template = template.replace(f"<{name}>", value)
        return template

    def request(
        self, subject: str | None, enclave: str, method: str, path: str, headers: dict[str, str], body: Any
    ) -> Seen:
        """One request as an ordinary client sends it."""
        content = body if isinstance(body, bytes) else None
        value = None if isinstance(body, bytes) else body
        answer = self.clients[subject, enclave].request(
            method, self.path(path), headers=headers, content=content, json=value
        )
        return seen(answer.status_code, answer.headers, answer.text)

    def raw(self, subject: str | None, enclave: str, request: bytes, context: ssl.SSLContext | None = None) -> bytes:
        """What a gateway answers to bytes that no client library would send."""
        address = (self.site.address(ADDRESSES[enclave]), 443)
        answer = b""
        try:
            with (
                socket.create_connection(address, timeout=10) as plain,
                (context or tls(self.site, subject)).wrap_socket(plain, server_hostname=address[0]) as connection,
            ):
                connection.sendall(request)
                connection.settimeout(3)
                while chunk := connection.recv(65536):
                    answer += chunk
        except (TimeoutError, OSError):
            pass
        return answer

    def shell(self, container: str, code: str, program: tuple[str, ...] = ("python3", "-c")) -> Seen:
        """What a program inside a container printed."""
        answer = podman(self.site, "exec", container, *program, self.path(code))
        said = " ".join((answer.stdout + answer.stderr).split())
        return Seen(said[-300:])

    def said(self, container: str) -> str:
        """What a container wrote to its log."""
        answer = podman(self.site, "logs", container)
        return answer.stdout + answer.stderr

    def mark(self) -> dict[Path, bytes]:
        """What each file with events holds now."""
        return {file: file.read_bytes() for file in self._files() if file.exists()}

    def since(self, mark: dict[Path, bytes]) -> list[str]:
        """The events that were added since; the monitor empties the spool meanwhile, and others fill it again."""
        lines: list[str] = []
        for file in self._files():
            if file.exists():
                held, before = file.read_bytes(), mark.get(file, b"")
                added = held[len(before) :] if held.startswith(before) else held
                lines += added.decode(errors="replace").splitlines()
        return lines

    def _files(self) -> list[Path]:
        return [self.site.root / "spool" / "spool.jsonl", *sorted((self.site.root / "log" / "bodies").glob("*"))]


def seen(status: int, headers: httpx.Headers, text: str) -> Seen:
    """An answer in a word: its status, and what is wrong with it."""
    wrong = " LEAKED" if WORD in text or WORD in str(headers) else ""
    wrong += "" if headers.get("x-classification") else " UNMARKED"
    try:
        reference = str(json.loads(text).get("reference", ""))
    except (ValueError, AttributeError):
        reference = ""
    return Seen(f"{status}{wrong}", reference or headers.get("x-request-id", ""))


@contextmanager
def opened(site: Instance) -> Iterator[World]:
    """The site with sessions open and something worth attacking in it."""
    world = World(site)
    with ExitStack() as stack:
        for subject in (*WORKPLACES, None):
            for enclave in ADDRESSES:
                at_work = subject is not None and WORKPLACES[subject] == enclave
                world.clients[subject, enclave] = stack.enter_context(user(site, subject, enclave, session=at_work))
        world.target = _project(world.clients["analyst", "secret"], WORD)
        world.low = _project(world.clients["annotator", "unclassified"], "low")
        yield world


def _project(client: httpx.Client, name: str) -> str:
    made = client.post("/labeling/api/projects", json={"name": name})
    made.raise_for_status()
    return f"/labeling/api/projects/{made.json()['id']}"


@dataclass(frozen=True)
class Result:
    """What one row showed.

    Attributes:
        row: the row.
        said: what came of the attempt.
        recorded: whether the record that it names was left; true where none is expected.
    """

    row: Row
    said: str
    recorded: bool

    @property
    def withstood(self) -> bool:
        """Whether the attempt came to nothing."""
        return self.said == self.row.expect


def attack(world: World, row: Row) -> Result:
    """Try one row and look for its record."""
    mark = world.mark()
    try:
        came = row.do(world)
    except Exception as error:  # noqa: BLE001  # an attempt that ends otherwise than expected is a finding, whatever it is
        came = Seen(f"{type(error).__name__}: {error}"[:300])
    if row.unrecorded:
        return Result(row, came.said, recorded=True)
    words = [row.record, came.reference]
    return Result(row, came.said, any(all(word in line for word in words) for line in world.since(mark)))
