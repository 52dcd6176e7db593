"""Podman on a site's store as root would run it, and what the site's log has of it."""

import subprocess

from appliance.enclave.render import HostPaths
from appliance.host.enforce.diversion import real_podman
from appliance.host.enforce.podman import Podman
from demo.instance import Instance


def podman(site: Instance, *arguments: str, program: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run podman itself, or ``program``, on the appliance's store."""
    environment = Podman(HostPaths(site.root, site.run)).environment
    command = ["nsenter", f"--net=/run/netns/{site.namespace}", program or real_podman(), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def recorded(site: Instance, text: str) -> bool:
    """Whether the log, or what waits for it, has ``text``."""
    files = [site.root / "spool" / "spool.jsonl", *(site.root / "log" / "bodies").glob("*")]
    return any(text in file.read_text() for file in files if file.exists())
