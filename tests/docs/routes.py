"""The page of all HTTP routes: what the services declare, and what the shipped access policy says of each."""

import importlib
import inspect
import re
import tempfile
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml
from fastapi.routing import APIRoute
from starlette.routing import Mount

from appliance.markings import parse
from appliance.monitor.decide.policy import AccessPolicy, parse_policy
from appliance.service.settings import Paths, ServiceSettings
from appliance.service.web.app import create_app
from tests.catalogue import CATALOGUE
from tests.contexts import give_keys
from tests.docs.markdown import REPOSITORY, code, prose, table

SERVICES = tuple(manifest.name for manifest in CATALOGUE)
HEAD = """# HTTP routes

Every path that an enclave's origin answers. The gateway asks the monitor about each request. The monitor looks for the
first route of the access policy that matches, and the route names the action. The policy permits actions to roles and
workloads. A request that no route matches is refused, and a refusal looks like absence (404).

The actions below are those of `policies/access.yml` as it is shipped. A site's officers sign their own copy.

- **action**: what the access policy calls the request. `-` means that no route of the policy matches.
- **read down**: whether a session at a higher level may read what the service published there (GET and HEAD, no query).

"""
_GATEWAY = {
    "/": ("GET", "Leads to the pages of the enclave's first service."),
    "/favicon.ico": ("GET", "Nothing, marked: browsers ask by themselves. It needs neither certificate nor session."),
    "/health": ("GET", "Whether the gateway is up. It needs neither certificate nor session."),
    "/session": ("GET, POST, DELETE", "Show, open or end the session of the certificate. Each has at most one."),
    "/session/end": ("POST", "End the session from a page without scripts."),
}  # fmt: skip


def page() -> str:
    """The page."""
    policy = parse_policy(yaml.safe_load((REPOSITORY / "policies" / "access.yml").read_text()))
    parts = [f"## {service}\n\n{_table(service, policy)}" for service in SERVICES]
    return HEAD + "\n\n".join([_gateway(), *parts, _permissions(policy)]) + "\n"


def _gateway() -> str:
    """The paths that gateway and monitor answer themselves, by nginx's own configuration."""
    template = (files("appliance.enclave") / "templates" / "nginx.conf.j2").read_text()
    outside = re.findall(r"location = (\S+) \{\n(?!\{\{ own)", template)
    rows = ((_GATEWAY[path][0], code(path), _GATEWAY[path][1]) for path in sorted(outside))
    return "## Gateway and monitor\n\n" + table(["method", "path", "what it does"], rows)


def _table(service: str, policy: AccessPolicy) -> str:
    rows = []
    for path, methods, what in sorted(_routes(service)):
        for method in sorted(methods):
            found = policy.route(service, method, example(path))
            down = "yes" if found and found.reads_down else "no"
            rows.append((method, code(path), found.action if found else "-", down, what))
    return table(["method", "path", "action", "read down", "what it does"], rows)


def example(path: str) -> str:
    """A path that a route of a service answers."""
    typed = path.replace("{page}", "1").replace("**", "any")
    return re.sub(r"\{\w+\}", "00000000-0000-4000-8000-000000000000", typed)


def _routes(service: str) -> Iterator[tuple[str, set[str], str]]:
    """Path, methods and meaning of each route that a service answers."""
    for route in [*_shared(service), *_own(service)]:
        if isinstance(route, APIRoute):
            yield route.path.replace("{path:path}", "**"), (route.methods or set()) - {"HEAD"}, _first_line(route)
        elif isinstance(route, Mount):
            what = {
                "static": "Style sheet and icon.",
                "vendor": "Vendored scripts.",
                "assets": "The service's own files.",
            }
            yield f"{route.path}/**", {"GET"}, what[route.path.rpartition("/")[2]]


def _first_line(route: APIRoute) -> str:
    text = inspect.getdoc(route.endpoint)
    assert text, f"{route.path} has no docstring"
    return prose(text.partition("\n\n")[0])


def _shared(service: str) -> list[Any]:
    """What every service has, from the application that each starts from."""
    own = REPOSITORY / "images" / service / "app" / "assets"
    vendored = yaml.safe_load((REPOSITORY / "images" / service / "image.yml").read_text()).get("npm_files")
    marking = parse("UNCLASSIFIED")
    settings = ServiceSettings(
        enclave="any", service=service, label=marking.label.encode(), marking=marking.banner, hostname="any.test"
    )
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        give_keys(place)
        paths = Paths(secrets=place, static=place if vendored else place / "absent")
        return list(create_app(settings, paths, assets=own if own.is_dir() else None).routes)


def _own(service: str) -> Iterator[Any]:
    """The routes of every router in an image's code."""
    for source in sorted((REPOSITORY / "images" / service / "app").rglob("*.py")):
        if "APIRouter(" in source.read_text():
            name = ".".join(source.relative_to(REPOSITORY).with_suffix("").parts)
            yield from importlib.import_module(name).router.routes


def _permissions(policy: AccessPolicy) -> str:
    given = policy.model_dump(mode="json")
    who = {f"role {role}": rules for role, rules in given["roles"].items()}
    who |= {f"service {name}, for a job": rules for name, rules in given["workloads"].items()}
    rows = ((name, *(", ".join(rules.get(service, ())) for service in SERVICES)) for name, rules in who.items())
    return "## Who may do what\n\n" + table(["who", *SERVICES], rows)
