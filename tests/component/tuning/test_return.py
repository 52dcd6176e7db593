"""A run whose service ends under it goes on when the service comes back, and one that is cancelled leaves nothing."""

import time
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from images.tuning.app.main import service as tuning_service
from tests.component.tuning.files import ROOT
from tests.component.tuning.support import Enclave

pytestmark = pytest.mark.long
SLOW = {"epochs": 2, "batch": 2, "learning_rate": 1e-3, "length": 96}


@pytest.fixture(autouse=True)
def path_to_libraries(libraries: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}:{libraries}")


def begun(enclave: Enclave, run: str, steps: int) -> None:
    """Wait until the run has done some steps, and they are kept."""
    end = time.monotonic() + 300
    while len(enclave.ask("GET", f"/runs/{run}").json()["curve"]) < steps:
        assert time.monotonic() < end, enclave.job(run)
        time.sleep(0.2)


def test_a_run_goes_on_when_its_service_comes_back(enclave: Enclave) -> None:
    project, version = enclave.taught(10)
    assert enclave.take(project, version).status_code == 201
    tuner = enclave.client.app.state.tuner  # type: ignore[attr-defined]
    object.__setattr__(tuner, "checkpoint_seconds", 0.0)

    cancelled = enclave.start(version, SLOW)
    begun(enclave, cancelled, 1)
    assert enclave.ask("POST", f"/jobs/{cancelled}/cancel").json()["state"] == "running"
    assert enclave.ended(cancelled)["state"] == "cancelled"
    assert enclave.ask("GET", f"/runs/{cancelled}").json()["adapter"] is None
    assert not list((enclave.paths.state / "files").iterdir())

    run = enclave.start(version, SLOW)
    begun(enclave, run, 2)
    enclave.client.__exit__(None, None, None)
    with TestClient(tuning_service.build(enclave.settings, enclave.paths)) as again:
        enclave.client = again
        job = enclave.ended(run)
        assert (job["state"], job["attempts"]) == ("done", 2), job
        found = enclave.ask("GET", f"/runs/{run}").json()
        assert len(found["curve"]) == found["plan"]["steps"]
        assert found["adapter"]
