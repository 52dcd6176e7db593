"""What the monitor answers to a gateway: identity, decision, durable record, and only then the permission."""

import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import structlog

from appliance.enclave.site import Enclave, Site
from appliance.markings import Label
from appliance.monitor.context import Context, seal
from appliance.monitor.decision import Decision, Person, Request, Workload, decide, decide_session, deny
from appliance.monitor.grants import GrantError, open_grant
from appliance.monitor.http import HttpRequest, HttpResponse, json_response
from appliance.monitor.identity import Authority, Identity, IdentityError
from appliance.monitor.pages import consent_page
from appliance.monitor.policy import AccessPolicy
from appliance.monitor.registry import Registry, Subject
from appliance.monitor.sessions import Sessions

CONTEXT_SECONDS = 30
LONG_CONTEXT_SECONDS = 900
log = structlog.get_logger()


@dataclass(frozen=True)
class Outcome:
    """One decided request, as the audit record needs it."""

    enclave: Enclave
    subject: str
    method: str
    path: str
    request: str
    decision: Decision
    working: str = ""
    detail: dict[str, str] = field(default_factory=dict)


Recorder = Callable[[Outcome], Awaitable[None]]


@dataclass(frozen=True)
class InForce:
    """What two officers signed, and the keys that only the monitor and each service hold."""

    site: Site
    registry: Registry
    policy: AccessPolicy
    authority: Authority
    context_keys: dict[tuple[str, str], bytes]
    grant_key: bytes


class Gate:
    """Answers the gateways of all enclaves.

    Args:
        in_force: site, registry, policy and keys.
        record: makes an outcome durable in the log or raises; nothing is answered before it returns.
        clock: seconds since the epoch.
    """

    def __init__(self, in_force: InForce, record: Recorder, clock: Callable[[], float] = time.time) -> None:
        self._force = in_force
        self._record = record
        self._clock = clock
        policy = in_force.policy
        self._sessions = Sessions(policy.session_minutes * 60, policy.idle_minutes * 60, clock)

    async def handle(self, enclave: Enclave, request: HttpRequest) -> HttpResponse:
        """Answer one request of ``enclave``'s gateway; 503 when it cannot be recorded."""
        route = request.path.split("?")[0]
        handlers = {
            "/decide": self._decide,
            "/session": self._session,
            "/no-session": self._no_session,
            "/refused": self._refused,
            "/home": self._home,
        }
        handler = handlers.get(route)
        if handler is None:
            return json_response(404, {"error": "not found"})
        try:
            return await handler(enclave, request)
        except Exception:  # whatever went wrong, the answer is refusal
            log.exception("no answer without a record", enclave=enclave.name)
            return self._marked(enclave, 503, {"error": "no durable record, no effect"})

    def _identify(self, request: HttpRequest) -> tuple[Identity, Subject | None]:
        now = datetime.fromtimestamp(self._clock(), UTC)
        identity = self._force.authority.identify(request.header("x-client-certificate"), now)
        if identity.workload:
            return identity, None
        subject = self._force.registry.find(identity.name)
        if subject is None:
            raise IdentityError(f"{identity.name} is not registered", rule="identity.not-registered")
        if subject.expired(now):
            raise IdentityError(
                f"the registration of {identity.name} has expired", rule="identity.registration-expired"
            )
        if identity.serial in subject.revoked:
            raise IdentityError(f"the certificate of {identity.name} is revoked", rule="identity.revoked")
        return identity, subject

    def _who(
        self, enclave: Enclave, request: HttpRequest
    ) -> tuple[str, Person | Workload, Subject | None, dict[str, str]]:
        identity, subject = self._identify(request)
        if subject is None:
            grant = None
            if token := request.header("x-appliance-job"):
                grant = open_grant(
                    token, self._force.grant_key, service=identity.workload, enclave=enclave.name, now=self._clock()
                )
            label = self._label(identity.enclave)
            detail = {"job": grant.job, "on_behalf_of": grant.subject, "model": grant.model} if grant else {}
            return identity.name, Workload(identity.workload, label, grant.job if grant else None), None, detail
        session = self._sessions.current(identity.fingerprint)
        person = Person(subject.holds(), subject.roles, session.working if session else None)
        return identity.name, person, subject, {}

    def _label(self, enclave: str) -> Label:
        for known in self._force.site.enclaves:
            if known.name == enclave:
                return known.marking.label
        raise IdentityError(f"no enclave {enclave!r}", rule="identity.workload-of-no-enclave")

    async def _decide(self, enclave: Enclave, request: HttpRequest) -> HttpResponse:
        method = request.header("x-original-method")
        path, _, query = request.header("x-original-uri").partition("?")
        asked = Request(method, path, query, enclave.marking.label)
        name, working, who, subject, detail = "", "", None, None, dict[str, str]()
        try:
            name, who, subject, detail = self._who(enclave, request)
            decision = decide(asked, who, self._force.policy)
            if decision.allow and cross_site(request):
                decision = deny("browser.cross-site", action=decision.action)
        except (IdentityError, GrantError) as error:
            decision, detail = deny(error.rule), {"reason": error.message}
        if isinstance(who, Person) and who.working:
            working = who.working.encode()
        outcome = Outcome(enclave, name, method, path, self._request_id(request), decision, working, detail)
        await self._record(outcome)
        if not decision.allow or who is None:
            return json_response(decision.status, {"error": "refused"})
        return HttpResponse(200, headers={"X-Appliance-Context": self._context(outcome, who, subject, asked.service)})

    def _context(self, outcome: Outcome, who: Person | Workload, subject: Subject | None, service: str) -> str:
        enclave = outcome.enclave
        label = enclave.marking.label
        limit = who.working if isinstance(who, Person) and who.working else label
        lifetime = LONG_CONTEXT_SECONDS if outcome.decision.action == "run" else CONTEXT_SECONDS
        context = Context(
            request=outcome.request,
            enclave=enclave.name,
            service=service,
            method=outcome.method,
            path=outcome.path,
            action=outcome.decision.action,
            subject=outcome.subject,
            on_behalf_of=outcome.detail.get("on_behalf_of"),
            roles=subject.roles if subject else (),
            level=limit.level,
            need=tuple(sorted(set(subject.need) & limit.need if subject else limit.need)),
            nationalities=tuple(sorted(subject.nationalities)) if subject else (),
            label=label.encode(),
            working=limit.encode(),
            job=outcome.detail.get("job"),
            expires=int(self._clock()) + lifetime,
        )
        return seal(context, self._force.context_keys[(enclave.name, service)])

    async def _session(self, enclave: Enclave, request: HttpRequest) -> HttpResponse:
        method = request.header("x-original-method")
        asked = Request(method, "/session", "", enclave.marking.label)
        name = ""
        try:
            identity, subject = self._identify(request)
            name = identity.name
            decision = decide_session(asked, subject.holds()) if subject else deny("session.not-a-person")
            if cross_site(request):
                decision = deny("browser.cross-site")
        except IdentityError as error:
            decision, identity = deny(error.rule), None
        if decision.allow and identity and method == "POST":
            current = self._sessions.current(identity.fingerprint)
            if current and current.working != enclave.marking.label:
                decision = Decision(allow=False, status=409, rule="session.open-at-another-level", action="session")
        outcome = Outcome(enclave, name, method, "/session", self._request_id(request), decision)
        await self._record(outcome)
        if not decision.allow or identity is None:
            return self._refusal(outcome)
        return self._session_answer(enclave, request, identity)

    def _session_answer(self, enclave: Enclave, request: HttpRequest, identity: Identity) -> HttpResponse:
        method = request.header("x-original-method")
        if method == "POST":
            self._sessions.open(identity.fingerprint, identity.name, enclave.name, enclave.marking.label)
            if "text/html" in request.header("accept"):
                return self._see_other(enclave, f"/{enclave.services[0]}/")
        elif method == "DELETE":
            self._sessions.close(identity.fingerprint)
        elif method != "GET":
            return self._marked(enclave, 405, {"error": "use GET, POST or DELETE"})
        session = self._sessions.current(identity.fingerprint)
        if session is None:
            return self._marked(enclave, 200, {"session": None})
        view = {"subject": session.subject, "enclave": session.enclave, "working": session.working.encode()}
        return self._marked(enclave, 201 if method == "POST" else 200, {"session": view})

    def _refusal(self, outcome: Outcome) -> HttpResponse:
        reference = {"reference": outcome.request}
        if outcome.decision.rule == "session.open-at-another-level":
            text = "a session at another level is open: end it there first (DELETE /session)"
            return self._marked(outcome.enclave, 409, {"error": text} | reference)
        return self._marked(outcome.enclave, 404, {"error": "not found"} | reference)

    async def _no_session(self, enclave: Enclave, request: HttpRequest) -> HttpResponse:
        if "text/html" in request.header("accept"):
            page, content_policy = consent_page(enclave, demo=self._force.site.demo)
            headers = {"X-Classification": enclave.label, "Content-Security-Policy": content_policy}
            return HttpResponse(401, page, "text/html; charset=utf-8", headers)
        text = "no session is open: POST /session opens one at this enclave's level"
        return self._marked(enclave, 401, {"error": text, "reference": self._request_id(request)})

    async def _refused(self, enclave: Enclave, request: HttpRequest) -> HttpResponse:
        rule = "identity.none"
        verify = request.header("x-client-verify")
        detail = {"reason": verify}
        try:
            identity, _ = self._identify(request)
            rule = f"identity.{'malformed-request' if verify in ('SUCCESS', '') else 'certificate-refused'}"
            name = identity.name
        except IdentityError as error:
            rule, name = error.rule, ""
        path = request.header("x-original-uri").split("?")[0]
        method = request.header("x-original-method")
        outcome = Outcome(enclave, name, method, path, self._request_id(request), deny(rule), detail=detail)
        await self._record(outcome)
        return self._marked(
            enclave, 400, {"error": "the certificate or request was refused", "reference": outcome.request}
        )

    async def _home(self, enclave: Enclave, request: HttpRequest) -> HttpResponse:
        name = ""
        try:
            identity, subject = self._identify(request)
            name = identity.name
            asked = Request("GET", "/", "", enclave.marking.label)
            decision = decide_session(asked, subject.holds()) if subject else deny("session.not-a-person")
        except IdentityError as error:
            decision = deny(error.rule)
        outcome = Outcome(enclave, name, "GET", "/", self._request_id(request), decision)
        await self._record(outcome)
        if not decision.allow:
            return self._refusal(outcome)
        return self._see_other(enclave, f"/{enclave.services[0]}/")

    @staticmethod
    def _request_id(request: HttpRequest) -> str:
        return request.header("x-request-id") or secrets.token_hex(16)

    @staticmethod
    def _marked(enclave: Enclave, status: int, value: Mapping[str, object]) -> HttpResponse:
        body = dict(value) | {"classification": {"marking": enclave.label}}
        return json_response(status, body, {"X-Classification": enclave.label})

    @staticmethod
    def _see_other(enclave: Enclave, location: str) -> HttpResponse:
        return HttpResponse(303, headers={"X-Classification": enclave.label, "Location": location})


def cross_site(request: HttpRequest) -> bool:
    """Whether a page of another origin made a browser send this (Fetch Metadata), top-level GET links aside."""
    if request.header("sec-fetch-site") in ("", "same-origin", "none"):
        return False
    navigation = request.header("sec-fetch-mode") == "navigate" and request.header("sec-fetch-dest") == "document"
    return not (navigation and request.header("x-original-method") == "GET")
