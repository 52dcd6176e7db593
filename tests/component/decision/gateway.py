"""The enclave's gateway as the service's jobs reach it: TLS with client certificates, and a model behind it."""

import asyncio
import json
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import uvicorn
from fastapi.testclient import TestClient
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from appliance.contract.context import HEADER
from appliance.service.settings import Paths
from appliance.trust.certificates import issue_client, issue_server, make_authority
from appliance.trust.keys import generate
from images.decision.app.main import service
from tests.component.decision.conftest import empty
from tests.component.decision.support import ask_for, question
from tests.unit.service.support import Monitor, headers_for, make_paths, settings_for

PATIENCE = 300


@dataclass
class Gateway:
    """It adds the context that the monitor gives to a granted job, and keeps what the model was asked."""

    app: ASGIApp
    asked: list[dict[str, Any]] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            job = dict(scope["headers"]).get(b"x-appliance-job", b"").decode().removeprefix("v1.grant-")
            given = {"subject": "service:decision", "model": "smollm2", "purpose": "claim", "job": job}
            context = headers_for(scope["method"], scope["path"], action="run", **given)[HEADER]
            scope = {**scope, "headers": [*scope["headers"], (HEADER.lower().encode(), context.encode())]}

        async def kept() -> Message:
            message = await receive()
            if message.get("body"):
                self.asked.append(json.loads(message["body"]))
            return message

        await self.app(scope, kept, send)


@contextmanager
def decision(cluster: Path, folder: Path, gateway: Gateway) -> Iterator[TestClient]:
    """The service with an empty database, whose model is behind ``gateway``."""
    empty(cluster)
    places: Paths = replace(make_paths(folder), database=cluster)
    authority = make_authority(generate("authority", demo=True))
    (places.secrets / "ca.pem").write_bytes(authority.pem)
    issue_client(authority, "service:decision", organisation="secret").write(places.secrets, "workload")
    issue_server(authority, "localhost", enclave="secret").write(places.secrets, "server")
    config = uvicorn.Config(
        gateway, host="127.0.0.1", port=0, log_config=None, ssl_certfile=places.secrets / "server.pem",
        ssl_keyfile=places.secrets / "server.key", ssl_ca_certs=str(places.secrets / "ca.pem"),
        ssl_cert_reqs=ssl.CERT_REQUIRED,
    )  # fmt: skip
    server = uvicorn.Server(config)
    thread = threading.Thread(target=asyncio.run, args=(server.serve(),), daemon=True)
    with Monitor(places.record_socket):
        thread.start()
        while not server.started:
            time.sleep(0.05)
        port = server.servers[0].sockets[0].getsockname()[1]
        settings = settings_for(
            "decision", gateway=f"https://localhost:{port}", settings={"model": "smollm2", "demo": True}
        )
        with TestClient(service.build(settings, places), raise_server_exceptions=False) as client:
            yield client
        server.should_exit = True
        thread.join(20)


def claimed(
    client: TestClient, gateway: Gateway, text: str, marking: str
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A question once its model has answered, and what the model was asked."""
    before = len(gateway.asked)
    identifier = question(client, text, marking=marking, claims=True)["id"]
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        found: dict[str, Any] = ask_for(client, "GET", f"/decision/api/questions/{identifier}").json()
        if found["state"] != "asking":
            return found, gateway.asked[before:]
        time.sleep(0.3)
    raise TimeoutError(found)
