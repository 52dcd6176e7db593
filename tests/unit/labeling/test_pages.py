"""The pages of labeling: with and without JavaScript, with the keyboard, narrow and wide, in a real browser."""

import re

import pytest
from fastapi.testclient import TestClient
from playwright.sync_api import Browser

from appliance.service.settings import Paths
from images.labeling.app.main import build
from tests.unit.labeling.test_api import API, ask, new_project, new_tasks
from tests.unit.service.browser import chromium, complaints, fits, served
from tests.unit.service.support import MARKING, headers_for, settings_for

__all__ = ["chromium"]


def test_a_form_without_javascript_leads_to_the_next_task(client: TestClient) -> None:
    project = new_project(client)
    first, second = new_tasks(client, project, None, None)
    url = f"/labeling/projects/{project}/annotate/{first}"
    answer = client.post(url, data={"choice": "a"}, headers=headers_for("POST", url), follow_redirects=False)
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/labeling/projects/{project}/annotate")
    assert second in ask(client, "GET", f"/labeling/projects/{project}/annotate").text
    url = f"/labeling/projects/{project}/annotate/{second}"
    headers = headers_for("POST", url) | {"HX-Request": "true"}
    fragment = client.post(url, data={"choice": "tie"}, headers=headers)
    assert "<html" not in fragment.text
    assert "All 2 tasks done" in fragment.text
    refused = client.post(url, data={"choice": "c"}, headers=headers_for("POST", url))
    assert refused.status_code == 422


def test_text_from_people_is_never_markup(client: TestClient) -> None:
    project = new_project(client, name="<script>alert(1)</script>", instruction='"><img src=x>')
    page = ask(client, "GET", f"/labeling/projects/{project}").text
    assert "<script>alert" not in page
    assert "<img" not in page


def test_each_annotator_sees_the_answers_in_their_own_order(client: TestClient) -> None:
    project = new_project(client)
    new_tasks(client, project, *[None] * 12)
    orders = set()
    for number in range(12):
        page = ask(client, "GET", f"/labeling/projects/{project}/annotate", subject=f"annotator-{number}").text
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
        page.get_by_role("link", name="Start").click()
        for key, following in (("1", "2 of 3"), ("2", "3 of 3"), ("0", "")):
            banners = page.locator(".banner")
            assert banners.all_inner_texts() == [MARKING, MARKING]
            assert banners.first.evaluate("e => getComputedStyle(e).backgroundColor") == "rgb(200, 16, 46)"
            assert fits(page)
            with page.expect_navigation():  # htmx is vendored in the image alone: here the form itself is sent
                page.keyboard.press(key)
            assert following in page.inner_text("main")
        assert "All 3 tasks done" in page.inner_text("main")
    page.close()
    chosen = [ask(client, "GET", f"{API}/tasks/{task}").json()["choice"] for task in tasks]
    assert {chosen[0], chosen[1]} <= {"a", "b"}
    assert chosen[2] == "tie"
    assert [text for text in wrong if "404" not in text and "vendor" not in text] == []
