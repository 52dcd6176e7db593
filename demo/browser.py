"""The same site in a real browser: the labeling page, Inspect's viewer, the officer's page."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect, sync_playwright

from demo.instance import Instance, require, stand_in
from demo.users import MARKINGS, origin, user

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
ARGUMENTS += ["--disable-component-update", "--disable-sync"]


@contextmanager
def page_of(instance: Instance, subject: str, enclave: str, width: int = 1280) -> Iterator[Page]:
    """A browser page with the certificate of ``subject``, which opens a session by agreeing to the notice."""
    with user(instance, subject, enclave) as client:
        client.delete("/session")  # one that an earlier run left open would be used without the notice
    certificate = {
        "origin": origin(instance, enclave),
        "certPath": str(instance.subjects / f"{subject}.pem"),
        "keyPath": str(instance.subjects / f"{subject}.key"),
    }
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=ARGUMENTS)
        context = browser.new_context(
            client_certificates=[certificate],  # type: ignore[list-item]  # the package's own types want a TypedDict
            ignore_https_errors=True,
            viewport={"width": width, "height": 900},
            base_url=origin(instance, enclave),
        )
        page = context.new_page()
        page.goto("/")
        page.get_by_role("button", name="I agree").click()
        try:
            yield page
        finally:
            browser.close()
            with user(instance, subject, enclave) as client:  # whatever page was open last, and its content policy
                client.delete("/session")


def screenshots(instance: Instance) -> Path:
    """Folder of the pictures."""
    folder = instance.build / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def check_banners(page: Page, marking: str) -> None:
    """The marking stands fixed at the top and at the bottom."""
    page.wait_for_load_state()  # a place asked for earlier is one without the style sheet
    banners = page.locator(".banner")
    expect(banners).to_have_count(2)
    height = page.viewport_size["height"] if page.viewport_size else 0
    boxes = [banners.nth(number).bounding_box() for number in range(2)]
    top, bottom = boxes
    require(top and top["y"] <= 1, f"the upper banner is not at the top: {boxes}")
    require(bottom and abs(bottom["y"] + bottom["height"] - height) <= 2, f"the lower banner is elsewhere: {boxes}")
    for number in range(2):
        expect(banners.nth(number)).to_have_text(marking)


def ask_in_page(instance: Instance) -> dict[str, Any]:
    """The analyst asks in the page and reads a marked answer."""
    with page_of(instance, stand_in("analyst"), "unclassified") as page:
        page.goto("/inference/")
        check_banners(page, MARKINGS["unclassified"])
        page.get_by_label("Your question").fill("What is a checklist good for?")
        page.keyboard.press("Control+Enter")
        answer = page.get_by_role("article").last
        expect(answer).to_have_attribute("aria-busy", "false", timeout=120_000)
        text = answer.inner_text()
        require(len(text) > 40, f"the page shows no answer: {text}")
        page.screenshot(path=screenshots(instance) / "ask.png")
    return {"answer": text, "picture": "screenshots/ask.png"}


def label_in_page(instance: Instance) -> dict[str, Any]:
    """The second annotator does the last task in the page, with a key."""
    project = json.loads((instance.build / "labeling.json").read_text())["project"]
    with page_of(instance, stand_in("annotator-2"), "unclassified") as page:
        page.goto(f"/labeling/projects/{project}/annotate")
        page.keyboard.press("Enter")
        expect(page.get_by_role("button", name="No difference")).to_be_visible()
        check_banners(page, MARKINGS["unclassified"])
        page.screenshot(path=screenshots(instance) / "labeling.png")
        page.keyboard.press("1")
        expect(page.get_by_role("heading", name="Nothing is left")).to_be_visible(timeout=10_000)
    return {"project": project, "picture": "screenshots/labeling.png"}


def open_viewer(instance: Instance, job: str) -> dict[str, Any]:
    """The evaluation's log opens in Inspect's own viewer and shows samples."""
    with page_of(instance, stand_in("evaluator"), "unclassified") as page:
        page.goto(f"/evaluation/jobs/{job}/log")
        check_banners(page, MARKINGS["unclassified"])
        viewer = page.frame_locator("iframe")
        expect(viewer.get_by_text("correct").first).to_be_visible(timeout=60_000)
        expect(viewer.get_by_text("markbench").first).to_be_visible()
        page.screenshot(path=screenshots(instance) / "viewer.png")
    return {"job": job, "picture": "screenshots/viewer.png"}


def officer_page(instance: Instance) -> dict[str, Any]:
    """The officer lists and filters decisions between two banners."""
    with page_of(instance, stand_in("officer"), "system-high") as page:
        page.goto("/console/")
        check_banners(page, MARKINGS["system-high"])
        rows = page.locator("main table tbody tr")
        expect(rows.first).to_be_visible(timeout=20_000)
        everything = rows.count()
        page.screenshot(path=screenshots(instance) / "console.png")
        page.goto("/console/?decision=denied")
        expect(rows.first).to_be_visible()
        denied = rows.count()
        require("denied" in rows.first.inner_text().lower(), "the filter shows what was not denied")
        page.screenshot(path=screenshots(instance) / "console-denied.png")
    with page_of(instance, stand_in("officer"), "system-high", width=390) as page:
        page.goto("/console/")
        width = page.evaluate("() => document.documentElement.scrollWidth")
        require(width <= 391, f"the page is {width} pixels wide on a phone")
    return {"rows": everything, "denied": denied, "picture": "screenshots/console.png"}
