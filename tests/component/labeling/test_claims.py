"""Claims: no task twice to anybody, never more annotators than wanted, nothing left behind."""

import threading
from collections import Counter

import psycopg
import pytest
from fastapi.testclient import TestClient

from appliance.service.settings import Paths
from tests.component.labeling.support import API, answer, ask, new_project, new_tasks
from tests.unit.service.support import Monitor


def claim(client: TestClient, project: str, annotator: str) -> str | None:
    found = ask(client, "POST", f"{API}/projects/{project}/claims", subject=annotator)
    assert found.status_code == 201, found.text
    task = found.json()["task"]
    return task["id"] if task else None


def test_a_claim_is_kept_until_it_is_answered(client: TestClient) -> None:
    project = new_project(client)
    first, second = new_tasks(client, project, None, None)
    assert [claim(client, project, "ann") for _ in range(3)] == [first] * 3
    assert answer(client, project, first, {"choice": "a"}, subject="ann").status_code == 201
    assert claim(client, project, "ann") == second


def test_overlap_is_what_was_wanted_and_no_more(client: TestClient) -> None:
    project = new_project(client, overlap=2)
    (task,) = new_tasks(client, project, None)
    assert claim(client, project, "ann") == claim(client, project, "bob") == task
    assert claim(client, project, "cal") is None
    refused = answer(client, project, task, {"choice": "a"}, subject="cal")
    assert refused.status_code == 409
    for annotator in ("ann", "bob"):
        assert answer(client, project, task, {"choice": "a"}, subject=annotator).status_code == 201
    shown = ask(client, "GET", f"{API}/projects/{project}").json()
    assert (shown["tasks"], shown["done"], shown["answers"]) == (1, 1, 2)


def test_what_is_skipped_goes_to_others_and_not_back(client: TestClient) -> None:
    project = new_project(client, overlap=1)
    first, second = new_tasks(client, project, None, None)
    assert claim(client, project, "ann") == first
    assert claim(client, project, "bob") == second
    skipped = ask(client, "POST", f"{API}/projects/{project}/tasks/{first}/skip", {"reason": "unclear"}, subject="ann")
    assert skipped.status_code == 200
    assert claim(client, project, "ann") is None
    assert answer(client, project, second, {"choice": "a"}, subject="bob").status_code == 201
    assert claim(client, project, "bob") == first


def test_a_lease_that_ran_out_frees_the_task_for_all(client: TestClient, paths: Paths) -> None:
    project = new_project(client, overlap=1)
    (task,) = new_tasks(client, project, None)
    assert claim(client, project, "ann") == task
    assert claim(client, project, "bob") is None
    with psycopg.connect(f"host={paths.database} dbname=labeling user=postgres", autocommit=True) as owner:
        owner.execute("UPDATE labeling.claim SET expires = now() - interval '1 second'")
    assert claim(client, project, "bob") == task
    late = answer(client, project, task, {"choice": "a"}, subject="ann")
    assert late.status_code == 409
    assert "lease" in late.json()["error"]["message"]
    with psycopg.connect(f"host={paths.database} dbname=labeling user=postgres", autocommit=True) as owner:
        owner.execute("UPDATE labeling.claim SET expires = now() - interval '1 second'")
    assert claim(client, project, "ann") == task, "whose lease ran out may have it again"


def test_undo_brings_the_answer_back_as_a_draft(client: TestClient) -> None:
    project = new_project(client)
    (task,) = new_tasks(client, project, None)
    url = f"{API}/projects/{project}/tasks/{task}"
    draft = ask(client, "PUT", f"{url}/draft", {"value": {"choice": "nonsense so far"}}, subject="ann")
    assert draft.status_code == 200
    claimed = ask(client, "POST", f"{url}/claims", subject="ann").json()
    assert claimed["own"]["draft"] == {"choice": "nonsense so far"}
    assert ask(client, "GET", url, subject="bob").json()["own"]["draft"] is None
    assert answer(client, project, task, {"choice": "b"}, subject="ann").status_code == 201
    undone = ask(client, "DELETE", f"{url}/answers", subject="ann").json()["own"]
    assert (undone["state"], undone["value"], undone["draft"]["choice"]) == ("open", None, "b")
    assert ask(client, "DELETE", f"{url}/answers", subject="ann").status_code == 409
    shown = ask(client, "GET", f"{API}/projects/{project}", subject="ann").json()
    assert (shown["answers"], shown["answered"]) == (0, 0)


def test_a_wrong_marking_is_told_to_the_log(client: TestClient, monitor: Monitor) -> None:
    project = new_project(client)
    (task,) = new_tasks(client, project, None)
    url = f"{API}/projects/{project}/tasks/{task}/flags"
    assert ask(client, "POST", url, {"about": "unclear", "comment": "?"}).status_code == 201
    assert monitor.records[-1]["activity"] == "records.create"
    assert ask(client, "POST", url, {"about": "marking", "comment": "is lower"}).status_code == 201
    assert (monitor.records[-1]["activity"], monitor.records[-1]["detail"]["task"]) == ("task.flag", task)
    monitor.refuse = True
    other = f"{API}/projects/{project}/tasks/{task}/flags"
    assert ask(client, "POST", other, {"about": "marking", "comment": ""}, subject="bob").status_code == 503
    flags = ask(client, "GET", f"{API}/projects/{project}/review/flags", action="review").json()["flags"]
    assert {(flag["annotator"], flag["about"]) for flag in flags} == {("analyst", "unclear"), ("analyst", "marking")}


@pytest.mark.slow
def test_eight_annotators_at_once_leave_nothing_and_take_nothing_twice(client: TestClient) -> None:
    project = new_project(client, overlap=3)
    tasks = new_tasks(client, project, *[None, "(U)"] * 10)
    taken: list[tuple[str, str]] = []
    wrong: list[str] = []

    def work(annotator: str) -> None:
        while (task := claim(client, project, annotator)) is not None:
            taken.append((annotator, task))
            given = answer(client, project, task, {"choice": "a"}, subject=annotator)
            if given.status_code != 201:
                wrong.append(given.text)

    threads = [threading.Thread(target=work, args=(f"annotator-{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    # A task that somebody takes at that moment is passed over: who found nothing then looks again.
    for number in range(8):
        work(f"annotator-{number}")
    assert wrong == []
    assert len(taken) == len(set(taken))
    assert Counter(task for _, task in taken) == dict.fromkeys(tasks, 3)
    shown = ask(client, "GET", f"{API}/projects/{project}").json()
    assert (shown["done"], shown["answers"]) == (20, 60)
