"""A bundle for support that leaves the site: how the host stands, and nothing of what it holds.

Every value is a number, a time, a digest, a state or a name from a closed list. Nothing is copied from a log, a
service, a database or the site statement; enclaves are numbered, not named, and their labels are left out.
"""

import json
import shutil
from pathlib import Path
from typing import Any

from appliance import __version__
from appliance.audit.review.state import log_state
from appliance.contract.catalogue import Catalogue
from appliance.enclave.paths import HostPaths, installed_catalogue
from appliance.enclave.render import MIGRATE
from appliance.host.enforce import at_rest
from appliance.host.enforce.platform import detect
from appliance.host.enforce.podman import Podman
from appliance.host.state import copies, generation
from appliance.host.state.generation import Facts
from appliance.host.watching.layers import layers
from appliance.host.watching.reconciler import look
from appliance.monitor.in_force.statements import installed_statements


def report(paths: HostPaths, now: float) -> dict[str, Any]:
    """How the host stands.

    Args:
        paths: where the appliance lives.
        now: seconds since the epoch.

    Raises:
        ApplianceError: nothing is installed.
    """
    current = generation.required(paths)
    site, podman, platform = installed_statements(paths).site, Podman(paths), detect()
    facts, catalogue = Facts.of(current), installed_catalogue(paths)
    numbers = {enclave.name: number for number, enclave in enumerate(site.enclaves, 1)}
    log = log_state(paths.root / "log", now)
    disk = shutil.disk_usage(paths.root)
    return {
        "appliance": __version__,
        "generation": {
            "number": generation.number_of(current),
            "healthy": generation.is_healthy(current),
            "failed": sorted(int(g.name) for g in generation.generations(paths) if generation.failure(g)),
            "images": dict(sorted(facts.images.identifiers.items())),
        },
        "platform": {
            "cgroups": platform.cgroups,
            "runtime": platform.runtime,
            "systemd": platform.systemd,
            "apparmor": platform.apparmor,
            "selinux": platform.selinux,
        },
        "disk": {"total": disk.total, "free": disk.free, "encrypted": at_rest.encryption(paths.root) is not None},
        "log": {"records": log.size, "unreviewed": log.unreviewed, "overdue": log.overdue},
        "layers": {layer.name: layer.state for layer in layers(paths, platform, look(paths, podman, site))},
        "containers": _containers(podman, numbers, catalogue),
        "volumes": [
            {
                "enclave": numbers.get(volume.parent.name, 0),
                "service": _service(volume.name, catalogue),
                "bytes": _size(volume),
            }
            for volume in copies.volumes(paths)
        ],
    }


def write(paths: HostPaths, out: Path, now: float) -> dict[str, Any]:
    """Write the report as JSON to the new file ``out``; returns it.

    Raises:
        ApplianceError: nothing is installed.
        OSError: the file exists or cannot be written.
    """
    made = report(paths, now)
    with out.open("x") as file:
        json.dump(made, file, indent=2, sort_keys=True)
        file.write("\n")
    return made


def _service(name: str, catalogue: Catalogue) -> str:
    """A service's name from the closed list; anything else could be a person's words."""
    base = name.removesuffix(MIGRATE)
    return name if base in ("gateway", "database") or base in catalogue else "other"


def _containers(podman: Podman, numbers: dict[str, int], catalogue: Catalogue) -> list[dict[str, Any]]:
    found = []
    for container in podman.containers():
        marks = container.get("Labels") or {}
        found.append(
            {
                "enclave": numbers.get(marks.get("appliance.enclave", ""), 0),
                "service": _service(marks.get("appliance.service", ""), catalogue),
                "state": str(container["State"]),
                "restarts": int(container.get("Restarts") or 0),
                "exit": int(container.get("ExitCode") or 0),
            }
        )
    return sorted(found, key=lambda one: (one["enclave"], one["service"]))


def _size(folder: Path) -> int:
    return sum(file.lstat().st_size for file in folder.rglob("*") if file.is_file() and not file.is_symlink())
