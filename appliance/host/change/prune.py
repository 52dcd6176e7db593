"""Delete what no generation needs any more: bundles, software, images, copies of data."""

import shutil
from collections.abc import Iterable
from pathlib import Path

from appliance.enclave.paths import HostPaths
from appliance.host.enforce.podman import Podman
from appliance.host.state import generation
from appliance.host.state.generation import Facts
from appliance.monitor.in_force import registries


def prune(paths: HostPaths) -> None:
    """After an update became healthy: keep the current generation and the one before it, and what they name."""
    keep = generation.kept(paths)
    _delete(paths.root / "generations", {folder.name for folder in keep})
    _delete(paths.root / "copies", {folder.name for folder in keep})
    registries.prune(paths)
    drop_unused(paths, keep)


def drop_unused(paths: HostPaths, keep: Iterable[Path]) -> None:
    """Delete bundles, software and images that none of the generations ``keep`` names."""
    facts = [Facts.of(folder) for folder in keep]
    bundles = {each.bundle for each in facts}
    _delete(paths.root / "bundle", bundles)
    _delete(paths.root / "software", bundles)
    if (paths.root / "etc" / "containers.conf").exists():
        Podman(paths).remove_images({identifier for each in facts for identifier in each.images.identifiers.values()})


def _delete(folder: Path, keep: set[str]) -> None:
    """Delete every folder in ``folder`` but those named."""
    for entry in folder.iterdir() if folder.is_dir() else ():
        if entry.name not in keep and not entry.is_symlink():
            shutil.rmtree(entry, ignore_errors=True)
