"""What containers need of the kernel, found out by using it where nobody else sees it."""

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from appliance.host.enforce.platform import Platform

RULES = """
table inet appliance-preflight {
  chain forward {
    type filter hook forward priority -10; policy accept;
    ct state established,related accept
    ct status dnat ip saddr != 192.0.2.0/24 counter drop
  }
}
"""
CONTROLLERS = ("cpu", "memory", "pids")


def missing(platform: Platform, root: Path) -> Iterator[tuple[str, str]]:
    """Each feature that does not work, and what was said when it was tried.

    Args:
        platform: what this host is.
        root: an existing folder of the file system that will hold the containers.
    """
    probes: dict[str, Callable[[], str]] = {
        "overlay file systems": lambda: _overlay(root),
        "user namespaces": lambda: _tried(["unshare", "--user", "--map-root-user", "true"]),
        "bridges and veth pairs": _bridge,
        "nftables with connection tracking": lambda: _tried(["nft", "--check", "--file", "-"], RULES),
        "iptables' nat table, which netavark uses": lambda: _tried(["iptables", "--table", "nat", "--list-rules"]),
        "seccomp filters": _seccomp,
        f"control groups {', '.join(CONTROLLERS)}": lambda: _controllers(platform),
    }
    for name, probe in probes.items():
        if finding := probe():
            yield name, finding


def _tried(command: list[str], text: str = "") -> str:
    """Nothing when the command succeeds, otherwise what it said; a program that the bundle will bring is not asked."""
    if shutil.which(command[0]) is None:
        return ""
    try:
        result = subprocess.run(command, input=text, capture_output=True, text=True, check=False, timeout=30)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return "" if result.returncode == 0 else (result.stderr or result.stdout).strip() or f"exit {result.returncode}"


def _overlay(root: Path) -> str:
    """Mount one in a mount namespace of its own, on the file system where podman's store will be."""
    try:
        with tempfile.TemporaryDirectory(prefix=".appliance-preflight-", dir=root) as folder:
            for name in ("lower", "upper", "work", "merged"):
                (Path(folder) / name).mkdir()
            options = f"lowerdir={folder}/lower,upperdir={folder}/upper,workdir={folder}/work"
            return _tried(
                ["unshare", "--mount", "mount", "-t", "overlay", "overlay", "-o", options, f"{folder}/merged"]
            )
    except OSError as error:
        return str(error)


def _bridge() -> str:
    """Make both in a network namespace of its own."""
    if shutil.which("ip") is None:
        return ""
    script = "ip link add preflight0 type bridge && ip link add preflight1 type veth peer name preflight2"
    return _tried(["unshare", "--net", "sh", "-c", script])


def _seccomp() -> str:
    file = Path("/proc/sys/kernel/seccomp/actions_avail")
    return "" if file.exists() and "errno" in file.read_text().split() else f"{file}: errno is not offered"


def _controllers(platform: Platform) -> str:
    if platform.cgroups == "v2":
        offered = set(Path("/sys/fs/cgroup/cgroup.controllers").read_text().split())
    else:
        lines = [line.split() for line in Path("/proc/cgroups").read_text().splitlines()[1:]]
        offered = {name for name, _, _, enabled in lines if enabled == "1"}
    absent = [name for name in CONTROLLERS if name not in offered]
    return f"not offered: {', '.join(absent)}" if absent else ""
