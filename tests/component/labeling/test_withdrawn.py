"""A withdrawn record is there for nobody: neither to claim, answer, review and read, nor above or in a file."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from fastapi.testclient import TestClient
from httpx2 import Response

from appliance.service.settings import Paths
from images.labeling.app.migrate import MIGRATIONS
from tests.catalogue import CATALOGUE
from tests.component.labeling.support import API, answer, ask, new_project, new_tasks
from tests.component.service.database.cluster import cluster_of
from tests.component.service.database.support import migrated
from tests.unit.service.support import Monitor, headers_for

REVIEW: dict[str, Any] = {"subject": "lead", "action": "review"}
EXPORT: dict[str, Any] = {"subject": "lead", "action": "export"}


def withdraw(client: TestClient, project: str, task: str) -> None:
    body = {"task": task, "reason": "spill"}
    answer = ask(client, "POST", f"{API}/projects/{project}/review/withdrawals", body, **REVIEW)
    assert answer.status_code == 201, answer.text


def form(client: TestClient, url: str, data: dict[str, str], **context: Any) -> Response:
    return client.post(url, data=data, headers=headers_for("POST", url, **context), follow_redirects=False)


# Everything that names a task, by an annotator who holds it or by a reviewer.
WAYS: dict[str, Callable[[TestClient, str, str], Response]] = {
    "read": lambda c, p, t: ask(c, "GET", f"{API}/projects/{p}/tasks/{t}", subject="eve"),
    "claim": lambda c, p, t: ask(c, "POST", f"{API}/projects/{p}/tasks/{t}/claims", subject="eve"),
    "answer": lambda c, p, t: answer(c, p, t, {"choice": "a"}, subject="eve"),
    "undo": lambda c, p, t: ask(c, "DELETE", f"{API}/projects/{p}/tasks/{t}/answers", subject="ann"),
    "draft": lambda c, p, t: ask(c, "PUT", f"{API}/projects/{p}/tasks/{t}/draft", {"value": {}}, subject="eve"),
    "skip": lambda c, p, t: ask(c, "POST", f"{API}/projects/{p}/tasks/{t}/skip", {"reason": ""}, subject="eve"),
    "flag": lambda c, p, t: ask(c, "POST", f"{API}/projects/{p}/tasks/{t}/flags", {"about": "broken"}, subject="eve"),
    "page after": lambda c, p, t: ask(c, "GET", f"{API}/projects/{p}/tasks/after/{t}", subject="eve"),
    "show page": lambda c, p, t: ask(c, "GET", f"/labeling/projects/{p}/annotate/{t}", subject="eve"),
    "open by page": lambda c, p, t: form(c, f"/labeling/projects/{p}/open/{t}", {}, subject="eve"),
    "answer by page": lambda c, p, t: form(c, f"/labeling/projects/{p}/annotate/{t}", {"choice": "a"}, subject="eve"),
    "judge": lambda c, p, t: ask(
        c, "POST", f"{API}/projects/{p}/review/{t}/reviews", {"annotator": "ann", "verdict": "accept"}, **REVIEW
    ),
    "decide": lambda c, p, t: ask(
        c, "POST", f"{API}/projects/{p}/review/{t}/decision", {"value": {"choice": "b"}, "reason": "so"}, **REVIEW
    ),
    "review page": lambda c, p, t: ask(c, "GET", f"/labeling/projects/{p}/review/{t}", **REVIEW),
    "withdraw": lambda c, p, t: ask(
        c, "POST", f"{API}/projects/{p}/review/withdrawals", {"task": t, "reason": "again"}, **REVIEW
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_no_way_leads_to_a_withdrawn_record(client: TestClient, way: str) -> None:
    project = new_project(client)
    (task,) = new_tasks(client, project, None)
    assert answer(client, project, task, {"choice": "a"}, subject="ann").status_code == 201
    held = ask(client, "POST", f"{API}/projects/{project}/claims", subject="eve").json()["task"]
    assert held["id"] == task
    withdraw(client, project, task)
    refused = WAYS[way](client, project, task)
    assert refused.status_code == 404, (way, refused.text)
    counted = ask(client, "GET", f"{API}/projects/{project}", subject="eve").json()
    assert (counted["tasks"], counted["answers"], counted["done"]) == (0, 0, 0)


def test_lists_queues_and_files_are_without_it(client: TestClient) -> None:
    project = new_project(client)
    gone, stays = new_tasks(client, project, None, None)
    for task in (gone, stays):
        assert answer(client, project, task, {"choice": "a"}, subject="ann").status_code == 201
    withdraw(client, project, gone)
    for path, context in (
        (f"{API}/projects/{project}/tasks", {"subject": "eve"}),
        (f"{API}/projects/{project}/review", REVIEW),
        (f"{API}/projects/{project}/review/quality", REVIEW),
        (f"{API}/projects/{project}/review/checks", REVIEW),
        (f"{API}/export/{project}", EXPORT),
        (f"{API}/export/{project}/label-studio", EXPORT),
        (f"{API}/export/{project}/preference", EXPORT),
        (f"/labeling/projects/{project}", {"subject": "eve"}),
        (f"/labeling/projects/{project}/review", REVIEW),
    ):
        shown = ask(client, "GET", path, **context)
        assert shown.status_code == 200, path
        assert gone not in shown.text, path
        assert "Question 0?" not in shown.text, path
    claimed = [ask(client, "POST", f"{API}/projects/{project}/claims", subject="eve").json()["task"] for _ in range(2)]
    assert [task["id"] for task in claimed] == [stays, stays], "the one that is left, and held"


def test_what_was_returned_is_not_offered_again(client: TestClient) -> None:
    project = new_project(client, overlap=1)
    (task,) = new_tasks(client, project, None)
    assert ask(client, "POST", f"{API}/projects/{project}/claims", subject="ann").json()["task"]["id"] == task
    left = ask(client, "POST", f"{API}/projects/{project}/tasks/{task}/skip", {"reason": ""}, subject="ann")
    assert left.status_code == 200
    withdraw(client, project, task)
    assert ask(client, "POST", f"{API}/projects/{project}/claims", subject="eve").json()["task"] is None


def test_a_person_s_work_is_counted_once_though_a_record_of_it_is_gone(client: TestClient) -> None:
    project = new_project(client, overlap=1)
    gone, stays = new_tasks(client, project, None, None)
    for task in (gone, stays):
        assert answer(client, project, task, {"choice": "a"}, subject="ann").status_code == 201
    withdraw(client, project, gone)
    body = {"annotator": "ann", "reason": "sabotage"}
    assert ask(client, "POST", f"{API}/projects/{project}/review/withdrawals", body, **REVIEW).status_code == 201
    counted = ask(client, "GET", f"{API}/projects/{project}").json()
    assert (counted["tasks"], counted["answers"], counted["done"]) == (1, 0, 0)
    assert ask(client, "POST", f"{API}/projects/{project}/claims", subject="eve").json()["task"]["id"] == stays


def test_nothing_of_it_stays_published_for_sessions_above(client: TestClient, monitor: Monitor) -> None:
    """Pages that began behind a record begin elsewhere without it; the earlier ones must not keep what goes later."""
    project = new_project(client)
    tasks = new_tasks(client, project, *[None] * 103)
    for number in (3, 60, 101, 50):
        withdraw(client, project, tasks[number])
        kept = "".join(text for path, text in monitor.published.items() if f"/{project}" in path)
        assert tasks[number] not in kept
        assert f"Question {number}?" not in kept
    assert f"Question {102}?" in kept


def test_the_role_of_the_service_brings_nothing_back(client: TestClient, paths: Paths) -> None:
    project = new_project(client)
    (task,) = new_tasks(client, project, None)
    withdraw(client, project, task)
    with psycopg.connect(f"host={paths.database} dbname=labeling user=labeling") as role:
        context = headers_for("POST", "/labeling/x", subject="lead", action="review")["X-Appliance-Context"]
        role.execute("SELECT appliance.admit(%s)", [context])
        assert role.execute("UPDATE labeling.task SET withdrawn = false").rowcount == 0
        assert role.execute("SELECT count(*) FROM labeling.task").fetchone() == (0,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            role.execute("SELECT labeling.withdraw()")


def test_what_was_withdrawn_before_the_policy_is_hidden_by_it_too(tmp_path: Path) -> None:
    earlier = shutil.copytree(MIGRATIONS.folder, tmp_path / "migrations")
    for path in earlier.glob("000[78]_*.sql"):
        path.unlink()
    with cluster_of(CATALOGUE["labeling"]) as cluster:
        migrated(cluster, replace(MIGRATIONS, folder=earlier))
        with cluster.connect("labeling", "postgres") as owner:
            owner.execute("SET session_replication_role = replica")  # no foreign keys, no triggers
            owner.execute(
                "INSERT INTO labeling.counter (project_id, label_id, restriction_id, tasks, done, answers, last)"
                " VALUES (gen_random_uuid(), 1, 1, 3, 2, 5, 3)"
            )
            owner.execute(
                "INSERT INTO labeling.task (project_id, label_id, restriction_id, position, data, wanted, answered,"
                " created_by) SELECT project_id, 1, 1, place, '{}', 2, answered, 'lead' FROM labeling.counter,"
                " unnest('{1,2,3}'::integer[], '{2,2,1}'::integer[]) AS given (place, answered)"
            )
            owner.execute(
                "INSERT INTO labeling.withdrawal (project_id, label_id, restriction_id, task, reason, withdrawn_by)"
                " SELECT project_id, 1, 1, id, 'spill', 'lead' FROM labeling.task WHERE position IN (1, 3)"
            )
            assert [name.split("_")[0] for name in migrated(cluster, MIGRATIONS)] == ["labeling/0007", "labeling/0008"]
            gone = owner.execute("SELECT position FROM labeling.task WHERE withdrawn ORDER BY position").fetchall()
            assert gone == [(1,), (3,)]
            counted = owner.execute("SELECT tasks, done, answers FROM labeling.counter").fetchall()
            assert counted == [(1, 1, 2)]
