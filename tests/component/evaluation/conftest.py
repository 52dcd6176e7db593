"""An evaluation service, and at the other end of TLS a gateway that leads to a real inference service."""

import asyncio
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import uvicorn
from fastapi.testclient import TestClient
from starlette.types import ASGIApp, Receive, Scope, Send

from appliance.contract.certification import standard
from appliance.contract.context import HEADER
from appliance.service.settings import Paths
from appliance.trust.certificates import issue_client, issue_server, make_authority
from appliance.trust.keys import generate
from images.evaluation.app.main import service as evaluation_service
from images.evaluation.app.migrate import MIGRATIONS
from images.inference.app.main import service as inference_service
from tests.catalogue import CATALOGUE
from tests.component.service.database.cluster import cluster_of
from tests.component.service.database.support import migrated
from tests.component.service.model import model
from tests.unit.inference.test_certificate import CERTIFIER
from tests.unit.service.support import Monitor, headers_for, make_paths, settings_for

__all__ = ["model"]
JOB = {"subject": "service:evaluation", "model": "smollm2", "purpose": "evaluation"}
ENGINE_IMAGE = "sha256:" + "b" * 64


class Gateway:
    """TLS with client certificates; it adds the context that the monitor gives to a granted job, and no other."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.jobs: set[str] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            job = dict(scope["headers"]).get(b"x-appliance-job", b"").decode().removeprefix("v1.grant-")
            self.jobs.add(job)
            context = headers_for(scope["method"], scope["path"], **JOB, job=job)[HEADER]
            headers = [*scope["headers"], (HEADER.lower().encode(), context.encode())]
            scope = {**scope, "headers": headers}
        await self.app(scope, receive, send)


@dataclass
class Enclave:
    """Both services of an enclave."""

    client: TestClient
    monitor: Monitor
    paths: Paths
    gateway: Gateway


@pytest.fixture(scope="module")
def database() -> Iterator[Path]:
    """Folder of the socket of a PostgreSQL that serves evaluation."""
    with cluster_of(CATALOGUE["evaluation"]) as cluster:
        migrated(cluster, MIGRATIONS)
        yield cluster.socket


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory, database: Path) -> Paths:
    """An evaluation service's places, with a workload certificate."""
    paths = replace(make_paths(tmp_path_factory.mktemp("evaluation")), database=database)
    authority = make_authority(generate("authority", demo=True))
    (paths.secrets / "ca.pem").write_bytes(authority.pem)
    issue_client(authority, "service:evaluation", organisation="secret").write(paths.secrets, "workload")
    issue_server(authority, "localhost", enclave="secret").write(paths.secrets, "server")
    return paths


@pytest.fixture(scope="module")
def enclave(model: Path, places: Paths, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Enclave]:
    inference = make_paths(tmp_path_factory.mktemp("inference"))
    (inference.models / "smollm2.gguf").symlink_to(model)
    own = {
        "model": "smollm2",
        "engine_image": ENGINE_IMAGE,
        "policy": standard().digest,
        "certifiers": [{"name": "DEMO-certifier", "public_key": CERTIFIER.public.keyval["public"]}],
    }
    gateway = Gateway(inference_service.build(settings_for("inference", settings=own), inference))
    config = uvicorn.Config(
        gateway,
        host="127.0.0.1",
        port=0,
        log_config=None,
        ssl_certfile=places.secrets / "server.pem",
        ssl_keyfile=places.secrets / "server.key",
        ssl_ca_certs=str(places.secrets / "ca.pem"),
        ssl_cert_reqs=ssl.CERT_REQUIRED,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=asyncio.run, args=(server.serve(),), daemon=True)
    with Monitor(inference.record_socket) as other, Monitor(places.record_socket) as monitor:
        other.records = monitor.records  # one log, in one order
        thread.start()
        while not server.started:
            time.sleep(0.05)
        port = server.servers[0].sockets[0].getsockname()[1]
        evaluation = settings_for(
            "evaluation",
            gateway=f"https://localhost:{port}",
            settings={"models": ["smollm2", "absent"], "engine_image": ENGINE_IMAGE, "demo": True},
        )
        with TestClient(evaluation_service.build(evaluation, places), raise_server_exceptions=False) as client:
            yield Enclave(client, monitor, places, gateway)
        server.should_exit = True
        thread.join(20)
