"""A generation: everything the host runs from, rendered whole and switched to in one step."""

import contextlib
import json
import os
import shutil
from pathlib import Path

from appliance.enclave import admission, render
from appliance.enclave.render import HostPaths, Images
from appliance.enclave.site import Site


def number_of(path: Path) -> int:
    """The number of a generation's folder."""
    return int(path.name)


def generations(paths: HostPaths) -> list[Path]:
    """Complete generations, oldest first."""
    folder = paths.root / "generations"
    if not folder.is_dir():
        return []
    return sorted((entry for entry in folder.iterdir() if entry.name.isdecimal()), key=number_of)


def stage(paths: HostPaths, site: Site, images: Images, bound: render.Bound) -> Path:
    """Render the next generation; nothing that runs is touched.

    Args:
        paths: where.
        site: the signed site.
        images: the loaded images.
        bound: digest of the access policy and key of the log.

    Returns:
        Its folder, or that of the last generation when that one is the same.
    """
    earlier = generations(paths)
    number = number_of(earlier[-1]) + 1 if earlier else 1
    staging = paths.root / "generations" / f".staging-{number}"
    shutil.rmtree(staging, ignore_errors=True)
    for enclave in site.enclaves:
        folder = staging / "enclaves" / enclave.name
        folder.mkdir(parents=True)
        (folder / "compose.yml").write_text(render.compose_file(enclave, images, paths))
        (folder / "nginx.conf").write_text(render.gateway_config(enclave))
        for service in enclave.services:
            text = render.service_settings(site, enclave, service, images, bound)
            (folder / f"{service}.json").write_text(text)
        for file in folder.iterdir():
            file.chmod(0o644)
    facts = admission.expected(site, images, paths)
    (staging / "admission.json").write_text(json.dumps(facts, indent=2, sort_keys=True))
    attached = admission.expected_networks(site, images, paths)
    (staging / "networks.json").write_text(json.dumps(attached, indent=2, sort_keys=True))
    if earlier and _same(earlier[-1], staging):
        shutil.rmtree(staging)
        return earlier[-1]
    final = staging.with_name(str(number))
    staging.rename(final)
    return final


def _same(one: Path, other: Path) -> bool:
    def content(folder: Path) -> dict[str, bytes]:
        return {str(f.relative_to(folder)): f.read_bytes() for f in sorted(folder.rglob("*")) if f.is_file()}

    return content(one) == content(other)


def switch(paths: HostPaths, generation: Path) -> bool:
    """Make ``generation`` the current one in one atomic step; True when it was not."""
    current = paths.root / "current"
    target = Path("generations") / generation.name
    if current.is_symlink() and current.readlink() == target:
        return False
    temporary = paths.root / ".current"
    with contextlib.suppress(FileNotFoundError):
        temporary.unlink()
    temporary.symlink_to(target)
    temporary.rename(current)
    descriptor = os.open(paths.root, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return True
