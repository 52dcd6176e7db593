"""Figure of the gateway: what decision, bound context and durable record add to a request.

Both ways lead through one nginx process, with the same TLS and client certificate, to the same small service, which
verifies the context of every request. The reference asks nobody: its context is made once, before.
"""

import contextlib
import json
import os
import signal
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import httpx
import psutil

from appliance.audit.events.ocsf import API_ACTIVITY
from appliance.contract.context import HEADER, Context
from tests.bench.measure import Measurement, alternate, at_most
from tests.contexts import sealed
from tests.unit.monitor.gateway import Rig, free_port, running

ROUTE = "/labeling/api/projects"
WARM_UP = 50
ROUNDS = 400

PLAIN = """
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {folder}/gateway.pem;
        ssl_certificate_key {folder}/gateway.key;
        ssl_protocols TLSv1.3;
        ssl_client_certificate {folder}/ca.pem;
        ssl_verify_client on;
        ssl_verify_depth 1;
        ssl_session_tickets off;

        location /labeling/ {{
            proxy_set_header X-Request-Id $request_id;
            proxy_set_header {header} "{context}";
            proxy_set_header Connection "";
            proxy_set_header Host $host;
            proxy_buffering off;
            proxy_pass http://labeling;
        }}
    }}
}}
"""


def measurements() -> list[Measurement]:
    """The median time that the monitor adds to a request."""
    # Not in /tmp, which may be memory: a durable record is one on a disk.
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder, running(Path(folder)) as rig:
        port = add_reference(rig)
        # The client is another process, as it is in a site, so that it never waits for the monitor's interpreter.
        done = subprocess.run(
            [sys.executable, "-m", "tests.bench.gateway", folder, str(rig.port), str(port)],
            check=True,
            stdout=subprocess.PIPE,
        )
        durable = durable_write(Path(folder))
        recorded = sum(record["class_uid"] == API_ACTIVITY for record in rig.records())
    with_monitor, without = zip(*json.loads(done.stdout), strict=True)
    if recorded != WARM_UP + ROUNDS:
        raise RuntimeError(f"{WARM_UP + ROUNDS} requests through the gateway left {recorded} records")
    middle = statistics.median(with_monitor), statistics.median(without)
    rare = _p99(with_monitor), _p99(without)
    reference = (
        f"the same nginx proxying the same service without monitor and record: p50 {middle[0]:.2f} against"
        f" {middle[1]:.2f}, p99 {rare[0]:.2f} against {rare[1]:.2f} ms, {ROUNDS} requests each;"
        f" one write and fsync there {durable:.2f} ms"
    )
    return [at_most("gateway.p50_added", middle[0] - middle[1], "milliseconds", 5, reference)]


def durable_write(folder: Path) -> float:
    """Median milliseconds in which this disk makes a kilobyte durable: the part of the figure that is the disk's."""
    times = []
    with (folder / "durable").open("ab", buffering=0) as file:
        for _ in range(WARM_UP):
            began = time.perf_counter()
            file.write(bytes(1024))
            os.fsync(file.fileno())
            times.append((time.perf_counter() - began) * 1e3)
            time.sleep(0.005)  # as between two requests; the disk is quicker without a pause
    return statistics.median(times)


def _p99(times: Sequence[float]) -> float:
    return statistics.quantiles(times, n=100)[-1]


def _request(client: httpx.Client) -> Callable[[], float]:
    """What sends one request on the client's kept connection and returns its milliseconds."""

    def send() -> float:
        began = time.perf_counter()
        answer = client.get(ROUTE)
        seconds = time.perf_counter() - began
        answer.raise_for_status()
        return seconds * 1e3

    return send


def add_reference(rig: Rig) -> int:
    """Port of a second server, without ``auth_request`` and filters, in the nginx of ``rig``."""
    port = free_port()
    context = Context(
        request="0" * 32,
        enclave=rig.enclave.name,
        service="labeling",
        method="GET",
        path=ROUTE,
        action="read",
        subject="analyst",
        roles=("analyst",),
        level="S",
        nationalities=("USA",),
        label=rig.enclave.marking.label.encode(),
        working=rig.enclave.marking.label.encode(),
        expires=int(time.time()) + 600,
    )
    server = PLAIN.format(port=port, folder=rig.folder, header=HEADER, context=sealed(context))
    configuration = rig.folder / "nginx.conf"
    configuration.write_text(configuration.read_text().rstrip().removesuffix("}") + server)
    main = psutil.Process(int((rig.folder / "nginx.pid").read_text()))
    workers = main.children()
    main.send_signal(signal.SIGHUP)
    psutil.wait_procs(workers, timeout=10)  # until then they take connections that they soon close
    return port


def _ask(folder: Path, *ports: int) -> list[tuple[float, float]]:
    """Times in milliseconds of requests through the gateway and to the reference."""
    tls = ssl.create_default_context(cafile=str(folder / "ca.pem"))
    tls.load_cert_chain(folder / "analyst.pem", folder / "analyst.key")
    guarded, plain = (httpx.Client(base_url=f"https://127.0.0.1:{port}", verify=tls, timeout=30) for port in ports)
    with guarded, plain:
        wait(plain)
        guarded.post("/session").raise_for_status()
        alternate(_request(guarded), _request(plain), WARM_UP)
        return alternate(_request(guarded), _request(plain), ROUNDS)


def wait(client: httpx.Client) -> None:
    """Return once nginx serves with its new configuration."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx.HTTPError):
            client.get(ROUTE).raise_for_status()
            return
        time.sleep(0.05)
    raise RuntimeError("nginx does not serve the reference")


if __name__ == "__main__":
    print(json.dumps(_ask(Path(sys.argv[1]), *map(int, sys.argv[2:]))))
