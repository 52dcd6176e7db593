"""The negative probe: a stranger asks a gateway's monitor, is refused, and the log has the record (AC-3).

It asks over the gateway's own socket, as the user of its container, exactly as nginx asks for a request with that
certificate. The certificate is of no authority of the site, so the record accuses nobody.
"""

import http.client
import os
import secrets
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from appliance.audit.log.bodies import Record
from appliance.audit.review.query import checkpoint_of, lines
from appliance.enclave.paths import HostPaths
from appliance.enclave.render import GATEWAY_UID
from appliance.enclave.site import Enclave
from appliance.errors import ApplianceError
from appliance.trust.certificates import issue_client, make_authority
from appliance.trust.keys import generate

NAME = "evidence-probe"
SECONDS = 10.0


@dataclass(frozen=True)
class Refused:
    """How the monitor answered the stranger: the status, and the record of it, if the log has one."""

    enclave: str
    reference: str
    status: int
    record: Record | None

    @property
    def holds(self) -> bool:
        """Whether the stranger was refused, on the record."""
        return self.status == http.HTTPStatus.FORBIDDEN and self.record is not None


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, uid: int) -> None:
        super().__init__("monitor", timeout=SECONDS)
        self._path, self._uid = path, uid

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(SECONDS)
        with _effective(self._uid):
            self.sock.connect(str(self._path))


def ask(paths: HostPaths, enclave: Enclave) -> Refused:
    """Ask as a stranger for the first page of ``enclave``'s first service, and look for the record.

    Raises:
        ApplianceError: the monitor does not answer, so nothing is known.
    """
    stranger = issue_client(make_authority(generate(NAME)), NAME)
    reference = secrets.token_hex(16)
    headers = {
        "X-Client-Certificate": quote(stranger.pem.decode(), safe=""),
        "X-Client-Verify": "FAILED",
        "X-Original-Method": "GET",
        "X-Original-URI": f"/{enclave.services[0]}/",
        "X-Original-Protocol": "HTTP/1.1",
        "X-Original-Host": enclave.hostname,
        "X-Server-Name": enclave.hostname,
        "X-Request-Id": reference,
    }
    connection = _UnixConnection(paths.sockets(enclave.name, "gateway") / "gateway.sock", enclave.uids + GATEWAY_UID)
    try:
        connection.request("GET", "/decide", headers=headers)
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        raise ApplianceError(f"the monitor of {enclave.name} does not answer: {error}") from error
    finally:
        connection.close()
    return Refused(enclave.name, reference, status, _record(paths.root / "log", reference))


def _record(log: Path, reference: str) -> Record | None:
    """The record of the refusal, once a signed checkpoint covers it; None where the log has none."""
    found = next((Record.decode(line) for line in lines(log) if reference.encode() in line), None)
    end = time.monotonic() + SECONDS
    while found and found.index >= checkpoint_of(log).size and time.monotonic() < end:
        time.sleep(0.1)
    return found


@contextmanager
def _effective(uid: int) -> Iterator[None]:
    """Be the user whom the socket answers; the kernel tells it who connects (SO_PEERCRED)."""
    mine = os.geteuid()
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(mine)
