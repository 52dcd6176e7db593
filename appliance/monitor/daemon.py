"""The monitor's process: one socket for each gateway, one for each enclave's services, and the log's only writer."""

import asyncio
import signal
import time

import structlog

from appliance.audit.log import Log
from appliance.enclave.render import UIDS, HostPaths
from appliance.enclave.site import Enclave
from appliance.monitor.gate import Gate
from appliance.monitor.http import HttpRequest, HttpResponse, serve_unix
from appliance.monitor.identity import Authority
from appliance.monitor.in_force import InForce
from appliance.monitor.recording import Recording
from appliance.monitor.records import Records
from appliance.monitor.sessions import Sessions
from appliance.monitor.statements import installed_statements

log = structlog.get_logger()


def load(paths: HostPaths) -> InForce:
    """Read and verify what is in force on this host.

    Raises:
        ApplianceError: a statement does not hold, or the host was not installed.
    """
    statements = installed_statements(paths)
    secrets = paths.root / "secrets"
    keys: dict[tuple[str, str], bytes] = {
        (enclave.name, service): (secrets / f"{enclave.name}.{service}.context.key").read_bytes()
        for enclave in statements.site.enclaves
        for service in enclave.services
    }
    return InForce(
        site=statements.site,
        registry=statements.registry,
        policy=statements.policy,
        policy_digest=statements.policy_digest,
        authority=Authority((paths.root / "site" / "certificates" / "ca.pem").read_bytes()),
        context_keys=keys,
        grant_key=(secrets / "grant.key").read_bytes(),
    )


async def serve(paths: HostPaths) -> None:
    """Serve until SIGTERM or SIGINT; the log is closed before this returns."""
    in_force = load(paths)
    audit = Log.open(paths.root / "log", paths.root / "secrets" / "log.key")
    recording = Recording(audit, in_force)
    await recording.started(paths.root / "spool")
    policy = in_force.policy
    sessions = Sessions(policy.session_minutes * 60, policy.idle_minutes * 60, time.time)
    gate = Gate(in_force, sessions, recording.outcome)
    records = Records(in_force, recording)
    servers = []
    for enclave in in_force.site.enclaves:
        servers.append(await _serve_gateway(paths, enclave, gate))
        servers.append(await _serve_records(paths, enclave, records))
    log.info("the monitor serves", enclaves=[enclave.name for enclave in in_force.site.enclaves])
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    await stopped.wait()
    for server in servers:
        server.close()
    await recording.stopped()
    await audit.close()


async def _serve_gateway(paths: HostPaths, enclave: Enclave, gate: Gate) -> asyncio.Server:
    async def handler(request: HttpRequest) -> HttpResponse:
        return await gate.handle(enclave, request)

    path = paths.sockets(enclave.name, "gateway") / "gateway.sock"
    return await serve_unix(path, handler, owner=enclave.uids + UIDS["gateway"])


async def _serve_records(paths: HostPaths, enclave: Enclave, records: Records) -> asyncio.Server:
    async def handler(request: HttpRequest) -> HttpResponse:
        return await records.handle(enclave, request)

    # Several services with a uid each use it; the folder is mounted into their containers alone.
    path = paths.sockets(enclave.name, "record") / "record.sock"
    return await serve_unix(path, handler, owner=enclave.uids, mode=0o666)
