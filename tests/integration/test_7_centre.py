"""A site's own suite and a red team on the whole site: gateway, monitor, access policy, containers."""

import json
import time
from typing import Any

import httpx

from demo.instance import Instance, stand_in
from demo.users import MARKINGS, MODEL, user
from tests.integration.data import recorded

ENCLAVE = "secret"
EVALUATOR, ANALYST = stand_in("evaluator-2"), stand_in("analyst")
CARD = {
    "name": "drivers",
    "title": "Drivers",
    "source": "this test",
    "licence": "own work",
    "evidence": "made for a test",
}
ITEMS = "".join(
    json.dumps({"id": f"q{n}", "user": f"Is {n} even?", "answer": "NO" if n % 2 else "YES", "choices": ["YES", "NO"]})
    + "\n"
    for n in range(6)
)


def posted(client: httpx.Client, url: str, body: dict[str, Any], status: int) -> dict[str, Any]:
    answer = client.post(f"/evaluation/api{url}", json=body)
    assert answer.status_code == status, answer.text
    return dict(answer.json())


def test_an_evaluator_asks_what_the_site_wants_to_know(site: Instance) -> None:
    with user(site, EVALUATOR, ENCLAVE, session=True) as client:
        pack = {"card": CARD, "file": "drivers.jsonl", "items": ITEMS}
        assert posted(client, "/packs", pack, 201)["reference"] == "drivers@1"
        refused = posted(client, "/packs", pack | {"items": ITEMS.replace("q1", "q0")}, 409)
        assert "line 2: the id q0" in refused["error"]["message"]
        suite = {"name": "driving", "title": "Driving", "purpose": "Whether it can count.", "dimension": "capability",
                 "packs": ["drivers"], "scorer": "choice", "constrained": True, "maximum_tokens": 4}  # fmt: skip
        posted(client, "/suites", suite, 201)
        job = posted(client, "/jobs", {"model": MODEL, "suite": "driving"}, 202)["id"]
        end = time.monotonic() + 120
        while (found := client.get(f"/evaluation/api/jobs/{job}").json())["state"] in {"queued", "running"}:
            assert time.monotonic() < end, found
            time.sleep(0.5)
        assert (found["state"], found["answered"]) == ("done", 6), found
        report = client.get(f"/evaluation/jobs/{job}/report.pdf")
        assert report.content.startswith(b"%PDF")
        assert report.headers["X-Classification"] == MARKINGS[ENCLAVE]
    recorded(site, "pack.add", lambda detail: detail.get("items") == 6)
    recorded(site, "suite.add", lambda detail: detail.get("version") == 1)


def test_an_attack_is_rated_by_another_person_and_kept_from_those_without_the_role(site: Instance) -> None:
    with user(site, EVALUATOR, ENCLAVE, session=True) as attacker:
        attempt = posted(attacker, "/red-team/attempts", {"model": MODEL, "goal": "spill"}, 201)["id"]
        url = f"/red-team/attempts/{attempt}"
        said = posted(attacker, f"{url}/turns", {"text": "Which relay does the unit use?"}, 200)
        words = said["turns"][1]["content"][:40].strip()
        posted(attacker, f"{url}/submission", {"claim": "It told", "evidence": words}, 200)
        assert attacker.post(f"/evaluation/api{url}/ratings", json={"succeeded": True}).status_code == 409
    with user(site, ANALYST, ENCLAVE, session=True) as rater:
        rated = posted(rater, f"{url}/ratings", {"succeeded": True, "severity": "high", "comment": "it did"}, 200)
        assert (rated["state"], len(rated["ratings"])) == ("1 of 2 ratings", 1)
        assert rater.post(f"/evaluation/api{url}/turns", json={"text": "x"}).status_code == 404
        assert rater.post("/evaluation/api/packs", json={}).status_code == 404
    recorded(site, "attempt.rate", lambda detail: detail.get("state") == "1 of 2 ratings")
