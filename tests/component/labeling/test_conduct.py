"""How a project is conducted: pause, deadline, team, guidelines that are acknowledged, comments that keep apart."""

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from fastapi.testclient import TestClient
from playwright.sync_api import Browser, expect

from appliance.service.settings import Paths
from images.labeling.app.main import build
from tests.component.labeling.support import API, answer, ask, new_project, new_tasks
from tests.component.labeling.test_objects import FALCON
from tests.component.service.browser import chromium, complaints, fits, served
from tests.unit.service.support import settings_for

__all__ = ["chromium"]
REVIEW: dict[str, Any] = {"action": "review", "subject": "lead"}


def settings(client: TestClient, project: str, number: int = 0, /, **values: Any) -> int:
    """Change the settings of a project as its lead; the status of the answer."""
    body = {"number": number, "guidelines": "Mark every vessel."} | values
    return int(ask(client, "POST", f"{API}/projects/{project}/review/settings", body, **REVIEW).status_code)


def claim(client: TestClient, project: str, subject: str = "ann") -> str:
    """What a claim is answered: the task, ``none``, or why not."""
    found = ask(client, "POST", f"{API}/projects/{project}/claims", subject=subject)
    if found.status_code == 409:
        return str(found.json()["error"]["message"])
    return str(found.json()["task"]["id"]) if found.json()["task"] else "none"


def test_nobody_is_given_a_task_while_the_project_is_paused_and_what_is_held_may_be_finished(
    client: TestClient,
) -> None:
    project = new_project(client)
    first, second = new_tasks(client, project, None, None)
    assert claim(client, project) == first
    assert settings(client, project, guidelines="", paused=True) == 201
    assert claim(client, project) == claim(client, project, "bob") == "the project is paused"
    opened = ask(client, "POST", f"{API}/projects/{project}/tasks/{second}/claims", subject="bob")
    assert (opened.status_code, opened.json()["error"]["message"]) == (409, "the project is paused")
    assert answer(client, project, first, {"choice": "a"}, subject="ann").status_code == 201
    assert settings(client, project, 1, guidelines="") == 201
    assert claim(client, project) == second


def test_after_the_deadline_and_outside_the_team_nobody_is_given_a_task(client: TestClient) -> None:
    project = new_project(client)
    (task,) = new_tasks(client, project, None)
    now = datetime.now(UTC)
    assert settings(client, project, guidelines="", deadline=(now - timedelta(minutes=1)).isoformat()) == 201
    assert claim(client, project).startswith("the deadline of the project was")
    later = (now + timedelta(days=1)).isoformat()
    assert settings(client, project, 1, guidelines="", deadline=later, team=["bob"]) == 201
    assert claim(client, project) == "you are not in the team of this project"
    assert claim(client, project, "bob") == task
    assert settings(client, project, 2, guidelines="", deadline="2026-11-28T10:00") == 422, "a time without a zone"


def test_changed_guidelines_are_read_before_anybody_goes_on(client: TestClient) -> None:
    project = new_project(client, guidelines="Mark every vessel.\nLeave wakes out.")
    (task,) = new_tasks(client, project, None)
    assert settings(client, project, guidelines="Mark every vessel.\nMark wakes too.") == 201
    assert claim(client, project) == "the guidelines changed, and you have not acknowledged them"
    page = ask(client, "GET", f"/labeling/projects/{project}/annotate", subject="ann").text
    assert "gone: </span>Leave wakes out.</del>" in page
    assert "new: </span>Mark wakes too.</ins>" in page
    path = f"{API}/projects/{project}/acknowledgements"
    assert ask(client, "POST", path, {"number": 2}, subject="ann").status_code == 409
    assert ask(client, "POST", path, {"number": 1}, subject="ann").status_code == 201
    assert claim(client, project) == task
    assert claim(client, project, "bob") == "the guidelines changed, and you have not acknowledged them"
    assert settings(client, project, 1, guidelines="Mark every vessel.\nMark wakes too.", paused=False) == 201
    assert claim(client, project) == task, "what did not change is not acknowledged twice"
    assert settings(client, project, 0) == 409, "somebody else was faster"


def test_who_annotates_changes_no_settings_whatever_their_service_would(client: TestClient, paths: Paths) -> None:
    project = new_project(client)
    body = {"number": 0, "guidelines": "x"}
    refused = ask(client, "POST", f"{API}/projects/{project}/review/settings", body, action="write")
    assert refused.status_code == 500, "the database has the last word"
    with psycopg.connect(f"host={paths.database} dbname=labeling user=postgres") as owner:
        assert owner.execute("SELECT count(*) FROM labeling.setting").fetchone() == (0,)
    assert ask(client, "GET", f"{API}/projects/{project}").json()["guidelines"] == ""


def test_annotators_stay_blind_to_each_other_s_comments_and_reviewers_read_all(client: TestClient) -> None:
    project = new_project(client)
    (task,) = new_tasks(client, project, None)
    path = f"{API}/projects/{project}/tasks/{task}/comments"
    assert ask(client, "POST", path, {"text": "canary of ann"}, subject="ann").status_code == 201
    assert ask(client, "POST", path, {"text": "hm", "annotator": "ann"}, subject="bob").status_code == 404
    assert ask(client, "GET", path, subject="bob").json()["comments"] == []
    reviews = f"{API}/projects/{project}/review/{task}/comments"
    reply = {"text": "Look at the wake.", "annotator": "ann"}
    assert ask(client, "POST", reviews, reply, **REVIEW).status_code == 201
    found = ask(client, "GET", path, subject="ann").json()["comments"]
    assert [(one["author"], one["text"]) for one in found] == [("ann", "canary of ann"), ("lead", "Look at the wake.")]
    assert len(ask(client, "GET", reviews, **REVIEW).json()["comments"]) == 2
    assert "canary of ann" not in ask(client, "GET", path, subject="bob").text
    assert "canary" not in ask(client, "GET", f"/labeling/projects/{project}/annotate/{task}", subject="bob").text


def test_settings_and_comments_of_a_group_are_absent_for_others(client: TestClient) -> None:
    project = new_project(client, groups=["falcon"])
    (task,) = new_tasks(client, project, None, **FALCON)
    settings_of = "review/settings"
    absent = "/".join([API, "projects", task])
    for path, body, action in (
        (settings_of, None, "review"),
        (settings_of, {"number": 0, "guidelines": "x"}, "review"),
        (f"tasks/{task}/comments", None, "read"),
        (f"tasks/{task}/comments", {"text": "x"}, "write"),
        ("acknowledgements", {"number": 1}, "write"),
    ):
        method = "GET" if body is None else "POST"
        urls = (f"{API}/projects/{project}/{path}", f"{absent}/{path}")
        answers = [ask(client, method, url, body, action=action) for url in urls]
        assert [one.status_code for one in answers] == [404, 404], path
        assert answers[0].content == answers[1].content


@pytest.mark.slow
def test_a_lead_changes_the_guidelines_and_an_annotator_confirms_them(
    chromium: Browser, client: TestClient, paths: Paths
) -> None:
    project = new_project(client, guidelines="Choose the answer that helps more.")
    (task,) = new_tasks(client, project, None)
    app = build(settings_for("labeling"), paths)
    for_lead = served(app, subject="lead", action="review")
    with for_lead as lead_url:
        page = chromium.new_page()
        wrong = complaints(page)
        page.goto(f"{lead_url}/labeling/projects/{project}/review/settings")
        page.get_by_label("Guidelines for annotators").fill("Choose the answer that is true.")
        page.get_by_label("Deadline, in UTC").fill("2099-01-01T12:00")
        page.get_by_role("button", name="Save the settings").click()
        expect(page.get_by_role("region", name="Changes")).to_contain_text("2099-01-01 12:00")
        for width in (1280, 390, 320):
            page.set_viewport_size({"width": width, "height": 900})
            assert fits(page), width
        page.close()
    with served(build(settings_for("labeling"), paths), subject="ann", action="write") as url:
        page = chromium.new_page()
        wrong += complaints(page)
        page.goto(f"{url}/labeling/projects/{project}/annotate")
        expect(page.locator(".difference ins")).to_contain_text("Choose the answer that is true.")
        expect(page.get_by_role("button", name="Next task")).to_have_count(0)
        page.get_by_role("button", name="I have read them").click()
        page.get_by_role("button", name="Next task").click()
        page.wait_for_url(f"**/annotate/{task}")
        page.get_by_text("Comments").click()
        page.get_by_label("To the reviewers of this task").fill("Both are wrong.")
        page.get_by_role("button", name="Send").click()
        expect(page.locator(".comments")).to_contain_text("Both are wrong.")
        page.close()
    assert wrong == []
