"""From labelled records to an adapter that answers: the whole way on a real base."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from images.inference.app.main import service as inference_service
from tests.component.tuning.support import BANNER, Enclave
from tests.unit.inference.test_certificate import CERTIFIER, results
from tests.unit.service.support import Monitor, headers_for, make_paths, settings_for

QUICK = {"epochs": 3, "batch": 4, "learning_rate": 5e-3, "length": 96}
RECORDED = ("tuning.take", "tuning.start", "adapter.register", "adapter.export")
CHAT = "/inference/v1/chat/completions"
EVALUATION = {"subject": "service:evaluation", "job": "one", "model": "smollm2", "purpose": "evaluation"}


pytestmark = pytest.mark.long
"""They learn, on the image's own libraries (docs/adr/0243-tuning-on-demand.md)."""


@pytest.fixture(autouse=True)
def path_to_libraries(libraries: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = Path(__file__).parents[3]
    monkeypatch.setenv("PYTHONPATH", f"{root}:{libraries}")


def test_labelled_records_become_an_adapter_that_answers(enclave: Enclave, tmp_path: Path, model: Path) -> None:
    project, version = enclave.taught()
    taken = enclave.take(project, version)
    assert taken.status_code == 201, taken.text
    plan = enclave.ask("POST", f"/versions/{version}/plan", QUICK).json()["plan"]
    run = enclave.start(version, QUICK)
    job = enclave.ended(run)
    assert job["state"] == "done", job
    found = enclave.ask("GET", f"/runs/{run}").json()
    assert len(found["curve"]) == plan["steps"]
    assert found["curve"][-1] < found["curve"][0] / 2
    sha256 = found["adapter"]
    file = enclave.ask("GET", f"/adapters/{sha256}/file", action="export")
    assert hashlib.sha256(file.content).hexdigest() == sha256
    assert file.headers["X-Restriction"] == "S;;GBR,USA||"
    order = [one for one in enclave.monitor.records if one["activity"] in RECORDED]
    assert [one["activity"] for one in order] == list(RECORDED)
    base = f"sha256:{hashlib.sha256(model.read_bytes()).hexdigest()}"
    assert order[2]["inputs"] == [f"sha256:{version}", base]
    assert order[2]["outputs"] == [f"sha256:{sha256}"]

    said, records = asked(tmp_path, model, file.content)
    assert said.json()["choices"][0]["message"]["content"].strip() == BANNER
    assert said.headers["X-Model"] == f"{base}; adapter=sha256:{sha256}"
    assert f"sha256:{sha256}" in records[-1]["inputs"]


def asked(folder: Path, model: Path, adapter: bytes) -> tuple[Any, list[dict[str, Any]]]:
    """What an engine with an adapter answers, and what it recorded."""
    paths = make_paths(folder)
    (paths.models / "smollm2.gguf").symlink_to(model)
    (paths.models / "tuned.gguf").write_bytes(adapter)
    sha256 = hashlib.sha256(adapter).hexdigest()
    own = {
        "model": "smollm2",
        "engine_image": results().engine_image,
        "certifiers": [{"name": "DEMO-certifier", "public_key": CERTIFIER.public.keyval["public"]}],
        "parameters": {"adapter": {"name": "tuned", "sha256": sha256}},
    }
    with (
        Monitor(paths.record_socket) as monitor,
        TestClient(inference_service.build(settings_for("inference", settings=own), paths)) as client,
    ):
        question = {"role": "user", "content": "What is the banner of deployment order 5?"}
        body = {"model": "smollm2", "messages": [question], "max_tokens": 16, "temperature": 0}
        return client.post(CHAT, json=body, headers=headers_for("POST", CHAT, **EVALUATION)), monitor.records
