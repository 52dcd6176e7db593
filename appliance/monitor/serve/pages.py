"""The pages that the monitor itself shows: what a person agrees to (NIST SP 800-53 AC-8), and their session."""

import html
from collections.abc import Sequence

from appliance.contract import problem
from appliance.enclave.site import Enclave
from appliance.monitor.decide.access import Offered
from appliance.monitor.http import HttpResponse

CONSENT = (
    "You are about to work at this level. Everything you do here is recorded before it takes effect and is reviewed "
    "by security officers. Continue only if you are authorised and agree."
)


NOTHING_TO_USE = (
    "No role of yours opens a page of this enclave. Ask a security officer: subjects.yml gives people roles, and "
    "access.yml says what a role may do."
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


def home_page(
    enclave: Enclave, subject: str, pages: Sequence[Offered], lines: Sequence[str], *, demo: bool
) -> HttpResponse:
    """Where a person begins: the pages of this enclave that they may use, and how their session stands.

    Args:
        enclave: where.
        subject: who.
        pages: what they may use, in the order of the catalogue.
        lines: of their session.
        demo: whether the site's keys are a demonstration's.
    """
    cards = "".join(
        f'<li><h2><a href="{html.escape(page.path)}">{html.escape(page.title)}</a></h2>'
        f"<p>{html.escape(page.purpose)}</p></li>"
        for page in pages
    )
    offer = f"<ul>{cards}</ul>" if cards else f"<p>{html.escape(NOTHING_TO_USE)}</p>"
    warning = '<p><strong class="demo">DEMO</strong> Keys for trying out only: trust nothing here.</p>' if demo else ""
    who = f'<p>You are {html.escape(subject)}. <a href="/session">Your session</a></p>'
    end = '<form method="post" action="/session/end"><button>End the session</button></form>'
    content = f"{warning}{who}{offer}{_paragraphs(lines)}{end}"
    return _page(enclave, 200, f"Enclave {enclave.name}", content, wide=True)


def session_page(enclave: Enclave, lines: Sequence[str], *, is_open: bool) -> HttpResponse:
    """The page that shows the session of a person, and ends it."""
    form = '<form method="post" action="/session/end"><button>End the session</button></form>' if is_open else ""
    return _page(enclave, 200, "Your session", _paragraphs(lines) + form)


def _paragraphs(lines: Sequence[str]) -> str:
    return "".join(f"<p>{html.escape(line)}</p>" for line in lines)


def _page(enclave: Enclave, status: int, title: str, content: str, *, wide: bool = False) -> HttpResponse:
    text = problem.page(enclave.marking, title, content, wide=wide)
    policy = problem.content_policy(enclave.marking)
    headers = {"X-Classification": enclave.label, "Content-Security-Policy": policy}
    return HttpResponse(status, text.encode(), problem.PAGE_TYPE, headers)
