"""Figures of an upload through a service's chassis with its PostgreSQL, against writing the same bytes durably.

The service runs in a process of its own; what the gateway would add, the client adds.
"""

import base64
import hashlib
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import psutil
import uvicorn

from appliance.service.objects import PART
from appliance.service.settings import Paths
from images.labeling.app.main import build
from images.labeling.app.migrate import MIGRATIONS
from tests.bench.measure import Measurement, at_most
from tests.catalogue import CATALOGUE
from tests.component.service.database.cluster import cluster_of
from tests.component.service.database.support import migrated
from tests.unit.service.support import Monitor, headers_for, make_paths, settings_for

ROUNDS = 3
AT_ONCE = 3
PARTS = 100
DATA = b"\x89PNG\r\n\x1a\n" + os.urandom(PART - 8)
"""Each part has the same bytes; the first says what the file is."""
API = "/labeling/api/projects"


def measurements(folder: Path | None = None) -> list[dict[str, object]]:
    """The figures, in the form of ``build/bench.json``.

    Args:
        folder: where volume and database are, on the disk that counts; by default a temporary folder.
    """
    with tempfile.TemporaryDirectory(prefix="bench-", dir=folder) as name, _service(Path(name)) as (client, process):
        project = _asked(client, "POST", API, {"name": "Imagery", "kind": "pairwise", "schema": {}})["id"]
        _upload(client, project, 2)  # so that nothing is loaded or connected for the first time
        before, uploads, checks = _memory(process), [], []
        for number in range(ROUNDS):
            began = time.monotonic()
            url = _upload(client, project, PARTS)
            uploaded = time.monotonic() - began
            checked = _check(client, url)
            written = _write(Path(name, f"reference-{number}"))
            uploads.append(uploaded / written)
            checks.append(checked / written)
        grown = (_memory(process) - before) / 1e6
    size = PARTS * PART / 1e6
    what = f"the same {size:.0f} MB in {PARTS} files, each written and synced"
    figures: list[Measurement] = [
        at_most("objects.upload", statistics.median(uploads), "ratio", 4, what),
        at_most("objects.check", statistics.median(checks), "ratio", 2, what),
        at_most("objects.memory", grown, "MB", 64, f"resident memory of the service before uploads of {size:.0f} MB"),
    ]
    return [figure.model_dump() for figure in figures]


@contextmanager
def _service(folder: Path) -> Iterator[tuple[httpx.Client, psutil.Process]]:
    with cluster_of(CATALOGUE["labeling"]) as cluster:
        migrated(cluster, MIGRATIONS)
        paths = replace(make_paths(folder), database=cluster.socket)
        socket = str(folder / "service.sock")
        server = multiprocessing.get_context("spawn").Process(target=_serve, args=(paths, socket), daemon=True)
        with Monitor(paths.record_socket):
            server.start()
            try:
                with httpx.Client(
                    transport=httpx.HTTPTransport(uds=socket, retries=5), base_url="http://labeling", timeout=60
                ) as client:
                    while not Path(socket).exists():
                        time.sleep(0.05)
                    yield client, psutil.Process(server.pid)
            finally:
                server.terminate()
                server.join()


def _serve(paths: Paths, socket: str) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # a line for each request
    uvicorn.run(build(settings_for("labeling"), paths), uds=socket, log_config=None)


def _asked(client: httpx.Client, method: str, url: str, body: Any = None, **context: Any) -> dict[str, Any]:
    answer = client.request(method, url, json=body, headers=headers_for(method, url, **context))
    answer.raise_for_status()
    found: dict[str, Any] = answer.json()
    return found


def _upload(client: httpx.Client, project: str, parts: int) -> str:
    """Upload a file of so many parts, as many at once as the page of files, and return its URL."""
    files = f"{API}/{project}/files"
    begun = _asked(client, "POST", files, {"name": "scene.png", "size": parts * PART})
    url = f"{files}/{begun['id']}"

    def send(number: int) -> None:
        path = f"{url}/parts/{number}"
        digest = base64.b64encode(hashlib.sha256(DATA).digest()).decode()
        headers = headers_for("PUT", path, action="write") | {"Content-Digest": f"sha-256=:{digest}:"}
        client.put(path, content=DATA, headers=headers).raise_for_status()

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(send, range(parts)))
    return url


def _check(client: httpx.Client, url: str) -> float:
    """Seconds until the job has looked at the file."""
    began = time.monotonic()
    job = _asked(client, "POST", f"{url}/finish", {}, action="job")["job"]
    while (state := _asked(client, "GET", f"/labeling/api/jobs/{job}")["state"]) in {"queued", "running"}:
        time.sleep(0.05)
    if state != "done":
        raise RuntimeError(f"the file was not kept: {state}")
    return time.monotonic() - began


def _write(folder: Path) -> float:
    """Seconds to write and sync the same bytes."""
    folder.mkdir()
    began = time.monotonic()
    for number in range(PARTS):
        with (folder / str(number)).open("wb") as file:
            file.write(DATA)
            file.flush()
            os.fsync(file.fileno())
    return time.monotonic() - began


def _memory(process: psutil.Process) -> float:
    """The most bytes that the process ever held (VmHWM of proc(5))."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return float(status.split("VmHWM:")[1].split()[0]) * 1024
