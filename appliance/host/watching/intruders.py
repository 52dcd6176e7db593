"""Who is on an enclave's network without admission: containers, processes, cables; and how they are taken off it."""

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from appliance.enclave.paths import HostPaths
from appliance.host.enforce.difference import HostDifference
from appliance.host.enforce.podman import Podman
from appliance.host.watching.running import PROC, Running

REASON = "no admission, no network"


@dataclass(frozen=True)
class Intruder:
    """Something that joined an enclave's network without admission.

    Attributes:
        identity: what it is, never used again for another: process number with start time, interface with index.
        description: for people.
        joined: the network, or the container in whose network it is.
        expel: takes it off; None for a process of the host itself (``nsenter``, by root): a person may be at work.
    """

    identity: str
    description: str
    joined: str
    expel: Callable[[], None] | None = field(compare=False)

    def finding(self) -> HostDifference:
        """As a difference."""
        return HostDifference(f"network of {self.joined}", "what was admitted", self.description, REASON)


def intruders(paths: HostPaths, podman: Podman, admitted: set[str], containers: list[Running]) -> list[Intruder]:
    """All of them.

    Args:
        paths: where the appliance lives.
        podman: its podman.
        admitted: names of the containers of the current generation.
        containers: what runs in the appliance's store.
    """
    unknown = [container for container in containers if container.name not in admitted]
    return [
        *(_container(podman, container) for container in unknown),
        *_processes(containers),
        *_cables(paths, containers),
    ]


def _container(podman: Podman, container: Running) -> Intruder:
    def expel() -> None:
        podman.run(["rm", "--force", "--time", "0", container.identifier], check=False)

    return Intruder(container.identifier, f"container {container.name}", "no enclave", expel)


def _processes(containers: list[Running]) -> list[Intruder]:
    """Processes that share a container's network without being its own."""
    members = {}
    for container in containers:
        space = PROC / str(container.pid) / "ns"
        with contextlib.suppress(OSError):
            members[(space / "net").stat().st_ino] = ((space / "pid").stat().st_ino, container.name)
    host = (PROC / "self" / "ns" / "pid").stat().st_ino
    found = []
    for process in PROC.iterdir():
        if not process.name.isdecimal():
            continue
        try:
            network, pids = (process / "ns" / "net").stat().st_ino, (process / "ns" / "pid").stat().st_ino
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
            started = (process / "stat").read_text().rpartition(")")[2].split()[19]
        except OSError:  # it ended meanwhile
            continue
        if network in members and members[network][0] != pids:
            expel = _killer(int(process.name)) if pids != host else None
            identity = f"{process.name}/{started}"
            found.append(Intruder(identity, f"process {command[:200]}", members[network][1], expel))
    return found


def _killer(pid: int) -> Callable[[], None]:
    def expel() -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)

    return expel


def _cables(paths: HostPaths, containers: list[Running]) -> list[Intruder]:
    """Interfaces on an enclave's bridge whose other end is in no container of the appliance."""
    networks = [json.loads(file.read_bytes()) for file in (paths.root / "networks").glob("*.json")]
    bridges = {network["network_interface"]: network["name"] for network in networks}
    own = {
        link.get("link_index")
        for container in containers
        for link in _links(["nsenter", f"--net={PROC / str(container.pid)}/ns/net"])
    }
    found = []
    for link in _links([]):
        if link.get("master") in bridges and link["ifindex"] not in own:
            name = link["ifname"]
            identity, joined = f"{name}/{link['ifindex']}", bridges[link["master"]]
            found.append(Intruder(identity, f"interface {name}", joined, _cutter(name)))
    return found


def _cutter(interface: str) -> Callable[[], None]:
    def expel() -> None:
        subprocess.run(["ip", "link", "set", interface, "nomaster", "down"], capture_output=True, check=False)

    return expel


def _links(inside: list[str]) -> list[dict[str, Any]]:
    answer = subprocess.run([*inside, "ip", "-j", "link", "show"], capture_output=True, text=True, check=False)
    return list(json.loads(answer.stdout or "[]"))
