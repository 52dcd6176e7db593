"""Who can reach what: every decision that the policy in force could make, asked of the decision itself.

Nothing is worked out a second time here: each route is tried, by an example of its path, as the monitor decides it.
"""

from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

from appliance.contract.catalogue import Catalogue
from appliance.enclave.site import Enclave, Site
from appliance.markings import Label, can_read, dominates
from appliance.monitor.decide.decision import GatewayRequest, Person, decide
from appliance.monitor.decide.policy import AccessPolicy, Route
from appliance.monitor.decide.registry import Subject


class Reach(BaseModel):
    """What one subject reaches in one enclave.

    Attributes:
        subject: their name.
        enclave: name of the enclave.
        marking: its marking.
        dominates: whether their clearance dominates it; without that they reach nothing.
        works: actions by service in a session at the enclave's level.
        reads_down: actions by service from a session at a higher level.
        refused: by rule, what their role permits and something else refuses, as ``<service> <action> <path>``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    subject: str
    enclave: str
    marking: str
    dominates: bool
    works: dict[str, tuple[str, ...]] = {}
    reads_down: dict[str, tuple[str, ...]] = {}
    refused: dict[str, tuple[str, ...]] = {}


class Offered(NamedTuple):
    """A page that a person may open: its path, the title of its link, and what it is for."""

    path: str
    title: str
    purpose: str


def reach(subject: Subject, enclave: Enclave, site: Site, policy: AccessPolicy, day: date) -> Reach:
    """What ``subject`` reaches in ``enclave`` on ``day``; nothing once their registration has expired."""
    label, clearance = enclave.lattice, subject.holds()
    known = {"subject": subject.name, "enclave": enclave.name, "marking": enclave.label}
    if day > subject.expires or not can_read(clearance, label):
        return Reach(**known, dominates=False)
    above = [
        other.lattice
        for other in site.enclaves
        if other.lattice != label and dominates(other.lattice, label) and can_read(clearance, other.lattice)
    ]
    works, refused = _try(subject, enclave, policy, [label], day)
    reads_down, _ = _try(subject, enclave, policy, above, day)
    return Reach(**known, dominates=True, works=works, reads_down=reads_down, refused=refused)


def offered(
    who: Person, enclave: Enclave, catalogue: Catalogue, policy: AccessPolicy, day: date
) -> tuple[Offered, ...]:
    """The pages of ``enclave`` that ``who`` may open now, each decided as its request would be.

    Args:
        who: the person, with the working level of their session.
        enclave: where they are.
        catalogue: the services, with their pages.
        policy: stage two of the decision.
        day: today in UTC.
    """
    pages = [(manifest, page) for manifest in catalogue if manifest.name in enclave.services for page in manifest.pages]
    return tuple(
        Offered(page.path, page.title, page.purpose or manifest.purpose)
        for manifest, page in pages
        if decide(GatewayRequest("GET", page.path, "", enclave.lattice, enclave.obligations, day), who, policy).allow
    )


def _try(
    subject: Subject, enclave: Enclave, policy: AccessPolicy, levels: Iterable[Label], day: date
) -> tuple[dict[str, tuple[str, ...]], dict[str, tuple[str, ...]]]:
    """Actions by service that some working level allows, and by rule what a role alone would have permitted."""
    allowed: dict[str, set[str]] = {}
    refused: dict[str, set[str]] = {}
    for level in levels:
        who = Person(subject.name, subject.holds(), subject.roles, subject.groups, level)
        for service in enclave.services:
            for route in policy.routes.get(service, ()):
                for method in route.methods:
                    asked = GatewayRequest(method, example(route), "", enclave.lattice, enclave.obligations, day)
                    decision = decide(asked, who, policy)
                    if decision.allow:
                        allowed.setdefault(service, set()).add(decision.action)
                    elif decision.rule.startswith(("access.need", "originator.")):
                        refused.setdefault(decision.rule, set()).add(f"{service} {decision.action} {route.path}")
    return _sorted(allowed), _sorted(refused)


def example(route: Route) -> str:
    """A path that ``route`` covers."""
    typed = route.path.replace("{id}", "00000000-0000-4000-8000-000000000000").replace("{page}", "1")
    return typed.replace("/**", "/example").replace("*", "example")


def _sorted(found: dict[str, set[str]]) -> dict[str, tuple[str, ...]]:
    return {key: tuple(sorted(values)) for key, values in sorted(found.items())}
