"""Sessions over HTTP: what a person agrees to, opens, sees and ends (NIST SP 800-53 AC-8, AC-12)."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from appliance.enclave.site import Enclave
from appliance.monitor.decision import Decision, decide_session, deny
from appliance.monitor.http import HttpRequest, HttpResponse
from appliance.monitor.identity import Identity, IdentityError
from appliance.monitor.in_force import InForce
from appliance.monitor.outcome import Outcome, Recorder, cross_site, marked, refusal, request_id, see_other
from appliance.monitor.pages import consent_page
from appliance.monitor.registry import Subject
from appliance.monitor.sessions import Sessions


class Logon:
    """Answers what concerns sessions, at the gateways of all enclaves.

    Args:
        in_force: site, registry, policy and keys.
        sessions: the open sessions.
        record: makes an outcome durable in the log or raises.
        clock: seconds since the epoch.
    """

    def __init__(self, in_force: InForce, sessions: Sessions, record: Recorder, clock: Callable[[], float]) -> None:
        self._force = in_force
        self._sessions = sessions
        self._record = record
        self._clock = clock

    async def session(self, enclave: Enclave, request: HttpRequest) -> HttpResponse:
        """Open (POST), show (GET) or end (DELETE) the session of the request's certificate."""
        method = request.header("x-original-method")
        outcome, identity = self._decide(enclave, request, method, "/session")
        if outcome.decision.allow and identity and method == "POST":
            current = self._sessions.current(identity.fingerprint)
            if current and current.working != enclave.marking.label:
                decision = Decision(allow=False, status=409, rule="session.open-at-another-level", action="session")
                outcome = self._outcome(enclave, request, identity.name, method, "/session", decision)
        await self._record(outcome)
        if not outcome.decision.allow or identity is None:
            return refusal(outcome)
        return self._answer(enclave, request, identity)

    async def no_session(self, enclave: Enclave, request: HttpRequest) -> HttpResponse:
        """What somebody without a session is told, already decided and recorded: how to open one."""
        if "text/html" in request.header("accept"):
            page, content_policy = consent_page(enclave, demo=self._force.site.demo)
            headers = {"X-Classification": enclave.label, "Content-Security-Policy": content_policy}
            return HttpResponse(401, page, "text/html; charset=utf-8", headers)
        text = "no session is open: POST /session opens one at this enclave's level"
        return marked(enclave, 401, {"error": text, "reference": request_id(request)})

    async def home(self, enclave: Enclave, request: HttpRequest) -> HttpResponse:
        """Lead from ``/`` to the enclave's first service."""
        outcome, _ = self._decide(enclave, request, "GET", "/")
        await self._record(outcome)
        if not outcome.decision.allow:
            return refusal(outcome)
        return see_other(enclave, f"/{enclave.services[0]}/")

    async def refused(self, enclave: Enclave, request: HttpRequest) -> HttpResponse:
        """Record a certificate or request that nginx itself refused."""
        verify = request.header("x-client-verify")
        try:
            identity, _ = self._identify(request)
            name = identity.name
            rule = f"identity.{'malformed-request' if verify in ('SUCCESS', '') else 'certificate-refused'}"
        except IdentityError as error:
            rule, name = error.rule, error.name
        path = request.header("x-original-uri").split("?")[0]
        method = request.header("x-original-method")
        outcome = replace(self._outcome(enclave, request, name, method, path, deny(rule)), detail={"reason": verify})
        await self._record(outcome)
        return marked(enclave, 400, {"error": "the certificate or request was refused", "reference": outcome.request})

    def _decide(
        self, enclave: Enclave, request: HttpRequest, method: str, path: str
    ) -> tuple[Outcome, Identity | None]:
        name, identity = "", None
        try:
            identity, subject = self._identify(request)
            name = identity.name
            allowed = (
                decide_session(enclave.marking.label, subject.holds()) if subject else deny("session.not-a-person")
            )
            decision = deny("browser.cross-site") if cross_site(request) else allowed
        except IdentityError as error:
            decision, name = deny(error.rule), error.name
        return self._outcome(enclave, request, name, method, path, decision), identity

    def _identify(self, request: HttpRequest) -> tuple[Identity, Subject | None]:
        now = datetime.fromtimestamp(self._clock(), UTC)
        return self._force.identify(request.header("x-client-certificate"), now)

    def _outcome(  # one field each
        self, enclave: Enclave, request: HttpRequest, name: str, method: str, path: str, decision: Decision
    ) -> Outcome:
        return Outcome(enclave, name, method, path, request_id(request), decision, self._force.policy_digest)

    def _answer(self, enclave: Enclave, request: HttpRequest, identity: Identity) -> HttpResponse:
        method = request.header("x-original-method")
        if method == "POST":
            self._sessions.open(identity.fingerprint, identity.name, enclave.name, enclave.marking.label)
            if "text/html" in request.header("accept"):
                return see_other(enclave, f"/{enclave.services[0]}/")
        elif method == "DELETE":
            self._sessions.close(identity.fingerprint)
        elif method != "GET":
            return marked(enclave, 405, {"error": "use GET, POST or DELETE"})
        session = self._sessions.current(identity.fingerprint)
        if session is None:
            return marked(enclave, 200, {"session": None})
        view = {"subject": session.subject, "enclave": session.enclave, "working": session.working.encode()}
        return marked(enclave, 201 if method == "POST" else 200, {"session": view})
