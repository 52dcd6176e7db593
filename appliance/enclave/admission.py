"""What the admission hook compares with: the facts of every container of a generation, from what renders it."""

import json
import shlex
from importlib.resources import files
from pathlib import Path
from typing import Any

from appliance.contract.catalogue import Catalogue
from appliance.enclave.paths import HostPaths
from appliance.enclave.render import BIND_OPTIONS, Images, Network, containers, networks
from appliance.enclave.site import ENCLAVE_UIDS, Site

HOOK = "admission_hook.py"
NETWORK_HOOK = "network_hook.py"
NAMESPACES = ["ipc", "mount", "network", "pid", "user", "uts"]
NO_HOME = "/nonexistent"
"""Home of the users that the images are built with; one that an image says itself counts before it."""

# What podman 4.3 gives to every container without a terminal and without power over the host.
OWN_ENVIRONMENT = {"TERM": "xterm", "container": "podman"}
ANNOTATIONS = {
    "io.container.manager": "libpod",
    "io.kubernetes.cri-o.TTY": "false",
    "io.podman.annotations.autoremove": "FALSE",
    "io.podman.annotations.init": "FALSE",
    "io.podman.annotations.privileged": "FALSE",
    "io.podman.annotations.publish-all": "FALSE",
}
MASKED = [
    "/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/sched_debug", "/proc/scsi",
    "/proc/timer_list", "/proc/timer_stats", "/sys/dev/block", "/sys/firmware", "/sys/fs/selinux",
]  # fmt: skip
READONLY = ["/proc/asound", "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]
UMASK = 0o022
_SAFE = ["nodev", "noexec", "nosuid"]
MOUNTS = [
    ["/dev", "tmpfs", "tmpfs", "mode=755", "noexec", "nosuid", "size=65536k", "strictatime"],
    ["/dev/mqueue", "mqueue", "mqueue", *_SAFE],
    ["/dev/pts", "devpts", "devpts", "gid=5", "mode=0620", "newinstance", "noexec", "nosuid", "ptmxmode=0666"],
    ["/dev/shm", "bind", "podman:shm", "bind", *_SAFE, "rprivate"],  # noqa: S108
    ["/proc", "proc", "proc", *_SAFE],
    ["/sys", "sysfs", "sysfs", *_SAFE, "ro"],
    ["/sys/fs/cgroup", "cgroup", "cgroup", *_SAFE, "relatime", "ro", "rprivate"],
]
"""By destination: type, source, options; each list as ``admission_hook.mounts_of`` gives it."""


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
    uid, gid = map(int, container["user"].split(":"))
    return {
        "image": images.identifiers[name],
        "arguments": container.get("entrypoint") or [*config["Entrypoint"], *config.get("Cmd", [])],
        "environment": _environment(container, config),
        "folder": config.get("WorkingDir") or "/",
        "user": [uid, gid, UMASK, gid],
        "hostname": container["hostname"],
        "hosts": sorted(" ".join(entry.split(":")[::-1]) for entry in container.get("extra_hosts", [])),
        "capabilities": [],
        "no_new_privileges": True,
        "read_only": True,
        "mounts": _mounts(container),
        "annotations": ANNOTATIONS,
        "uid_map": mapping,
        "gid_map": mapping,
        "namespaces": NAMESPACES,
        "joined": [],
        "devices": [device.partition(":")[0] for device in container.get("devices", [])],
        "seccomp": "own",
        "sysctl": container.get("sysctls", {}),
        "masked": MASKED,
        "readonly_paths": READONLY,
        "memory": _octets(container["mem_limit"]),
        "swap": "twice",
        "processes": container["pids_limit"],
        "processor": {"shares": container["cpu_shares"]},
        "disk": {},
    }


def _environment(container: dict[str, Any], config: dict[str, Any]) -> list[str]:
    given = dict(entry.split("=", 1) for entry in config.get("Env", []))
    values = {"HOME": NO_HOME} | OWN_ENVIRONMENT | {"HOSTNAME": container["hostname"]} | given
    return sorted(f"{name}={value}" for name, value in values.items())


def _mounts(container: dict[str, Any]) -> list[list[str]]:
    """Every mount of a container; of those that podman makes itself, ``resolv.conf`` is where a network is."""
    files = ["hostname", "hosts", *(["resolv.conf"] if "networks" in container else [])]
    made = [[f"/etc/{name}", "bind", f"podman:{name}", "bind", *_SAFE, "ro", "rprivate"] for name in files]
    temporary = [
        [target, "tmpfs", "tmpfs", *sorted([*options.split(","), "rprivate", "tmpcopyup"])]
        for target, _, options in (entry.partition(":") for entry in container["tmpfs"])
    ]
    bound = [
        [
            v["target"],
            "bind",
            v["source"],
            *sorted([*BIND_OPTIONS, "ro" if v["read_only"] else "rw", "rprivate", "rbind"]),
        ]
        for v in container["volumes"]
    ]
    return sorted([*MOUNTS, *made, *temporary, *bound])


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
