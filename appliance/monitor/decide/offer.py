"""What a bundle's services offer against what two officers opened: the manifest offers, the officers decide.

The signed access rules name every route that is open. A bundle that adds a route, a way to read down or an action
therefore changes nothing; this comparison tells the officers what they could open, and what they opened in vain.
"""

import re
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, ConfigDict

from appliance.contract.catalogue import Catalogue
from appliance.contract.manifest import TYPED
from appliance.contract.manifest import Route as OfferedRoute
from appliance.monitor.decide.policy import AccessPolicy, Route

RENAMED = {"run": "job"}
"""Actions that earlier releases called otherwise: starting an evaluation is a job (ADR 120)."""


class Comparison(BaseModel):
    """How an access policy differs from a catalogue; each entry is a route in words.

    Attributes:
        closed: what the services offer and no officer opened.
        beyond: what officers opened and no service offers.
    """

    model_config = ConfigDict(frozen=True)

    closed: tuple[str, ...] = ()
    beyond: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """The differences for people, one a line."""
        return [
            *(f"offered and not open: {route}" for route in self.closed),
            *(f"open and not offered: {route}" for route in self.beyond),
        ]


def compare(policy: AccessPolicy, catalogue: Catalogue) -> Comparison:
    """Compare the routes of ``policy`` with those that the services of ``catalogue`` offer."""
    offered = {manifest.name: manifest.routes for manifest in catalogue}
    return Comparison(
        closed=tuple(
            shown(manifest.name, method, route)
            for manifest in catalogue
            for route in manifest.routes
            for method in route.methods
            if not any(within(route, method, one) for one in policy.routes.get(manifest.name, ()))
        ),
        beyond=tuple(
            shown(service, method, route)
            for service, routes in policy.routes.items()
            for route in routes
            for method in route.methods
            if not any(within(route, method, one) for one in offered.get(service, ()))
        ),
    )


def within(route: OfferedRoute | Route, method: str, other: OfferedRoute | Route) -> bool:
    """Whether ``other`` covers ``method`` on every path of ``route``, as the same action and at least as open below."""
    same = route.action == other.action and (other.read_down or not route.read_down)
    return same and method in other.methods and _covers(other.path.split("/"), route.path.split("/"))


def _covers(wide: list[str], narrow: list[str]) -> bool:
    for number, segment in enumerate(wide):
        if segment == "**":
            return len(narrow) >= number
        if number >= len(narrow) or narrow[number] == "**":
            return False
        fits = segment == narrow[number] or (segment == "*" and narrow[number])
        typed = segment in TYPED and re.fullmatch(TYPED[segment], narrow[number])
        if not fits and not typed:
            return False
    return len(wide) == len(narrow)


def shown(service: str, method: str, route: OfferedRoute | Route) -> str:
    """One route in words."""
    return f"{service}: {method} {route.path} ({route.action}{', read from above' if route.read_down else ''})"


def drafted(rules: dict[str, Any], catalogue: Catalogue) -> dict[str, Any]:
    """The data of an ``access.yml`` with every route that ``catalogue`` offers, before anybody signed it.

    Roles that could start what is a job now may start jobs. Routes of ``rules`` that narrow an offered one, by a
    need-to-know group or the originator's control, stay first;
    everything else of ``rules`` stays as it is, with the next version.

    Args:
        rules: the data of the access rules so far.
        catalogue: the services of a bundle.
    """
    routes = {manifest.name: list(_drafted(rules, manifest.name, catalogue)) for manifest in catalogue}
    roles = {
        role: {service: _renamed(actions, routes.get(service, [])) for service, actions in services.items()}
        for role, services in rules.get("roles", {}).items()
    }
    return rules | {"version": rules.get("version", 1) + 1, "routes": routes, "roles": roles}


def _renamed(actions: list[str], routes: list[dict[str, Any]]) -> list[str]:
    """The actions of a role in a service, those by their new names that no route has by the old one any more."""
    there = {route["action"] for route in routes}
    found = [RENAMED.get(one, one) if one not in there and RENAMED.get(one) in there else one for one in actions]
    return list(dict.fromkeys(found))


def _drafted(rules: dict[str, Any], service: str, catalogue: Catalogue) -> Iterator[dict[str, Any]]:
    for route in rules.get("routes", {}).get(service, ()):
        if route.get("group") or route.get("originator_controlled"):
            yield route
    for offered in catalogue[service].routes:
        yield offered.model_dump(mode="json", exclude_defaults=True)
