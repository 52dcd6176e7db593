"""What the monitor answers to a gateway: identity, decision, durable record, and only then the permission."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

import structlog

from appliance.enclave.site import Enclave
from appliance.markings import Label
from appliance.monitor.decide.break_glass import LIFTED, BreakGlassGrants
from appliance.monitor.decide.context import Context, seal
from appliance.monitor.decide.decision import Decision, Person, Request, Workload, decide, deny
from appliance.monitor.decide.grants import GrantError, open_grant
from appliance.monitor.decide.identity import Identity, IdentityError
from appliance.monitor.decide.last_use import LastUse
from appliance.monitor.decide.registry import Subject
from appliance.monitor.decide.sessions import Sessions
from appliance.monitor.http import HttpRequest, HttpResponse, json_response
from appliance.monitor.in_force.current import InForce
from appliance.monitor.record.capacity import CapacityError
from appliance.monitor.record.outcome import Outcome, Recorder, cross_site, marked, request_id
from appliance.monitor.serve.logon import Logon

CONTEXT_SECONDS = 30
LONG_CONTEXT_SECONDS = 900
REFUSAL = "X-Appliance-Refusal"
log = structlog.get_logger()


class Gate:
    """Answers the gateways of all enclaves.

    Args:
        in_force: site, registry, policy and keys.
        sessions: the open sessions.
        last_use: what people are told of their last session.
        record: makes an outcome durable in the log or raises; nothing is answered before it returns.
        clock: seconds since the epoch.
        break_glass: what officers lent for some hours, or None.
    """

    def __init__(
        self,
        in_force: InForce,
        sessions: Sessions,
        last_use: LastUse,
        record: Recorder,
        clock: Callable[[], float] = time.time,
        break_glass: BreakGlassGrants | None = None,
    ) -> None:
        self._force = in_force
        self._sessions = sessions
        self._record = record
        self._clock = clock
        self._break_glass = break_glass
        logon = Logon(in_force, sessions, last_use, record, clock)
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
        handler = self._handlers.get(request.path.split("?")[0])
        if handler is None:
            return json_response(404, {"error": "not found"})
        try:
            return await handler(enclave, request)
        except CapacityError as refusal:
            return marked(enclave, 503, {"error": refusal.message}, {REFUSAL: refusal.message})
        except Exception:  # whatever went wrong, the answer is refusal
            log.exception("no answer without a record", enclave=enclave.name)
            return marked(enclave, 503, {"error": "no durable record, no effect"})

    async def _decide(self, enclave: Enclave, request: HttpRequest) -> HttpResponse:
        now = datetime.fromtimestamp(self._clock(), UTC)
        path, _, query = request.header("x-original-uri").partition("?")
        asked = Request(
            method=request.header("x-original-method"),
            path=path,
            query=query,
            label=enclave.lattice,
            obligations=enclave.obligations,
            day=now.date(),
        )
        name, who, detail, headers = "", None, dict[str, str](), dict[str, str]()
        try:
            identity, subject = self._force.identify(request.header("x-client-certificate"), now)
            name = identity.name
            if identity.expires_soon(now):
                headers["X-Certificate-Expires"] = f"{identity.not_after:%Y-%m-%d}"
            who = self._person(identity, subject) if subject else self._workload(enclave, request, identity, detail)
            decision = decide(asked, who, self._force.policy)
            if self._break_glass and isinstance(who, Person) and decision.rule in LIFTED:
                lent = self._break_glass.decide(asked, who, enclave.name, self._force.policy, now)
                if lent:
                    decision, who, detail["reason"] = lent
            if decision.allow and cross_site(request):
                decision = deny("browser.cross-site", action=decision.action)
        except IdentityError as error:
            decision, name, detail = deny(error.rule), name or error.name, {"reason": error.message}
        except GrantError as error:
            decision, detail = deny(error.rule), {"reason": error.message}
        working = who.working.encode() if isinstance(who, Person) and who.working else ""
        outcome = self._outcome(enclave, name, asked, request, decision, working, detail)
        await self._record(outcome)
        if not decision.allow or who is None:
            return json_response(decision.status, {"error": "refused"})
        return HttpResponse(200, headers=headers | {"X-Appliance-Context": self._context(outcome, who, asked)})

    def _outcome(  # one field each
        self,
        enclave: Enclave,
        name: str,
        asked: Request,
        request: HttpRequest,
        decision: Decision,
        working: str,
        detail: dict[str, str],
    ) -> Outcome:
        digest = self._force.policy_digest
        return Outcome(enclave, name, asked.method, asked.path, request_id(request), decision, digest, working, detail)

    def _person(self, identity: Identity, subject: Subject) -> Person:
        session = self._sessions.current(identity.fingerprint)
        return Person(
            subject.name, subject.holds(), subject.roles, subject.groups, session.working if session else None
        )

    def _workload(self, enclave: Enclave, request: HttpRequest, identity: Identity, detail: dict[str, str]) -> Workload:
        """The workload, and the registered person its job works for; ``detail`` receives what the grant says."""
        label, person = self._force.label(identity.enclave), None
        if token := request.header("x-appliance-job"):
            grant = open_grant(
                token, self._force.grant_key, service=identity.workload, enclave=enclave.name, now=self._clock()
            )
            detail |= {"job": grant.job, "on_behalf_of": grant.subject, "model": grant.model}
            subject = self._force.subject(grant.subject, datetime.fromtimestamp(self._clock(), UTC))
            person = _person(subject, label)
        return Workload(identity.workload, label, person)

    def _context(self, outcome: Outcome, who: Person | Workload, asked: Request) -> str:
        enclave, label = outcome.enclave, asked.label
        person = who if isinstance(who, Person) else None
        acting = who.person if isinstance(who, Workload) else who
        decided = self._force.policy.originator_decision(acting.name, asked.path, asked.day) if acting else None
        limit = person.working if person and person.working else label
        lifetime = LONG_CONTEXT_SECONDS if outcome.decision.action == "run" else CONTEXT_SECONDS
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
            groups=person.groups if person else (),
            level=limit.level,
            need=tuple(sorted(person.clearance.need & limit.need if person else limit.need)),
            nationalities=tuple(sorted(person.clearance.nationalities)) if person else (),
            label=enclave.encoded,
            working=limit.encode(),
            job=outcome.detail.get("job"),
            originator_decision=decided.reference if decided else None,
            expires=int(self._clock()) + lifetime,
        )
        return seal(context, self._force.context_keys[(enclave.name, asked.service)])


def _person(subject: Subject, working: Label | None) -> Person:
    return Person(subject.name, subject.holds(), subject.roles, subject.groups, working)
