"""The one page the monitor itself shows: what a person agrees to before a session opens (NIST SP 800-53 AC-8)."""

import base64
import hashlib
import html

from appliance.enclave.site import Enclave
from appliance.markings import banner_colours

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


def consent_page(enclave: Enclave, *, demo: bool) -> tuple[bytes, str]:
    """The page that opens a session at ``enclave``, and its Content-Security-Policy."""
    style = _style(enclave)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    marking = html.escape(enclave.label)
    text = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>({marking}) Open a session</title>'
        f'<meta name="viewport" content="width=device-width,initial-scale=1"><style>{style}</style>'
        f'<div class="banner top">{marking}</div><main><h1>Open a session at {marking}</h1><p>{CONSENT}</p>'
        f"{'<p><strong>DEMO keys: for trying out only.</strong></p>' if demo else ''}"
        '<form method="post" action="/session"><button autofocus>I agree, open the session</button></form></main>'
        f'<div class="banner bottom">{marking}</div></html>'
    )
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    )
    return text.encode(), policy
