"""Stage two of a decision: which role may do what in which service.

It can only narrow what dominance allowed: by role, by need-to-know group, and by the originator's decision where their
control goes with the information (ORCON). The policy is data (``policies/access.yml``), signed by two officers.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import date
from functools import cached_property
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from appliance.contract import manifest
from appliance.contract.manifest import Action, PathPattern, ServiceName, compiled
from appliance.enclave.site import Name, validated
from appliance.monitor.decide.registry import Group, Role

EXPORT = "export"
JOB = "job"
"""The action that starts a job: a context of it, and of no other, brings a job grant."""


class Route(manifest.Route):
    """A route that two officers opened: one that a service offers, or a part of it, perhaps for fewer people.

    Attributes:
        group: the need-to-know group that one must belong to, if any.
        originator_controlled: whether only those may use it whom the originator's recorded decision names.
    """

    group: Group | None = None
    originator_controlled: bool = False

    @model_validator(mode="after")
    def _read_down_is_typed(self) -> "Route":
        """Free text is no reason to refuse what officers signed for an earlier release: it only opens nothing below."""
        return self

    @property
    def reads_down(self) -> bool:
        """Whether it is open to sessions at a higher level."""
        return self.read_down and self.typed


class OriginatorDecision(BaseModel):
    """What an originator decided about the dissemination of information under their control (ORCON).

    Attributes:
        reference: under which the officers keep the originator's word.
        originator: the office that decided.
        path: pattern of what may be disseminated, for example the export of one project.
        recipients: the subjects who may receive it.
        expires: last day on which the decision holds.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    reference: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ./_-]{0,99}$")]
    originator: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ./_-]{0,99}$")]
    path: PathPattern
    recipients: Annotated[tuple[Name, ...], Field(min_length=1)]
    expires: date

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """The compiled path pattern."""
        return compiled(self.path)


class AccessPolicy(BaseModel):
    """Role x service x action.

    Attributes:
        site: the site whose rules these are.
        version: grows with every change; an older one never takes effect again.
        predecessor: SHA-256 of the payload of the rules before these.
        routes: for each service, its routes; the first that matches names the action; none means refusal.
        roles: for each role, for each service, the permitted actions.
        workloads: for each calling service, for each called service, the actions a job grant permits.
        session_minutes: longest session.
        idle_minutes: a session unused for so long is over.
        renewal_overlap_days: for how many days a certificate is accepted after its person has first signed in with a
            renewed one.
        consent: what people agree to when they open a session; the appliance's own words when absent.
        originator_decisions: who may receive what its originator controls.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    site: Name | None = None
    version: Annotated[int, Field(ge=1)] = 1
    predecessor: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    routes: dict[ServiceName, tuple[Route, ...]]
    roles: dict[Role, dict[ServiceName, tuple[Action, ...]]]
    workloads: dict[ServiceName, dict[ServiceName, tuple[Action, ...]]] = {}
    session_minutes: Annotated[int, Field(ge=1, le=1440)] = 480
    idle_minutes: Annotated[int, Field(ge=1, le=1440)] = 30
    renewal_overlap_days: Annotated[int, Field(ge=0, le=30)] = 7
    consent: Annotated[str, Field(min_length=20, max_length=4000)] | None = None
    originator_decisions: tuple[OriginatorDecision, ...] = ()

    @model_validator(mode="after")
    def _routes_agree(self) -> "AccessPolicy":
        for service, routes in self.routes.items():
            if not routes:
                raise ValueError(f"{service} has no routes: name some, or leave {service} out")
            seen: set[tuple[str, str]] = set()
            for route in routes:
                if not route.path.startswith(f"/{service}/"):
                    raise ValueError(f"the route {route.path} is not one of {service}")
                for method in route.methods:
                    if (method, route.path) in seen:
                        raise ValueError(f"two routes contradict each other: {method} {route.path} stands twice")
                    seen.add((method, route.path))
        if self.idle_minutes > self.session_minutes:
            raise ValueError("idle_minutes is longer than session_minutes")
        return self

    @model_validator(mode="after")
    def _rules_are_about_something(self) -> "AccessPolicy":
        if not self.roles or not self.routes:
            raise ValueError("an empty policy would refuse everybody: name roles and routes")
        known = {(service, route.action) for service, routes in self.routes.items() for route in routes}
        for owner, rules in [*self.roles.items(), *self.workloads.items()]:
            if not rules or not all(rules.values()):
                raise ValueError(f"the rules of {owner} are empty: name services and actions, or leave {owner} out")
            for service, actions in rules.items():
                for action in actions:
                    if (service, action) not in known:
                        raise ValueError(f"{owner} may {action!r} in {service}, but no route has that action")
        return self

    @cached_property
    def _by_name(self) -> dict[str, tuple[Route, ...]]:
        return {str(service): routes for service, routes in self.routes.items()}

    def route(self, service: str, method: str, path: str) -> Route | None:
        """The first route of ``service`` that covers the request, or None."""
        for route in self._by_name.get(service, ()):
            if method in route.methods and route.pattern.fullmatch(path):
                return route
        return None

    def permits(self, roles: tuple[str, ...], service: str, action: str) -> bool:
        """Whether one of ``roles`` may do ``action`` in ``service``."""
        return any(_grants(self.roles, role, service, action) for role in roles)

    def originator_decision(self, subject: str, path: str, day: date) -> OriginatorDecision | None:
        """The decision under which ``subject`` may receive what is at ``path`` on ``day``, or None."""
        for decision in self.originator_decisions:
            if subject in decision.recipients and day <= decision.expires and decision.pattern.fullmatch(path):
                return decision
        return None

    @property
    def groups(self) -> Iterable[str]:
        """The need-to-know groups that routes name."""
        return sorted({route.group for routes in self.routes.values() for route in routes if route.group})

    def permits_workload(self, caller: str, service: str, action: str) -> bool:
        """Whether a job of service ``caller`` may do ``action`` in ``service``."""
        return _grants(self.workloads, caller, service, action)


def _grants(rules: Mapping[Any, Mapping[Any, tuple[str, ...]]], owner: str, service: str, action: str) -> bool:
    return action in rules.get(owner, {}).get(service, ())


def parse_policy(data: Any, where: str = "access.yml") -> AccessPolicy:
    """Validate the data of ``access.yml``.

    Raises:
        ApplianceError: names the field and the rule.
    """
    return validated(AccessPolicy, data, where)
