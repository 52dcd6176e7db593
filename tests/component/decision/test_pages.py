"""A day of an analyst in a browser: upload, ask, look a citation up, compare courses of action, sign, take along."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from starlette.types import Receive, Scope, Send

from appliance.service.settings import Paths
from images.decision.app.main import service
from tests.component.decision.support import MARKING, REPORT
from tests.component.service.browser import chromium, complaints, fits, served
from tests.unit.service.support import Monitor, headers_for, settings_for

__all__ = ["chromium"]
Look = Callable[[Page, str], None]


@contextmanager
def gateway(paths: Paths) -> Iterator[str]:
    """The service behind what names the action of each request as its manifest does; its address."""
    app = service.build(settings_for("decision"), paths)

    async def decide(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] != "/":
            action = (
                "job" if scope["path"] == "/decision/questions" else "read" if scope["method"] == "GET" else "write"
            )
            token = headers_for(scope["method"], scope["path"], action=action, groups=("falcon",))
            own = [(name.lower().encode(), value.encode()) for name, value in token.items()]
            kept = [header for header in scope["headers"] if header[0] != b"x-appliance-context"]
            scope = {**scope, "headers": [*kept, *own]}
        await app(scope, receive, send)

    with served(decide) as url:
        yield url


def journey(page: Page, folder: Path, look: Look) -> None:
    """The day; ``look`` is called with each page and its name."""
    report = folder / "bridge.txt"
    report.write_text(REPORT)
    page.goto("/decision/documents")
    look(page, "documents-empty")
    page.get_by_label("A file, up to").set_input_files(report)
    page.get_by_text("The source: who says it").click()
    page.get_by_label("Originator").fill("1st Survey Company")
    page.get_by_label("Reliability").select_option("B")
    page.get_by_label("Credibility").select_option("2")
    page.get_by_role("button", name="Add it").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Bridge inspection at Marlow")
    look(page, "document")
    page.get_by_role("link", name="Ask", exact=True).click()
    page.get_by_label("Your question").fill("What crosses the northern bridge at night?")
    look(page, "ask")
    page.get_by_role("button", name="Ask").click()
    expect(page.locator(".quotation").first).to_contain_text("Convoys of the 4th Brigade")
    expect(page.locator(".banner-top")).to_have_text(MARKING)
    look(page, "answer")
    answer = page.url
    page.get_by_role("link", name="Bridge inspection at Marlow, line 7").click()
    expect(page.locator("li:target")).to_contain_text("Convoys of the 4th Brigade")
    look(page, "citation")
    page.goto(answer)
    page.get_by_role("link", name="Comparison of courses of action").click()
    page.get_by_label("Title").fill("Where to cross at Marlow")
    page.get_by_label("The course that you recommend").fill("Cross at the north before 2100Z.")
    page.get_by_label("Likelihood").first.select_option("likely (55-80%)")
    page.get_by_label("Confidence").first.select_option("moderate confidence")
    for label, words in (
        ("Course of action 1", "North bridge"), ("Course of action 2", "South bridge"), ("Criterion 1", "Speed"),
        ("Weight of criterion 1", "6"), ("Score of course 1 by criterion 1", "5"),
        ("Score of course 2 by criterion 1", "2"),
        ("Criterion 2", "Cover"), ("Weight of criterion 2", "4"), ("Score of course 1 by criterion 2", "2"),
        ("Score of course 2 by criterion 2", "4"),
    ):  # fmt: skip
        page.get_by_label(label, exact=True).fill(words)
    page.get_by_label("Put it under").first.select_option("Evidence")
    look(page, "compose")
    page.get_by_role("button", name="Compose it").click()
    expect(page.get_by_text("North bridge leads.")).to_be_visible()
    look(page, "product-draft")
    page.get_by_role("button", name="Sign as analyst").click()
    expect(page.get_by_text("Signed by analyst", exact=True)).to_be_visible()
    look(page, "product")
    with page.expect_download() as download:
        page.get_by_role("link", name="Word").click()
    assert download.value.suggested_filename.startswith("(S--REL TO USA, GBR) coa")
    page.get_by_role("link", name="Products").click()
    expect(page.get_by_text("signed by analyst")).to_be_visible()
    look(page, "products")


@pytest.mark.slow
def test_the_day_of_an_analyst(chromium: Browser, paths: Paths, monitor: Monitor, tmp_path: Path) -> None:
    def look(page: Page, name: str) -> None:
        for width in (1280, 390, 320):
            page.set_viewport_size({"width": width, "height": 900})
            assert fits(page), f"{name} at {width}"
            unnamed = page.locator("input:not([type=hidden]), select, textarea, button, a").evaluate_all(
                "all => all.filter(one => !(one.labels?.length || one.ariaLabel || one.textContent.trim())).length"
            )
            assert unnamed == 0, name
        page.set_viewport_size({"width": 1280, "height": 900})

    with gateway(paths) as url:
        context = chromium.new_context(base_url=url)
        page = context.new_page()
        wrong = complaints(page)
        journey(page, tmp_path, look)
        context.close()
    assert wrong == []
    activities = [record["activity"] for record in monitor.records]
    assert activities == ["document.create", "question.ask", "product.create", "product.sign", "product.export"]
