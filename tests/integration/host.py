"""What the tests of installation ask of the host: its commands, and whether what runs is one whole generation."""

import subprocess
from pathlib import Path
from typing import Any

from appliance.enclave.paths import HostPaths
from appliance.host.enforce.podman import Podman
from appliance.host.state import generation
from appliance.host.state.generation import Facts
from demo import people
from demo.instance import Instance, appliance

Answer = subprocess.CompletedProcess[str]


def run(site: Instance, command: str, *arguments: str | Path) -> Any:
    """``appliance host COMMAND --json`` on the disconnected host; its report.

    Raises:
        AssertionError: it was refused.
    """
    return appliance(site, *words(site, command, *arguments), "--json", inside=True)


def attempt(site: Instance, command: str, *arguments: str | Path) -> Answer:
    """The same without demanding success."""
    result: Answer = appliance(site, *words(site, command, *arguments), inside=True, check=False)
    return result


def words(site: Instance, command: str, *arguments: str | Path) -> list[str | Path]:
    """The words of ``appliance host COMMAND``."""
    return ["host", command, *arguments, "--root", site.root, "--run", site.run]


def prints(site: Instance) -> list[str | Path]:
    """Site folder and fingerprints, as ``host install`` wants them."""
    fingerprints = ["--root-fingerprint", people.fingerprint(site)]
    fingerprints += ["--officers-fingerprint", people.officers_fingerprint(site)]
    return ["--site", site.site, *fingerprints]


def whole(site: Instance) -> int:
    """The number of the generation that runs: every container, image, label and probe of it and of no other.

    Raises:
        AssertionError: something is missing, of another generation, or not healthy.
    """
    paths = HostPaths(site.root, site.run)
    now = generation.required(paths)
    facts = Facts.of(now)
    status = run(site, "status")
    assert status["generation"] == int(now.name)
    assert status["healthy"], status
    assert status["unfinished"] == []
    assert status["monitor"], "the monitor does not run"
    names = facts.images.identifiers
    for container in Podman(paths).containers():
        service = container["Labels"]["appliance.service"].removesuffix("-migrate")
        assert container["ImageID"] == names[service], container["Names"]
        assert container["State"] == "running" or container["Names"][0].endswith("-migrate"), container["Names"]
    return int(now.name)
