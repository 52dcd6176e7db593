"""A real nginx with the rendered configuration, the real monitor and log, and a small service behind them."""

import asyncio
import json
import re
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import yaml

from appliance.audit.log import Log
from appliance.enclave.render import gateway_config
from appliance.enclave.site import Enclave, Site, load_site
from appliance.monitor.context import open_context
from appliance.monitor.gate import Gate
from appliance.monitor.http import HttpRequest, HttpResponse, connection, json_response, serve_unix
from appliance.monitor.identity import Authority
from appliance.monitor.in_force import InForce
from appliance.monitor.policy import parse_policy
from appliance.monitor.recording import Recording
from appliance.monitor.registry import parse_registry
from appliance.monitor.sessions import Sessions
from appliance.trust.certificates import Authority as Issuer
from appliance.trust.certificates import issue_client, issue_server, make_authority
from appliance.trust.keys import generate

KEY = b"c" * 32
SUBJECTS = {
    "analyst": {"clearance": "SECRET", "nationalities": ["USA"], "roles": ["analyst"]},
    "annotator": {"clearance": "UNCLASSIFIED", "nationalities": ["USA"], "roles": ["annotator"]},
}


def free_port() -> int:
    """A port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Rig:
    """Gateway of the enclave ``secret``; its service shows the context, or answers without a marking below /bare."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.site: Site = load_site(Path("site.example.yml"))
        self.enclave: Enclave = self.site.enclave("secret")
        self.issuer: Issuer = make_authority(generate("ca", demo=True))
        self.port = free_port()
        self.service_port = free_port()
        self.fail_log = False
        self._stop = threading.Event()
        self.recording: Recording
        registry = parse_registry(
            {"subjects": [{"name": name, "expires": "2100-01-01"} | fields for name, fields in SUBJECTS.items()]}
        )
        self.force = InForce(
            site=self.site,
            registry=registry,
            policy=parse_policy(yaml.safe_load(Path("policies/access.yml").read_text())),
            policy_digest="0" * 64,
            authority=Authority(self.issuer.pem),
            context_keys={(e.name, s): KEY for e in self.site.enclaves for s in e.services},
            grant_key=b"g" * 32,
        )
        (folder / "ca.pem").write_bytes(self.issuer.pem)
        gateway = issue_server(self.issuer, self.enclave.hostname, enclave=self.enclave.name, addresses=("127.0.0.1",))
        (folder / "gateway.pem").write_bytes(gateway.pem)
        (folder / "gateway.key").write_bytes(gateway.key_pem)
        for name in SUBJECTS:
            issue_client(self.issuer, name).write(folder, name)

    def config(self) -> str:
        """The rendered configuration with this machine's places."""
        text = gateway_config(self.enclave).replace("/tmp/", f"{self.folder}/")  # noqa: S108  # the container's tmpfs
        text = text.replace("/run/secrets", str(self.folder)).replace("/run/monitor", str(self.folder))
        text = text.replace("listen 443", f"listen 127.0.0.1:{self.port}")
        text = re.sub(r"server 10\.[0-9.]+:8000", f"server 127.0.0.1:{self.service_port}", text)
        return text.replace("worker_processes 1;", "worker_processes 1;\nuser root;")

    def client(self, name: str | None) -> httpx.Client:
        """A client with the certificate in ``<name>.pem``."""
        context = ssl.create_default_context(cafile=str(self.folder / "ca.pem"))
        if name:
            context.load_cert_chain(self.folder / f"{name}.pem", self.folder / f"{name}.key")
        return httpx.Client(base_url=f"https://127.0.0.1:{self.port}", verify=context, timeout=10)

    def records(self) -> list[dict[str, Any]]:
        """All events in the log."""
        files = sorted((self.folder / "log" / "bodies").glob("*"))
        return [json.loads(line)["body"] for file in files for line in file.read_text().splitlines()]

    async def _service(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith("/labeling/bare"):
            return HttpResponse(200, b"SECRET words", headers={"X-Leak": "yes"})
        path = request.path.split("?")[0]
        if path == "/labeling/missing":
            return json_response(404, {"error": "row 17 is not yours"}, {"X-Classification": self.enclave.label})
        context = open_context(
            request.header("x-appliance-context"), KEY, service="labeling", method=request.method, path=path
        )
        return json_response(200, context.model_dump(mode="json"), {"X-Classification": self.enclave.label})

    async def _run(self) -> None:
        Log.create(self.folder / "log", self.folder / "log.key", "test/audit")
        log = Log.open(self.folder / "log", self.folder / "log.key")
        recording = self.recording = Recording(log, self.force)

        async def record(outcome: Any) -> None:
            if self.fail_log:
                raise OSError("no space left on device")
            await recording.outcome(outcome)

        gate = Gate(self.force, Sessions(3600, 1800, time.time), record)

        async def handler(request: HttpRequest) -> HttpResponse:
            return await gate.handle(self.enclave, request)

        path = self.folder / "gateway.sock"
        server = await serve_unix(path, handler, owner=0, mode=0o666)
        backend = await asyncio.start_server(connection(self._service), "127.0.0.1", self.service_port)
        await asyncio.to_thread(self._stop.wait)
        for one in (server, backend):
            one.close()
        await log.close()


@contextmanager
def running(folder: Path) -> Iterator[Rig]:
    """A running rig."""
    rig = Rig(folder)
    thread = threading.Thread(target=lambda: asyncio.run(rig._run()), daemon=True)
    thread.start()
    (folder / "nginx.conf").write_text(rig.config())
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin")
    assert program, "nginx is installed by make setup"
    options = ["-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log"), "-g", "daemon off;"]
    process = subprocess.Popen([program, *options], cwd=folder)
    try:
        for _ in range(100):
            with rig.client(None) as client:
                try:
                    if client.get("/health").status_code == 200 and (folder / "gateway.sock").exists():
                        break
                except httpx.HTTPError:
                    time.sleep(0.05)
        yield rig
    finally:
        process.terminate()
        process.wait(10)
        rig._stop.set()
        thread.join(10)
