"""Claims of the real model, asked through a gateway: by strata, checked against the words that they quote."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from appliance.contract.certification import standard
from appliance.service.certificate import certify
from images.decision.app import model as asked_model
from images.inference.app.main import service as inference_service
from tests.component.decision.gateway import Gateway, claimed, decision
from tests.component.decision.support import MARKING, ask_for, uploaded
from tests.component.service.model import model
from tests.unit.inference.test_certificate import CERTIFIER, results
from tests.unit.service.support import Monitor, make_paths, settings_for

__all__ = ["model"]
ENGINE_IMAGE = "sha256:" + "b" * 64
LOW = "UNCLASSIFIED\n\nThe northern bridge at Marlow carries forty tonnes.\n"
HIGH = f"{MARKING}\n\n(S//REL TO USA, GBR) Brigade convoys cross the northern bridge at Marlow.\n"


@dataclass
class Enclave:
    """Both services of an enclave."""

    client: TestClient
    gateway: Gateway
    certificate: Path


@pytest.fixture(scope="module")
def enclave(model: Path, cluster: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Enclave]:
    inference = make_paths(tmp_path_factory.mktemp("inference"))
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
    with (
        pytest.MonkeyPatch.context() as patch,
        Monitor(inference.record_socket),
        decision(cluster, tmp_path_factory.mktemp("decision"), gateway) as client,
    ):
        patch.setattr(asked_model, "ANSWER_TOKENS", 48)  # the engine shares two processors with all other tests
        serving = app.state.gate.serving
        evaluated = results(
            model=serving.model.model_dump(), engine_image=ENGINE_IMAGE, parameters=serving.parameters,
            site=serving.site, label=serving.label,
        )  # fmt: skip
        certificate = inference.models / "smollm2.certificate.dsse.json"
        certificate.write_bytes(certify(evaluated, CERTIFIER, 30))
        yield Enclave(client, gateway, certificate)


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
    alone, asked_alone = claimed(enclave.client, enclave.gateway, "northern bridge", "UNCLASSIFIED")
    assert alone["state"] == "answered", alone
    check(alone)
    high = uploaded(enclave.client, HIGH, "high.txt")
    both, asked_both = claimed(enclave.client, enclave.gateway, "northern bridge", "UNCLASSIFIED")
    check(both)
    # The unclassified stratum comes first: the same bytes to the model, and the same claims from it.
    assert asked_both[: len(asked_alone)] == asked_alone
    assert not any("convoys" in json.dumps(one) for one in asked_alone)
    assert any("convoys" in json.dumps(one) for one in asked_both)
    low = [(one["text"], one["citations"], one["prompt"]) for one in both["claims"] if one["marking"] == "U"]
    assert low == [(one["text"], one["citations"], one["prompt"]) for one in alone["claims"]]
    ask_for(enclave.client, "POST", f"/decision/documents/{high}/withdraw")


@pytest.mark.slow
def test_without_a_certificate_the_quotations_stand_alone(enclave: Enclave) -> None:
    kept = enclave.certificate.read_bytes()
    enclave.certificate.unlink()
    try:
        found, asked = claimed(enclave.client, enclave.gateway, "northern bridge", "UNCLASSIFIED")
    finally:
        enclave.certificate.write_bytes(kept)
    assert (found["state"], found["claims"], asked) == ("failed", [], [])
    assert "not certified" in found["message"]
    assert found["quotations"]
