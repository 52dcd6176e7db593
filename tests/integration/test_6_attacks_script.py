"""Attacks by a script of the UNCLASSIFIED enclave in the browser of someone who works at SECRET (docs/attacks.md)."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, sync_playwright

from demo.browser import ARGUMENTS
from demo.instance import Instance
from demo.users import origin
from tests.integration.attacks import NAME
from tests.integration.podman import recorded


@pytest.fixture(scope="module")
def hostile(site: Instance, target: str) -> Iterator[Page]:
    """A page of the UNCLASSIFIED enclave without its content policy, as a taken-over enclave would serve it."""
    enclaves = ("unclassified", "secret")
    where = {"certPath": str(site.subjects / "analyst.pem"), "keyPath": str(site.subjects / "analyst.key")}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=ARGUMENTS)
        context = browser.new_context(
            client_certificates=[{"origin": origin(site, name), **where} for name in enclaves],  # type: ignore[typeddict-item]
            ignore_https_errors=True,
            bypass_csp=True,
        )
        page = context.new_page()
        page.goto(f"{origin(site, 'unclassified')}/labeling/")
        yield page
        browser.close()


SCRIPTS = {
    "reads": "async url => (await fetch(url, {mode: 'cors', credentials: 'include'})).text()",
    "reads blindly": "async url => (await fetch(url, {mode: 'no-cors', credentials: 'include'})).text()",
    "forges a header": "async url => (await fetch(url, {headers: {'X-Appliance-Context': 'v1.a.b'}})).text()",
    "loads an image": "url => new Promise(done => { const i = new Image(); i.onload = () => done('loaded');"
    " i.onerror = () => done(''); i.src = url; })",
    "loads a script": "url => new Promise(done => { const s = document.createElement('script');"
    " s.onload = () => done('loaded'); s.onerror = () => done(''); s.src = url; document.body.append(s); })",
    "frames": "url => new Promise(done => { const f = document.createElement('iframe'); f.src = url; f.onload = () => {"
    " try { done(f.contentDocument.body.innerText) } catch (e) { done('') } }; document.body.append(f); })",
    "posts a form": "url => new Promise(done => { const f = document.createElement('form'); f.method = 'post';"
    " f.action = url; f.target = 'hidden'; const i = document.createElement('iframe'); i.name = 'hidden';"
    " i.onload = () => done(''); document.body.append(i, f); f.submit(); setTimeout(() => done(''), 3000) })",
    "opens a socket": "url => new Promise(done => { const w = new WebSocket(url.replace('https', 'wss'));"
    " w.onopen = () => done('open'); w.onerror = () => done('') })",
    "listens to events": "url => new Promise(done => { const e = new EventSource(url, {withCredentials: true});"
    " e.onmessage = m => done(m.data); e.onerror = () => { e.close(); done('') } })",
    "opens a window": "url => new Promise(done => { const w = window.open(url); setTimeout(() => {"
    " try { done(w.document.body.innerText) } catch (e) { done('') } }, 1500) })",
}


@pytest.mark.parametrize("script", list(SCRIPTS))
def test_a_script_of_a_low_enclave(site: Instance, target: str, hostile: Page, script: str) -> None:
    goal = f"{origin(site, 'secret')}{target}"
    try:
        seen = hostile.evaluate(SCRIPTS[script], goal)
    except Exception as error:  # noqa: BLE001  # what the browser refuses, it throws
        seen = str(error)
        assert "Failed to fetch" in seen or "SecurityError" in seen, seen
    assert NAME not in seen
    assert seen not in ("loaded", "open")
    if script != "opens a window":  # a link that a person could follow as well; its page stays out of reach
        assert recorded(site, "browser.cross-site")


def test_a_script_reaches_no_service_directly_and_no_cache(site: Instance, hostile: Page) -> None:
    for last in (10, 12):
        goal = f"http://{site.inner_address(2, last)}:8000/labeling/health"
        # A browser on the host itself may connect, where a workstation has no route; a script reads nothing of it.
        for mode in ("cors", "no-cors"):
            code = """([url, mode]) => fetch(url, {mode, signal: AbortSignal.timeout(2000)})
                .then(answer => answer.text()).catch(() => '')"""
            assert hostile.evaluate(code, [goal, mode]) == ""
    assert hostile.evaluate("async () => (await caches.keys()).length") == 0
