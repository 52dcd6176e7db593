"""Podman on a site's store as root would run it, and what the site's log has of it."""

import json
import re
import subprocess
from functools import cache

from appliance.enclave.paths import HostPaths
from appliance.host.enforce.diversion import real_podman
from appliance.host.enforce.podman import Podman
from demo.instance import Instance


def podman(site: Instance, *arguments: str, program: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run podman itself, or ``program``, on the appliance's store."""
    environment = Podman(HostPaths(site.root, site.run)).environment
    command = ["nsenter", f"--net=/run/netns/{site.namespace}", program or real_podman(), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


MIGRATION = "secret-labeling-migrate"


@cache
def created(site: Instance) -> tuple[str, ...]:
    """How the appliance made the container of a migration: podman's words, its image last."""
    podman(site, "rm", "--force", "--time", "0", MIGRATION)
    one = ["up", "-d", "--no-build", "--no-deps", MIGRATION.removeprefix("secret-")]
    Podman(HostPaths(site.root, site.run)).compose("secret", one)
    shown = podman(site, "inspect", "--format", "{{json .Config.CreateCommand}}", MIGRATION).stdout
    return tuple(json.loads(shown)[1:])


def started_with(site: Instance, change: list[str]) -> subprocess.CompletedProcess[str]:
    """Make that container anew as the appliance does, apart from ``change``, and start it; then it is gone."""
    *words, image = created(site)
    podman(site, "rm", "--force", "--time", "0", MIGRATION)
    answer = podman(site, *words, *change, image)
    if answer.returncode == 0:
        answer = podman(site, "start", "--attach", MIGRATION)
    podman(site, "rm", "--force", "--time", "0", MIGRATION)
    return answer


def facts_named(answer: subprocess.CompletedProcess[str]) -> set[str]:
    """The facts that the admission hook found to differ, from what podman printed."""
    _, _, reasons = answer.stderr.partition("is not admitted: ")
    return set(re.findall(r"(?:^|; )(\w+): ", reasons))


def recorded(site: Instance, text: str) -> bool:
    """Whether the log, or what waits for it, has ``text``."""
    files = [site.root / "spool" / "spool.jsonl", *(site.root / "log" / "bodies").glob("*")]
    return any(text in file.read_text() for file in files if file.exists())
