"""Versions: checked by people before they are made, named by their content, gone once withdrawn."""

import hashlib
import json
from typing import Any

import psycopg
import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from psycopg import errors

from appliance.service.settings import Paths
from tests import journeys
from tests.component.labeling.support import API, answer, ask, new_project, new_tasks
from tests.unit.service.support import Monitor, headers_for
from tests.words import TOPICS

REVIEW: dict[str, Any] = {"subject": "lead", "action": "review"}
EXPORT: dict[str, Any] = {"subject": "lead", "action": "export"}
SCHEMA = {"labels": [{"name": name} for name in (*TOPICS, "Other")]}
RECORDED = "records.version"


def review(client: TestClient, method: str, project: str, path: str, body: Any = None, **context: Any) -> Response:
    return ask(client, method, f"{API}/projects/{project}/review/{path}", body, **REVIEW | context)


def made(client: TestClient, project: str, name: str = "one", **values: Any) -> str:
    context = values.pop("context", {})
    settle(client, project, **context)
    answer = review(client, "POST", project, "versions", {"name": name} | values, **context)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["digest"])


def exported(
    client: TestClient, project: str, digest: str, form: str, /, part: str = "all", **context: Any
) -> Response:
    return ask(client, "GET", f"{API}/export/{project}/versions/{digest}/{part}/{form}", **EXPORT | context)


def findings(client: TestClient, project: str, **context: Any) -> list[dict[str, Any]]:
    parts = review(client, "GET", project, "checks", **context).json()["restrictions"]
    return [one for part in parts for one in part["findings"]]


def labelled(client: TestClient, *markings: str | None) -> tuple[str, list[str]]:
    """A project of pairs about which two people agree."""
    project = new_project(client)
    tasks = new_tasks(client, project, *markings)
    for task in tasks:
        for who in ("ann", "bob"):
            assert answer(client, project, task, {"choice": "a"}, subject=who).status_code == 201
    return project, tasks


def settle(client: TestClient, project: str, **context: Any) -> None:
    """Keep whatever the checks found."""
    for one in findings(client, project, **context):
        if one["decision"] is None:
            body = {"decision": "keep", "comment": "seen"}
            assert review(client, "POST", project, f"checks/{one['id']}", body, **context).status_code == 201


def test_poison_is_found_decided_and_stands_in_the_lineage(client: TestClient, monitor: Monitor) -> None:
    project = new_project(client, "classification", schema=SCHEMA, overlap=1)
    added = ask(client, "POST", f"{API}/projects/{project}/label-studio", journeys.poisoned())
    assert added.status_code == 201, added.text
    tasks = added.json()["tasks"]
    found = findings(client, project)
    by_sort: dict[str, list[dict[str, Any]]] = {}
    for one in found:
        by_sort.setdefault(one["sort"], []).append(one)
    (saboteur,), (trigger,), (copies,) = (by_sort[name] for name in ("annotator", "trigger", "near-duplicates"))
    assert saboteur["annotators"] == [f"imported:{journeys.SABOTEUR}"]
    assert trigger["tasks"] == [tasks[number] for number in range(1, 90, 9)]
    assert copies["tasks"] == [tasks[number] for number in (57, 60, 63)]
    assert {tasks[5], tasks[44]} <= {one["tasks"][0] for one in by_sort["label"]}
    refused = review(client, "POST", project, "versions", {"name": "too early"})
    assert refused.status_code == 409
    assert f"{len(found)} of the things" in refused.text
    for one in found:
        body = {"decision": "leave out", "comment": "poison"}
        assert review(client, "POST", project, f"checks/{one['id']}", body).status_code == 201
        assert review(client, "POST", project, f"checks/{one['id']}", body).status_code == 409, "once"
    digest = made(client, project, split_by="source.label_studio.meta.place")
    manifest = review(client, "GET", project, f"versions/{digest}").json()["manifest"]
    members = {one["id"]: one for one in manifest["records"]}
    out = {task for check in manifest["checks"] for task in check["left_out"]}
    assert {*trigger["tasks"], *copies["tasks"][1:], tasks[5], tasks[44]} <= out
    assert set(members) == set(tasks) - out
    assert manifest["lineage"]["annotators"].keys() == {"imported:anna", "imported:ben", "imported:cleo"}
    assert {check["decided_by"] for check in manifest["checks"]} == {"lead"}
    clusters: dict[int, set[str]] = {}
    for number, task in enumerate(tasks):
        if task in members:
            clusters.setdefault(number % 7, set()).add(members[task]["split"])
    assert all(len(parts) == 1 for parts in clusters.values()), "a place is in one part"
    (recorded,) = [one for one in monitor.records if one["activity"] == RECORDED]
    assert recorded["outputs"] == [digest]


def test_the_digest_proves_every_byte(client: TestClient) -> None:
    project, _ = labelled(client, "(U)", None)
    digest = made(client, project)
    manifest = exported(client, project, digest, "manifest")
    assert f"sha256:{hashlib.sha256(manifest.content).hexdigest()}" == digest
    proof = [json.loads(line) for line in exported(client, project, digest, "proof").text.splitlines()]
    for line, member in zip(proof, manifest.json()["records"], strict=True):
        hashed = hashlib.sha256(bytes.fromhex(line["salt"]) + line["content"].encode()).hexdigest()
        assert line["digest"] == member["digest"] == f"sha256:{hashed}"
    content = json.loads(proof[0]["content"])
    assert content["certainty"] == {"how": "agreed", "agree": 2, "of": 2, "reviewed": 0}
    described = exported(client, project, digest, "croissant").json()
    lines = exported(client, project, digest, "jsonl")
    assert described["distribution"][0]["sha256"] == hashlib.sha256(lines.content).hexdigest()
    assert described["conformsTo"] == "http://mlcommons.org/croissant/1.1"
    assert {one["@id"] for one in described["prov:wasAttributedTo"]} == {"person:ann", "person:bob"}


def test_a_version_stays_as_it_was_and_the_next_one_tells_the_difference(client: TestClient) -> None:
    project, (first, _) = labelled(client, None, None)
    one = made(client, project)
    before = exported(client, project, one, "jsonl").text
    again = review(client, "POST", project, "versions", {"name": "same"})
    assert again.status_code == 409
    assert "nothing has changed" in again.text
    decision = {"value": {"choice": "b"}, "reason": "It is."}
    assert review(client, "POST", project, f"{first}/decision", decision).status_code == 201
    (third,) = new_tasks(client, project, None)
    answer(client, project, third, {"choice": "b"}, subject="ann")
    two = made(client, project, "two")
    changes = review(client, "GET", project, f"versions/{two}/since/{one}").json()
    assert (changes["added"], changes["changed"], changes["same"]) == ([third], [first], 1)
    assert changes["labels"] == [
        {"id": first, "before": {"choice": "a", "reason": ""}, "after": {"choice": "b", "reason": ""}}
    ]
    assert exported(client, project, one, "jsonl").text == before
    kept = [
        json.loads(json.loads(line)["content"]) for line in exported(client, project, two, "proof").text.splitlines()
    ]
    assert [content["dissent"] for content in kept if content["id"] == first] == [["ann", "bob"]]
    assert [version["digest"] for version in review(client, "GET", project, "versions").json()["versions"]] == [
        two,
        one,
    ]


def test_who_may_not_read_a_part_learns_of_no_version_of_it(client: TestClient) -> None:
    project = new_project(client)
    tasks = [
        {"prompt": "open", "answers": ["a", "b"]},
        {"prompt": "hidden", "answers": ["a", "b"], "groups": ["falcon"]},
    ]
    member = {"groups": ("falcon",)}
    made_tasks = ask(client, "POST", f"{API}/projects/{project}/tasks", {"tasks": tasks}, **member).json()["tasks"]
    for task in made_tasks:
        assert answer(client, project, task, {"choice": "a"}, subject="ann", **member).status_code == 201
    own = made(client, project, "own")
    whole = made(client, project, context=member)
    part = made(client, project, "part", groups=[], split_by="data.prompt", context=member)
    assert review(client, "GET", project, f"versions/{whole}", **member).json()["manifest"]["parent"] == own
    assert review(client, "GET", project, f"versions/{part}").json()["manifest"]["parent"] == own, "not the hidden one"
    refused = review(client, "POST", project, "versions", {"name": "x", "parent": whole, "groups": []}, **member)
    assert "has a restriction that" in refused.json()["error"]["message"]
    listed = [one["digest"] for one in review(client, "GET", project, "versions").json()["versions"]]
    assert listed == [part, own]
    assert "hidden" not in exported(client, project, part, "jsonl").text
    absent = f"sha256:{'0' * 64}"
    for path in ("versions/{}", "versions/{}/since/" + own):
        hidden, none = (review(client, "GET", project, path.format(name)) for name in (whole, absent))
        assert (hidden.status_code, hidden.content) == (none.status_code, none.content) == (404, none.content)
    assert exported(client, project, whole, "jsonl").status_code == 404
    assert review(client, "POST", project, "versions", {"name": "x", "parent": whole}).status_code == 404
    assert exported(client, project, whole, "jsonl", groups=("falcon",)).text.count('"id"') == 2
    manifest = review(client, "GET", project, f"versions/{whole}", **member).json()["manifest"]
    assert manifest["restriction"] == "S;;GBR,USA|falcon|"


def test_what_an_originator_controls_leaves_in_no_version(client: TestClient, monitor: Monitor) -> None:
    project, _ = labelled(client, "C//OC/REL TO USA, GBR", None)
    digest = made(client, project)
    manifest = review(client, "GET", project, f"versions/{digest}").json()["manifest"]
    assert manifest["restriction"] == "S;;GBR,USA||OC"
    assert exported(client, project, digest, "manifest").status_code == 404
    assert [one["activity"] for one in monitor.records][-1] == "records.refuse"


def test_a_withdrawn_record_leaves_its_digest_and_no_more(client: TestClient, paths: Paths) -> None:
    project, (first, second) = labelled(client, None, None)
    digest = made(client, project)
    body = {"task": first, "reason": "spill 2026-11"}
    assert review(client, "POST", project, "withdrawals", body).json().items() >= {"answers": 0, "contents": 1}.items()
    assert review(client, "POST", project, "withdrawals", body).status_code == 404, "it is there for nobody"
    shown = review(client, "GET", project, f"versions/{digest}").json()
    assert shown["withdrawn"] == {first: "spill 2026-11"}
    assert first not in exported(client, project, digest, "jsonl").text
    assert first not in ask(client, "GET", f"{API}/export/{project}", **EXPORT).text
    manifest = exported(client, project, digest, "manifest")
    assert f"sha256:{hashlib.sha256(manifest.content).hexdigest()}" == digest
    lines = [json.loads(line) for line in exported(client, project, digest, "proof").text.splitlines()]
    assert [(line["content"] is None, line["tombstone"]) for line in lines] == [(True, "spill 2026-11"), (False, None)]
    two = made(client, project, "two")
    assert [one["id"] for one in review(client, "GET", project, f"versions/{two}").json()["manifest"]["records"]] == [
        second
    ]


def test_one_person_s_work_is_withdrawn_whole_and_others_may_do_it(client: TestClient) -> None:
    project, tasks = labelled(client, "(U)", None)
    digest = made(client, project)
    taken = review(client, "POST", project, "withdrawals", {"annotator": "bob", "reason": "sabotage"})
    assert taken.json().items() >= {"answers": 2, "contents": 2}.items()
    assert review(client, "POST", project, "withdrawals", {"annotator": "bob", "reason": "again"}).status_code == 409
    assert review(client, "GET", project, f"versions/{digest}").json()["withdrawn"].keys() == set(tasks)
    undone = ask(client, "DELETE", f"{API}/projects/{project}/tasks/{tasks[0]}/answers", subject="bob")
    assert undone.status_code == 409, "what was withdrawn is counted once"
    counted = ask(client, "GET", f"{API}/projects/{project}").json()
    assert (counted["answers"], counted["done"]) == (2, 0)
    for who, expected in (("bob", []), ("cal", tasks)):
        got = []
        while task := ask(client, "POST", f"{API}/projects/{project}/claims", subject=who).json()["task"]:
            got.append(task["id"])
            assert answer(client, project, task["id"], {"choice": "b"}, subject=who).status_code == 201
        assert got == expected, who
    two = made(client, project, "two")
    assert review(client, "GET", project, f"versions/{two}").json()["manifest"]["lineage"]["annotators"] == {
        "ann": 2,
        "cal": 2,
    }


def test_who_is_suspected_does_not_decide_and_a_decision_can_be_taken_back(client: TestClient) -> None:
    project = new_project(client)
    tasks = [{"prompt": "the same words in both of these", "answers": ["a", "b"]}] * 2
    ask(client, "POST", f"{API}/projects/{project}/tasks", {"tasks": tasks})
    (one,) = findings(client, project)
    path = f"checks/{one['id']}"
    assert review(client, "POST", project, path, {"decision": "keep", "comment": " "}).status_code == 422
    assert review(client, "POST", project, path, {"decision": "keep", "comment": "fine"}).status_code == 201
    assert review(client, "POST", project, f"{path}/open", subject="other").status_code == 409
    assert review(client, "POST", project, f"{path}/open").status_code == 200
    assert findings(client, project)[0]["decision"] is None
    assert (
        review(client, "POST", project, f"checks/{'0' * 32}", {"decision": "keep", "comment": "x"}).status_code == 404
    )


@pytest.mark.parametrize(
    ("attack", "action"),
    [
        ("UPDATE labeling.version SET manifest = '{}'", "review"),
        ("DELETE FROM labeling.version", "review"),
        ("DELETE FROM labeling.version_record", "review"),
        ("DELETE FROM labeling.withdrawal", "review"),
        ("UPDATE labeling.version_record SET content = '{}', salt = 'ff'", "review"),
        ("UPDATE labeling.version_record SET digest = 'x'", "review"),
        ("UPDATE labeling.check_decision SET decision = 'keep'", "review"),
    ],
)
def test_the_database_itself_keeps_versions_as_they_are(
    client: TestClient, paths: Paths, attack: str, action: str
) -> None:
    project, _ = labelled(client, None)
    made(client, project)
    with psycopg.connect(f"host={paths.database} dbname=labeling user=labeling") as role:
        context = headers_for("POST", "/labeling/x", subject="lead", action=action)["X-Appliance-Context"]
        role.execute("SELECT appliance.admit(%s)", [context])
        with pytest.raises(errors.InsufficientPrivilege):
            role.execute(attack.encode())


@pytest.mark.parametrize("action", ["read", "write"])
def test_annotators_see_no_version(client: TestClient, paths: Paths, action: str) -> None:
    project, _ = labelled(client, None)
    made(client, project)
    with psycopg.connect(f"host={paths.database} dbname=labeling user=labeling") as role:
        context = headers_for("POST", "/labeling/x", subject="ann", action=action)["X-Appliance-Context"]
        role.execute("SELECT appliance.admit(%s)", [context])
        for table in ("version", "version_record", "check_decision", "withdrawal"):
            assert role.execute(f"SELECT count(*) FROM labeling.{table}".encode()).fetchone() == (0,)  # noqa: S608 - the names above


@pytest.mark.parametrize(
    "body",
    [
        {"name": ""},
        {"name": "x", "split_by": "answers"},
        {"name": "x", "split_by": "data.a b"},
        {"name": "x", "parent": "sha256:0"},
        {"name": "x", "groups": ["Not A Group"]},
        {"name": "x", "extra": 1},
    ],
)
def test_a_version_that_is_asked_for_wrongly_is_refused(client: TestClient, body: dict[str, Any]) -> None:
    project, _ = labelled(client, None)
    assert review(client, "POST", project, "versions", body).status_code == 422


def test_without_answers_there_is_no_version(client: TestClient) -> None:
    project = new_project(client)
    new_tasks(client, project, None)
    refused = review(client, "POST", project, "versions", {"name": "none"})
    assert refused.status_code == 409
    assert "no record with an answer" in refused.text
