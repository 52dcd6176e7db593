"""The weekly review of two officers in a real browser, as docs/officer.md has it; only signing is done elsewhere."""

import asyncio
import os
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import uvicorn
import yaml
from playwright.sync_api import Page, Route, expect, sync_playwright

from appliance.audit.events import ocsf
from appliance.audit.events.kinds import Scope, activity
from appliance.audit.log.bodies import Record, lines, segments
from appliance.audit.log.note import COSIGNATURE, Signer, Verifier
from appliance.audit.log.policy import Policy
from appliance.audit.log.witness import CosigningRequest, cosign
from appliance.audit.review import summary as review
from appliance.enclave.paths import HostPaths
from appliance.enclave.site import load_site
from appliance.monitor.decide.identity import CertificateVerifier
from appliance.monitor.decide.jobs import Jobs
from appliance.monitor.decide.policy import parse_policy
from appliance.monitor.decide.registry import Registry
from appliance.monitor.http import HttpRequest, HttpResponse
from appliance.monitor.in_force.current import InForce
from appliance.monitor.in_force.statements import Statements
from appliance.monitor.record.recording import Recording
from appliance.monitor.serve.publications import Publications
from appliance.monitor.serve.records import Records
from appliance.monitor.sockets import serve_unix
from appliance.trust.certificates import make_authority
from appliance.trust.keys import generate
from tests.catalogue import CATALOGUE
from tests.component.console.test_browser import CHROMIUM
from tests.contexts import ADMISSION_KEY, DIGEST_KEY, GRANT_KEY, SIGNING_KEY
from tests.unit.console.site import SYSTEM, Site, days, headers

OFFICERS = ("isso", "issm")
SCREENSHOTS = os.environ.get("APPLIANCE_SCREENSHOTS", "")


@dataclass
class Running:
    """A console with its log, the monitor that writes it, and two officers with keys of their own."""

    site: Site
    address: str
    signers: dict[str, Signer]

    def events(self) -> list[ocsf.Event]:
        return [ocsf.read(Record.decode(line).body) for file in segments(self.site.log) for _, line in lines(file)]


def monitor(site: Site, stop: threading.Event, ready: threading.Event) -> None:
    """The real way from the console's socket to the log."""

    example = load_site(Path("site.example.yml"))
    policy = parse_policy(yaml.safe_load(Path("policies/access.yml").read_text()))
    statements = Statements(example, Registry(subjects=()), policy, {"access": "0" * 64})

    async def run() -> None:
        force = InForce(
            site=example,
            registry=statements.registry,
            policy=policy,
            policy_digest="0" * 64,
            authority=CertificateVerifier(make_authority(generate("ca", demo=True)).pem),
            catalogue=CATALOGUE,
            signing_key=SIGNING_KEY,
            admission_keys={("system-high", "console"): ADMISSION_KEY},
            grant_key=GRANT_KEY,
            digest_keys={"system-high": DIGEST_KEY},
        )
        log = site.open()
        jobs = Jobs(site.folder / "jobs.json", time.time)
        records = Records(force, Recording(log, statements), jobs, Publications(HostPaths(site.folder, site.folder)))

        async def handle(request: HttpRequest) -> HttpResponse:
            return await records.handle(example.system_high, CATALOGUE["console"], request)

        server = await serve_unix(site.folder / "record.sock", handle, owner=0, peers=frozenset({0}))
        ready.set()
        await asyncio.to_thread(stop.wait)
        server.close()
        await log.close()

    asyncio.run(run())


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    site = Site.make(tmp_path_factory.mktemp("review"))
    asyncio.run(site.record([*days(300), activity(Scope(label=SYSTEM), "host", "break-glass.start")]))
    signers = {name: Signer.generate(name, COSIGNATURE) for name in OFFICERS}
    witnesses = "".join(f"witness {name} {signer.verifier.encode()}\n" for name, signer in signers.items())
    (site.log / "policy").write_text(f"log {site.vkey}\n{witnesses}group both all isso issm\nquorum both\n")
    stop, ready = threading.Event(), threading.Event()
    writing = threading.Thread(target=monitor, args=(site, stop, ready))
    writing.start()
    assert ready.wait(20)
    server = uvicorn.Server(uvicorn.Config(site.app(), port=0, log_config=None))
    serving = threading.Thread(target=server.run)
    serving.start()
    while not server.started:
        time.sleep(0.05)
    yield Running(site, f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}", signers)
    server.should_exit = True
    serving.join()
    stop.set()
    writing.join()


@pytest.fixture
def page(running: Running) -> Iterator[Page]:
    if not Path(CHROMIUM).exists():
        pytest.skip("no Chromium here")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-background-networking"]
        )
        opened = browser.new_page(viewport={"width": 1280, "height": 800})

        def through_gateway(route: Route) -> None:
            request = route.request
            if not request.url.startswith(running.address):
                route.abort()
                pytest.fail(f"asked {request.url}")
            route.continue_(headers={**request.headers, **headers(request.url, request.method)})

        opened.route("**/*", through_gateway)
        yield opened
        browser.close()


def picture(page: Page, name: str) -> None:
    if SCREENSHOTS:
        page.screenshot(path=Path(SCREENSHOTS) / f"{name}.png")


def submit(running: Running, page: Page, button: str, then: str) -> None:
    """Press a button, and follow the redirection with a context of its own, as the gateway would give it."""
    with page.expect_response(lambda answer: answer.request.method == "POST") as waiting:
        page.get_by_role("button", name=button).click()
    assert waiting.value.status == 303, page.inner_text("main")
    page.goto(running.address + then)


def say_a_word_to_each(running: Running, page: Page) -> None:
    """Type the words as an officer does, lose the page in between, and have them recorded."""
    words = page.locator("td.word input")
    words.first.fill("expected: looked at it")
    words.first.press("Enter")
    expect(words.nth(1)).to_be_focused()
    denials = page.locator(".kind-denials")
    denials.get_by_label("One word for those").fill("expected: <em>tests</em> of the walls")
    denials.get_by_role("button", name="Write it").click()
    page.reload()
    expect(words.first).to_have_value("expected: looked at it")
    progress = page.get_by_role("status").filter(has_text="findings have a word")
    expect(progress).not_to_contain_text(f"{words.count()} of")
    for number in range(words.count()):
        if not words.nth(number).input_value():
            words.nth(number).fill(f"expected: looked at it ({number})")
    expect(progress).to_contain_text(f"{words.count()} of")
    picture(page, "console-review")
    submit(running, page, "Record that I looked at each finding", "/console/review")
    expect(page.get_by_role("alert")).to_have_count(0)
    expect(page.locator(".said")).to_contain_text("officer said a word to")
    expect(words.first).to_have_value("expected: looked at it")
    picture(page, "console-review-recorded")


def test_the_weekly_review_by_clicking(running: Running, page: Page, tmp_path: Path) -> None:
    page.goto(running.address + "/console/")
    page.get_by_role("link", name="Review", exact=True).click()
    expect(page.get_by_role("heading", name="Since the beginning")).to_be_visible()
    expect(page.get_by_role("alert")).to_contain_text("Break-glass in 1 records")
    page.locator(".kind-denials td.number a").first.click()
    expect(page.locator(".proof-good")).to_contain_text("The log has this record")
    page.go_back()

    refused = page.request.get(running.address + "/console/review/request", headers=headers("/console/review/request"))
    assert "break-glass was used and not reviewed" in refused.text()

    say_a_word_to_each(running, page)
    # The link is a download, for which Playwright asks without the gateway's context.
    link = page.get_by_role("link", name="request to cosign").get_attribute("href") or ""
    asked = CosigningRequest.decode(page.request.get(running.address + link, headers=headers(link)).body())
    for name in OFFICERS:
        signer, key = running.signers[name], Verifier.decode(running.site.vkey)
        (tmp_path / "cosigned").write_bytes(cosign(asked, key, signer, tmp_path / name, int(time.time())).encode())
        page.get_by_label("The checkpoint that you cosigned").set_input_files(tmp_path / "cosigned")
        page.locator("#finish").scroll_into_view_if_needed()
        picture(page, "console-finish")
        submit(running, page, "Hand it in", "/console/review")
        if name == OFFICERS[0]:
            expect(page.locator("main")).to_contain_text("cosigned by isso, 1 of 2. It waits for issm.")
    expect(page.get_by_role("heading", name="Since the last review")).to_be_visible()
    expect(page.locator("main")).to_contain_text(re.compile("Cosigned .{1,12} by isso and issm"))

    last = review.last_review(running.site.log, Policy.decode((running.site.log / "policy").read_text()))
    assert last is not None
    assert set(last.cosigned) == set(OFFICERS)
    done = [event.activity for event in running.events() if event.activity.startswith("review.")]
    assert done == ["review.finish", "review.cosign", "review.cosign"]

    page.get_by_role("link", name="Past reviews").click()
    expect(page.get_by_role("heading", level=2)).to_have_text(re.compile("Records 0 to "))
    page.locator("summary").click()
    expect(page.get_by_role("cell", name="expected: <em>tests</em> of the walls").first).to_be_visible()
    picture(page, "console-history")


def test_a_cosignature_of_a_stranger_or_of_another_log_is_refused(running: Running, page: Page, tmp_path: Path) -> None:
    stranger = Signer.generate("isso", COSIGNATURE)
    note = (running.site.log / "checkpoint").read_bytes()
    signed = cosign(CosigningRequest(0, [], note), Verifier.decode(running.site.vkey), stranger, tmp_path / "state", 1)
    before = len(running.events())
    for bad in (signed.encode(), b"nothing", note, b"x" * 20_000):
        (tmp_path / "bad").write_bytes(bad)
        page.goto(running.address + "/console/review")
        page.get_by_label("The checkpoint that you cosigned").set_input_files(tmp_path / "bad")
        page.get_by_role("button", name="Hand it in").click()
        expect(page.locator("h1")).not_to_contain_text("Since the")
    assert len(running.events()) == before


def test_a_search_is_saved_used_and_forgotten(running: Running, page: Page) -> None:
    page.goto(running.address + "/console/?range=all&decision=denied")
    page.get_by_placeholder("name of this search").fill("all <denials>")
    submit(running, page, "Save search", "/console/")
    page.get_by_role("navigation", name="Saved searches").get_by_role("link", name="all <denials>").click()
    expect(page.locator("tbody#rows tr").first).to_have_class("intact denied")
    picture(page, "console-timeline")
    submit(running, page, "Forget", "/console/")
    expect(page.get_by_role("navigation", name="Saved searches")).to_have_count(0)


@pytest.mark.parametrize("width", [1280, 390])
def test_pages_fit_and_read_aloud(running: Running, page: Page, width: int) -> None:
    """Landmarks, one first heading, a name on every field and button, and a focus that goes down the page."""
    page.set_viewport_size({"width": width, "height": 800})
    for path in (
        "/console/",
        "/console/review",
        "/console/review/history",
        "/console/health-of-log",
        "/console/events/3",
    ):
        page.goto(running.address + path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        for landmark in ("main", "navigation", "banner"):
            assert page.get_by_role(landmark).count() >= 1, (path, landmark)
        assert page.get_by_role("heading", level=1).count() == 1, path
        nameless = page.evaluate(
            "[...document.querySelectorAll('input:not([type=hidden]), select, button, a')].filter(e =>"
            " !(e.labels?.length || e.ariaLabel || e.textContent.trim() || e.querySelector('title'))).length"
        )
        assert nameless == 0, path
        assert page.evaluate("[...document.querySelectorAll('[tabindex]')].every(e => e.tabIndex <= 0)"), path
