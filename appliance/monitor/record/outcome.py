"""What was decided about one request, and the answers that follow from it."""

import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from appliance.enclave.site import Enclave
from appliance.monitor.decide.decision import Decision
from appliance.monitor.http import HttpRequest, HttpResponse, json_response

ELSEWHERE = "session.open-at-another-level"


@dataclass(frozen=True)
class Outcome:
    """One decided request, as the audit record needs it; ``policy`` is the SHA-256 of the policy that decided."""

    enclave: Enclave
    subject: str
    method: str
    path: str
    request: str
    decision: Decision
    policy: str
    working: str = ""
    detail: dict[str, str] = field(default_factory=dict)


Recorder = Callable[[Outcome], Awaitable[None]]


def request_id(request: HttpRequest) -> str:
    """The identifier that the gateway gave the request; also the reference that a refused client is told."""
    return request.header("x-request-id") or secrets.token_hex(16)


def marked(
    enclave: Enclave, status: int, value: Mapping[str, object], headers: Mapping[str, str] | None = None
) -> HttpResponse:
    """``value`` as JSON with the enclave's marking."""
    body = dict(value) | {"classification": {"marking": enclave.label}}
    return json_response(status, body, {"X-Classification": enclave.label, **(headers or {})})


def see_other(enclave: Enclave, location: str) -> HttpResponse:
    """A redirection to ``location``."""
    return HttpResponse(303, headers={"X-Classification": enclave.label, "Location": location})


def refusal(outcome: Outcome) -> HttpResponse:
    """Absence, or what a person who works elsewhere has to do; with the reference that an officer can open."""
    reference = {"reference": outcome.request}
    if outcome.decision.rule == ELSEWHERE:
        where = f" in enclave {outcome.detail['elsewhere']}" if "elsewhere" in outcome.detail else ""
        text = f"a session of yours at another level is open{where}: end it there first (DELETE /session)"
        return marked(outcome.enclave, 409, {"error": text} | reference)
    return marked(outcome.enclave, 404, {"error": "not found"} | reference)


def cross_site(request: HttpRequest) -> bool:
    """Whether a page of another origin made a browser send this (Fetch Metadata), top-level GET links aside."""
    if request.header("sec-fetch-site") in ("", "same-origin", "none"):
        return False
    navigation = request.header("sec-fetch-mode") == "navigate" and request.header("sec-fetch-dest") == "document"
    return not (navigation and request.header("x-original-method") == "GET")
