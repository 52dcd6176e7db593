"""Sessions over HTTP: what a person agrees to, opens, sees and ends (NIST SP 800-53 AC-8, AC-9, AC-12)."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from appliance.contract.problem import wants_page
from appliance.enclave.render import BODY_LIMIT
from appliance.enclave.site import Enclave
from appliance.markings import dominates, marking_of
from appliance.monitor.decide.access import offered
from appliance.monitor.decide.decision import Decision, Person, decide_session, deny
from appliance.monitor.decide.identity import Identity, IdentityError
from appliance.monitor.decide.last_use import LastUse, Notice
from appliance.monitor.decide.registry import Subject
from appliance.monitor.decide.sessions import Session, Sessions
from appliance.monitor.http import HttpRequest, HttpResponse
from appliance.monitor.in_force.current import InForce
from appliance.monitor.record.outcome import (
    ELSEWHERE,
    Outcome,
    Recorder,
    at_work,
    cross_site,
    marked,
    refusal,
    refused,
    request_id,
    see_other,
)
from appliance.monitor.serve.pages import CONSENT, consent_page, home_page, session_page

MALFORMED = 400, "identity.malformed-request", "the certificate or request was refused"
REFUSED = {
    "405": (400, "request.method", MALFORMED[2]),
    "413": (413, "request.too-large", f"the request body is over the limit of {BODY_LIMIT}"),
    "414": (414, "request.too-large", "the path is too long"),
    "431": (431, "request.too-large", "the headers are too large"),
    "494": (431, "request.too-large", "the headers are too large"),
}
"""What is answered and recorded for some of the numbers by which nginx refuses; the others are malformed requests."""

_PLAIN_PATH = re.compile(r"/(?P<service>[a-z]+)/[A-Za-z0-9/_-]{0,200}")


class Logon:
    """Answers what concerns sessions, at the gateways of all enclaves.

    Args:
        in_force: site, registry, policy and keys.
        sessions: the open sessions.
        last_use: what people are told of their last session.
        record: makes an outcome durable in the log or raises.
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        in_force: InForce,
        sessions: Sessions,
        last_use: LastUse,
        record: Recorder,
        clock: Callable[[], float],
    ) -> None:
        self._force = in_force
        self._sessions = sessions
        self._last_use = last_use
        self._record = record
        self._clock = clock

    async def session(self, enclave: Enclave, request: HttpRequest) -> HttpResponse:
        """Open (POST), show (GET) or end (DELETE) the session of the request's certificate."""
        return await self._use(enclave, request, request.header("x-original-method"))

    async def end(self, enclave: Enclave, request: HttpRequest) -> HttpResponse:
        """End the session from a page without scripts, whose forms can only POST."""
        method = request.header("x-original-method")
        return await self._use(enclave, request, "DELETE" if method == "POST" else method)

    async def _use(self, enclave: Enclave, request: HttpRequest, method: str) -> HttpResponse:
        outcome, identity = self._decide(enclave, request, method, "/session")
        if outcome.decision.allow and identity and method == "POST":
            other = self._sessions.elsewhere(identity.name, enclave.lattice)
            if other:
                decision = Decision(allow=False, status=409, rule=ELSEWHERE, action="session")
                outcome = self._outcome(enclave, request, identity.name, method, "/session", decision)
                if dominates(enclave.lattice, other.working):  # below a level nothing is told of it
                    outcome = replace(outcome, detail={"elsewhere": other.enclave})
            elif renewed := self._force.renewals.renews(identity):
                days = self._force.policy.renewal_overlap_days
                reason = f"first use of certificate {identity.serial}, which renews {', '.join(renewed)}: {days} days"
                outcome = replace(outcome, detail={"reason": reason})
        await self._record(outcome)
        if not outcome.decision.allow or identity is None:
            self._count(outcome)
            return refusal(outcome, request)
        if method == "POST":
            self._force.renewals.note(identity, self._now())
            self._open(enclave, identity)
            if wants_page(request.headers):
                return see_other(enclave, _page(enclave, request.header("x-original-uri").partition("?to=")[2]))
        elif method == "DELETE":
            self._sessions.close(identity.fingerprint)
        elif method != "GET":
            return refused(enclave, request, 405, "Refused", "use GET, POST or DELETE")
        return self._show(enclave, request, identity, created=method == "POST")

    async def no_session(self, enclave: Enclave, request: HttpRequest) -> HttpResponse:
        """What somebody without a session is told, already decided and recorded: how to open one."""
        try:
            identity, subject = self._identify(request)
        except IdentityError as error:
            return refused(enclave, request, 401, "Your certificate was renewed", error.message)
        if wants_page(request.headers):
            notice = self._last_use.notice(identity.name, self._told(enclave)) if subject else Notice()
            text = self._force.policy.consent or CONSENT
            wanted = _page(enclave, request.header("x-original-uri").partition("?")[0])
            return consent_page(enclave, text, self._lines(notice, identity), wanted, demo=self._force.site.demo)
        text = "no session is open: POST /session opens one at this enclave's level"
        return refused(enclave, request, 401, "No session", text)

    async def home(self, enclave: Enclave, request: HttpRequest) -> HttpResponse:
        """Show at ``/`` which pages a person may open here, and how their session stands."""
        outcome, identity = self._decide(enclave, request, "GET", "/")
        await self._record(outcome)
        self._count(outcome)
        if not outcome.decision.allow or identity is None:
            return refusal(outcome, request)
        session = self._sessions.current(identity.fingerprint, identity.name)
        subject = self._force.registry.find(identity.name)
        if session is None or subject is None or not dominates(session.working, enclave.lattice):
            return await self.no_session(enclave, request)
        who = Person(subject.name, subject.holds(), subject.roles, subject.groups, session.working)
        pages = offered(who, enclave, self._force.catalogue, self._force.policy, self._now().date())
        view, lines = self._view(enclave, session, identity)
        if wants_page(request.headers):
            return home_page(enclave, subject.name, pages, lines, demo=self._force.site.demo)
        shown = [{"path": page.path, "title": page.title, "purpose": page.purpose} for page in pages]
        return marked(enclave, 200, {"pages": shown, "session": view})

    async def refused(self, enclave: Enclave, request: HttpRequest) -> HttpResponse:
        """Record a certificate or request that nginx itself refused, under the number by which it did."""
        verify, number = request.header("x-client-verify"), request.header("x-refused")
        status, rule, text = REFUSED.get(number, MALFORMED)
        try:
            identity, _ = self._identify(request)
            name = identity.name
            if verify not in ("SUCCESS", ""):
                rule = "identity.certificate-refused"
        except IdentityError as error:
            rule, name = rule if number in REFUSED else error.rule, error.name
        await self._refuse(enclave, request, name, rule, verify if number not in REFUSED else "")
        return refused(enclave, request, status, "Refused", text)

    async def not_ours(self, enclave: Enclave, request: HttpRequest, rule: str) -> HttpResponse:
        """Record a request that is for another host, or in no form of HTTP that says so; it looks like absence."""
        try:
            name = self._identify(request)[0].name
        except IdentityError as error:
            name = error.name
        asked = request.header("x-server-name"), request.header("x-original-host")
        await self._refuse(enclave, request, name, rule, " ".join(filter(None, asked)))
        return refused(enclave, request, 404, "Not found", "not found")

    async def _refuse(self, enclave: Enclave, request: HttpRequest, name: str, rule: str, reason: str) -> None:
        path = request.header("x-original-uri").split("?")[0]
        outcome = self._outcome(enclave, request, name, request.header("x-original-method"), path, deny(rule))
        await self._record(replace(outcome, detail={"reason": reason}))
        self._count(outcome)

    def _decide(
        self, enclave: Enclave, request: HttpRequest, method: str, path: str
    ) -> tuple[Outcome, Identity | None]:
        name, identity, detail = "", None, dict[str, str]()
        try:
            identity, subject = self._identify(request)
            name = identity.name
            allowed = decide_session(enclave.lattice, subject.holds()) if subject else deny("session.not-a-person")
            decision = deny("browser.cross-site") if cross_site(request) else allowed
        except IdentityError as error:
            decision, name, detail = deny(error.rule), error.name, {"reason": error.message}
        return replace(self._outcome(enclave, request, name, method, path, decision), detail=detail), identity

    def _identify(self, request: HttpRequest) -> tuple[Identity, Subject | None]:
        return self._force.identify(request.header("x-client-certificate"), self._now())

    def _outcome(  # one field each
        self, enclave: Enclave, request: HttpRequest, name: str, method: str, path: str, decision: Decision
    ) -> Outcome:
        outcome = Outcome(enclave, name, method, path, request_id(request), decision, self._force.policy_digest)
        return at_work(outcome, self._sessions, self._force.site)

    def _open(self, enclave: Enclave, identity: Identity) -> None:
        told = self._told(enclave)
        notice = self._last_use.notice(identity.name, told)
        self._sessions.open(identity.fingerprint, identity.name, enclave.name, enclave.lattice, notice)
        self._last_use.opened(identity.name, enclave.name, self._clock(), told)

    def _count(self, outcome: Outcome) -> None:
        """Count a refusal for the subject whom the certificate names, who is told of it when they next sign in.

        What they try from a session at another level is told at that level: the count is one that they could write.
        """
        if not outcome.decision.allow and self._force.registry.find(outcome.subject):
            self._last_use.failed(outcome.subject, (outcome.origin or outcome.enclave).name)

    def _told(self, enclave: Enclave) -> set[str]:
        label = enclave.lattice
        return {other.name for other in self._force.site.enclaves if dominates(label, other.lattice)}

    def _show(self, enclave: Enclave, request: HttpRequest, identity: Identity, *, created: bool) -> HttpResponse:
        view, lines = self._view(enclave, self._sessions.current(identity.fingerprint, identity.name), identity)
        certificate = {
            "expires": _time(identity.not_after.timestamp()),
            "renew": identity.expires_soon(self._now()),
            "accepted_until": self._renewed(identity),
        }
        if wants_page(request.headers):
            return session_page(enclave, lines, is_open=view is not None)
        return marked(enclave, 201 if created else 200, {"session": view, "certificate": certificate})

    def _view(
        self, enclave: Enclave, session: Session | None, identity: Identity
    ) -> tuple[dict[str, object] | None, list[str]]:
        """A session as data and in words; where and since when somebody works higher is not told below it."""
        if session is None:
            return None, ["No session is open."]
        if not dominates(enclave.lattice, session.working):
            return {"elsewhere": True}, ["A session at another level is open."]
        notice, ends = session.notice, self._clock() + self._sessions.remaining(session)
        level = marking_of(session.working, self._force.site.markings.vocabulary).banner
        view: dict[str, object] = {
            "subject": session.subject,
            "enclave": session.enclave,
            "working": session.working.encode(),
            "ends": _time(ends),
            "idle_minutes": self._force.policy.idle_minutes,
            "last": {"opened": _time(notice.opened), "enclave": notice.enclave, "refused_since": notice.failed},
        }
        return view, [f"You work at {level}, until {_time(ends)}.", *self._lines(notice, identity)]

    def _lines(self, notice: Notice, identity: Identity) -> list[str]:
        """The notice in words, and a warning when the certificate is soon to expire."""
        last = f"on {_time(notice.opened)} at {notice.enclave}" if notice.opened else "none is known here"
        lines = [f"Your last session: {last}. Refused attempts since: {notice.failed}."]
        if identity.expires_soon(self._now()):
            lines.append(f"Your certificate expires on {identity.not_after:%Y-%m-%d}: have it renewed.")
        if until := self._renewed(identity):
            lines.append(f"Your certificate was renewed: this one is accepted until {until}.")
        return lines

    def _renewed(self, identity: Identity) -> str | None:
        """The last day on which the certificate is accepted, where a renewed one is in use."""
        subject = self._force.registry.find(identity.name)
        days = self._force.policy.renewal_overlap_days
        until = self._force.renewals.until(identity, subject, days) if subject else None
        return f"{until:%Y-%m-%d}" if until else None

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)


def _page(enclave: Enclave, wanted: str) -> str:
    """The page to show once a session is open: the one that was wanted, where it is a plain path of this enclave."""
    known = _PLAIN_PATH.fullmatch(wanted)
    return wanted if known and known["service"] in enclave.services else "/"


def _time(seconds: float | None) -> str | None:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC" if seconds is not None else None
