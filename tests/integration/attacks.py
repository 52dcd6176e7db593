"""What the attacks share: who attacks, the name that nobody may see, and what a refusal must be.

The target is a project at SECRET. Outside stand: nobody with a certificate, an annotator cleared for UNCLASSIFIED
("lower"), and an officer cleared for SECRET whose role opens no labeling ("insider").
"""

import secrets
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from demo.instance import Instance
from demo.users import ADDRESSES, tls, user
from tests.integration.podman import recorded

SUBJECTS = {"outsider": None, "lower": "annotator", "insider": "officer"}
NAME = f"ORCHID {secrets.token_hex(8)}"


@contextmanager
def attacker(site: Instance, actor: str) -> Iterator[httpx.Client]:
    """The actor at the gateway of the SECRET enclave, with a session where they may have one."""
    with user(site, SUBJECTS[actor], "secret", session=actor == "insider") as client:
        yield client


def refused(site: Instance, answer: httpx.Response) -> None:
    """The answer says nothing but a reference, and the log has it."""
    assert answer.status_code in (400, 401, 404), answer.text
    assert NAME not in answer.text
    assert answer.headers["x-classification"]
    assert recorded(site, answer.json()["reference"]), "the refusal is not in the log"


def raw(site: Instance, actor: str, request: bytes) -> bytes:
    """What the SECRET gateway answers to bytes that no client library would send."""
    context: ssl.SSLContext = tls(site, SUBJECTS[actor])
    address = (site.address(ADDRESSES["secret"]), 443)
    with (
        socket.create_connection(address, timeout=10) as plain,
        context.wrap_socket(plain, server_hostname=address[0]) as connection,
    ):
        connection.sendall(request)
        connection.settimeout(3)
        answer = b""
        try:
            while chunk := connection.recv(65536):
                answer += chunk
        except TimeoutError:
            pass
        return answer
