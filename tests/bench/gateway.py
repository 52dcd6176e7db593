"""Figure of the gateway: what decision, bound context and durable record add to a request.

Both ways lead through one nginx process, with the same TLS and client certificate, to the same small service, which
verifies the context of every request. The reference asks nobody: its context is made once, before.
"""

import contextlib
import os
import signal
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx

from appliance.monitor.context import HEADER, Context, seal
from tests.bench.measure import Measurement, alternate, at_most
from tests.unit.monitor.gateway import KEY, Rig, free_port, running

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
        with rig.client("analyst") as guarded, _plain_client(rig) as plain:
            guarded.post("/session").raise_for_status()
            before = len(rig.records())
            alternate(_request(guarded), _request(plain), WARM_UP)
            pairs = alternate(_request(guarded), _request(plain), ROUNDS)
        if len(rig.records()) - before != WARM_UP + ROUNDS:
            raise RuntimeError("each request through the gateway, and no other, must be on record")
    with_monitor, without = ([pair[way] * 1e3 for pair in pairs] for way in (0, 1))
    middle = statistics.median(with_monitor), statistics.median(without)
    rare = _p99(with_monitor), _p99(without)
    reference = (
        f"the same nginx proxying the same service without monitor and record: p50 {middle[0]:.2f} against"
        f" {middle[1]:.2f}, p99 {rare[0]:.2f} against {rare[1]:.2f} ms, {ROUNDS} requests each"
    )
    return [at_most("gateway.p50_added", middle[0] - middle[1], "milliseconds", 5, reference)]


def _p99(times: list[float]) -> float:
    return statistics.quantiles(times, n=100)[-1]


def _request(client: httpx.Client) -> Callable[[], float]:
    """What sends one request on the client's kept connection and returns its seconds."""

    def send() -> float:
        began = time.perf_counter()
        answer = client.get(ROUTE)
        seconds = time.perf_counter() - began
        answer.raise_for_status()
        return seconds

    return send


@contextlib.contextmanager
def _plain_client(rig: Rig) -> Iterator[httpx.Client]:
    """A client of a second server, without ``auth_request`` and filters, in the nginx of ``rig``."""
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
    server = PLAIN.format(port=port, folder=rig.folder, header=HEADER, context=seal(context, KEY))
    configuration = rig.folder / "nginx.conf"
    configuration.write_text(configuration.read_text().rstrip().removesuffix("}") + server)
    os.kill(int((rig.folder / "nginx.pid").read_text()), signal.SIGHUP)
    with rig.client("analyst") as client:
        client.base_url = httpx.URL(f"https://127.0.0.1:{port}")
        _wait(client)
        yield client


def _wait(client: httpx.Client) -> None:
    """Return once nginx serves with its new configuration."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx.ConnectError):
            client.get(ROUTE).raise_for_status()
            return
        time.sleep(0.05)
    raise RuntimeError("nginx does not serve the reference")
