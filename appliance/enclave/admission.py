"""What the admission hook compares with: the facts of every container of a generation, from what renders it."""

import json
import shlex
from importlib.resources import files
from pathlib import Path
from typing import Any

from appliance.contract.catalogue import Catalogue
from appliance.enclave.render import HostPaths, Images, Network, containers, networks
from appliance.enclave.site import ENCLAVE_UIDS, Site

HOOK = "admission_hook.py"
NETWORK_HOOK = "network_hook.py"
NAMESPACES = ["ipc", "mount", "network", "pid", "user", "uts"]


def expected(site: Site, catalogue: Catalogue, images: Images, paths: HostPaths) -> dict[str, dict[str, Any]]:
    """The facts of each container of ``site``, by its name in podman's store."""
    return {
        container["container_name"]: _facts(container, images, enclave.uids)
        for enclave in site.enclaves
        for container in containers(enclave, catalogue, images, paths).values()
    }


def _facts(container: dict[str, Any], images: Images, uids: int) -> dict[str, Any]:
    name = container["image"].split("/")[-1].split(":")[0]
    config = images.configs[name]
    mapping = [[0, uids, ENCLAVE_UIDS]]
    uid, gid = container["user"].split(":")
    return {
        "image": images.identifiers[name],
        "arguments": container.get("entrypoint") or [*config["Entrypoint"], *config.get("Cmd", [])],
        "environment": dict(entry.split("=", 1) for entry in config.get("Env", []) if not entry.startswith("HOME=")),
        "user": [int(uid), int(gid)],
        "capabilities": [],
        "no_new_privileges": True,
        "read_only": True,
        "binds": {
            volume["target"]: [volume["source"], "ro" if volume["read_only"] else "rw"]
            for volume in container["volumes"]
        },
        "uid_map": mapping,
        "gid_map": mapping,
        "namespaces": NAMESPACES,
        "joined": [],
        "devices": [],
        "seccomp": "own",
        "sysctl": container.get("sysctls", {}),
        "masked": True,
        "memory": _octets(container["mem_limit"]),
        "processes": container["pids_limit"],
        "processor": {"shares": container["cpu_shares"]},
        "disk": {},
    }


def _octets(size: str) -> int:
    """A size as compose files write it, ``512m`` or ``2g``, in bytes."""
    return int(size[:-1]) << {"m": 20, "g": 30}[size[-1]]


def expected_networks(site: Site, catalogue: Catalogue, images: Images, paths: HostPaths) -> dict[str, dict[str, Any]]:
    """Networks and published ports of each container of ``site``, by its name in podman's store."""
    return {
        container["container_name"]: {
            "networks": {
                network.name: _network_facts(network, container["networks"][network.name]["ipv4_address"])
                for network in networks(enclave)
                if network.name in container.get("networks", {})
            },
            "ports": sorted(container.get("ports", [])),
        }
        for enclave in site.enclaves
        for container in containers(enclave, catalogue, images, paths).values()
    }


def _network_facts(network: Network, address: str) -> dict[str, Any]:
    return {
        "label": network.label,
        "addresses": [address],
        "subnets": [str(network.subnet)],
        "driver": "bridge",
        "internal": network.internal,
        "names": False,
    }


def hook_definition(root: Path, run: Path, apparmor: str) -> str:
    """The ``hooks.d`` file that makes podman ask the hook before every container (oci-hooks(5)).

    Args:
        root: state of the appliance.
        run: its sockets.
        apparmor: the profile that every container must have; empty on a host without AppArmor.
    """
    script = str(root / "hooks.d" / HOOK)
    document = {
        "version": "1.0.0",
        "hook": {
            "path": "/usr/bin/python3",
            "args": ["python3", "-I", "-S", script, str(root), str(run), apparmor],
        },
        "when": {"always": True},
        "stages": ["createRuntime"],
    }
    return json.dumps(document, indent=2) + "\n"


def network_program(root: Path, netavark: Path) -> str:
    """The program ``netavark`` that podman finds first (``helper_binaries_dir``): it asks ``network_hook.py``."""
    script = shlex.join(
        ["/usr/bin/python3", "-I", "-S", str(root / "helpers" / NETWORK_HOOK), str(root), str(netavark)]
    )
    return f'#!/bin/sh\nexec {script} "$@"\n'


def hook_script(name: str) -> str:
    """The source of ``HOOK`` or ``NETWORK_HOOK``, as it is copied to the host."""
    return (files("appliance.enclave") / name).read_text()
