"""The pages that the monitor itself shows: what a person agrees to (NIST SP 800-53 AC-8), and their session."""

import base64
import hashlib
import html
from collections.abc import Sequence

from appliance.enclave.site import Enclave
from appliance.markings import banner_colours
from appliance.monitor.http import HttpResponse

CONSENT = (
    "You are about to work at this level. Everything you do here is recorded before it takes effect and is reviewed "
    "by security officers. Continue only if you are authorised and agree."
)


def _style(enclave: Enclave) -> str:
    background, foreground = banner_colours(enclave.marking)
    return (
        "body{margin:0;font:16px/1.5 system-ui,sans-serif;background:#f4f5f7;color:#1b1f24}"
        f".banner{{position:fixed;left:0;right:0;padding:4px;text-align:center;font-weight:700;"
        f"background:{background};color:{foreground}}}.top{{top:0}}.bottom{{bottom:0}}"
        "main{max-width:34rem;margin:6rem auto;padding:2rem;background:#fff;border-radius:10px;"
        "box-shadow:0 1px 4px #0003}h1{font-size:1.3rem;margin-top:0}"
        "button{font:inherit;font-weight:600;padding:.7rem 1.2rem;border:0;border-radius:8px;background:#1b1f24;"
        "color:#fff;cursor:pointer}button:focus-visible{outline:3px solid #ffb000;outline-offset:2px}"
    )


def consent_page(enclave: Enclave, consent: str, notice: Sequence[str], wanted: str, *, demo: bool) -> HttpResponse:
    """The page that opens a session at ``enclave``, once the person agrees; it tells them of their last one.

    Args:
        enclave: where.
        consent: what the person agrees to.
        notice: of their last session.
        wanted: path of the page that they get afterwards.
        demo: whether the site's keys are a demonstration's.
    """
    warning = "<p><strong>DEMO keys: for trying out only.</strong></p>" if demo else ""
    button = "<button autofocus>I agree, open the session</button>"
    form = f'<form method="post" action="/session?to={html.escape(wanted)}">{button}</form>'
    content = f"<p>{html.escape(consent)}</p>{_paragraphs(notice)}{warning}{form}"
    return _page(enclave, 401, f"Open a session at {enclave.label}", content)


def session_page(enclave: Enclave, lines: Sequence[str], *, is_open: bool) -> HttpResponse:
    """The page that shows the session of a person, and ends it."""
    form = '<form method="post" action="/session/end"><button>End the session</button></form>' if is_open else ""
    return _page(enclave, 200, "Your session", _paragraphs(lines) + form)


def _paragraphs(lines: Sequence[str]) -> str:
    return "".join(f"<p>{html.escape(line)}</p>" for line in lines)


def _page(enclave: Enclave, status: int, title: str, content: str) -> HttpResponse:
    style = _style(enclave)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    marking = html.escape(enclave.label)
    text = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>({marking}) {html.escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width,initial-scale=1"><style>{style}</style>'
        f'<div class="banner top">{marking}</div><main><h1>{html.escape(title)}</h1>{content}</main>'
        f'<div class="banner bottom">{marking}</div></html>'
    )
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    )
    headers = {"X-Classification": enclave.label, "Content-Security-Policy": policy}
    return HttpResponse(status, text.encode(), "text/html; charset=utf-8", headers)
