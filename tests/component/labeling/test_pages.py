"""The pages of labeling: with and without JavaScript, with the keyboard, narrow and wide, in a real browser."""

import re

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from playwright.sync_api import Browser

from appliance.service.settings import Paths
from images.labeling.app.main import build
from tests.component.labeling.support import API, ask, new_project, new_tasks
from tests.component.service.browser import chromium, complaints, fits, served
from tests.unit.service.support import MARKING, headers_for, settings_for

__all__ = ["chromium"]


def test_a_form_without_javascript_leads_to_the_next_task(client: TestClient) -> None:
    project = new_project(client)
    first, second = new_tasks(client, project, None, None)
    base = f"/labeling/projects/{project}/annotate"

    def send(url: str, data: dict[str, str]) -> Response:
        return client.post(url, data=data, headers=headers_for("POST", url), follow_redirects=False)

    begun = send(base, {})
    assert (begun.status_code, begun.headers["Location"]) == (303, f"{base}/{first}")
    assert "Question 0?" in ask(client, "GET", f"{base}/{first}").text
    given = send(f"{base}/{first}", {"choice": "a"})
    assert given.headers["Location"] == f"{base}/{second}/after/{first}"
    refused = send(f"{base}/{second}", {"choice": "c"})
    assert refused.status_code == 409
    assert "value.choice" in refused.text
    assert send(f"{base}/{second}", {"choice": "tie"}).headers["Location"] == f"{base}/done/{second}"
    assert "Nothing is left" in ask(client, "GET", f"{base}/done/{second}").text
    undone = send(f"/labeling/projects/{project}/undo/{second}", {})
    assert undone.headers["Location"] == f"{base}/{second}"
    assert 'value="tie" data-key="0" aria-pressed="true"' in ask(client, "GET", f"{base}/{second}").text


def test_an_answer_is_corrected_from_the_table_until_it_is_reviewed(client: TestClient) -> None:
    project = new_project(client)
    (task,) = new_tasks(client, project, None)
    url = f"{API}/projects/{project}/tasks/{task}/answers"
    assert ask(client, "POST", url, {"value": {"choice": "a"}}).status_code == 201
    page = ask(client, "GET", f"/labeling/projects/{project}").text
    (action,) = re.findall(r'action="([^"]*/undo/[^"]*)"', page)

    def correct() -> Response:
        return client.post(action, headers=headers_for("POST", action), follow_redirects=False)

    assert correct().headers["Location"] == f"/labeling/projects/{project}/annotate/{task}"
    assert ask(client, "POST", url, {"value": {"choice": "b"}}).status_code == 201
    review = f"{API}/projects/{project}/review/{task}/reviews"
    body = {"annotator": "analyst", "verdict": "accept"}
    assert ask(client, "POST", review, body, subject="cal", action="review").status_code == 201
    assert correct().status_code == 409


def test_text_from_people_is_never_markup(client: TestClient) -> None:
    project = new_project(client, name="<script>alert(1)</script>", guidelines='"><img src=x>')
    page = ask(client, "GET", f"/labeling/projects/{project}").text
    assert "<script>alert" not in page
    assert "<img" not in page


def test_each_annotator_sees_the_answers_in_their_own_order(client: TestClient) -> None:
    project = new_project(client, overlap=12)
    (task,) = new_tasks(client, project, None)
    orders = set()
    for number in range(12):
        annotator = f"annotator-{number}"
        ask(client, "POST", f"{API}/projects/{project}/tasks/{task}/claims", subject=annotator)
        page = ask(client, "GET", f"/labeling/projects/{project}/annotate/{task}", subject=annotator).text
        orders.add(tuple(re.findall(r'name="choice" value="([ab])"', page)))
    assert orders == {("a", "b"), ("b", "a")}


@pytest.mark.parametrize("width", [390, 1280])
def test_a_person_labels_with_the_keyboard_between_two_banners(
    client: TestClient, paths: Paths, chromium: Browser, width: int
) -> None:
    project = new_project(client)
    tasks = new_tasks(client, project, None, None, "(U)")
    page = chromium.new_page(viewport={"width": width, "height": 800})
    wrong = complaints(page)
    with served(build(settings_for("labeling"), paths)) as url:
        page.goto(f"{url}/labeling/")
        page.get_by_role("link", name="Helpfulness").click()
        page.get_by_role("button", name="Start labeling").click()
        for key, following in (("1", "1 of 3"), ("2", "2 of 3"), ("0", "3 of 3")):
            banners = page.locator(".banner")
            assert banners.all_inner_texts() == [MARKING, MARKING]
            assert banners.first.evaluate("e => getComputedStyle(e).backgroundColor") == "rgb(200, 16, 46)"
            assert fits(page)
            with page.expect_navigation():
                page.keyboard.press(key)
            assert following in page.inner_text("main")
        assert "Nothing is left" in page.inner_text("main")
    page.close()
    shown = [ask(client, "GET", f"{API}/projects/{project}/tasks/{task}").json()["own"]["value"] for task in tasks]
    chosen = [value["choice"] for value in shown]
    assert {chosen[0], chosen[1]} <= {"a", "b"}
    assert chosen[2] == "tie"
    assert [text for text in wrong if "403" not in text] == []  # the header asks the monitor, which is not here
