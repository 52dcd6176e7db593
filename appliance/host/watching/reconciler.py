"""Compare what is in force on this host with what was admitted."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from appliance.enclave import admission, render
from appliance.enclave.paths import HostPaths, installed_catalogue
from appliance.enclave.site import Site
from appliance.host.enforce import configuration, diversion, network, owners
from appliance.host.enforce.difference import HostDifference
from appliance.host.enforce.platform import detect
from appliance.host.enforce.podman import Podman
from appliance.host.state import volumes
from appliance.host.state.generation import Facts
from appliance.host.watching import namespaces, running, visitors
from appliance.host.watching.intruders import Intruder, intruders


@dataclass(frozen=True)
class Look:
    """What one look at the host found."""

    findings: frozenset[HostDifference]
    intruders: frozenset[Intruder]


def look(paths: HostPaths, podman: Podman, site: Site) -> Look:
    """Compare everything once; nothing is changed.

    Args:
        paths: where the appliance lives.
        podman: its podman.
        site: what two officers signed; with the loaded images it says what must be.
    """
    containers = running.running(podman.containers(every=False))
    images, catalogue = Facts.of(paths.root / "current").images, installed_catalogue(paths)
    admitted = admission.expected(site, catalogue, images, paths)
    attached = admission.expected_networks(site, catalogue, images, paths)
    found = frozenset(intruders(paths, podman, set(admitted), containers))
    findings = [
        *_file_findings(configuration.files(paths, detect())),
        *_document_findings(paths.root / "current" / "admission.json", admitted),
        *_document_findings(paths.root / "current" / "networks.json", attached),
        *_command_findings(paths),
        *_network_findings(paths, site),
        *_rule_findings(site),
        *running.container_findings(paths, admitted, containers),
        *namespaces.findings(containers),
        *visitors.findings(paths, containers),
        *owners.findings(paths, site, catalogue),
        *volumes.findings(paths, site),
        *(intruder.finding() for intruder in found),
    ]
    return Look(frozenset(findings), found)


def _digest(data: bytes) -> str:
    return f"SHA-256 {hashlib.sha256(data).hexdigest()[:16]}"


def _file_findings(files: dict[Path, str]) -> list[HostDifference]:
    result = []
    for file, text in files.items():
        found = _digest(file.read_bytes()) if file.exists() else "missing"
        if found != _digest(text.encode()):
            reason = "podman is asked to enforce exactly this; appliance host recover writes it again"
            result.append(HostDifference(f"file {file}", _digest(text.encode()), found, reason))
    return result


def _document_findings(file: Path, expected: dict[str, Any]) -> list[HostDifference]:
    found = json.loads(file.read_bytes()) if file.exists() else {}
    reason = "the hooks admit what the signed site and the loaded images say"
    return [
        HostDifference(f"{file.name}: {name}", _short(expected.get(name)), _short(found.get(name)), reason)
        for name in sorted(set(expected) | set(found))
        if expected.get(name) != found.get(name)
    ]


def _short(value: Any) -> str:
    return "nothing" if value is None else _digest(json.dumps(value, sort_keys=True).encode())


def _command_findings(paths: HostPaths) -> list[HostDifference]:
    if diversion.in_force(paths):
        return []
    reason = "a careless command goes round admission; appliance host recover puts the guard back"
    return [HostDifference(f"command {diversion.COMMAND}", "the appliance's guard", "another program", reason)]


def _network_findings(paths: HostPaths, site: Site) -> list[HostDifference]:
    expected = {wanted.name: wanted for enclave in site.enclaves for wanted in render.networks(enclave)}
    files = [json.loads(file.read_bytes()) for file in (paths.root / "networks").glob("*.json")]
    found = {network["name"]: network for network in files if network["name"] != "podman"}
    result = []
    for name in sorted(set(expected) | set(found)):
        wanted = _facts_wanted(expected.get(name))
        there = _facts_found(found.get(name))
        if wanted != there:
            result.append(
                HostDifference(f"network {name}", wanted, there, "a network has the label of its one enclave")
            )
    return result


def _facts_wanted(wanted: render.Network | None) -> str:
    return f"{wanted.label}, {wanted.subnet}, internal {wanted.internal}, names False" if wanted else "none"


def _facts_found(found: dict[str, Any] | None) -> str:
    if found is None:
        return "none"
    subnets = " ".join(subnet["subnet"] for subnet in found.get("subnets") or [])
    label = (found.get("labels") or {}).get(render.LABEL_KEY)
    return f"{label}, {subnets}, internal {found.get('internal', False)}, names {found.get('dns_enabled', False)}"


def _rule_findings(site: Site) -> list[HostDifference]:
    wanted, found = network.rules_wanted(site), network.rules_in_force()
    result = []
    if wanted != found:
        shown = "absent" if not found else _digest(found.encode())
        reason = "packets between enclaves are dropped by these rules; appliance host recover puts them back"
        result.append(
            HostDifference(f"packet rules, table inet {network.TABLE}", _digest(wanted.encode()), shown, reason)
        )
    for enclave in site.enclaves:
        if not network.published(enclave):
            reason = "the gateway cannot be reached; appliance host recover starts it again"
            result.append(HostDifference(f"podman's rules for {enclave.address}", "the gateway", "absent", reason))
    return result
