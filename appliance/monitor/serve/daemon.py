"""The monitor's process: one socket for each gateway, one for each service, one for the host's commands."""

import asyncio
import contextlib
import gc
import re
import resource
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from appliance.audit.log.writer import Log
from appliance.contract.known_keys import KnownKeys
from appliance.contract.manifest import Manifest
from appliance.enclave.paths import HostPaths, installed_catalogue
from appliance.enclave.render import GATEWAY_UID, RECORD_SOCKET, manifests
from appliance.enclave.site import Enclave
from appliance.errors import ApplianceError
from appliance.monitor.decide.break_glass import FOLDER, BreakGlassGrants
from appliance.monitor.decide.channel import Channel
from appliance.monitor.decide.identity import CertificateVerifier
from appliance.monitor.decide.jobs import Jobs
from appliance.monitor.decide.last_use import LastUse
from appliance.monitor.decide.renewals import Renewals
from appliance.monitor.decide.sessions import Sessions
from appliance.monitor.http import GATEWAY, HttpRequest, HttpResponse, json_response
from appliance.monitor.in_force.current import InForce
from appliance.monitor.in_force.statements import Statements, installed_statements
from appliance.monitor.record.recording import Recording
from appliance.monitor.record.repeats import FILE, Repeats
from appliance.monitor.serve import announcement
from appliance.monitor.serve.gate import Gate
from appliance.monitor.serve.publications import Publications
from appliance.monitor.serve.read_down import ReadDown
from appliance.monitor.serve.records import Records
from appliance.monitor.serve.succession import COMMAND_SOCKET, Succession
from appliance.monitor.sockets import Listener, serve_unix
from appliance.trust.officers import load_officers

DESCRIPTORS = 16_384
COUNT = re.compile(r"(closed|broken|withheld|unavailable)=([0-9]{1,9})(?=&|$)")
LAST_USE_SECONDS = 1.0
SWITCH_SECONDS = 0.0005
"""How long the threads that write the log may keep the interpreter from the one that answers; Python's own is 5 ms."""
log = structlog.get_logger()


def with_keys(paths: HostPaths, statements: Statements) -> InForce:
    """What decides: the statements with the authority and the keys that this host keeps."""
    return InForce(
        site=statements.site,
        registry=statements.registry,
        policy=statements.policy,
        policy_digest=statements.policy_digest,
        authority=CertificateVerifier((paths.certificates / "ca.pem").read_bytes()),
        catalogue=installed_catalogue(paths),
        signing_key=Ed25519PrivateKey.from_private_bytes(paths.signing_key.read_bytes()),
        admission_keys={
            (enclave.name, service): paths.admission_key(enclave.name, service).read_bytes()
            for enclave in statements.site.enclaves
            for service in enclave.services
        },
        context_keys=KnownKeys(paths.context_keys) if paths.context_keys.exists() else None,
        grant_key=(paths.root / "secrets" / "grant.key").read_bytes(),
        digest_keys={enclave.name: paths.digest_key(enclave.name).read_bytes() for enclave in statements.site.enclaves},
    )


class Monitor:
    """What answers, and what it rests on: replaced whole between two requests, while sessions go on.

    Args:
        paths: where this host keeps its state.
        audit: the open log.
        statements: what is in force at the start.
    """

    def __init__(self, paths: HostPaths, audit: Log, statements: Statements) -> None:
        self._paths = paths
        self.audit = audit
        self.recording = Recording(audit, statements)
        self.repeats = Repeats(self.recording.outcome, self.recording.repeated, paths.root / FILE)
        self._sessions = Sessions(time.monotonic)
        self.last_use = LastUse(paths.root / "last-use.json")
        self._renewals = Renewals(paths.root / "certificates-used.json")
        self._publications = Publications(paths)
        self._read_down = ReadDown(self._publications, Channel(time.monotonic))
        self._jobs = Jobs(paths.root / "jobs.json", time.time)
        self.put_in_force(statements)

    def put_in_force(self, statements: Statements) -> None:
        """Decide by ``statements`` from the next request on; a request that is being answered keeps the old ones."""
        force = replace(with_keys(self._paths, statements), renewals=self._renewals)
        self.statements = statements
        self._sessions.limit(force.policy.session_minutes * 60, force.policy.idle_minutes * 60)
        officers = load_officers(self._paths.registries / "current" / "officers.json")
        break_glass = BreakGlassGrants(self._paths.root / FOLDER, officers, force.site)
        self._gate = Gate(
            force,
            self._sessions,
            self.last_use,
            self.repeats.outcome,
            jobs=self._jobs,
            break_glass=break_glass,
            read_down=self._read_down,
        )
        self._records = Records(force, self.recording, self._jobs, self._publications)

    async def keep_last_use(self) -> None:
        """Write when people last opened sessions, and record what ended, again and again."""
        while True:
            await asyncio.sleep(LAST_USE_SECONDS)
            await self.last_use.keep()
            with contextlib.suppress(ApplianceError):  # the log takes nothing: the counts stay until it does
                await self.repeats.sweep()

    async def serve_enclave(self, enclave: Enclave) -> list[Listener]:
        """Serve the gateway's socket and one for each service, each only to the user whose container holds it."""

        async def gateway(request: HttpRequest) -> HttpResponse:
            if request.path.startswith("/counted?"):
                return await self._counted(enclave, request)
            return await self._gate.handle(enclave, request)

        owner = enclave.uids + GATEWAY_UID
        gateways = self._paths.sockets(enclave.name, "gateway") / "gateway.sock"
        servers = [await serve_unix(gateways, gateway, owner=owner, peers=frozenset({owner}), budget=GATEWAY)]
        for service in manifests(enclave, installed_catalogue(self._paths)):
            uid = enclave.uids + service.uid
            socket = self._paths.records(enclave.name, service.name) / RECORD_SOCKET
            answer = partial(self._record, enclave, service)
            servers.append(await serve_unix(socket, answer, owner=uid, peers=frozenset({uid})))
        return servers

    async def _counted(self, enclave: Enclave, request: HttpRequest) -> HttpResponse:
        """Record what a gateway counted; it tells the same numbers again until it hears that they are kept."""
        counts = {name: int(count) for name, count in COUNT.findall(request.path)}
        try:
            await self.recording.counted(enclave, counts)
        except ApplianceError as error:
            return json_response(503, {"error": error.message})
        return json_response(200, {"counted": counts})

    async def _record(self, enclave: Enclave, service: Manifest, request: HttpRequest) -> HttpResponse:
        return await self._records.handle(enclave, service, request)


@asynccontextmanager
async def running(paths: HostPaths) -> AsyncIterator[Monitor]:
    """The monitor of this host, serving; its log is closed at the end.

    Raises:
        ApplianceError: a statement does not hold, or the host was not installed.
    """
    sys.setswitchinterval(SWITCH_SECONDS)
    announced = announcement.Announcement(paths)
    statements = installed_statements(paths)
    audit = Log.open(paths.root / "log", paths.root / "secrets" / "log.key")
    monitor = Monitor(paths, audit, statements)
    await monitor.recording.started(paths.root / "spool")
    await monitor.repeats.recover()
    servers = [await serve_unix(paths.run / COMMAND_SOCKET, Succession(paths, monitor, announced).handle, owner=0)]
    for enclave in statements.site.enclaves:
        servers += await monitor.serve_enclave(enclave)
    keeping = asyncio.create_task(monitor.keep_last_use())
    announced.make()
    log.info("the monitor serves", enclaves=[enclave.name for enclave in statements.site.enclaves])
    try:
        yield monitor
    finally:
        announcement.withdraw(paths)
        for server in servers:
            server.close()
        keeping.cancel()
        await monitor.last_use.keep()
        await monitor.repeats.stop()
        await monitor.recording.stopped()
        await audit.close()


def raise_descriptors() -> None:
    """Take as many descriptors as the budgets of all sockets together may need, where the host allows it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(DESCRIPTORS, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


async def serve(paths: HostPaths) -> None:
    """Serve until SIGTERM or SIGINT."""
    raise_descriptors()
    async with running(paths):
        gc.collect()
        gc.freeze()  # what stays for the process's life: to search it again would hold a decision for 35 ms
        stopped = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopped.set)
        await stopped.wait()
