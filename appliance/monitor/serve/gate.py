"""What the monitor answers to a gateway: identity, decision, durable record, and only then the permission."""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import structlog

from appliance.contract.context import LIFETIME, Context, seal
from appliance.contract.grant import GrantError, open_grant
from appliance.contract.problem import wants_page
from appliance.enclave.site import Enclave
from appliance.markings import Label
from appliance.monitor.decide.break_glass import LIFTED, BreakGlassGrants
from appliance.monitor.decide.channel import Channel
from appliance.monitor.decide.decision import NO_SESSION, Decision, GatewayRequest, Person, Workload, decide, deny
from appliance.monitor.decide.identity import Identity, IdentityError
from appliance.monitor.decide.jobs import Jobs
from appliance.monitor.decide.last_use import LastUse
from appliance.monitor.decide.registry import Subject
from appliance.monitor.decide.renewals import SUPERSEDED
from appliance.monitor.decide.sessions import Sessions
from appliance.monitor.http import HttpRequest, HttpResponse, json_response
from appliance.monitor.in_force.current import InForce
from appliance.monitor.record.capacity import CapacityError
from appliance.monitor.record.outcome import OFFER, Outcome, Recorder, at_work, cross_site, marked, request_id
from appliance.monitor.serve.logon import Logon
from appliance.monitor.serve.read_down import Answer, ReadDown

REFUSAL = "X-Appliance-Refusal"
PUBLISHED = "X-Appliance-Published"
TOO_MUCH = "you read from a higher level more than a page in half a minute (docs/attacks.md)"
log = structlog.get_logger()


class Gate:
    """Answers the gateways of all enclaves.

    Args:
        in_force: site, registry, policy and keys.
        sessions: the open sessions.
        last_use: what people are told of their last session.
        record: makes an outcome durable in the log or raises; nothing is answered before it returns.
        clock: seconds since the epoch.
        jobs: the jobs that the monitor granted.
        break_glass: what officers lent for some hours, or None.
        read_down: what may be read from a higher level, and how much of it; nothing when None.
    """

    def __init__(  # noqa: PLR0913  # the parts of the monitor, each of its own kind
        self,
        in_force: InForce,
        sessions: Sessions,
        last_use: LastUse,
        record: Recorder,
        clock: Callable[[], float] = time.time,
        *,
        jobs: Jobs,
        break_glass: BreakGlassGrants | None = None,
        read_down: ReadDown | None = None,
    ) -> None:
        self._force = in_force
        self._sessions = sessions
        self._record = record
        self._clock = clock
        self._break_glass = break_glass
        self._jobs = jobs
        self._read_down = read_down or ReadDown(None, Channel(clock))
        logon = self._logon = Logon(in_force, sessions, last_use, record, clock)
        self._handlers = {
            "/decide": self._decide,
            "/session": logon.session,
            "/session/end": logon.end,
            "/no-session": logon.no_session,
            "/refused": logon.refused,
            "/home": logon.home,
        }

    async def handle(self, enclave: Enclave, request: HttpRequest) -> HttpResponse:
        """Answer one request of ``enclave``'s gateway; 503 when it cannot be recorded."""
        asked = request.path.partition("?")[0]
        handler = self._handlers.get(asked)
        if handler is None:
            return json_response(404, {"error": "not found"})
        try:
            if asked != "/refused" and (rule := _not_ours(enclave, request)):
                answer = await self._logon.not_ours(enclave, request, rule)
                return json_response(403, {"error": "refused"}) if asked == "/decide" else answer
            return await handler(enclave, request)
        except CapacityError as refusal:
            return marked(enclave, 503, {"error": refusal.message}, {REFUSAL: refusal.message})
        except Exception:  # whatever went wrong, the answer is refusal
            log.exception("no answer without a record", enclave=enclave.name)
            return marked(enclave, 503, {"error": "no durable record, no effect"})

    async def _decide(self, enclave: Enclave, request: HttpRequest) -> HttpResponse:
        now = datetime.fromtimestamp(self._clock(), UTC)
        path, mark, query = request.header("x-original-uri").partition("?")
        asked = GatewayRequest(
            method=request.header("x-original-method"),
            path=path,
            query=query or mark,  # an empty one is a choice too
            label=enclave.lattice,
            obligations=enclave.obligations,
            day=now.date(),
            models=enclave.models,
        )
        name, who, detail, headers, session = "", None, dict[str, str](), dict[str, str](), ""
        below: Answer | None = None
        try:
            identity, subject = self._force.identify(request.header("x-client-certificate"), now)
            name = identity.name
            if identity.expires_soon(now):
                headers["X-Certificate-Expires"] = f"{identity.not_after:%Y-%m-%d}"
            who = self._person(identity, subject) if subject else self._workload(enclave, request, identity, detail)
            decision, who = self._stages(enclave, asked, who, now, detail)
            if decision.allow and cross_site(request):
                decision = deny("browser.cross-site", action=decision.action)
            session = identity.fingerprint if isinstance(who, Person) and who.working else ""
            if decision.rule == NO_SESSION and asked.method == "GET" and wants_page(request.headers):
                decision = deny(OFFER, decision.status)
            if below := self._read_down.answer(enclave, asked, who, decision):
                decision = below.decision
            if decision.allow and isinstance(who, Workload) and who.grant:
                self._jobs.call(who.grant)
        except IdentityError as error:
            status = 401 if error.rule == SUPERSEDED else 403  # this one is told, by the answer to 401
            decision, name, detail = deny(error.rule, status), name or error.name, {"reason": error.message}
        except GrantError as error:
            decision, detail = deny(error.rule), {"reason": error.message}
        outcome = replace(self._outcome(enclave, name, asked, request, decision, detail), session=session)
        await self._record(outcome)
        if below:
            return _read(enclave, below, headers)
        if not decision.allow or who is None:
            return json_response(decision.status, {"error": "refused"})
        return HttpResponse(200, headers=headers | {"X-Appliance-Context": self._context(outcome, who, asked)})

    def _stages(
        self, enclave: Enclave, asked: GatewayRequest, who: Person | Workload, now: datetime, detail: dict[str, str]
    ) -> tuple[Decision, Person | Workload]:
        """The decision, and the person as widened by what officers lent, whose reason ``detail`` receives."""
        decision = decide(asked, who, self._force.policy)
        if self._break_glass and isinstance(who, Person) and decision.rule in LIFTED:
            lent = self._break_glass.decide(asked, who, enclave.name, self._force.policy, now)
            if lent:
                decision, who, detail["reason"] = lent
        return decision, who

    def _outcome(  # one field each
        self,
        enclave: Enclave,
        name: str,
        asked: GatewayRequest,
        request: HttpRequest,
        decision: Decision,
        detail: dict[str, str],
    ) -> Outcome:
        digest = self._force.policy_digest
        outcome = Outcome(enclave, name, asked.method, asked.path, request_id(request), decision, digest, detail=detail)
        return at_work(outcome, self._sessions, self._force.site)

    def _person(self, identity: Identity, subject: Subject) -> Person:
        session = self._sessions.current(identity.fingerprint, subject.name)
        return Person(
            subject.name, subject.holds(), subject.roles, subject.groups, session.working if session else None
        )

    def _workload(self, enclave: Enclave, request: HttpRequest, identity: Identity, detail: dict[str, str]) -> Workload:
        """The workload, and the registered person its job works for; ``detail`` receives what the grant says."""
        label, person, grant = self._force.label(identity.enclave), None, None
        if token := request.header("x-appliance-job"):
            grant = open_grant(
                token, self._force.grant_key, service=identity.workload, enclave=enclave.name, now=self._clock()
            )
            detail |= {"job": grant.job, "on_behalf_of": grant.subject, "model": grant.model or ""}
            subject = self._force.subject(grant.subject, datetime.fromtimestamp(self._clock(), UTC))
            person = _person(subject, label)
        return Workload(identity.workload, label, person, grant)

    def _context(self, outcome: Outcome, who: Person | Workload, asked: GatewayRequest) -> str:
        enclave, label = outcome.enclave, asked.label
        person = who if isinstance(who, Person) else None
        acting = who.person if isinstance(who, Workload) else who
        decided = self._force.policy.originator_decision(acting.name, asked.path, asked.day) if acting else None
        limit = person.working if person and person.working else label
        grant = who.grant if isinstance(who, Workload) else None
        context = Context(
            request=outcome.request,
            enclave=enclave.name,
            service=asked.service,
            method=outcome.method,
            path=outcome.path,
            action=outcome.decision.action,
            subject=outcome.subject,
            on_behalf_of=outcome.detail.get("on_behalf_of"),
            roles=person.roles if person else (),
            groups=grant.groups if grant else acting.groups if acting else (),
            level=limit.level,
            need=tuple(sorted(acting.clearance.need & limit.need)) if acting else (),
            nationalities=tuple(sorted(acting.clearance.nationalities)) if acting else (),
            label=enclave.encoded,
            working=limit.encode(),
            job=grant.job if grant else None,
            model=grant.model if grant else None,
            purpose=grant.purpose if grant else None,
            originator_decision=decided.reference if decided else None,
            expires=int(self._clock()) + LIFETIME,
        )
        return seal(context, self._force.signing_key, self._force.admission_keys[(enclave.name, asked.service)])


def _person(subject: Subject, working: Label | None) -> Person:
    return Person(subject.name, subject.holds(), subject.roles, subject.groups, working)


def _read(enclave: Enclave, below: Answer, headers: dict[str, str]) -> HttpResponse:
    """What is answered to a session at a higher level: the name of a published page, and never a context."""
    if below.wait:
        text = f"{TOO_MUCH}: try again in {below.wait} seconds"
        return marked(enclave, 503, {"error": text}, {REFUSAL: text})
    if not below.decision.allow:
        return json_response(below.decision.status, {"error": "refused"})
    return HttpResponse(200, headers=headers | {PUBLISHED: below.file})


def _not_ours(enclave: Enclave, request: HttpRequest) -> str:
    """The rule by which a request is refused that is not for this origin, or an empty text.

    A page of another name that resolves here (DNS rebinding) would otherwise use the certificate's power, and an answer
    of HTTP/0.9 has no header that could carry its marking.
    """
    if request.header("x-original-protocol") not in ("HTTP/1.0", "HTTP/1.1", "HTTP/2.0"):
        return "request.protocol"
    for name in (request.header("x-original-host"), request.header("x-server-name")):
        if name not in (enclave.hostname, "gateway.internal", "") and name != str(enclave.address):
            return "host.foreign"
    return ""
