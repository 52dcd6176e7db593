"""A real browser before a service: the loopback server adds the contexts that a gateway would."""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import uvicorn
from playwright.sync_api import Browser, Page, expect, sync_playwright
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from appliance.contract.context import HEADER
from tests.unit.service.support import headers_for

expect.set_options(timeout=30_000)  # as for what a page is asked to do: a busy machine is late, not wrong


@contextmanager
def served(app: ASGIApp, lifespan: Any = "on", **context: Any) -> Iterator[str]:
    """The base URL of ``app`` on loopback, each request with a context of its own; the start page is the monitor's."""

    async def gateway(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == "/":
            await JSONResponse({"pages": [], "session": None})(scope, receive, send)
            return
        if scope["type"] == "http":
            token = headers_for(scope["method"], scope["path"], **context)[HEADER]
            scope = {**scope, "headers": [*scope["headers"], (HEADER.lower().encode(), token.encode())]}
        await app(scope, receive, send)

    server = uvicorn.Server(uvicorn.Config(gateway, host="127.0.0.1", port=0, log_config=None, lifespan=lifespan))
    thread = threading.Thread(target=asyncio.run, args=(server.serve(),), daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(10)


@contextmanager
def running() -> Iterator[Browser]:
    """Debian's Chromium: while it runs, this thread has an event loop."""
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def chromium() -> Iterator[Browser]:
    """The browser for one test."""
    with running() as browser:
        yield browser


def complaints(page: Page) -> list[str]:
    """A list that fills with what goes wrong in the page: errors, refused content, failed requests."""
    found: list[str] = []
    page.on("console", lambda message: found.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: found.append(str(error)))
    return found


def fits(page: Page) -> bool:
    """Whether nothing of the page is wider than the window."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))
