"""What others wait while one container attacks, against what they wait otherwise.

A shell in the labeling container of the lowest enclave does its worst for some seconds. Meanwhile somebody works at
SECRET and somebody else in the attacker's own enclave, with another service. Quiet and attacked blocks take turns.
"""

import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Sequence

import httpx

from appliance.enclave.paths import HostPaths
from appliance.host.enforce.diversion import real_podman
from appliance.host.enforce.podman import Podman
from demo.instance import Instance
from demo.users import user
from tests.attack.__main__ import running_site
from tests.bench.measure import Measurement, at_most

ATTACKER = "unclassified-labeling"
SECONDS, ROUNDS = 6.0, 3
PAUSE = 0.02
"""Between two requests of one person, in seconds."""
TIMES, MORE = 3, 10.0
"""The goal: at most so many times the quiet p99, and so many milliseconds more."""

MANY = """
import http.client, json, os, socket, sys, threading, time
end = time.monotonic() + %f
def unix():
    c = socket.socket(socket.AF_UNIX); c.settimeout(2); c.connect('/run/monitor/record.sock'); return c
def post(c, body):
    c.sendall(b'POST /record HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: %%d\\r\\n\\r\\n' %% len(body) + body)
    c.recv(65536)
def by(count, work):
    threads = [threading.Thread(target=again, args=(work,)) for _ in range(count)]
    [t.start() for t in threads]; [t.join() for t in threads]
def again(work):
    while time.monotonic() < end:
        try: work()
        except OSError: time.sleep(0.001)
"""
ATTACKS = {
    "connections": """
held = []
def work():
    held.append(unix())
    if len(held) > 900: del held[:450]
by(8, work)
""",
    "bytes": """
body = json.dumps({'activity': 'x.y', 'detail': {'a': 'b' * 60000}}).encode()
def work():
    c = unix()
    while time.monotonic() < end: post(c, body)
by(8, work)
""",
    "slow_bytes": """
def work():
    c = unix()
    for byte in b'POST /record HTTP/1.1\\r\\nX: ' + b'a' * 60000:
        if time.monotonic() > end: return
        c.send(bytes([byte]))
by(60, work)
""",
    "records": """
body = json.dumps({'activity': 'review.finish'}).encode()
def work():
    c = unix()
    while time.monotonic() < end: post(c, body)
by(16, work)
""",
    "processor": """
for _ in range(15):
    if os.fork() == 0: break
while time.monotonic() < end: pass
try:
    while True: os.wait()
except ChildProcessError: pass
""",
    "disk": """
for _ in range(3):
    if os.fork() == 0: break
name = '/var/lib/appliance/attack-%%d' %% os.getpid()
while time.monotonic() < end:
    try:
        with open(name, 'wb', buffering=0) as file:
            for _ in range(64):
                file.write(os.urandom(1 << 20)); os.fsync(file.fileno())
                if time.monotonic() > end: break
    except OSError: pass
os.path.exists(name) and os.unlink(name)
try:
    while True: os.wait()
except ChildProcessError: pass
""",
}


def measurements() -> list[Measurement]:
    """One figure for each attack."""
    with running_site() as site:
        return [_figure(site, name, code) for name, code in ATTACKS.items()]


def _figure(site: Instance, name: str, code: str) -> Measurement:
    quiet, attacked = list[float](), list[float]()
    with (
        user(site, "analyst", "secret", session=True) as high,
        user(site, "evaluator", "unclassified", session=True) as low,
    ):
        people = ((high, "/labeling/api/projects"), (low, "/inference/v1/models"))
        _block(people, 1.0)
        for _ in range(ROUNDS):
            quiet += _block(people, SECONDS)
            program = [real_podman(), "exec", ATTACKER, "python3", "-c", MANY % (SECONDS + 2) + code.replace("%%", "%")]
            environment = Podman(HostPaths(site.root, site.run)).environment
            with subprocess.Popen(
                program, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
            ) as attack:
                time.sleep(1.0)  # until podman is inside
                attacked += _block(people, SECONDS)
                _, said = attack.communicate(timeout=60)
            if attack.returncode:
                raise RuntimeError(f"the attack {name} ended by itself: {said.decode()[-500:]}")
            time.sleep(1.0)
    before, under = _p99(quiet), _p99(attacked)
    reference = (
        f"quiet p99 {before:.1f} ms and p50 {statistics.median(quiet):.1f} ms, attacked {under:.1f} and"
        f" {statistics.median(attacked):.1f} ms, {len(quiet)} and {len(attacked)} requests in turns"
    )
    return at_most(f"budgets.{name}", (under - MORE) / before, "times the quiet p99 and 10 ms", TIMES, reference)


def _block(people: Sequence[tuple[httpx.Client, str]], seconds: float) -> list[float]:
    """Milliseconds of each request that everybody sends one after the other for some seconds."""
    times: list[float] = []
    failed: list[str] = []

    def work(client: httpx.Client, path: str) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            began = time.perf_counter()
            answer = client.get(path)
            times.append((time.perf_counter() - began) * 1e3)
            if answer.status_code != 200:
                failed.append(f"{path}: {answer.status_code} {answer.text[:100]}")
            time.sleep(PAUSE)

    threads = [threading.Thread(target=work, args=person) for person in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        print(f"{len(failed)} requests failed: {failed[0]}", file=sys.stderr)
        raise RuntimeError(failed[0])
    return times


def _p99(times: Sequence[float]) -> float:
    return statistics.quantiles(times, n=100)[-1]
