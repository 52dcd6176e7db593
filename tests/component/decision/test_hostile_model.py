"""A model that does what it likes: what it says is marked by what it saw, and shown only where it quotes."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient

from appliance.markings import dominates, parse
from tests.component.decision.gateway import Gateway, claimed, decision
from tests.component.decision.support import MARKING, REPORT, ask_for, uploaded

PASSAGE = re.compile(r"\[(\d+)\] (.+)")


class Hostile:
    """Behind the interface of inference: claims all that it sees, in the way that ``manner`` says."""

    def __init__(self) -> None:
        self.manner = "smuggles"
        self.app = FastAPI()
        described = {"state": "certified", "reason": "", "serving": {"parameters": {"context": 2048}}}
        self.app.get("/inference/v1/models")(lambda: {"data": [{"id": "smollm2", "appliance": described}]})
        self.app.post("/inference/v1/chat/completions")(self.answer)

    async def answer(self, request: Request) -> dict[str, Any]:
        seen = (await request.json())["messages"][1]["content"]
        passages = PASSAGE.findall(seen)
        number, text = passages[0]
        quotation = {"smuggles": text, "invents": f"{text} And more.", "misplaces": passages[-1][1]}[self.manner]
        number = int(number) + (90 if self.manner == "misplaces" else 0)
        cited = [{"passage": number, "quotation": quotation}]
        claims = {"claims": [{"text": f"<script>alert(1)</script> {seen}"[:600], "citations": cited}]}
        return {"choices": [{"message": {"content": json.dumps(claims)}}]}


@dataclass
class Enclave:
    """The service and its model."""

    client: TestClient
    gateway: Gateway
    model: Hostile


@pytest.fixture(scope="module")
def enclave(cluster: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Enclave]:
    model = Hostile()
    gateway = Gateway(model.app)
    with decision(cluster, tmp_path_factory.mktemp("decision"), gateway) as client:
        uploaded(client, REPORT, "report.txt")
        uploaded(client, "UNCLASSIFIED\n\nThe mill by the northern bridge grinds corn.\n", "mill.txt")
        yield Enclave(client, gateway, model)


def test_what_a_claim_says_of_what_is_secret_is_marked_so(enclave: Enclave) -> None:
    enclave.model.manner = "smuggles"
    found, _ = claimed(enclave.client, enclave.gateway, "northern bridge", "UNCLASSIFIED")
    assert [claim["marking"] for claim in found["claims"]] == ["U", "S//REL TO USA, GBR"]
    for claim in found["claims"]:
        label = parse(claim["marking"]).label
        assert ("Convoys" in claim["text"]) == dominates(label, parse(MARKING).label)
    page = ask_for(enclave.client, "GET", f"/decision/questions/{found['id']}")
    assert page.headers["X-Classification"] == MARKING
    assert "&lt;script&gt;" in page.text
    assert "<script>alert" not in page.text
    assert "Inference" in page.text


def test_a_question_takes_its_own_marking_into_every_claim(enclave: Enclave) -> None:
    enclave.model.manner = "smuggles"
    found, asked = claimed(enclave.client, enclave.gateway, "Does the northern bridge hold?", "")
    assert {claim["marking"] for claim in found["claims"]} == {"S//REL TO USA, GBR"}
    assert len(asked) == len(found["claims"]) == 1


@pytest.mark.parametrize("manner", ["invents", "misplaces"])
def test_what_does_not_stand_in_its_passages_is_not_shown_after_two_tries(enclave: Enclave, manner: str) -> None:
    enclave.model.manner = manner
    found, asked = claimed(enclave.client, enclave.gateway, "northern bridge", "UNCLASSIFIED")
    assert found["claims"] == []
    assert found["message"].count("insufficient information") == 2
    assert len(asked) == 4


def test_a_draft_with_what_a_model_wrote_has_the_enclaves_marking_until_it_is_signed(enclave: Enclave) -> None:
    enclave.model.manner = "smuggles"
    found, _ = claimed(enclave.client, enclave.gateway, "mill grinds corn", "UNCLASSIFIED")
    assert found["claims"][0]["marking"] == "U"
    form = {"template": "bluf", "title": "Corn", "title-marking": "UNCLASSIFIED", "claim-1": "2"}
    made = ask_for(enclave.client, "POST", f"/decision/questions/{found['id']}/products", form=form)
    assert made.status_code == 303, made.text
    address = str(made.headers["location"])
    draft = ask_for(enclave.client, "GET", address)
    assert draft.headers["X-Classification"] == MARKING
    assert "Inference of a model" in draft.text
    assert "Who signs decides that it is UNCLASSIFIED" in draft.text
    sha256 = draft.text.split('name="sha256" value="')[1][:64]
    assert ask_for(enclave.client, "POST", f"{address}/sign", form={"sha256": sha256}).status_code == 303
    signed = ask_for(enclave.client, "GET", f"{address}/export/md", action="export")
    assert signed.headers["X-Classification"] == "UNCLASSIFIED"
    assert signed.text.startswith("UNCLASSIFIED\n")
