"""Claims of the real model, asked through a gateway: by strata, checked against the words that they quote."""

import asyncio
import json
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from fastapi.testclient import TestClient
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from appliance.contract.certification import standard
from appliance.contract.context import HEADER
from appliance.service.certificate import certify
from appliance.service.settings import Paths
from appliance.trust.certificates import issue_client, issue_server, make_authority
from appliance.trust.keys import generate
from images.decision.app import model as asked_model
from images.decision.app.main import service as decision_service
from images.inference.app.main import service as inference_service
from tests.component.decision.conftest import empty
from tests.component.decision.support import MARKING, ask_for, question, uploaded
from tests.component.service.model import model
from tests.unit.inference.test_certificate import CERTIFIER, results
from tests.unit.service.support import Monitor, headers_for, make_paths, settings_for

__all__ = ["model"]
ENGINE_IMAGE = "sha256:" + "b" * 64
LOW = "UNCLASSIFIED\n\nThe northern bridge at Marlow carries forty tonnes.\n"
HIGH = f"{MARKING}\n\n(S//REL TO USA, GBR) Brigade convoys cross the northern bridge at Marlow.\n"


@dataclass
class Gateway:
    """TLS with client certificates; it adds the context of a granted job, and keeps what the model was asked."""

    app: ASGIApp
    asked: list[dict[str, Any]] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            job = dict(scope["headers"]).get(b"x-appliance-job", b"").decode().removeprefix("v1.grant-")
            given = {"subject": "service:decision", "model": "smollm2", "purpose": "claim", "job": job}
            context = headers_for(scope["method"], scope["path"], action="run", **given)[HEADER]
            scope = {**scope, "headers": [*scope["headers"], (HEADER.lower().encode(), context.encode())]}

        async def kept() -> Message:
            message = await receive()
            if message.get("body"):
                self.asked.append(json.loads(message["body"]))
            return message

        await self.app(scope, kept, send)


@dataclass
class Enclave:
    """Both services of an enclave."""

    client: TestClient
    monitor: Monitor
    gateway: Gateway
    certificate: Path


@pytest.fixture(scope="module")
def enclave(model: Path, cluster: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Enclave]:
    empty(cluster)
    inference = make_paths(tmp_path_factory.mktemp("inference"))
    places: Paths = replace(make_paths(tmp_path_factory.mktemp("decision")), database=cluster)
    authority = make_authority(generate("authority", demo=True))
    (places.secrets / "ca.pem").write_bytes(authority.pem)
    issue_client(authority, "service:decision", organisation="secret").write(places.secrets, "workload")
    issue_server(authority, "localhost", enclave="secret").write(places.secrets, "server")
    (inference.models / "smollm2.gguf").symlink_to(model)
    own = {
        "model": "smollm2",
        "engine_image": ENGINE_IMAGE,
        "policy": standard().digest,
        "use": "exercise",
        "demo": True,
        "parameters": {"slots": 1},
        "certifiers": [{"name": "DEMO-certifier", "public_key": CERTIFIER.public.keyval["public"]}],
    }
    app = inference_service.build(settings_for("inference", settings=own), inference)
    gateway = Gateway(app)
    config = uvicorn.Config(
        gateway, host="127.0.0.1", port=0, log_config=None, ssl_certfile=places.secrets / "server.pem",
        ssl_keyfile=places.secrets / "server.key", ssl_ca_certs=str(places.secrets / "ca.pem"),
        ssl_cert_reqs=ssl.CERT_REQUIRED,
    )  # fmt: skip
    server = uvicorn.Server(config)
    thread = threading.Thread(target=asyncio.run, args=(server.serve(),), daemon=True)
    with (
        pytest.MonkeyPatch.context() as patch,
        Monitor(inference.record_socket),
        Monitor(places.record_socket) as monitor,
    ):
        patch.setattr(asked_model, "ANSWER_TOKENS", 48)  # the engine shares two processors with all other tests
        thread.start()
        while not server.started:
            time.sleep(0.05)
        serving = app.state.gate.serving
        evaluated = results(
            model=serving.model.model_dump(), engine_image=ENGINE_IMAGE, parameters=serving.parameters,
            site=serving.site, label=serving.label,
        )  # fmt: skip
        certificate = inference.models / "smollm2.certificate.dsse.json"
        certificate.write_bytes(certify(evaluated, CERTIFIER, 30))
        port = server.servers[0].sockets[0].getsockname()[1]
        settings = settings_for(
            "decision", gateway=f"https://localhost:{port}", settings={"model": "smollm2", "demo": True}
        )
        with TestClient(decision_service.build(settings, places), raise_server_exceptions=False) as client:
            yield Enclave(client, monitor, gateway, certificate)
        server.should_exit = True
        thread.join(20)


def claimed(enclave: Enclave, text: str, marking: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A question once its model has answered, and what the model was asked."""
    before = len(enclave.gateway.asked)
    identifier = question(enclave.client, text, marking=marking, claims=True)["id"]
    until = time.monotonic() + 300
    while time.monotonic() < until:
        found: dict[str, Any] = ask_for(enclave.client, "GET", f"/decision/api/questions/{identifier}").json()
        if found["state"] != "asking":
            return found, enclave.gateway.asked[before:]
        time.sleep(0.3)
    raise TimeoutError(found)


def check(found: dict[str, Any]) -> None:
    """Every claim quotes what stands in its passages; where there is none, that is said."""
    quoted = {(one["document"], one["passage"]) for one in found["quotations"]}
    for claim in found["claims"]:
        assert claim["citations"]
        assert {(cited["document"], cited["number"]) for cited in claim["citations"]} <= quoted
    assert found["claims"] or "insufficient information" in found["message"]


@pytest.mark.slow
def test_claims_at_a_marking_are_written_from_nothing_outside_it(enclave: Enclave) -> None:
    uploaded(enclave.client, LOW, "low.txt")
    alone, asked_alone = claimed(enclave, "northern bridge", "UNCLASSIFIED")
    assert alone["state"] == "answered", alone
    check(alone)
    high = uploaded(enclave.client, HIGH, "high.txt")
    both, asked_both = claimed(enclave, "northern bridge", "UNCLASSIFIED")
    check(both)
    # The unclassified stratum comes first: the same bytes to the model, and the same claims from it.
    assert asked_both[: len(asked_alone)] == asked_alone
    assert not any("convoys" in json.dumps(one) for one in asked_alone)
    assert any("convoys" in json.dumps(one) for one in asked_both)
    low = [(one["text"], one["citations"], one["prompt"]) for one in both["claims"] if one["marking"] == "U"]
    assert low == [(one["text"], one["citations"], one["prompt"]) for one in alone["claims"]]
    page = ask_for(enclave.client, "GET", f"/decision/questions/{both['id']}")
    assert page.headers["X-Classification"] == MARKING
    ask_for(enclave.client, "POST", f"/decision/documents/{high}/withdraw")


@pytest.mark.slow
def test_a_secret_question_is_in_no_unclassified_prompt(enclave: Enclave) -> None:
    found, asked = claimed(enclave, "Does the northern bridge carry convoys?", "")
    assert asked
    assert {claim["marking"] for claim in found["claims"]} <= {"S//REL TO USA, GBR"}


@pytest.mark.slow
def test_without_a_certificate_the_quotations_stand_alone(enclave: Enclave) -> None:
    kept = enclave.certificate.read_bytes()
    enclave.certificate.unlink()
    try:
        found, asked = claimed(enclave, "northern bridge", "UNCLASSIFIED")
    finally:
        enclave.certificate.write_bytes(kept)
    assert (found["state"], found["claims"], asked) == ("failed", [], [])
    assert "not certified" in found["message"]
    assert found["quotations"]
