"""The shape of refusals by gateway and monitor: problem details (RFC 9457) for programs, a marked page for browsers."""

import base64
import hashlib
import html
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from appliance.markings import Marking, banner_colours

MEDIA_TYPE = "application/problem+json"
PAGE_TYPE = "text/html; charset=utf-8"
ASK = "Whom to ask: a security officer of this site can find what happened by this reference."


def problem(marking: str, status: int, error: str, reference: str, **more: Any) -> dict[str, Any]:
    """A refusal for programs; ``reference`` is the identifier of the request in the log."""
    classification = {"classification": {"marking": marking}}
    return {"title": error, "status": status, "error": error, "reference": reference, **more} | classification


def problem_page(marking: Marking, title: str, error: str, reference: str) -> str:
    """A refusal for people."""
    shown = f"<p>{html.escape(error[:1].upper() + error[1:])}.</p>"
    return page(marking, title, f"{shown}<p>Reference: <code>{html.escape(reference)}</code></p><p>{ASK}</p>")


@cache
def style(marking: Marking) -> str:
    """The style sheet of all pages here, in one line."""
    background, foreground = banner_colours(marking)
    folder = files("appliance.contract")
    shared = "".join((folder / name).read_text() for name in ("tokens.css", "pages.css"))
    return " ".join(f"{shared}.banner{{background:{background};color:{foreground}}}".split())


def page(marking: Marking, title: str, content: str, *, wide: bool = False) -> str:
    """A page of the appliance itself, its marking at the top and at the bottom; ``content`` is HTML."""
    banner = html.escape(marking.banner)
    main = '<main class="wide">' if wide else "<main>"
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>({banner}) {html.escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width,initial-scale=1"><link rel="icon" href="data:,">'
        f"<style>{style(marking)}</style>"
        f'<div class="banner top">{banner}</div>{main}<h1>{html.escape(title)}</h1>{content}</main>'
        f'<div class="banner bottom">{banner}</div></html>'
    )


def content_policy(marking: Marking) -> str:
    """The content security policy of such a page: its own style and forms to its own origin, nothing else."""
    digest = base64.b64encode(hashlib.sha256(style(marking).encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; form-action 'self'; frame-ancestors 'none';"
        " base-uri 'none'"
    )


def wants_page(headers: Mapping[str, str]) -> bool:
    """Whether a browser asks, by the request's headers (names in lower case)."""
    return "text/html" in headers.get("accept", "")
