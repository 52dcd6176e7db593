"""The console in a real browser, at the sizes and with the keys that officers use."""

import asyncio
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from playwright.sync_api import Browser, Page, Route, expect, sync_playwright

from tests.unit.console.site import Site, days, headers

CHROMIUM = "/usr/bin/chromium"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    site = Site.make(tmp_path_factory.mktemp("browser"))
    asyncio.run(site.record(days(400)))
    server = uvicorn.Server(uvicorn.Config(site.app(), port=0, log_config=None))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


@pytest.fixture(scope="module")
def browser(address: str) -> Iterator[Browser]:
    if not Path(CHROMIUM).exists():
        pytest.skip("no Chromium here")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-background-networking"]
        )
        yield launched
        launched.close()


def opened(browser: Browser, address: str, width: int) -> Page:
    """A page that asks as the gateway would, and that may ask nobody else."""
    page = browser.new_page(viewport={"width": width, "height": 800})

    def through_gateway(route: Route) -> None:
        request = route.request
        if not request.url.startswith(address):
            route.abort()
            pytest.fail(f"asked {request.url}")
        route.continue_(headers={**request.headers, **headers(request.url, request.method)})

    page.route("**/*", through_gateway)
    return page


@pytest.mark.parametrize("width", [1280, 390])
def test_pages_fit_and_the_marking_stays_in_sight(browser: Browser, address: str, width: int) -> None:
    page = opened(browser, address, width)
    for path in ("/console/", "/console/events/399", "/console/health-of-log"):
        page.goto(address + path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.evaluate("window.scrollTo(0, document.body.scrollHeight / 2)")
        for place, edge in (("top", 0), ("bottom", 800)):
            box = page.locator(f".banner-{place}").bounding_box()
            assert box is not None
            assert box["width"] == width
            assert abs((box["y"] if place == "top" else box["y"] + box["height"]) - edge) < 1
        colour = page.locator(".banner-top").evaluate("element => getComputedStyle(element).backgroundColor")
        assert colour == "rgb(252, 232, 58)"
    page.close()


def test_an_officer_filters_and_opens_a_denial_with_the_keyboard_alone(browser: Browser, address: str) -> None:
    page = opened(browser, address, 1280)
    page.goto(address + "/console/")
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.name") == "text":
            break
    page.keyboard.type("dominate annotator")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("text=dominate"))
    expect(page.locator(".found")).to_contain_text("“dominate annotator”")
    rows = page.locator("tbody#rows tr")
    assert rows.count() == page.locator("tbody#rows tr.denied").count() > 0
    page.locator(".what").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_contain_text("annotator may not read")
    expect(page.locator(".proof-good")).to_contain_text("The log has this record")
    page.close()


def test_charts_lead_to_the_records_they_count(browser: Browser, address: str) -> None:
    page = opened(browser, address, 1280)
    page.goto(address + "/console/")
    link = page.locator(".rules a").first
    count = int(link.locator(".count").inner_text())
    link.click()
    expect(page.locator(".found strong")).to_have_text(str(count))
    page.locator("svg.chart a").last.click()
    page.wait_for_url(re.compile("since="))
    assert int(page.locator(".found strong").inner_text()) <= count
    page.close()
