"""An inference service with the real model, and what its tests ask of it."""

import hashlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response

from appliance.contract.evaluation import Results
from appliance.service.certificate import certify
from images.inference.app.main import service as inference
from tests.unit.inference.test_certificate import CERTIFIER, results
from tests.unit.service.support import Monitor, headers_for, make_paths, settings_for

CHAT = "/inference/v1/chat/completions"
QUESTION = {"role": "user", "content": "Name one colour of the rainbow."}


@dataclass
class Service:
    client: TestClient
    monitor: Monitor
    certificate: Path
    digest: str

    def ask(self, url: str = CHAT, body: dict[str, Any] | None = None, **context: Any) -> Response:
        given = body or {"messages": [QUESTION], "max_tokens": 8, "temperature": 0}
        return self.client.post(url, json={"model": "smollm2"} | given, headers=headers_for("POST", url, **context))

    def standing(self) -> dict[str, Any]:
        answer = self.client.get("/inference/v1/models", headers=headers_for("GET", "/inference/v1/models"))
        standing: dict[str, Any] = answer.json()["data"][0]["appliance"]
        return standing

    def certify(self, evaluation: Results | None = None) -> None:
        self.certificate.write_bytes(certify(evaluation or self.evaluated(), CERTIFIER, 30))

    def evaluated(self, **changes: Any) -> Results:
        running = {"parameters": self.standing()["serving"]["parameters"]}
        return results(model={"name": "smollm2", "sha256": self.digest}, **(running | changes))


@pytest.fixture(scope="module")
def service(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("inference")
    paths = make_paths(folder)
    (paths.models / "smollm2.gguf").hardlink_to(model) if model.stat().st_dev == folder.stat().st_dev else shutil.copy(
        model, paths.models / "smollm2.gguf"
    )
    own = {
        "model": "smollm2",
        "engine_image": results().engine_image,
        "policy": results().policy,
        "site": "demo",
        "certifiers": [{"name": "DEMO-certifier", "public_key": CERTIFIER.public.keyval["public"]}],
        "demo": True,
        "use": "exercise",
    }
    with (
        Monitor(paths.record_socket) as monitor,
        TestClient(inference.build(settings_for("inference", settings=own), paths)) as client,
    ):
        digest = hashlib.sha256(model.read_bytes()).hexdigest()
        yield Service(client, monitor, paths.models / "smollm2.certificate.dsse.json", digest)


@pytest.fixture(autouse=True)
def uncertified(service: Service) -> None:
    service.certificate.unlink(missing_ok=True)
    service.monitor.refuse = False
