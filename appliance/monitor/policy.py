"""Stage two of a decision: which role may do what in which service.

It can only narrow what dominance allowed. The policy is data (``policies/access.yml``), signed by two officers.
"""

import re
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from appliance.enclave.site import Service, validated
from appliance.monitor.registry import Role

Method = Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
Action = Annotated[str, Field(pattern=r"^[a-z]+$")]


class Route(BaseModel):
    """A group of paths of one service and what using them is called.

    Attributes:
        path: pattern; ``*`` is one path segment, a final ``**`` any number of them, also none.
        methods: HTTP methods.
        action: name of the action, for example ``read``, ``write``, ``run``, ``export``.
        read_down: whether a session at a higher level may read it; GET and HEAD only.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: Annotated[str, Field(pattern=r"^/[A-Za-z0-9_.*/-]*$")]
    methods: Annotated[tuple[Method, ...], Field(min_length=1)]
    action: Action
    read_down: bool = False

    @model_validator(mode="after")
    def _read_down_only_reads(self) -> "Route":
        if self.read_down and not set(self.methods) <= {"GET", "HEAD"}:
            raise ValueError("read_down routes answer GET and HEAD only: anything else is a write to a lower level")
        return self

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """The compiled path pattern."""
        text = re.escape(self.path).replace(r"/\*\*", "(/.*)?").replace(r"\*", "[^/]+")
        return re.compile(text)


class AccessPolicy(BaseModel):
    """Role x service x action.

    Attributes:
        routes: for each service, its routes; the first that matches names the action; none means refusal.
        roles: for each role, for each service, the permitted actions.
        workloads: for each calling service, for each called service, the actions a job grant permits.
        session_minutes: longest session.
        idle_minutes: a session unused for so long is over.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    routes: dict[Service, tuple[Route, ...]]
    roles: dict[Role, dict[Service, tuple[Action, ...]]]
    workloads: dict[Service, dict[Service, tuple[Action, ...]]] = {}
    session_minutes: Annotated[int, Field(ge=1, le=1440)] = 480
    idle_minutes: Annotated[int, Field(ge=1, le=1440)] = 30

    @model_validator(mode="after")
    def _rules_are_about_something(self) -> "AccessPolicy":
        if not self.roles or not self.routes:
            raise ValueError("an empty policy would refuse everybody: name roles and routes")
        known = {(service, route.action) for service, routes in self.routes.items() for route in routes}
        for owner, rules in [*self.roles.items(), *self.workloads.items()]:
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
