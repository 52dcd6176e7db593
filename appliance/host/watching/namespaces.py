"""In which namespaces the processes of the containers are, against those that the runtime made for each."""

import re
from collections.abc import Iterator
from pathlib import Path

from appliance.host.enforce.difference import HostDifference
from appliance.host.watching.running import PROC, Running

SEPARATE = ("ipc", "mnt", "net", "pid", "user", "uts")
"""What no container shares with the host or with another one (namespaces(7))."""
OWN = "its own, for all of its processes"
REASON = "in a user namespace of its own making a process has every capability over what it makes there"


def findings(containers: list[Running], proc: Path = PROC) -> list[HostDifference]:
    """Containers that share a namespace, and processes of a container that are in others than its first process.

    A process belongs to the container in whose control group it is: it cannot leave that, whatever it unshares.
    A process that the runtime is just bringing in is seen once; the watcher alarms at what it sees twice.

    Args:
        containers: what runs in the appliance's store.
        proc: the kernel's view of processes.
    """
    first = {container.name: _namespaces(proc / str(container.pid)) for container in containers}
    return [*_shared(first, _namespaces(proc / "self")), *_strayed(containers, first, proc)]


def _shared(first: dict[str, dict[str, str]], host: dict[str, str]) -> Iterator[HostDifference]:
    owners = {host[kind]: "the host" for kind in SEPARATE if kind in host}
    for name, own in first.items():
        for kind in SEPARATE:
            if kind in own and own[kind] in owners:
                yield HostDifference(f"namespaces of container {name}", OWN, f"{kind} of {owners[own[kind]]}", REASON)
        owners |= {own[kind]: f"container {name}" for kind in SEPARATE if kind in own and own[kind] not in owners}


def _strayed(containers: list[Running], first: dict[str, dict[str, str]], proc: Path) -> Iterator[HostDifference]:
    names = {container.identifier: container.name for container in containers}
    for process in sorted(proc.iterdir()):
        name = _container(process, names) if process.name.isdecimal() else None
        if name is None or not first[name]:
            continue
        others = [kind for kind, target in _namespaces(process).items() if first[name].get(kind) != target]
        if others:
            found = f"process {process.name} in another {', '.join(others)}"
            yield HostDifference(f"namespaces of container {name}", OWN, found, REASON)


def _container(process: Path, names: dict[str, str]) -> str | None:
    """The container in whose control group ``process`` is (podman names the group ``libpod-<id>``)."""
    try:
        groups = (process / "cgroup").read_text()
    except OSError:  # it ended meanwhile
        return None
    found = re.search(r"/libpod-([0-9a-f]{64})(?:\.scope)?(?:/|$)", groups, re.MULTILINE)
    return names.get(found[1]) if found else None


def _namespaces(process: Path) -> dict[str, str]:
    """What ``/proc/<pid>/ns`` says, those that its children will have included; nothing when it ended."""
    try:
        return {entry.name: str(entry.readlink()) for entry in sorted((process / "ns").iterdir())}
    except OSError:
        return {}
