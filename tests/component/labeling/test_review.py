"""Review and decisions: by others than the authors, with reasons; the database refuses the rest by itself."""

import psycopg
import pytest
from fastapi.testclient import TestClient
from psycopg import errors

from appliance.service.settings import Paths
from tests.component.labeling.support import API, answer, ask, new_project, new_tasks, worked
from tests.kinds import KINDS
from tests.unit.service.support import headers_for

REVIEW = {"action": "review"}


def judged(client: TestClient, project: str, task: str, by: str, **body: object) -> int:
    url = f"{API}/projects/{project}/review/{task}/reviews"
    return ask(client, "POST", url, body, subject=by, **REVIEW).status_code


def test_an_answer_is_judged_once_by_each_reviewer_and_never_by_its_author(client: TestClient) -> None:
    project, task = worked(client, "spans")
    corrected = KINDS["spans"]["answers"][1]
    assert judged(client, project, task, "cal", annotator="ann", verdict="accept") == 201
    assert judged(client, project, task, "cal", annotator="ann", verdict="accept") == 409
    assert judged(client, project, task, "ann", annotator="ann", verdict="accept") == 409
    assert judged(client, project, task, "cal", annotator="bob", verdict="reject") == 409, "no reason"
    assert judged(client, project, task, "cal", annotator="bob", verdict="correct", reason="r") == 409, "no value"
    assert (
        judged(client, project, task, "dee", annotator="ann", verdict="correct", value={"spans": 1}, reason="r") == 409
    )
    assert judged(client, project, task, "dee", annotator="ann", verdict="correct", value=corrected, reason="r") == 201
    assert judged(client, project, task, "cal", annotator="nobody", verdict="accept") == 404
    undone = ask(client, "DELETE", f"{API}/projects/{project}/tasks/{task}/answers", subject="ann")
    assert undone.status_code == 409, "reviewed"


def test_a_task_is_decided_once_by_who_answered_none_of_it(client: TestClient) -> None:
    project, task = worked(client, "classification")
    url = f"{API}/projects/{project}/review/{task}/decision"
    body = {"value": {"labels": ["Weather"]}, "reason": "It rains."}
    assert ask(client, "POST", url, body, subject="ann", **REVIEW).status_code == 409
    assert ask(client, "POST", url, body | {"reason": " "}, subject="cal", **REVIEW).status_code == 422
    assert ask(client, "POST", url, body | {"value": {"labels": ["x"]}}, subject="cal", **REVIEW).status_code == 409
    assert ask(client, "POST", url, body, subject="cal", **REVIEW).status_code == 201
    assert ask(client, "POST", url, body, subject="dee", **REVIEW).status_code == 409
    exported = ask(client, "GET", f"{API}/export/{project}", action="export").json()
    assert exported["settled"] == {"labels": ["Weather"]}
    assert exported["adjudication"]["adjudicator"] == "cal"
    assert {one["annotator"] for one in exported["annotations"]} == {"ann", "bob"}, "dissent is kept"


def test_quality_is_of_each_restriction_by_itself(client: TestClient) -> None:
    project = new_project(client)
    tasks = new_tasks(client, project, *["(U)"] * 12, *[None] * 12)
    for number, task in enumerate(tasks):
        mine = "a" if number % 2 else "b"
        theirs = mine if number < 12 else "tie"  # they agree below and never above
        answer(client, project, task, {"choice": mine}, subject="ann")
        answer(client, project, task, {"choice": theirs}, subject="bob")
    url = f"{API}/projects/{project}/review/quality"
    above, below = ask(client, "GET", url, **REVIEW).json()["restrictions"]
    assert (below["marking"], below["alphas"][0]["value"]) == ("U", 1)
    assert above["alphas"][0]["value"] < 0


def test_quality_below_says_nothing_of_what_is_above(client: TestClient) -> None:
    project = new_project(client, marking="U")
    url = f"{API}/projects/{project}/review/quality"
    low = new_tasks(client, project, "(U)", "(U)", "(U)")
    for task in low:
        for annotator in ("ann", "bob"):
            answer(client, project, task, {"choice": "a" if task == low[0] else "b"}, subject=annotator)
    before = ask(client, "GET", url, level="U", **REVIEW).content
    for task in new_tasks(client, project, None, None, None):
        answer(client, project, task, {"choice": "a"}, subject="ann")
        answer(client, project, task, {"choice": "tie"}, subject="bob")
    assert ask(client, "GET", url, level="U", **REVIEW).content == before


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_reviewed_measured_and_exported(client: TestClient, kind: str) -> None:
    project, task = worked(client, kind)
    for url in (f"/labeling/projects/{project}/review/{task}", f"/labeling/projects/{project}/review/quality"):
        assert ask(client, "GET", url, **REVIEW).status_code == 200
    (report,) = ask(client, "GET", f"{API}/projects/{project}/review/quality", **REVIEW).json()["restrictions"]
    assert report["answers"] == 2
    assert report["disputed"] == [task]


def test_hidden_tests_look_like_other_tasks_and_are_counted(client: TestClient) -> None:
    project = new_project(client)
    plain = {"prompt": "p", "answers": ["x", "y"]}
    body = {"tasks": [plain, plain | {"gold": {"choice": "a"}}]}
    tasks = ask(client, "POST", f"{API}/projects/{project}/tasks", body).json()["tasks"]
    shown = ask(client, "GET", f"{API}/projects/{project}/tasks").json()["tasks"]
    assert set(shown[0]) == set(shown[1])
    assert "gold" not in str(shown)
    for task in tasks:
        answer(client, project, task, {"choice": "b"}, subject="ann")
    (report,) = ask(client, "GET", f"{API}/projects/{project}/review/quality", **REVIEW).json()["restrictions"]
    assert report["annotators"][0]["gold"] == {"right": 0, "of": 1}
    wrong = {"tasks": [plain | {"gold": {"choice": "z"}}]}
    assert ask(client, "POST", f"{API}/projects/{project}/tasks", wrong).status_code == 409


@pytest.mark.parametrize(
    ("context", "attack"),
    [
        ({}, "SELECT value FROM labeling.answer WHERE annotator <> 'bob'"),
        ({}, "SELECT value FROM labeling.draft WHERE annotator <> 'bob'"),
        ({}, "SELECT value FROM labeling.gold"),
        ({}, "SELECT verdict FROM labeling.review WHERE annotator <> 'bob'"),
        ({}, "UPDATE labeling.answer SET value = '{}' WHERE annotator <> 'bob' RETURNING 1"),
        ({}, "DELETE FROM labeling.answer WHERE annotator <> 'bob' RETURNING 1"),
    ],
)
def test_the_database_itself_keeps_annotators_blind(
    client: TestClient, paths: Paths, context: dict[str, str], attack: str
) -> None:
    project, task = worked(client, "pairwise")
    ask(client, "PUT", f"{API}/projects/{project}/tasks/{task}/draft", {"value": {"x": 1}}, subject="ann")
    assert judged(client, project, task, "cal", annotator="ann", verdict="accept") == 201
    with psycopg.connect(f"host={paths.database} dbname=labeling user=labeling") as role:
        token = headers_for("POST", "/labeling/api/x", subject="bob", **context)["X-Appliance-Context"]
        role.execute("SELECT appliance.admit(%s)", [token])
        assert role.execute(attack.encode()).fetchall() == []


@pytest.mark.parametrize(
    ("context", "attack"),
    [
        (
            {"subject": "bob"},
            (
                "INSERT INTO labeling.review (project_id, label_id, restriction_id, position, annotator, verdict)"
                " SELECT project_id, label_id, restriction_id, position, 'ann', 'accept' FROM labeling.task"
            ),
        ),
        (
            {"subject": "bob", "action": "review"},
            (
                "INSERT INTO labeling.adjudication (project_id, label_id, restriction_id, position, value, reason)"
                " SELECT project_id, label_id, restriction_id, position, '{}', 'mine' FROM labeling.task"
            ),
        ),
        (
            {"subject": "cal"},
            (
                "INSERT INTO labeling.answer (project_id, label_id, restriction_id, position, annotator, value)"
                " SELECT project_id, label_id, restriction_id, position, 'dee', '{}' FROM labeling.task"
            ),
        ),
    ],
)
def test_the_database_itself_refuses_the_wrong_person(
    client: TestClient, paths: Paths, context: dict[str, str], attack: str
) -> None:
    worked(client, "pairwise")
    with psycopg.connect(f"host={paths.database} dbname=labeling user=labeling") as role:
        token = headers_for("POST", "/labeling/api/x", **context)["X-Appliance-Context"]
        role.execute("SELECT appliance.admit(%s)", [token])
        with pytest.raises(errors.InsufficientPrivilege):
            role.execute(attack.encode())
