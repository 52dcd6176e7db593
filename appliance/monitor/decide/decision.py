"""The decision: a pure function from a request, who asks and what is in force, to an answer and its rule.

Stage one is dominance and cannot be configured. Stage two, the access policy, can only narrow it: by role, by
need-to-know group, and by the originator's decision for what leaves under ORCON. Writing happens at
the equal label only (Bell and LaPadula, with the strong star property); reading down is GET or HEAD, without a query,
on typed routes marked for it, because a query string, a search term or a prompt is a write.
"""

import re
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from appliance.contract.grant import Grant
from appliance.markings import Clearance, Label, can_read, controlled, dominates
from appliance.monitor.decide.policy import EXPORT, JOB, AccessPolicy, Route

READS = ("GET", "HEAD")
READ_DOWN = "access.permitted-read-down"
NO_SESSION = "session.none"
PLAIN_PATH = re.compile(r"/[A-Za-z0-9_.~@:+/-]*")


@dataclass(frozen=True)
class GatewayRequest:
    """What is asked: an HTTP request at the gateway of one enclave.

    Attributes:
        method: HTTP method.
        path: path without the query.
        query: what follows the question mark.
        label: label of the enclave.
        obligations: tokens of its marking that are obligations and no part of the label, as ``OC`` (ORCON).
        day: the day of the request in UTC, for decisions that expire.
        models: the enclave's models.
    """

    method: str
    path: str
    query: str
    label: Label
    obligations: tuple[str, ...]
    day: date
    models: tuple[str, ...] = ()

    @cached_property
    def service(self) -> str:
        """The first path segment."""
        return self.path.split("/", 2)[1] if self.path.startswith("/") else ""


@dataclass(frozen=True)
class Person:
    """A registered subject with an open session, or none (``working`` is None)."""

    name: str
    clearance: Clearance
    roles: tuple[str, ...]
    groups: tuple[str, ...]
    working: Label | None


@dataclass(frozen=True)
class Workload:
    """A service with its certificate, and the grant and the person of its job, or none (both are None)."""

    service: str
    label: Label
    person: Person | None
    grant: Grant | None = None


@dataclass(frozen=True)
class Decision:
    """The answer.

    Attributes:
        allow: whether the request goes on.
        status: HTTP status for nginx's ``auth_request``: 200, 401 (no session), 403 (shown as absence).
        rule: the rule that decided.
        action: the policy's name for the request, empty when no route was reached.
    """

    allow: bool
    status: int
    rule: str
    action: str = ""


def deny(rule: str, status: int = 403, action: str = "") -> Decision:
    """A refusal by ``rule``."""
    return Decision(allow=False, status=status, rule=rule, action=action)


def plain(path: str) -> bool:
    """Whether ``path`` reads the same to everyone: no escapes, empty or dot segments, control characters."""
    return bool(PLAIN_PATH.fullmatch(path)) and not any(part in ("", ".", "..") for part in path.split("/")[1:-1])


def decide(request: GatewayRequest, who: Person | Workload, policy: AccessPolicy) -> Decision:
    """Decide ``request`` of ``who`` under ``policy``."""
    if not plain(request.path) or request.path.endswith(("/..", "/.")):
        return deny("path.not-plain")
    if isinstance(who, Workload):
        return _decide_workload(request, who, policy)
    return _decide_person(request, who, policy)


def _decide_person(request: GatewayRequest, who: Person, policy: AccessPolicy) -> Decision:
    if not can_read(who.clearance, request.label):
        return deny("mandatory.clearance-does-not-dominate")
    if who.working is None:
        return deny(NO_SESSION, status=401)
    if not can_read(who.clearance, who.working):
        return deny("session.above-clearance", status=401)
    if not dominates(who.working, request.label):
        return deny("mandatory.no-read-up-from-working-level")
    route = policy.route(request.service, request.method, request.path)
    reads = request.method in READS and not request.query and route is not None and route.reads_down
    if who.working != request.label and not reads:
        return deny("mandatory.no-write-down", action=route.action if route else "")
    if route is None:
        return deny("access.no-route")
    if not policy.permits(who.roles, request.service, route.action):
        return deny("access.role", action=route.action)
    return _narrow(request, who, route, policy) or Decision(
        allow=True,
        status=200,
        rule="access.permitted" if who.working == request.label else READ_DOWN,
        action=route.action,
    )


def decide_session(label: Label, clearance: Clearance) -> Decision:
    """Whether a person may open, see or end a session at an enclave's label."""
    if not can_read(clearance, label):
        return deny("mandatory.clearance-does-not-dominate", action="session")
    return Decision(allow=True, status=200, rule="session.permitted", action="session")


def _decide_workload(request: GatewayRequest, who: Workload, policy: AccessPolicy) -> Decision:
    if who.label != request.label:
        return deny("mandatory.workload-of-another-enclave")
    if who.person is None or who.grant is None:
        return deny("workload.no-grant")
    if who.grant.label != request.label.encode() or who.grant.model not in request.models:
        return deny("workload.grant-of-another")
    if not policy.permits(who.person.roles, who.service, JOB) or not set(who.grant.groups) <= set(who.person.groups):
        return deny("workload.job-no-more-permitted")
    if not can_read(who.person.clearance, request.label):
        return deny("mandatory.clearance-does-not-dominate")
    route = policy.route(request.service, request.method, request.path)
    if route is None:
        return deny("access.no-route")
    if not policy.permits_workload(who.service, request.service, route.action):
        return deny("access.workload", action=route.action)
    return _narrow(request, who.person, route, policy) or Decision(
        allow=True, status=200, rule="access.permitted-workload", action=route.action
    )


def _narrow(request: GatewayRequest, who: Person, route: Route, policy: AccessPolicy) -> Decision | None:
    """The refusal for want of need-to-know or of the originator's decision, or None."""
    if route.group and route.group not in who.groups:
        return deny("access.need-to-know", action=route.action)
    leaves = route.action == EXPORT and controlled(request.obligations)
    if (route.originator_controlled or leaves) and not policy.originator_decision(who.name, request.path, request.day):
        return deny("originator.no-decision", action=route.action)
    return None
