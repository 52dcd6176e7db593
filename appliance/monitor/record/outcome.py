"""What was decided about one request, and the answers that follow from it."""

import json
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace

from appliance.contract import problem
from appliance.enclave.site import Enclave, Site
from appliance.monitor.decide.decision import Decision
from appliance.monitor.decide.renewals import SUPERSEDED
from appliance.monitor.decide.sessions import Sessions
from appliance.monitor.http import HttpRequest, HttpResponse, json_response

ELSEWHERE = "session.open-at-another-level"
OFFER = "session.offer"
"""The rule, and the activity, by which a browser without a session is shown how to open one: nothing was denied."""


@dataclass(frozen=True)
class Outcome:
    """One decided request, as the audit record needs it.

    Attributes:
        enclave: the enclave that was asked.
        subject: who asked, or empty.
        method: of the request.
        path: of the request.
        request: the gateway's identifier of it.
        decision: what was decided.
        policy: SHA-256 of the policy that decided.
        working: encoded label of the subject's session, if there is one.
        origin: the enclave of that session, whose quota pays for the record: what somebody does from a higher level may
            use up nothing below.
        detail: further facts.
        session: fingerprint of the certificate that the session belongs to, where there is one; never recorded.
    """

    enclave: Enclave
    subject: str
    method: str
    path: str
    request: str
    decision: Decision
    policy: str
    working: str = ""
    origin: Enclave | None = None
    detail: dict[str, str] = field(default_factory=dict)
    session: str = ""


def at_work(outcome: Outcome, sessions: Sessions, site: Site) -> Outcome:
    """``outcome`` with the level at which its subject works now, with whatever certificate, if they have a session."""
    session = sessions.of(outcome.subject)
    if session is None:
        return outcome
    origin = site.enclave(session.enclave)
    return replace(outcome, working=origin.encoded, origin=origin)


Recorder = Callable[[Outcome], Awaitable[None]]


def request_id(request: HttpRequest) -> str:
    """The identifier that the gateway gave the request; also the reference that a refused client is told."""
    return request.header("x-request-id") or secrets.token_hex(16)


def refused(enclave: Enclave, request: HttpRequest, status: int, title: str, error: str) -> HttpResponse:
    """The one shape of a refusal: a page in a browser, problem details (RFC 9457) for programs.

    Args:
        enclave: where; its marking is the answer's.
        request: what is refused.
        status: HTTP status.
        title: of the page.
        error: what happened, and what to do where somebody can do something.
    """
    reference = request_id(request)
    if problem.wants_page(request.headers):
        policy = problem.content_policy(enclave.marking)
        text = problem.problem_page(enclave.marking, title, error, reference)
        headers = {"X-Classification": enclave.label, "Content-Security-Policy": policy}
        return HttpResponse(status, text.encode(), problem.PAGE_TYPE, headers)
    body = json.dumps(problem.problem(enclave.label, status, error, reference)).encode()
    return HttpResponse(status, body, problem.MEDIA_TYPE, {"X-Classification": enclave.label})


def marked(
    enclave: Enclave, status: int, value: Mapping[str, object], headers: Mapping[str, str] | None = None
) -> HttpResponse:
    """``value`` as JSON with the enclave's marking."""
    body = dict(value) | {"classification": {"marking": enclave.label}}
    return json_response(status, body, {"X-Classification": enclave.label, **(headers or {})})


def see_other(enclave: Enclave, location: str) -> HttpResponse:
    """A redirection to ``location``."""
    return HttpResponse(303, headers={"X-Classification": enclave.label, "Location": location})


def refusal(outcome: Outcome, request: HttpRequest) -> HttpResponse:
    """Absence, or what the person has to do; with the reference that an officer can open."""
    if outcome.decision.rule == ELSEWHERE:
        where = f" in enclave {outcome.detail['elsewhere']}" if "elsewhere" in outcome.detail else ""
        text = f"a session of yours at another level is open{where}: end it there first (DELETE /session)"
        return refused(outcome.enclave, request, 409, "A session at another level is open", text)
    if outcome.decision.rule == SUPERSEDED:
        return refused(outcome.enclave, request, 401, "Your certificate was renewed", outcome.detail["reason"])
    return refused(outcome.enclave, request, 404, "Not found", "not found")


def cross_site(request: HttpRequest) -> bool:
    """Whether a page of another origin made a browser send this (Fetch Metadata), top-level GET links aside."""
    if request.header("sec-fetch-site") in ("", "same-origin", "none"):
        return False
    navigation = request.header("sec-fetch-mode") == "navigate" and request.header("sec-fetch-dest") == "document"
    return not (navigation and request.header("x-original-method") == "GET")
