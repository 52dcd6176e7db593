"""A real nginx with the rendered configuration, the real monitor and log, and a small service behind them."""

import asyncio
import base64
import hashlib
import json
import os
import re
import secrets
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import yaml

from appliance.audit.log.writer import Log
from appliance.contract.context import Context, Verifies, open_context
from appliance.enclave.paths import HostPaths
from appliance.enclave.render import GATEWAY_UID, RECORD_SOCKET, gateway_config
from appliance.enclave.site import Enclave, Site, parse_site
from appliance.monitor.http import HttpRequest, HttpResponse, json_response
from appliance.monitor.in_force import registries
from appliance.monitor.in_force.statements import PIN
from appliance.monitor.serve import daemon
from appliance.monitor.sockets import connection
from appliance.trust import dsse
from appliance.trust.certificates import CertificateAuthority as Issuer
from appliance.trust.certificates import issue_client, issue_server, make_authority
from appliance.trust.keys import generate
from appliance.trust.officers import Officers, payload_type
from tests.catalogue import CATALOGUE
from tests.contexts import ADMISSION_KEY, DIGEST_KEY, GRANT_KEY, PUBLIC_KEY, SEED, sealed

PEOPLE = ("first", "second")
MARKED = {
    "/labeling/empty": "",
    "/labeling/nonsense": "SECRET-ISH",
    "/labeling/above": "TOP SECRET//NOFORN",
    "/labeling/other": "SECRET//NOFORN",
    "/labeling/lower-case": "secret//rel to usa, gbr",
}
"""Paths at which the service marks its answer wrongly."""
ADDRESSES = {"secret": "127.0.0.1", "unclassified": "127.0.0.2"}
"""Where the gateways of a rig are reached."""
REFUSED = {f"/labeling/refused/{status}": status for status in (400, 405, 409, 414, 415, 422, 429, 431)}
"""Paths at which the service refuses by itself."""
SUBJECTS: dict[str, dict[str, Any]] = {
    "analyst": {"clearance": "SECRET", "nationalities": ["USA"], "roles": ["analyst"]},
    "annotator": {"clearance": "UNCLASSIFIED", "nationalities": ["USA"], "roles": ["annotator"]},
    "evaluator": {"clearance": "SECRET", "nationalities": ["USA"], "roles": ["evaluator"]},
}


def free_port() -> int:
    """A port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def token(enclave: Enclave, service: str, **changes: Any) -> str:
    """A context that the rig's monitor sealed for ``service`` of ``enclave``."""
    values: dict[str, Any] = {
        "request": secrets.token_hex(16),
        "enclave": enclave.name,
        "service": service,
        "method": "POST",
        "path": f"/{service}/api/jobs",
        "action": "run",
        "subject": "analyst",
        "level": enclave.lattice.level,
        "nationalities": ("USA",),
        "label": enclave.encoded,
        "working": enclave.encoded,
        "expires": int(time.time()) + 60,
    }
    return sealed(Context.model_validate(values | changes))


class Rig:
    """Gateway of the enclave ``secret``; its service shows the context, or answers without a marking below /bare."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.site: Site = parse_site(self.described())
        self.enclave: Enclave = self.site.enclave("secret")
        self.issuer: Issuer = make_authority(generate("ca", demo=True))
        self.officers = {name: generate(name, demo=True) for name in PEOPLE}
        self.paths = HostPaths(folder / "root", folder / "run")
        self.port = free_port()
        self.service_port = free_port()
        self.fail_log = False
        self.known: Verifies = PUBLIC_KEY
        self.loop: asyncio.AbstractEventLoop | None = None
        self.append: Any = None
        self._stop = threading.Event()
        (folder / "ca.pem").write_bytes(self.issuer.pem)
        for name in SUBJECTS:
            issue_client(self.issuer, name).write(folder, name)

        self.sign(self.paths.root / "current" / "site")
        self._install()

    @staticmethod
    def described() -> Any:
        """The example's site, at an address that tests reach."""
        site = yaml.safe_load(Path("site.example.yml").read_text())
        for enclave in site["enclaves"]:
            enclave["address"] = ADDRESSES.get(enclave["name"], enclave["address"])
        return site

    def sign(
        self, folder: Path, *, by: Sequence[str] = PEOPLE, site: Any = None, subjects: Any = None, access: Any = None
    ) -> Path:
        """A site folder signed by the officers ``by``; what is not given is as the rig starts."""
        listed = [{"name": name, "expires": "2100-01-01"} | fields for name, fields in SUBJECTS.items()]
        values = {
            "site": site or self.described(),
            "subjects": subjects or {"subjects": listed},
            "access": access or yaml.safe_load(Path("policies/access.yml").read_text()),
        }
        (folder / "certificates").mkdir(parents=True, exist_ok=True)
        (folder / "certificates" / "ca.pem").write_bytes(self.issuer.pem)
        officers = Officers(
            _type="officers",
            officers={name: key.public for name, key in self.officers.items()},
            authority=self.issuer.fingerprint,
            demo=True,
        )
        (folder / "officers.json").write_bytes(officers.encode())
        keys = [self.officers[name] for name in by]
        for kind, value in values.items():
            (folder / f"{kind}.dsse.json").write_bytes(dsse.sign(value, payload_type(kind), keys))
        return folder

    def _install(self) -> None:
        """What an installation leaves: the fingerprint from paper, keys, log, spool, and folders for the sockets."""
        root = self.paths.root
        for name in ("secrets", "spool"):
            (root / name).mkdir()
        self.paths.catalogue.write_bytes(CATALOGUE.encode())
        site = root / "current" / "site"
        pinned = hashlib.sha256((site / "officers.json").read_bytes()).hexdigest()
        (site / PIN).write_text(pinned + "\n")
        registries.accept(self.paths, site, pinned)
        (root / "secrets" / "grant.key").write_bytes(GRANT_KEY)
        self.paths.signing_key.write_bytes(SEED)
        for enclave in self.site.enclaves:
            self.paths.digest_key(enclave.name).write_bytes(DIGEST_KEY)
            for service in enclave.services:
                self.paths.admission_key(enclave.name, service).write_bytes(ADMISSION_KEY)
            self.paths.sockets(enclave.name, "gateway").mkdir(parents=True)
            self.paths.published(enclave.name).mkdir(parents=True)
            for service in enclave.services:
                self.paths.records(enclave.name, service).mkdir(parents=True)
        Log.create(root / "log", root / "secrets" / "log.key", "test/audit")

    def config(self, enclave: Enclave, folder: Path, port: int, service_port: int) -> str:
        """The rendered configuration with this machine's places."""
        text = gateway_config(enclave, CATALOGUE, ["UNCLASSIFIED"]).replace("/tmp/", f"{folder}/")  # noqa: S108  # the container's tmpfs
        text = text.replace("/run/secrets", str(folder))
        text = text.replace("/run/monitor", str(self.paths.sockets(enclave.name, "gateway")))
        text = text.replace("/srv/published", str(self.paths.published(enclave.name)))
        text = text.replace("listen 443", f"listen {enclave.address}:{port}")
        return re.sub(r"server 10\.[0-9.]+:8000", f"server 127.0.0.1:{service_port}", text)

    def tls(self, name: str | None) -> ssl.SSLContext:
        """TLS with the certificate in ``<name>.pem``."""
        context = ssl.create_default_context(cafile=str(self.folder / "ca.pem"))
        if name:
            context.load_cert_chain(self.folder / f"{name}.pem", self.folder / f"{name}.key")
        return context

    def client(self, name: str | None) -> httpx.Client:
        """A client with the certificate in ``<name>.pem``."""
        return httpx.Client(base_url=f"https://127.0.0.1:{self.port}", verify=self.tls(name), timeout=10)

    def last_rule(self) -> str:
        """The rule of the last decision in the log."""
        actors = [record["actor"] for record in self.records()]
        decided = [actor["authorizations"][0] for actor in actors if "authorizations" in actor]
        return str(decided[-1]["policy"]["name"])

    def version(self, kind: str) -> int:
        """Version of the statement of ``kind`` that is in force."""
        envelope = json.loads((self.paths.registries / "current" / f"{kind}.dsse.json").read_text())
        return int(json.loads(base64.b64decode(envelope["payload"])).get("version", 1))

    def answers(self) -> bool:
        """Whether the monitor serves its sockets."""
        return (
            self.paths.records(self.site.enclaves[-1].name, self.site.enclaves[-1].services[-1]) / RECORD_SOCKET
        ).exists()

    def records(self) -> list[dict[str, Any]]:
        """All events in the log."""
        files = sorted((self.paths.root / "log" / "bodies").glob("*"))
        return [json.loads(line)["body"] for file in files for line in file.read_text().splitlines()]

    async def _service(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith("/labeling/bare"):
            return HttpResponse(200, b"SECRET words", headers={"X-Leak": "yes"})
        path = request.path.split("?")[0]
        if path in MARKED:
            return HttpResponse(200, b"SECRET words", headers={"X-Classification": MARKED[path], "X-Leak": "yes"})
        if path in REFUSED:
            return json_response(REFUSED[path], {"error": "prompt: too long"}, {"X-Classification": self.enclave.label})
        if path == "/labeling/missing":
            return json_response(404, {"error": "row 17 is not yours"}, {"X-Classification": self.enclave.label})
        context = open_context(
            request.header("x-appliance-context"), self.known, service="labeling", method=request.method, path=path
        )
        return json_response(200, context.model_dump(mode="json"), {"X-Classification": self.enclave.label})

    async def _run(self) -> None:
        backend = await asyncio.start_server(connection(self._service), "127.0.0.1", self.service_port)
        async with daemon.running(self.paths) as monitor:
            self.loop, self.append = asyncio.get_running_loop(), monitor.audit.append
            append = monitor.audit.append

            async def failing(records: Any) -> list[str]:
                if self.fail_log:
                    raise OSError("no space left on device")
                return await append(records)

            monitor.audit.append = failing  # type: ignore[method-assign]  # a full disk, without filling one
            await asyncio.to_thread(self._stop.wait)
        backend.close()


@contextmanager
def nginx(rig: Rig, enclave: Enclave, folder: Path, port: int, service_port: int) -> Iterator[None]:
    """The gateway of ``enclave``, from ``folder``, in which all that it writes is."""
    server = issue_server(rig.issuer, enclave.hostname, enclave=enclave.name, addresses=(str(enclave.address),))
    (folder / "gateway.pem").write_bytes(server.pem)
    (folder / "gateway.key").write_bytes(server.key_pem)
    (folder / "ca.pem").write_bytes(rig.issuer.pem)
    (folder / "nginx.conf").write_text(rig.config(enclave, folder, port, service_port))
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin")
    assert program, "nginx is installed by make setup"
    options = ["-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log"), "-g", "daemon off;"]
    # As the user that the gateway's container is mapped to, because the monitor answers no other.
    user = enclave.uids + GATEWAY_UID
    for path in (folder, *folder.glob("*.*")):
        os.chown(path, user, user)
    with (folder / "stderr").open("wb") as stderr:
        process = subprocess.Popen(
            [program, *options], cwd=folder, user=user, group=user, extra_groups=[], stderr=stderr
        )
    base = f"https://{enclave.address}:{port}"
    try:
        with httpx.Client(base_url=base, verify=rig.tls(None), timeout=10) as client:
            for _ in range(100):
                try:
                    if client.get("/health").status_code == 200 and rig.answers():
                        break
                except httpx.HTTPError:
                    time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(10)


@contextmanager
def running(folder: Path) -> Iterator[Rig]:
    """A running rig."""
    folder.chmod(0o755)
    rig = Rig(folder)
    thread = threading.Thread(target=lambda: asyncio.run(rig._run()), daemon=True)
    thread.start()
    try:
        with nginx(rig, rig.enclave, folder, rig.port, rig.service_port):
            yield rig
    finally:
        rig._stop.set()
        thread.join(10)
