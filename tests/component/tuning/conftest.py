"""A tuning service, and at the other end of TLS a gateway that leads to a real labeling service."""

import asyncio
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import uvicorn
from fastapi.testclient import TestClient
from starlette.types import ASGIApp, Receive, Scope, Send

from appliance.contract.context import HEADER
from appliance.contract.manifest import Database
from appliance.service.settings import Paths
from appliance.trust.certificates import issue_client, issue_server, make_authority
from appliance.trust.keys import generate
from images.labeling.app.main import build as labeling_service
from images.labeling.app.migrate import MIGRATIONS as LABELING
from images.tuning.app.main import service as tuning_service
from images.tuning.app.migrate import MIGRATIONS as TUNING
from tests.catalogue import CATALOGUE, ON_DEMAND
from tests.component.service.browser import chromium
from tests.component.service.database.cluster import Cluster, cluster_of
from tests.component.service.database.support import migrated
from tests.component.service.model import model
from tests.component.tuning.files import installed_libraries
from tests.component.tuning.support import Enclave
from tests.unit.inference.test_certificate import CERTIFIER
from tests.unit.service.support import Monitor, headers_for, make_paths, settings_for

__all__ = ["chromium", "model"]


TUNING_MANIFEST = ON_DEMAND["tuning"].model_copy(update={"database": Database(connections=12)})
"""Two applications share the database in the tests of the pages."""


class Gateway:
    """TLS with client certificates; it adds the context that the monitor gives to a granted job, and no other."""

    def __init__(self, app: ASGIApp, monitor: Monitor) -> None:
        self.app, self.monitor = app, monitor

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            job = dict(scope["headers"]).get(b"x-appliance-job", b"").decode()
            person, groups = self.monitor._started[job]
            values = {"subject": "service:tuning", "on_behalf_of": person.subject, "groups": tuple(groups)}
            context = headers_for(scope["method"], scope["path"], action="export", **values)[HEADER]
            scope = {**scope, "headers": [*scope["headers"], (HEADER.lower().encode(), context.encode())]}
        await self.app(scope, receive, send)


@pytest.fixture(scope="session")
def libraries() -> Path:
    """The image's wheels."""
    try:
        return installed_libraries()
    except subprocess.CalledProcessError:
        pytest.skip(
            "PIP_FIND_LINKS names no folder with the processor build of torch (docs/adr/0243-tuning-on-demand.md)"
        )


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    with cluster_of(CATALOGUE["labeling"], TUNING_MANIFEST) as cluster:
        migrated(cluster, LABELING)
        migrated(cluster, TUNING)
        yield cluster


@pytest.fixture(scope="module")
def enclave(model: Path, cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Enclave]:
    foundry = replace(make_paths(tmp_path_factory.mktemp("labeling")), database=cluster.socket)
    places = replace(make_paths(tmp_path_factory.mktemp("tuning")), database=cluster.socket)
    (places.models / "smollm2.gguf").symlink_to(model)
    authority = make_authority(generate("authority", demo=True))
    (places.secrets / "ca.pem").write_bytes(authority.pem)
    issue_client(authority, "service:tuning", organisation="secret").write(places.secrets, "workload")
    issue_server(authority, "localhost", enclave="secret").write(places.secrets, "server")
    with Monitor(foundry.record_socket) as other, Monitor(places.record_socket) as monitor:
        other.records = monitor.records  # one log, in one order
        with (
            TestClient(labeling_service(settings_for("labeling"), foundry)) as labeling,
            _gateway(Gateway(labeling_service(settings_for("labeling"), foundry), monitor), places) as port,
        ):
            settings = settings_for(
                "tuning",
                gateway=f"https://localhost:{port}",
                settings={
                    "models": ["smollm2"],
                    "certifiers": [{"name": "DEMO-certifier", "public_key": CERTIFIER.public.keyval["public"]}],
                },
            )
            app = tuning_service.build(settings, places)
            with TestClient(app, raise_server_exceptions=False) as client:
                yield Enclave(client, labeling, monitor, places, cluster, settings, app.state.base.sha256, foundry)


@contextmanager
def _gateway(app: ASGIApp, places: Paths) -> Iterator[int]:
    server = uvicorn.Server(
        uvicorn.Config(
            app, host="127.0.0.1", port=0, log_config=None, lifespan="on",
            ssl_certfile=places.secrets / "server.pem", ssl_keyfile=places.secrets / "server.key",
            ssl_ca_certs=str(places.secrets / "ca.pem"), ssl_cert_reqs=ssl.CERT_REQUIRED,
        )
    )  # fmt: skip
    thread = threading.Thread(target=asyncio.run, args=(server.serve(),), daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    thread.join(20)
