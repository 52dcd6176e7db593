"""What this host is: detected, never assumed."""

import os
import resource
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

MAX_LIMIT = 1 << 20
# Where distributions keep podman's helpers (containers.conf(5), helper_binaries_dir).
HELPER_FOLDERS = (Path("/usr/libexec/podman"), Path("/usr/lib/podman"), Path("/usr/local/libexec/podman"))


@dataclass(frozen=True)
class Platform:
    """Facts that decide how containers are run here.

    Attributes:
        cgroups: ``v1``, ``v2`` or ``hybrid``.
        runtime: OCI runtime: crun needs pure cgroup v2 (it refuses hybrid cgroups), runc works everywhere.
        cgroup_manager: ``systemd`` where systemd runs this host, else ``cgroupfs``.
        systemd: whether systemd is the first process.
        nofile: open-file limit that a container may have.
        nproc: process limit that a container may have.
        apparmor: whether AppArmor is enabled, and its parser here to load a profile.
        selinux: whether SELinux is enabled.
        netavark: podman's network program.
    """

    cgroups: str
    runtime: str
    cgroup_manager: str
    systemd: bool
    nofile: int
    nproc: int
    apparmor: bool
    selinux: bool
    netavark: Path


def _cgroups(root: Path) -> str:
    if (root / "cgroup.controllers").exists():
        return "v2"
    return "hybrid" if (root / "unified").is_dir() else "v1"


def _limit(kind: int) -> int:
    hard = resource.getrlimit(kind)[1]
    ceiling = MAX_LIMIT if hard == resource.RLIM_INFINITY else hard
    return min(16384, ceiling)


def _netavark() -> Path:
    candidates = [folder / "netavark" for folder in HELPER_FOLDERS]
    return next((file for file in candidates if file.exists()), candidates[0])


def detect(cgroup_root: Path = Path("/sys/fs/cgroup")) -> Platform:
    """Look at this host."""
    cgroups = _cgroups(cgroup_root)
    systemd = Path("/run/systemd/system").is_dir()
    runtime = "crun" if cgroups == "v2" and shutil.which("crun") else "runc"
    return Platform(
        cgroups=cgroups,
        runtime=runtime,
        cgroup_manager="systemd" if systemd and cgroups == "v2" else "cgroupfs",
        systemd=systemd,
        nofile=_limit(resource.RLIMIT_NOFILE),
        nproc=_limit(resource.RLIMIT_NPROC),
        apparmor=Path("/sys/kernel/security/apparmor/profiles").exists() and bool(shutil.which("apparmor_parser")),
        selinux=Path("/sys/fs/selinux/enforce").exists(),
        netavark=next(
            (f for folder in HELPER_FOLDERS if (f := folder / "netavark").exists()), HELPER_FOLDERS[0] / "netavark"
        ),
    )


def free_bytes(path: Path) -> int:
    """Free space of the file system that holds ``path`` or its nearest existing parent."""
    while not path.exists():
        path = path.parent
    return shutil.disk_usage(path).free


def has_route_out() -> bool:
    """Whether a default route leads out of this network namespace."""
    answer = subprocess.run(["ip", "-j", "route", "show", "default"], capture_output=True, text=True, check=True)
    return answer.stdout.strip() not in ("", "[]", "[ ]")


def is_root() -> bool:
    """Whether this process may change the host."""
    return os.geteuid() == 0
