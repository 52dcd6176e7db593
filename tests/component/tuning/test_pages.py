"""The pages in a real browser: choose a version, plan, read the registry both ways, purge; at both widths."""

import json
from collections.abc import Iterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from appliance.contract.context import HEADER
from images.labeling.app.main import build as labeling_service
from images.tuning.app.main import service as tuning_service
from tests.catalogue import CATALOGUE, ON_DEMAND
from tests.component.service.browser import served
from tests.component.tuning.support import Enclave
from tests.component.tuning.test_registry import emptied, registered
from tests.unit.service.support import headers_for, settings_for

__all__ = ["emptied"]
MANIFESTS = {"labeling": CATALOGUE["labeling"], "tuning": ON_DEMAND["tuning"]}


class Origin:
    """Both services behind one origin; each request has the action that the manifest names."""

    def __init__(self, apps: dict[str, Any]) -> None:
        self.apps = apps

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            async with AsyncExitStack() as running:
                await receive()
                for app in self.apps.values():
                    await running.enter_async_context(app.router.lifespan_context(app))
                await send({"type": "lifespan.startup.complete"})
                await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        name = scope["path"].split("/")[1]
        if name not in MANIFESTS:
            await Response(status_code=404)(scope, receive, send)
            return
        routes = MANIFESTS[name].routes
        action = next(
            (one.action for one in routes if scope["method"] in one.methods and one.pattern.fullmatch(scope["path"])),
            "none",
        )
        token = headers_for(scope["method"], scope["path"], action=action, subject="lead")[HEADER].encode()
        own = HEADER.lower().encode()
        headers = [*((key, value) for key, value in scope["headers"] if key != own), (own, token)]
        chosen: ASGIApp = self.apps[name]
        await chosen({**scope, "headers": headers}, receive, send)


@pytest.fixture
def origin(enclave: Enclave) -> Iterator[str]:
    apps = {
        "tuning": tuning_service.build(enclave.settings, enclave.paths),
        "labeling": labeling_service(settings_for("labeling"), enclave.foundry),
    }
    with served(Origin(apps)) as url:
        yield url


def opened(browser: Browser, origin: str, path: str, width: int = 1280) -> Page:
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.on("pageerror", lambda error: pytest.fail(str(error)))
    page.goto(f"{origin}{path}")
    return page


def taken(enclave: Enclave) -> str:
    project, version = enclave.taught(40)
    assert enclave.take(project, version).status_code == 201
    return version


def test_a_version_is_chosen_and_planned_in_few_clicks(enclave: Enclave, origin: str, chromium: Browser) -> None:
    enclave.taught(40)
    page = opened(chromium, origin, "/tuning/")
    page.locator("select[name=project]").select_option(label="Helpfulness", index=None)
    expect(page.locator("select[name=version] option")).to_have_count(1)
    page.get_by_role("button", name="Read it and plan a run").click()
    expect(page.get_by_role("heading", name="What the run takes")).to_be_visible()
    steps = page.locator("dd").nth(2)
    before = int(steps.inner_text())
    page.locator("[name=epochs]").fill("6")
    page.get_by_role("button", name="Plan again").click()
    expect(steps).to_have_text(str(before * 2))
    page.locator("[name=length]").fill("16")
    page.get_by_role("button", name="Plan again").click()
    expect(page.get_by_role("alert")).to_contain_text("longer than 16 tokens")
    expect(page.get_by_role("button", name="Start the run")).to_be_disabled()


def test_the_lineage_is_walked_both_ways_and_what_came_of_a_record_suspended(
    enclave: Enclave, origin: str, chromium: Browser
) -> None:
    shown = registered(enclave, taken(enclave))
    page = opened(chromium, origin, f"/tuning/adapters/{shown}")
    expect(page.locator(".chain li")).to_have_count(8)
    page.get_by_role("link", name="samples").click()
    page.get_by_role("link", name="its adapters").first.click()
    expect(page.get_by_role("heading", name="1 adapter that you may know of")).to_be_visible()
    page.get_by_label("Reason").fill("spilled")
    page.get_by_role("button", name="Suspend every adapter that came from it").click()
    page.get_by_role("link", name="banner").click()
    expect(page.locator(".state").first).to_have_text("suspended")
    expect(page.get_by_role("link", name="File for the engine")).to_have_count(0)


@pytest.mark.parametrize("width", [320, 1280])
def test_no_page_scrolls_sideways(enclave: Enclave, origin: str, chromium: Browser, width: int) -> None:
    version = taken(enclave)
    shown, other = registered(enclave, version), registered(enclave, version, b"other")
    runs = [one["id"] for one in enclave.ask("GET", "/runs").json()["runs"]]
    with enclave.cluster.connect("tuning", "postgres") as connection:
        curve = [2.5 / (1 + number / 4) for number in range(30)]
        connection.execute(
            "UPDATE tuning.run SET curve = %s, validation = '{1.1,0.8,0.7}', seconds = 66, tokens = 4000, plan = %s",
            [curve, json.dumps({"steps": 30, "samples": 40, "tokens": 1300, "seconds": 70, "memory": 2 << 30})],
        )
    record = enclave.ask("GET", f"/adapters/{shown}/records/after/00000000-0000-0000-0000-000000000000")
    paths = {
        "index": "/", "plan": f"/versions/{version}", "run": f"/runs/{runs[0]}", "registry": "/adapters",
        "compare": f"/compare/{runs[0]}/{runs[1]}", "adapter": f"/adapters/{other}",
        "lineage": f"/lineage/{record.json()['records'][0]['record']}",
        "records": f"/adapters/{shown}/records/00000000-0000-0000-0000-000000000000",
    }  # fmt: skip
    for name, path in paths.items():
        page = opened(chromium, origin, f"/tuning{path}", width)
        expect(page.locator("h1")).to_be_visible()
        over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert over <= 0, f"{name} at {width}: {over} pixels too wide"
        page.close()
