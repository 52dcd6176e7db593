"""Labeling through its JSON interface, on a real database."""

import json

import pytest
from fastapi.testclient import TestClient

from appliance.service.settings import Paths
from images.labeling.app.main import service
from tests.component.labeling.support import ABOVE, API, answer, ask, new_project, new_tasks
from tests.unit.service.support import MARKING, Monitor, settings_for


def test_two_annotators_who_do_not_see_each_other_and_an_export_that_sees_both(
    client: TestClient, monitor: Monitor
) -> None:
    project = new_project(client)
    tasks = new_tasks(client, project, *[None] * 20)
    for annotator, choice in (("analyst", "a"), ("other", "b")):
        for task in tasks:
            following = ask(client, "POST", f"{API}/projects/{project}/claims", subject=annotator).json()["task"]
            assert following["id"] == task
            assert answer(client, project, task, {"choice": choice}, subject=annotator).status_code == 201
        shown = ask(client, "GET", f"{API}/projects/{project}/tasks/{tasks[0]}", subject=annotator).json()
        assert shown["own"]["value"]["choice"] == choice
        assert ask(client, "POST", f"{API}/projects/{project}/claims", subject=annotator).json()["task"] is None
    third = ask(client, "GET", f"{API}/projects/{project}/tasks/{tasks[0]}", subject="third").json()
    assert third["own"] == {"state": None, "expires": None, "value": None, "draft": None}

    url = f"{API}/export/{project}"
    export = ask(client, "GET", url, action="export")
    lines = [json.loads(line) for line in export.text.splitlines()]
    assert len(lines) == 20
    assert all(line["marking"] == "S//REL TO USA, GBR" for line in lines)
    assert {given["annotator"] for line in lines for given in line["annotations"]} == {"analyst", "other"}
    assert export.headers["Content-Disposition"].endswith('-S-REL-TO-USA-GBR.jsonl"')
    assert export.headers["X-Classification"] == MARKING
    last = monitor.records[-1]
    assert (last["activity"], last["restriction"]) == ("records.export", "S;;GBR,USA||")
    monitor.refuse = True
    refused = ask(client, "GET", url, action="export")
    assert refused.status_code == 503
    assert "Question" not in refused.text


def test_an_annotator_chooses_once(client: TestClient) -> None:
    project = new_project(client)
    (task,) = new_tasks(client, project, None)
    assert answer(client, project, task, {"choice": "tie"}).status_code == 201
    assert answer(client, project, task, {"choice": "a"}).status_code == 409
    assert ask(client, "GET", f"{API}/projects/{project}/tasks/{task}").json()["own"]["value"]["choice"] == "tie"


def test_finer_portions_are_kept_and_filter_readers(client: TestClient) -> None:
    project = new_project(client, marking="UNCLASSIFIED")
    low, high = new_tasks(client, project, "(U)", "SECRET//REL TO USA, GBR")
    page = f"{API}/projects/{project}/tasks"
    assert [task["marking"] for task in ask(client, "GET", page).json()["tasks"]] == ["U", "S//REL TO USA, GBR"]
    assert [task["id"] for task in ask(client, "GET", page, level="U").json()["tasks"]] == [low]
    assert ask(client, "GET", f"{API}/projects/{project}", level="U").json()["tasks"] == 1
    hidden = ask(client, "GET", f"{page}/{high}", level="U")
    absent = ask(client, "GET", f"{page}/{project}", level="U")
    assert (hidden.status_code, hidden.content, hidden.headers) == (404, absent.content, absent.headers)
    for method, url, body in (
        ("POST", f"{page}/{high}/answers", {"value": {"choice": "a"}}),
        ("POST", f"{page}/{project}/answers", {"value": {"choice": "a"}}),
        ("POST", f"{page}/{high}/claims", None),
        ("GET", f"{page}/after/{high}", None),
    ):
        assert ask(client, method, url, body, level="U").content == absent.content


LOWER = {
    "id": "5b0a4d0e-0d3c-4a59-9a3c-0f6c0a0f9d11",
    "project": "0f6c0a0f-9d11-4a59-9a3c-5b0a4d0e0d3c",
    "marking": "U",
    "data": {"prompt": "From below?", "answers": ["Yes.", "No."]},
    "own": {"value": {"choice": "a"}},
}


def test_an_upgrade_is_a_copy_at_the_enclave_s_marking_with_both_digests(client: TestClient, monitor: Monitor) -> None:
    project = new_project(client)
    url = f"{API}/projects/{project}/upgrades"
    made = ask(client, "POST", url, {"enclave": "unclassified", "task": LOWER})
    assert made.status_code == 201, made.text
    task = ask(client, "GET", f"{API}/projects/{project}/tasks/{made.json()['id']}").json()
    assert (task["marking"], task["data"], task["own"]["value"]) == ("S//REL TO USA, GBR", LOWER["data"], None)
    record = monitor.records[-1]
    assert record["activity"] == "record.upgrade"
    assert record["outputs"] == [made.json()["digest"]]
    assert record["inputs"] != record["outputs"]
    monitor.refuse = True
    assert ask(client, "POST", url, {"enclave": "unclassified", "task": LOWER}).status_code == 503
    assert ask(client, "GET", f"{API}/projects/{project}").json()["tasks"] == 1, "rolled back"


@pytest.mark.parametrize("marking", ["S//REL TO USA, GBR", "TS//NF", "S//NF", "nonsense", ""])
def test_nothing_is_upgraded_from_here_or_above(client: TestClient, marking: str) -> None:
    project = new_project(client)
    body = {"enclave": "other", "task": LOWER | {"marking": marking}}
    assert ask(client, "POST", f"{API}/projects/{project}/upgrades", body).status_code == 409
    assert ask(client, "GET", f"{API}/projects/{project}").json()["tasks"] == 0


def test_without_need_to_know_a_project_does_not_exist(client: TestClient) -> None:
    member = {"groups": ("falcon",)}
    body = {"name": "Falcon", "groups": ["falcon"]}
    assert ask(client, "POST", f"{API}/projects", body).status_code == 409
    project = str(ask(client, "POST", f"{API}/projects", body, **member).json()["id"])
    tasks = {"tasks": [{"prompt": "p", "answers": ["a", "b"]}]}
    (task,) = ask(client, "POST", f"{API}/projects/{project}/tasks", tasks, **member).json()["tasks"]
    assert len(ask(client, "GET", f"{API}/projects", **member).json()["projects"]) == 1
    assert ask(client, "GET", f"{API}/projects", groups=("heron",)).json()["projects"] == []
    absent = ask(client, "GET", f"{API}/projects/00000000-0000-0000-0000-000000000000")
    for method, url, asked in (
        ("GET", f"{API}/projects/{project}", None),
        ("GET", f"{API}/projects/{project}/tasks/{task}", None),
        ("GET", f"{API}/export/{project}", None),
        ("POST", f"{API}/projects/{project}/tasks", tasks),
        ("POST", f"{API}/projects/{project}/tasks/{task}/answers", {"value": {"choice": "a"}}),
    ):
        refused = ask(client, method, url, asked)
        assert (refused.status_code, refused.content) == (404, absent.content)
        assert ask(client, method, url, asked, **member).status_code in (200, 201)


def test_what_an_originator_controls_leaves_only_by_their_decision(client: TestClient, monitor: Monitor) -> None:
    project = new_project(client)
    new_tasks(client, project, None, "(S//OC/REL TO USA, GBR)")
    for url in (f"{API}/export/{project}", f"{API}/export/{project}/label-studio"):
        refused = ask(client, "GET", url, action="export")
        assert refused.status_code == 404
        assert "Question" not in refused.text
        assert monitor.records[-1]["activity"] == "records.refuse"
        assert ask(client, "GET", url, action="export", originator_decision="2026-114").status_code == 200


@pytest.mark.parametrize(
    ("marking", "word"),
    [
        ("TOP SECRET//NOFORN", "not dominated"),
        ("SECRET//NOFORN", "not dominated"),
        ("SECRET STUFF", "marking"),
        ("", "marking"),
    ],
)
def test_a_marking_that_is_invalid_or_above_the_enclave_is_refused(client: TestClient, marking: str, word: str) -> None:
    project = new_project(client)
    tasks = [{"prompt": "p", "answers": ["a", "b"]}, {"prompt": "p", "answers": ["a", "b"], "marking": marking}]
    refused = ask(client, "POST", f"{API}/projects/{project}/tasks", {"tasks": tasks})
    assert refused.status_code == 409
    assert refused.json()["error"]["message"].startswith("tasks.1.marking: ")
    assert word in refused.json()["error"]["message"]
    assert ask(client, "GET", f"{API}/projects/{project}").json()["tasks"] == 0


def test_what_everybody_may_read_is_published_as_soon_as_it_changes(client: TestClient, monitor: Monitor) -> None:
    project = new_project(client, name="Helpfulness")
    tasks = new_tasks(client, project, *[None] * 51)
    tasks += new_tasks(client, project, None)
    published = monitor.published
    listed = json.loads(published[f"{API}/projects"])
    assert [(one["id"], one["tasks"]) for one in listed["projects"]] == [(project, 52)]
    assert listed["classification"]["marking"] == MARKING
    first = json.loads(published[f"{API}/projects/{project}/tasks"])
    second = json.loads(published[f"{API}/projects/{project}/tasks/after/{first['next']}"])
    assert [task["id"] for page in (first, second) for task in page["tasks"]] == tasks
    assert second["next"] is None
    own = ask(client, "GET", f"{API}/projects/{project}/tasks/after/{first['next']}").json()["tasks"]
    assert [task["data"] for task in second["tasks"]] == [task["data"] for task in own]
    assert json.loads(published[f"{API}/projects/{project}"])["tasks"] == 52
    answer(client, project, tasks[0], {"choice": "a"})
    pages = ("/labeling/", f"/labeling/projects/{project}", f"/labeling/projects/{project}/after/{first['next']}")
    for page in (published[name] for name in pages):
        assert MARKING in page
        assert "<script" not in page
        assert "analyst" not in page, "a published page is nobody's"
        assert "by you" not in page
        assert "52 tasks" in page


def test_what_belongs_to_a_group_is_not_published(client: TestClient, monitor: Monitor) -> None:
    member = {"groups": ("falcon",)}
    made = new_project(client, name="FALCON", groups=["falcon"])
    new_tasks(client, made, None, **member)
    assert ask(client, "GET", f"/labeling/projects/{made}", **member).status_code == 200
    assert monitor.published, "the list is"
    assert [path for path, text in monitor.published.items() if made in path or "FALCON" in text] == []
    known = new_project(client)
    body = {"tasks": [{"prompt": "FALCON?", "answers": ["a", "b"], "groups": ["falcon"]}]}
    assert ask(client, "POST", f"{API}/projects/{known}/tasks", body, **member).status_code == 201
    new_tasks(client, known, None)
    assert json.loads(monitor.published[f"{API}/projects/{known}"])["tasks"] == 1
    assert "FALCON" not in "".join(monitor.published.values())


def test_what_an_earlier_process_wrote_is_published_when_somebody_looks(
    client: TestClient, monitor: Monitor, paths: Paths
) -> None:
    project = new_project(client)
    new_tasks(client, project, None)
    monitor.published.clear()
    with TestClient(service.build(settings_for("labeling"), paths)) as later:
        ask(later, "GET", f"/labeling/projects/{project}")
    assert f"{API}/projects/{project}/tasks" in monitor.published
    assert f"{API}/projects" in monitor.published


def test_a_monitor_that_takes_no_page_takes_no_write_back(client: TestClient, monitor: Monitor) -> None:
    monitor.refuse = True
    project = new_project(client)
    assert ask(client, "GET", f"{API}/projects/{project}").status_code == 200


def test_nothing_comes_from_a_higher_level(client: TestClient) -> None:
    project = new_project(client)
    assert ask(client, "GET", f"{API}/projects/{project}", **ABOVE).status_code == 404
    assert ask(client, "POST", f"{API}/projects", {"name": "x"}, **ABOVE).status_code == 404
    assert ask(client, "POST", f"{API}/projects/{project}/claims", **ABOVE).status_code == 404


def test_label_studio_json_comes_in_and_goes_out(client: TestClient) -> None:
    project = new_project(client)
    tasks = [
        {"id": 7, "data": {"prompt": "p", "answer1": "one", "answer2": "two"}, "annotations": [], "meta": {}},
        {"data": {"prompt": "q", "answer1": "one", "answer2": "two", "marking": "(U)"}},
    ]
    added = ask(client, "POST", f"{API}/projects/{project}/label-studio", tasks).json()["tasks"]
    for task, choice in zip(added, ("b", "tie"), strict=True):
        assert answer(client, project, task, {"choice": choice}).status_code == 201
    exported = ask(client, "GET", f"{API}/export/{project}/label-studio", action="export").json()
    assert [task["data"]["marking"] for task in exported] == ["S//REL TO USA, GBR", "U"]
    assert exported[0]["annotations"][0]["result"][0]["value"] == {"selected": "right"}
    refused = ask(client, "POST", f"{API}/projects/{project}/label-studio", [{"data": {}}])
    assert refused.status_code == 409
    assert refused.json()["error"]["message"].startswith("0.data.prompt")


@pytest.mark.parametrize(
    "path", ["/projects/x", "/tasks/1", "/projects/x/tasks/0", "/projects/x/tasks/after/1", "/nothing"]
)
def test_what_is_no_identifier_is_not_found(client: TestClient, path: str) -> None:
    assert ask(client, "GET", API + path).status_code == 404


def test_a_body_over_the_limit_changes_nothing(client: TestClient) -> None:
    project = new_project(client)
    tasks = [{"prompt": "x" * 90_000, "answers": ["a", "b"]}] * 60
    assert ask(client, "POST", f"{API}/projects/{project}/tasks", {"tasks": tasks}).status_code == 413
    assert ask(client, "GET", f"{API}/projects/{project}").json()["tasks"] == 0


def test_tasks_are_added_only_with_a_record_of_which_project_holds_them(client: TestClient, monitor: Monitor) -> None:
    project = new_project(client)
    tasks = new_tasks(client, project, *[None] * 501)
    made = [record["detail"] for record in monitor.records if record["activity"] == "records.create"]
    assert [len(detail["tasks"]) for detail in made] == [500, 1]
    assert [task for detail in made for task in detail["tasks"]] == tasks
    assert {detail["project"] for detail in made} == {project}
    monitor.refuse = True
    body = {"tasks": [{"prompt": "unrecorded", "answers": ["Yes.", "No."]}]}
    assert ask(client, "POST", f"{API}/projects/{project}/tasks", body).status_code == 503
    page = ask(client, "GET", f"{API}/projects/{project}/tasks/after/{tasks[499]}").json()
    assert [task["id"] for task in page["tasks"]] == tasks[500:]
