"""A container that is killed in the middle of a job: the next one goes on, and no step is done twice."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from appliance.service.settings import Paths
from tests.component.service.database.cluster import Cluster
from tests.unit.service.support import Monitor, headers_for, settings_for

JOBS = "/notes/api/jobs"
PATIENCE = 120


@contextmanager
def container(paths: Paths, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], httpx.Client]]:
    """The service as its image starts it, on a socket; it is killed at the end."""
    paths.settings.write_text(settings_for("notes").model_dump_json())
    socket = tmp_path / "http.sock"
    socket.unlink(missing_ok=True)
    environment = os.environ | {
        "APPLIANCE_SERVICE_FILE": str(paths.settings),
        "APPLIANCE_SECRETS": str(paths.secrets),
        "APPLIANCE_RECORD_SOCKET": str(paths.record_socket),
        "APPLIANCE_STATE": str(paths.state),
        "APPLIANCE_DATABASE": str(paths.database),
        "APPLIANCE_STATIC": str(paths.static),
    }
    command = [sys.executable, "-m", "uvicorn", "--factory", "tests.component.service.jobs.counting:service"]
    process = subprocess.Popen([*command, "--uds", str(socket)], env=environment, stderr=subprocess.DEVNULL)
    try:
        with httpx.Client(transport=httpx.HTTPTransport(uds=str(socket)), base_url="http://notes") as client:
            _wait(lambda: socket.exists() and _healthy(client))
            yield process, client
    finally:
        process.kill()
        process.wait(10)


def _healthy(client: httpx.Client) -> bool:
    try:
        return client.get("/notes/health").status_code == 200
    except httpx.HTTPError:
        return False


def _wait(until: object) -> None:
    end = time.monotonic() + PATIENCE
    while not until():  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.05)


def _state(client: httpx.Client, job: str) -> str:
    return str(client.get(f"{JOBS}/{job}", headers=headers_for("GET", f"{JOBS}/{job}")).json()["state"])


@pytest.mark.parametrize(("attempts", "ends"), [(3, "done"), (1, "interrupted")])
def test_a_killed_job_goes_on_where_it_was(
    paths: Paths, monitor: Monitor, cluster: Cluster, tmp_path: Path, attempts: int, ends: str
) -> None:
    spec = {"name": "k", "steps": 5, "hangs": 3, "attempts": attempts}
    with container(paths, tmp_path) as (process, client):
        headers = headers_for("POST", "/notes/count", action="job")
        job = client.post("/notes/count", json=spec, headers=headers).json()["id"]
        _wait((paths.state / "hangs").exists)
        waiting = client.post(
            "/notes/count", json={"name": "w", "steps": 1}, headers=headers_for("POST", "/notes/count", action="job")
        ).json()["id"]
        process.kill()
    with container(paths, tmp_path) as (_, client):
        _wait(lambda: _state(client, job) not in {"queued", "running"})
        assert _state(client, job) == ends
        _wait(lambda: _state(client, waiting) == "done")
    with cluster.connect("notes", "postgres") as owner:
        found = [body for (body,) in owner.execute("SELECT body FROM notes.notes ORDER BY id").fetchall()]
    steps = 5 if ends == "done" else 3
    assert sorted(found) == [*(f"k {step}" for step in range(steps)), "w 0"]
