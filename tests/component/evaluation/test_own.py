"""A site's own packs and suites, from upload to results, and what its bad files are told."""

import json
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response

from tests.component.evaluation.conftest import Enclave
from tests.component.evaluation.test_evaluation import JOBS, ask, finished
from tests.unit.service.support import headers_for

PACKS, SUITES = "/evaluation/api/packs", "/evaluation/api/suites"
CARD = {"name": "supply", "title": "Supply questions", "source": "G4 of the exercise", "licence": "own work",
        "evidence": "written by the staff for this site"}  # fmt: skip
ITEMS = "".join(
    json.dumps({"id": f"q{n}", "user": f"Is {n} more than 5?", "answer": "YES" if n > 5 else "NO",
                "choices": ["YES", "NO"], "group": "high" if n > 5 else "low"}) + "\n"
    for n in range(12)
)  # fmt: skip
SUITE = {"name": "supply-knowledge", "title": "Supply knowledge", "purpose": "Whether it knows how to count.",
         "dimension": "capability", "packs": ["supply@1"], "scorer": "choice", "constrained": True,
         "instruction": "Answer YES or NO.", "maximum_tokens": 4}  # fmt: skip


def upload(client: TestClient, /, card: dict[str, Any] | None = None, **changes: Any) -> Response:
    context = {"groups": changes.pop("groups_of")} if "groups_of" in changes else {}
    body = {"card": CARD | (card or {}), "file": "supply.jsonl", "items": ITEMS} | changes
    return ask(client, "POST", PACKS, body, **context)


@pytest.fixture(scope="module")
def pack(enclave: Enclave) -> dict[str, Any]:
    """The pack *supply*."""
    added = upload(enclave.client)
    assert added.status_code == 201, added.text
    return dict(added.json())


@pytest.fixture(scope="module")
def suite(enclave: Enclave, pack: dict[str, Any]) -> dict[str, Any]:
    """The suite *supply-knowledge* of it."""
    added = ask(enclave.client, "POST", SUITES, SUITE)
    assert added.status_code == 201, added.text
    return dict(added.json())


def test_a_pack_is_kept_recorded_and_versioned(enclave: Enclave, pack: dict[str, Any]) -> None:
    assert (pack["reference"], pack["items"], pack["portion"]) == ("supply@1", 12, "S//REL TO USA, GBR")
    record = next(one for one in enclave.monitor.records if one["activity"] == "pack.add")
    assert record["outputs"] == [f"sha256:{pack['sha256']}"]
    again = upload(enclave.client)
    assert (again.status_code, "is here already" in again.text) == (409, True)
    changed = upload(
        enclave.client, items=ITEMS + '{"id": "more", "user": "More?", "answer": "NO", "choices": ["YES", "NO"]}'
    )
    assert changed.json()["reference"] == "supply@2"
    assert enclave.monitor.records[-1]["detail"] == {"items": 13, "version": 2}


@pytest.mark.parametrize(
    ("changes", "status", "said"),
    [
        ({"items": ITEMS.replace("q3", "q2")}, 409, "line 4: the id q2 stands in line 3 already"),
        ({"items": ITEMS.replace("Is 3", "=Is 3")}, 409, "line 4: user: begins with '='"),
        (
            {"items": ITEMS.replace('"q0"', '"q0", "marking": "TOP SECRET"')},
            409,
            "item q0: marking: TOP SECRET is above",
        ),
        ({"items": ITEMS.replace('"q0"', '"q0", "marking": "SECRET//OC"')}, 409, "item q0: marking"),
        ({"items": ITEMS.replace('"q0"', '"q0", "marking": "HUSH"')}, 409, "item q0: marking"),
        ({"marking": "TOP SECRET//NOFORN"}, 409, "marking: TOP SECRET//NOFORN is not dominated by the enclave's"),
        ({"marking": "SECRETLY"}, 409, "marking:"),
        ({"groups": ["falcon"]}, 409, "you do not belong to the group falcon"),
        ({"card": {"evidence": ""}}, 422, "evidence"),
        ({"card": {"title": "=1+1"}}, 422, "title"),
        ({"card": {"name": "Supply"}}, 422, "name"),
        ({"items": "x" * (4 << 20)}, 413, "larger"),
    ],
)
def test_a_bad_pack_gets_one_clear_error_and_leaves_nothing(
    enclave: Enclave, pack: dict[str, Any], changes: dict[str, Any], status: int, said: str
) -> None:
    before = ask(enclave.client, "GET", PACKS).json()["packs"]
    answer = upload(enclave.client, **changes)
    assert answer.status_code == status, answer.text
    assert said in answer.json()["error"]["message"]
    assert ask(enclave.client, "GET", PACKS).json()["packs"] == before


def test_a_pack_without_a_record_is_not_kept(enclave: Enclave) -> None:
    enclave.monitor.unrecordable.add("pack.add")
    try:
        assert upload(enclave.client, card={"name": "unrecorded"}).status_code == 503
    finally:
        enclave.monitor.unrecordable.clear()
    assert "unrecorded" not in ask(enclave.client, "GET", PACKS).text


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"packs": ["demand"]}, "there is no pack 'demand'"),
        ({"packs": ["supply@9"]}, "there is no pack 'supply@9'"),
        ({"packs": ["supply", "supply@1"]}, "one is named twice"),
        ({"name": "smoke"}, "smoke is a suite of the project"),
        ({"scorer": "number"}, "answer: 'NO' has no number"),
        ({"scorer": "judge"}, "there is no scorer 'judge'"),
        ({"measures": {"security.leak": "correct"}}, "the certification policy measures it"),
        ({"measures": {"capability.mine": "harm"}}, "choice gives correct"),
        ({"packs": []}, "either the one or the other"),
        ({"packs": [], "generators": ["shell"]}, "there is no generator shell"),
        ({"groups": ["falcon"]}, "you do not belong"),
    ],
)
def test_a_bad_suite_is_told_what_is_wrong(
    enclave: Enclave, pack: dict[str, Any], changes: dict[str, Any], said: str
) -> None:
    answer = ask(enclave.client, "POST", SUITES, SUITE | {"name": "other"} | changes)
    assert answer.status_code == 409, answer.text
    assert said in answer.json()["error"]["message"]


def test_what_a_group_uploads_is_nowhere_for_others(enclave: Enclave, suite: dict[str, Any]) -> None:
    inside: dict[str, Any] = {"groups": ("falcon",)}
    hidden = upload(enclave.client, groups=["falcon"], groups_of=("falcon",))
    assert hidden.json()["reference"] == "supply@1", "its versions count for themselves"
    made = ask(enclave.client, "POST", SUITES, SUITE | {"packs": ["supply@1"], "name": "hidden-suite"}, **inside)
    assert "several with different restrictions" in made.json()["error"]["message"]
    alone = upload(enclave.client, card={"name": "falcons"}, groups=["falcon"], groups_of=("falcon",))
    made = ask(enclave.client, "POST", SUITES, SUITE | {"packs": ["falcons"], "name": "hidden-suite"}, **inside)
    assert made.status_code == 201, made.text
    assert made.json()["restriction"] == "S;;GBR,USA|falcon|"
    for url in (PACKS, SUITES, "/evaluation/suites", "/evaluation/"):
        assert "falcons" not in ask(enclave.client, "GET", url).text
        assert "hidden-suite" not in ask(enclave.client, "GET", url).text
    for url in (f"{PACKS}/{alone.json()['id']}", f"/evaluation/packs/{alone.json()['id']}",
                f"/evaluation/suites/own/{made.json()['id']}"):  # fmt: skip
        assert ask(enclave.client, "GET", url).status_code == 404
        assert ask(enclave.client, "GET", url, **inside).status_code == 200
    started = ask(enclave.client, "POST", JOBS, {"model": "smollm2", "suite": "hidden-suite"})
    assert "there is no suite" in started.json()["error"]["message"]


def test_a_suite_that_is_not_there_is_named(enclave: Enclave) -> None:
    answer = ask(enclave.client, "POST", JOBS, {"model": "smollm2", "suite": "elsewhere"})
    assert (answer.status_code, "'elsewhere'" in answer.json()["error"]["message"]) == (409, True)


def test_a_suite_of_the_site_has_no_hold_out(enclave: Enclave, suite: dict[str, Any]) -> None:
    body = {"model": "smollm2", "suite": "supply-knowledge", "generation": 3}
    assert "has no hold-out" in ask(enclave.client, "POST", JOBS, body).json()["error"]["message"]


def form(client: TestClient, url: str, data: dict[str, Any], file: tuple[str, bytes] | None = None) -> Response:
    action = {"action": "job"} if url == "/evaluation/" else {}
    headers = headers_for("POST", url, **action) | {"Accept": "text/html"}
    files = {"file": file} if file else None
    return client.post(url, data=data, files=files, headers=headers, follow_redirects=False)


def test_the_pages_take_the_same_and_keep_what_was_filled_in(enclave: Enclave, pack: dict[str, Any]) -> None:
    client = enclave.client
    wrong = form(client, "/evaluation/packs", CARD | {"name": "by-page"}, ("a.csv", b"id,user,answer\na,=x,y\n"))
    assert wrong.status_code == 409
    assert "line 2: user" in wrong.text
    assert 'value="by-page"' in wrong.text
    kept = form(client, "/evaluation/packs", CARD | {"name": "by-page"}, ("a.csv", b"id,user,answer\na,x,y\n"))
    assert kept.status_code == 303, kept.text
    assert "Supply questions" in ask(client, "GET", kept.headers["location"]).text
    fields = {"name": "by-page", "title": "By page", "purpose": "To see that pages work.", "dimension": "safety",
              "packs": ["by-page@1"], "scorer": "choice", "items": "5", "maximum_tokens": "5"}  # fmt: skip
    wrong = form(client, "/evaluation/suites", fields)
    assert wrong.status_code == 409
    assert "item a: choices" in wrong.text
    assert 'value="By page"' in wrong.text
    kept = form(client, "/evaluation/suites", fields | {"scorer": "exact"})
    assert kept.status_code == 303, kept.text
    shown = ask(client, "GET", kept.headers["location"]).text
    assert "safety.by_page_correct" in shown


@pytest.mark.slow
def test_a_suite_of_the_site_is_asked_scored_and_read(enclave: Enclave, suite: dict[str, Any]) -> None:
    client = enclave.client
    started = ask(client, "POST", JOBS, {"model": "smollm2", "suite": "supply-knowledge@1"})
    assert started.status_code == 202, started.text
    job = finished(client, started.json()["id"])
    assert (job["state"], job["answered"], job["items"]) == ("done", job["items"], 12), job
    (row,) = ask(client, "GET", f"{JOBS}/{job['id']}/report").json()["measures"]
    assert (row["measure"], row["n"]) == ("capability.supply_knowledge_correct", 12)
    assert row["majority"] == pytest.approx(1 / 2)
    page = ask(client, "GET", f"/evaluation/jobs/{job['id']}").text
    assert "supply-knowledge by kind of item" in page
    assert ("Is " in page) == (row["interval"]["value"] < 1)
    assert ("not shown to be better" in page) == (row["interval"]["low"] <= 1 / 2)
    results = ask(client, "GET", f"{JOBS}/{job['id']}/results").json()
    assert results["suites"][0]["hold_out"]["published"]
    assert "Is 3" not in json.dumps(results)
