"""The running containers, as the kernel shows them, against what was admitted."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from appliance.enclave import network_hook
from appliance.enclave.paths import HostPaths
from appliance.host.enforce.configuration import APPARMOR_PROFILE
from appliance.host.enforce.difference import HostDifference
from appliance.host.enforce.platform import detect

PROC = Path("/proc")
CGROUPS = Path("/sys/fs/cgroup")
UNLIMITED = 1 << 60
# What the runtime mounts in every container, beside the volumes of the generation.
OWN_MOUNTS = {"/", "/proc", "/dev", "/sys", "/run", "/tmp", "/var/tmp"}  # noqa: S108
OWN_MOUNTS |= {"/etc/hosts", "/etc/hostname", "/etc/resolv.conf"}
OWN_MOUNTS_BELOW = ("/proc/", "/dev/", "/sys/", "/run/.containerenv")
CONFINED = {"CapBnd": "0000000000000000", "CapEff": "0000000000000000", "NoNewPrivs": "1", "Seccomp": "2"}


@dataclass(frozen=True)
class Running:
    """A running container of the appliance's podman: its names in the store, its image and its first process."""

    name: str
    identifier: str
    image: str
    pid: int


def running(listed: list[dict[str, Any]]) -> list[Running]:
    """The containers that ``podman ps`` listed and that have a process."""
    return [Running(c["Names"][0], c["Id"], c["ImageID"], c["Pid"]) for c in listed if c.get("Pid")]


def container_findings(paths: HostPaths, admitted: dict[str, Any], containers: list[Running]) -> list[HostDifference]:
    """Containers that were not admitted, or whose process, maps or mounts are not what was."""
    result: list[HostDifference] = []
    for container in containers:
        key = f"container {container.name}"
        facts = admitted.get(container.name)
        userdata = paths.root / "containers/storage/overlay-containers" / container.identifier / "userdata"
        try:
            mark = network_hook.admitted_name(os.fspath(userdata))  # type: ignore[no-untyped-call]
        except (OSError, ValueError) as error:
            mark = str(error)
        if facts is None or mark != container.name:
            result.append(
                HostDifference(key, "admitted", "unknown" if facts is None else mark, "no admission, no container")
            )
            continue
        if container.image != facts["image"]:
            result.append(
                HostDifference(f"image of {key}", facts["image"], container.image, "only the signed image runs")
            )
        result += _kernel_findings(key, facts, PROC / str(container.pid))
    return result


def _kernel_findings(key: str, facts: dict[str, Any], process: Path) -> Iterator[HostDifference]:
    try:
        lines = (line.partition(":") for line in (process / "status").read_text().splitlines())
        status = {name: value.strip() for name, _, value in lines}
        mapping = [[int(number) for number in line.split()] for line in (process / "uid_map").read_text().splitlines()]
        mounts = {line.split()[4] for line in (process / "mountinfo").read_text().splitlines()}
    except OSError:  # it ended meanwhile
        return
    for name, value in CONFINED.items():
        if status[name] != value:
            yield HostDifference(f"{name} of {key}", value, status[name], "a container has no power over the host")
    if mapping != facts["uid_map"]:
        yield HostDifference(f"uids of {key}", str(facts["uid_map"]), str(mapping), "every enclave has uids of its own")
    profile = _current_profile(process)
    if profile is not None and profile != f"{APPARMOR_PROFILE} (enforce)":
        yield HostDifference(f"AppArmor of {key}", APPARMOR_PROFILE, profile, "the host has AppArmor, so it confines")
    if not _limited(process):
        yield HostDifference(
            f"limits of {key}", "memory and processes limited", "no limit", "no container starves another"
        )
    shares = _shares(process)
    if shares is not None and shares != facts["processor"]["shares"]:
        wanted = str(facts["processor"]["shares"])
        yield HostDifference(f"weights of {key}", wanted, str(shares), "no container starves another")
    for mount in sorted(mounts - OWN_MOUNTS - {mount[0] for mount in facts["mounts"]}):
        if not mount.startswith(OWN_MOUNTS_BELOW):
            yield HostDifference(f"mounts of {key}", "only those of the generation", mount, "nothing is shared")


def _current_profile(process: Path) -> str | None:
    """The AppArmor profile of a process; None where the host has no AppArmor."""
    if not detect().apparmor:
        return None
    return (process / "attr" / "current").read_text().strip()


def _limited(process: Path) -> bool:
    """Whether a process's control groups limit memory and processes (cgroups(7): v1 has a tree a controller)."""
    for line in (process / "cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        for controller, limit in (("memory", "memory.limit_in_bytes"), ("pids", "pids.max")):
            if controller in controllers.split(","):
                text = (CGROUPS / controller / path.lstrip("/") / limit).read_text().strip()
                if text == "max" or int(text) >= UNLIMITED:
                    return False
        if not controllers and (CGROUPS / "cgroup.controllers").exists():
            folder = CGROUPS / path.lstrip("/")
            if "max" in ((folder / "memory.max").read_text().strip(), (folder / "pids.max").read_text().strip()):
                return False
    return True


def _shares(process: Path) -> int | None:
    """The shares of the processor of a process's control group; None where they are told as another number (v2)."""
    for line in (process / "cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if "cpu" in controllers.split(","):
            return int((CGROUPS / "cpu" / path.lstrip("/") / "cpu.shares").read_text())
    return None
