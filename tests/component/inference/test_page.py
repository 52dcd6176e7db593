"""People ask the model in a browser: the real model streams, every part is marked, and nothing is read as HTML."""

import json
import os

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.component.inference.support import Service
from tests.component.service.browser import complaints, fits, served
from tests.unit.service.support import MARKING

pytestmark = pytest.mark.slow
WORDS = "Name one colour of the rainbow. <b>Be brief.</b>"


def steady(page: Page) -> None:
    """Let the page ask for the likeliest words, so that an answer has the same length each time."""

    def likeliest(route: Route) -> None:
        route.continue_(post_data=json.dumps({**(route.request.post_data_json or {}), "temperature": 0}))

    page.route("**/chat/completions", likeliest)


def ask(page: Page, text: str) -> None:
    page.get_by_label("Your question").fill(text)
    page.get_by_label("Your question").press("Control+Enter")


@pytest.mark.parametrize("width", [1280, 390])
def test_a_question_is_answered_copied_with_its_marking_and_asked_otherwise(
    service: Service, chromium: Browser, width: int
) -> None:
    service.certify()
    with served(service.client.app, lifespan="off") as url:
        context = chromium.new_context(viewport={"width": width, "height": 900})
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        page = context.new_page()
        found = complaints(page)
        page.goto(f"{url}/inference/")
        expect(page.locator("#length")).to_have_text("About 0 of 1536 tokens.")
        page.get_by_text("What was proven, and the certificate").click()
        expect(page.get_by_text("Model file sha256:")).to_be_visible()
        ask(page, WORDS)
        status = page.get_by_role("status").filter(has_text="The answer is complete.")
        expect(status).to_have_count(1, timeout=60_000)
        asked, answer = page.locator("#conversation article").all()
        expect(asked.locator(".text")).to_have_text(WORDS)
        assert answer.locator(".text").inner_text()
        expect(answer.locator(".portion")).to_have_text(MARKING)
        assert int(page.locator("#length").inner_text().split()[1]) > 20, "the engine counted"

        answer.get_by_role("button", name="Copy with marking").click()
        copied = page.evaluate("navigator.clipboard.readText()")
        assert copied.startswith(f"{MARKING}\n\n")
        assert f"{MARKING}\nWritten by smollm2: not a source" in copied

        asked.get_by_role("button", name="Edit").click()
        expect(page.get_by_label("Your question")).to_have_value(WORDS)
        expect(page.locator("#conversation details summary")).to_have_text("An earlier branch, 2 parts")
        ask(page, "Say hello.")
        expect(page.locator("#conversation > article")).to_have_count(2)
        expect(page.get_by_role("button", name="Ask again")).to_be_visible(timeout=60_000)
        if folder := os.environ.get("PICTURES"):
            page.screenshot(path=f"{folder}/ask-{width}.png", full_page=True)
        assert fits(page)
        assert found == []
        context.close()


def test_an_answer_is_stopped_and_a_conversation_that_is_too_long_says_what_to_do(
    service: Service, chromium: Browser
) -> None:
    service.certify()
    with served(service.client.app, lifespan="off") as url:
        page = chromium.new_page()
        steady(page)
        page.goto(f"{url}/inference/")
        ask(page, "Write a very long story about a lighthouse.")
        expect(page.locator("article").nth(1).locator(".text")).not_to_be_empty(timeout=60_000)
        page.keyboard.press("Escape")
        expect(page.locator("article .muted", has_text="You stopped this answer.")).to_be_visible()
        page.get_by_label("Your question").evaluate("box => { box.maxLength = 1e6; box.value = 'word '.repeat(4000); }")
        page.get_by_label("Your question").press("Control+Enter")
        expect(page.locator("article .muted", has_text="is too long for the model")).to_be_visible(timeout=60_000)
        expect(page.locator("#length")).to_contain_text("more than fit beside an answer")


def test_a_certificate_that_falls_ends_the_answer_on_the_page(service: Service, chromium: Browser) -> None:
    service.certify()
    with served(service.client.app, lifespan="off") as url:
        page = chromium.new_page()
        steady(page)
        page.goto(f"{url}/inference/")
        ask(page, "Write a very long story about a lighthouse and a ship.")
        expect(page.locator("article").nth(1).locator(".text")).not_to_be_empty(timeout=60_000)
        service.certificate.unlink()
        ended = "This answer ended: model smollm2 is a candidate: no certificate"
        expect(page.locator("article .muted", has_text=ended)).to_be_visible(timeout=5_000)
