"""From a signed site and a verified bundle to the files that one enclave runs from: compose, gateway, settings.

Pure: everything is returned as text, nothing is written.
"""

import ipaddress
import json
import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
import yaml

from appliance.contract import problem
from appliance.contract.catalogue import Catalogue
from appliance.contract.manifest import Manifest, Setting
from appliance.enclave import database
from appliance.enclave.paths import HostPaths
from appliance.enclave.site import ENCLAVE_UIDS, Enclave, Site
from appliance.errors import ApplianceError

GATEWAY_UID, DATABASE_UID, MIGRATE_UID = 1100, 1110, 1111
OWN_WEIGHT = 400
"""Weight of what others wait for: gateway, database, migrations."""
SHARES = 10
"""Shares of the processor for each unit of weight; podman calls 1024 shares the ordinary part."""
BODY_BYTES = 4 << 20
BODY_LIMIT = f"{BODY_BYTES >> 20}m"
LABEL_KEY = "appliance.classification"
REFUSED_BY_NGINX = (400, 405, 411, 413, 414, 415, 416, 417, 421, 431, 494, 495, 496, 497, 501, 505)
"""What nginx refuses before any location is found; 494 to 497 are its own numbers."""

UNAVAILABLE = "nothing is done without a durable record, or the service is down"
OWN_ANSWERS = {
    "absent": (404, "Not found", "not found"),
    "too_large": (413, "Too large", f"the request body is over the limit of {BODY_LIMIT}"),
    "broken": (400, "Refused", "the request was broken off or is malformed"),
    "withheld": (502, "Withheld", "the answer carried no marking and was withheld"),
    "unavailable": (503, "Nothing was done", "@reason@"),
}
"""What the gateway answers without the monitor: status, title of the page, what happened."""

PUBLISHED_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; frame-ancestors 'none';"
    " base-uri 'none'"
)
"""Content security policy of published pages: no script of a low enclave runs in the browser of a higher session."""

SETTINGS_KEY = "appliance.settings"
MIGRATE = "-migrate"
RECORD_SOCKET = "record.sock"


@dataclass(frozen=True)
class Images:
    """The images that were loaded, by name.

    Attributes:
        references: name in podman's store, for example ``localhost/appliance/labeling:<id>``.
        digests: digest of the manifest in the bundle.
        identifiers: podman's image id, which is the SHA-256 of the image's configuration.
        configs: the ``config`` object of that configuration.
    """

    references: dict[str, str]
    digests: dict[str, str]
    identifiers: dict[str, str]
    configs: dict[str, dict[str, Any]]

    def __getitem__(self, name: str) -> str:
        """The reference of image ``name``.

        Raises:
            ApplianceError: the bundle has no such image.
        """
        if name not in self.references:
            raise ApplianceError(f"the bundle has no image {name!r}", remedy="build the bundle with all images")
        return self.references[name]


@cache
def _templates() -> jinja2.Environment:
    source = files("appliance.enclave") / "templates"
    return jinja2.Environment(
        loader=jinja2.FunctionLoader(lambda name: (source / name).read_text()),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        autoescape=False,  # noqa: S701  # the output is nginx's language; every value was validated by the site model
    )


@dataclass(frozen=True)
class Network:
    """One of the two networks of an enclave, as podman is to have it; names are not answered on it."""

    name: str
    label: str
    subnet: ipaddress.IPv4Network
    internal: bool


def networks(enclave: Enclave) -> tuple[Network, Network]:
    """The enclave's inner network, which joins its containers, and the outer, on which its gateway is reached."""
    inner = Network(f"{enclave.name}-inner", enclave.label, enclave.inner, internal=True)
    return inner, Network(f"{enclave.name}-outer", enclave.label, enclave.outer, internal=False)


def network_names(enclave: Enclave) -> tuple[str, str]:
    """Names of the enclave's inner and outer network."""
    inner, outer = networks(enclave)
    return inner.name, outer.name


def manifests(enclave: Enclave, catalogue: Catalogue) -> list[Manifest]:
    """The manifests of the services of ``enclave``, in its order.

    Raises:
        ApplianceError: one of them is not in the catalogue.
    """
    return [catalogue[service] for service in enclave.services]


def user_of(name: str, catalogue: Catalogue) -> int:
    """The user inside the container ``name``: a service's own, the gateway's, the database's or the migrations'."""
    if name.endswith(MIGRATE):
        return MIGRATE_UID
    own = {"gateway": GATEWAY_UID, "database": DATABASE_UID}
    return own[name] if name in own else catalogue[name].uid


def image_of(service: Manifest, enclave: Enclave) -> str:
    """The image that ``service`` runs from in ``enclave``: its own, or that of the engine's variant."""
    variant = service.variant(enclave.engine.variant)
    return variant.image if variant else service.name


def gateway_config(enclave: Enclave, catalogue: Catalogue, markings: Iterable[str] = ()) -> str:
    """The nginx configuration of the enclave's gateway.

    Args:
        enclave: the enclave.
        catalogue: all services of the bundle.
        markings: banners beside the enclave's own that a response may carry: those of enclaves that it dominates.
    """
    addresses = {service.name: enclave.slot_address(service.slot) for service in manifests(enclave, catalogue)}
    template = _templates().get_template("nginx.conf.j2")
    allowed, style = sorted({enclave.label, *markings}), problem.style(enclave.marking)
    return template.render(
        enclave=enclave,
        addresses=addresses,
        markings=allowed,
        body_limit=BODY_LIMIT,
        refused=sorted(REFUSED_BY_NGINX),
        problems={name: _problem(enclave, *one) for name, one in OWN_ANSWERS.items()},
        style=textwrap.wrap(style, 1000, drop_whitespace=False, break_on_hyphens=False),
        unavailable=UNAVAILABLE,
        page_type=problem.PAGE_TYPE,
        problem_type=problem.MEDIA_TYPE,
        problem_policy=problem.content_policy(enclave.marking),
        published_policy=PUBLISHED_POLICY,
    )


def _problem(enclave: Enclave, status: int, title: str, error: str) -> dict[str, Any]:
    """An answer of the gateway itself, with places for what is known only then."""
    body = problem.problem(enclave.label, status, error, "@reference@")
    if status == 400:
        body["status"] = "@status@"
    text = json.dumps(body).replace('"@status@"', "@status@")
    page = problem.problem_page(enclave.marking, title, error, "@reference@")
    return {"status": status, "json": text, "page": page.replace(problem.style(enclave.marking), "@style@")}


@dataclass(frozen=True)
class Bound:
    """What services are bound to besides the site.

    Attributes:
        policy: SHA-256 of the signed access policy.
        log_key: verifier key of the log.
        officers: public keys of the officers in PEM, by name.
    """

    policy: str
    log_key: str
    officers: Mapping[str, str]


def service_settings(
    site: Site, enclave: Enclave, service: Manifest, catalogue: Catalogue, images: Images, bound: Bound
) -> str:
    """The ``service.json`` of one service.

    Args:
        site: the signed site.
        enclave: the enclave.
        service: the service.
        catalogue: all services of the bundle.
        images: the images that run.
        bound: what they are bound to besides.
    """
    engine = catalogue.engine
    variant = engine.variant(enclave.engine.variant) if engine else None
    known: dict[Setting, Any] = {
        "certifiers": [certifier.model_dump() for certifier in site.certifiers],
        "demo": site.demo,
        "engine_image": images.digests[image_of(engine, enclave)] if engine else "",
        "key": bound.log_key,
        "markings": {e.marking.label.encode(): e.label for e in site.enclaves},
        "model": enclave.models[0] if enclave.models else None,
        "models": list(enclave.models),
        "officers": [{"name": name, "public_key": key} for name, key in sorted(bound.officers.items())],
        "certification": site.certification.model_dump(mode="json") if site.certification else None,
        "policy": site.certification_policy.digest,
        "site": site.site,
        "use": enclave.declared_use(demo=site.demo),
        "variant": variant.name if variant else None,
    }
    peers = {peer.name: f"http://{enclave.slot_address(peer.slot)}:8000" for peer in manifests(enclave, catalogue)}
    document = {
        "enclave": enclave.name,
        "service": service.name,
        "label": enclave.marking.label.encode(),
        "marking": enclave.label,
        "hostname": enclave.hostname,
        "profile": site.markings.profile,
        "gateway": "https://gateway.internal",
        "peers": peers,
        "settings": {name: known[name] for name in service.settings},
    }
    return json.dumps(document, indent=2, sort_keys=True) + "\n"


BIND_OPTIONS = ("nodev", "noexec", "nosuid")
"""Of every volume: nothing that a service wrote is run, whatever its mode says (mount(8))."""
DEVICE_ACCESS = "rw"
"""What an engine may do with its device nodes; making others is no part of it."""
TEMPORARY = ("/run", "/tmp", "/var/tmp")  # noqa: S108  # the container's own tmpfs
"""Where a container may write for as long as it runs."""


def _bind(source: Path, target: str, *, writable: bool = False) -> dict[str, Any]:
    """A volume. Podman-compose passes on as ``propagation`` what it has no word for."""
    propagation = {"propagation": ",".join(BIND_OPTIONS)}
    return {"type": "bind", "source": str(source), "target": target, "read_only": not writable, "bind": propagation}


def _container(  # one value each
    enclave: Enclave, name: str, image: str, uid: int, *, memory: str, processes: int = 256, weight: int = OWN_WEIGHT
) -> dict[str, Any]:
    mapping = [f"0:{enclave.uids}:{ENCLAVE_UIDS}"]
    return {
        "image": image,
        "container_name": f"{enclave.name}-{name}",
        "hostname": name,
        "user": f"{uid}:{uid}",
        "pull_policy": "never",
        "read_only": True,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges"],
        "pids_limit": processes,
        "mem_limit": memory,
        "cpu_shares": weight * SHARES,
        "tmpfs": [f"{place}:rw,nosuid,nodev,noexec,size=256m,mode=1777" for place in TEMPORARY],
        "restart": "on-failure:5",
        "labels": {LABEL_KEY: enclave.label, "appliance.enclave": enclave.name, "appliance.service": name},
        "x-podman.uidmaps": mapping,
        "x-podman.gidmaps": mapping,
        "volumes": [],
    }


def _gateway(enclave: Enclave, images: Images, paths: HostPaths) -> dict[str, Any]:
    inner, outer = network_names(enclave)
    container = _container(enclave, "gateway", images["gateway"], GATEWAY_UID, memory="128m")
    container["networks"] = {
        inner: {"ipv4_address": enclave.gateway_address},
        outer: {"ipv4_address": str(enclave.outer.network_address + 2)},
    }
    container["ports"] = [f"{enclave.address}:443:443"]
    container["sysctls"] = {"net.ipv4.ip_unprivileged_port_start": "0"}
    container["volumes"] = [
        _bind(paths.settings(enclave.name) / "nginx.conf", "/etc/appliance/nginx.conf"),
        _bind(paths.secrets(enclave.name, "gateway"), "/run/secrets"),
        _bind(paths.sockets(enclave.name, "gateway"), "/run/monitor"),
        _bind(paths.published(enclave.name), "/srv/published"),
    ]
    return container


def _database(enclave: Enclave, images: Images, paths: HostPaths) -> dict[str, Any]:
    container = _container(enclave, "database", images["database"], DATABASE_UID, memory="512m")
    container["network_mode"] = "none"
    container["shm_size"] = "128m"
    container["volumes"] = [
        _bind(paths.volume(enclave.name, "database"), "/var/lib/postgresql", writable=True),
        _bind(paths.sockets(enclave.name, "postgresql"), "/run/postgresql", writable=True),
    ]
    for name, file in database.FILES.items():
        container["volumes"].append(_bind(paths.settings(enclave.name) / file, f"{database.FOLDER}/{name}"))
    return container


def _service(enclave: Enclave, service: Manifest, images: Images, paths: HostPaths) -> dict[str, Any]:
    inner, _ = network_names(enclave)
    name = service.name
    limits: dict[str, Any] = {"memory": service.memory, "processes": service.processes, "weight": service.weight}
    container = _container(enclave, name, images[image_of(service, enclave)], service.uid, **limits)
    if service.engine and enclave.engine.devices:
        container["devices"] = [f"{device}:{device}:{DEVICE_ACCESS}" for device in enclave.engine.devices]
    container["networks"] = {inner: {"ipv4_address": enclave.slot_address(service.slot)}}
    container["extra_hosts"] = [f"gateway.internal:{enclave.gateway_address}"]
    container["volumes"] = [
        _bind(paths.settings(enclave.name) / f"{name}.json", "/run/appliance/service.json"),
        _bind(paths.secrets(enclave.name, name), "/run/secrets"),
        _bind(paths.records(enclave.name, name), "/run/monitor"),
        _bind(paths.volume(enclave.name, name), "/var/lib/appliance", writable=True),
    ]
    offered = {
        "models": _bind(paths.volume(enclave.name, "models"), "/models"),
        "log": _bind(paths.root / "log", "/var/log/appliance"),
    }
    container["volumes"] += [offered[mount] for mount in service.mounts]
    if service.database:
        container["volumes"].append(_bind(paths.sockets(enclave.name, "postgresql"), "/run/postgresql"))
    return container


def _migrate(enclave: Enclave, service: Manifest, images: Images, paths: HostPaths) -> dict[str, Any]:
    name = f"{service.name}{MIGRATE}"
    container = _container(enclave, name, images[service.name], MIGRATE_UID, memory="1g")
    container["network_mode"] = "none"
    container["restart"] = "no"
    container["entrypoint"] = ["python3", "-m", "app.migrate"]
    container["volumes"] = [
        _bind(paths.secrets(enclave.name, name), "/run/secrets"),
        _bind(paths.settings(enclave.name) / f"{service.name}.json", "/run/appliance/service.json"),
        _bind(paths.sockets(enclave.name, "postgresql"), "/run/postgresql"),
    ]
    return container


def containers(enclave: Enclave, catalogue: Catalogue, images: Images, paths: HostPaths) -> dict[str, dict[str, Any]]:
    """All containers of ``enclave`` as compose services, by their name in the enclave."""
    result = {"gateway": _gateway(enclave, images, paths)}
    for service in manifests(enclave, catalogue):
        if service.database:
            result["database"] = _database(enclave, images, paths)
            result[f"{service.name}{MIGRATE}"] = _migrate(enclave, service, images, paths)
        result[service.name] = _service(enclave, service, images, paths)
    return result


def compose_file(
    enclave: Enclave, catalogue: Catalogue, images: Images, paths: HostPaths, digests: Mapping[str, str]
) -> str:
    """The compose file of ``enclave``; its networks exist already and are named in it as external.

    Args:
        enclave: the enclave.
        catalogue: all services of the bundle.
        images: the images that run.
        paths: where the appliance lives on this host.
        digests: digest of the files that a container mounts, by its name in the enclave; as a label of the container it
            makes podman-compose replace the container when one of them changed.
    """
    services = containers(enclave, catalogue, images, paths)
    for name, digest in digests.items():
        services[name]["labels"][SETTINGS_KEY] = digest
    document = {
        "name": enclave.name,
        "x-podman": {"in_pod": False},
        "services": services,
        "networks": {name: {"external": True} for name in network_names(enclave)},
    }
    return yaml.safe_dump(document, sort_keys=False)
