"""A generation: everything the host runs from, rendered whole, switched to in one step, and kept for a way back.

``generations/<n>/`` names its bundle, images and models in ``generation.json``, holds the site statement and the
certificates that it was rendered from in ``site/``, and reaches the Python environment of its bundle through
``software``. Beside these lie marks that are no part of it: ``previous`` (where a return leads), ``healthy`` and
``failed.json``.
"""

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from appliance.enclave.paths import HostPaths
from appliance.enclave.render import Images
from appliance.errors import ApplianceError
from appliance.trust.files import replace_file, replace_link

FACTS = "generation.json"
MARKS = ("healthy", "failed.json")


@dataclass(frozen=True)
class Facts:
    """What a generation runs.

    Attributes:
        bundle: name of its verified bundle below ``bundle/`` and of its Python environment below ``software/``.
        root_fingerprint: SHA-256 of the root that the bundle was accepted by.
        images: its images.
        models: SHA-256 of each model of the bundle, by name.
        policy: SHA-256 of the access policy that its services are bound to.
    """

    bundle: str
    root_fingerprint: str
    images: Images
    models: dict[str, str]
    policy: str

    def encode(self) -> bytes:
        """As it stands in ``generation.json``."""
        return json.dumps(asdict(self), indent=2, sort_keys=True).encode() + b"\n"

    @classmethod
    def of(cls, generation: Path) -> "Facts":
        """Those of a generation on this host."""
        data = json.loads((generation / FACTS).read_bytes())
        return cls(**(data | {"images": Images(**data["images"])}))


def number_of(generation: Path) -> int:
    """The number of a generation's folder."""
    return int(generation.name)


def generations(paths: HostPaths) -> list[Path]:
    """Complete generations, oldest first."""
    folder = paths.root / "generations"
    if not folder.is_dir():
        return []
    return sorted((entry for entry in folder.iterdir() if entry.name.isdecimal()), key=number_of)


def current(paths: HostPaths) -> Path | None:
    """The generation that should run, or None on a host that has none."""
    link = paths.root / "current"
    return paths.root / link.readlink() if link.is_symlink() else None


def required(paths: HostPaths) -> Path:
    """The generation that should run.

    Raises:
        ApplianceError: nothing is installed.
    """
    generation = current(paths)
    if generation is None:
        raise ApplianceError(f"nothing is installed in {paths.root}", remedy="appliance host install --help")
    return generation


def previous(generation: Path) -> Path | None:
    """The generation that a return from ``generation`` leads to, or None."""
    link = generation / "previous"
    target = generation.parent / link.readlink().name if link.is_symlink() else None
    return target if target and target.is_dir() else None


def is_healthy(generation: Path) -> bool:
    """Whether everything of it answered since it was switched to."""
    return (generation / "healthy").exists()


def failure(generation: Path) -> str | None:
    """Why an installation of it was given up, or None."""
    file = generation / "failed.json"
    return str(json.loads(file.read_bytes())["error"]) if file.exists() else None


def stage(paths: HostPaths, files: Mapping[str, bytes], *, back: Path | None) -> Path:
    """Put a generation on disk; nothing that runs is touched.

    Args:
        paths: where.
        files: its content by relative path, as ``rendering.render_generation`` gives it.
        back: where a return from it leads.

    Returns:
        Its folder; that of an earlier generation when it is the same byte for byte and did not fail.
    """
    known = generations(paths)
    for earlier in reversed(known):
        if failure(earlier) is None and content(earlier) == files:
            return earlier
    number = number_of(known[-1]) + 1 if known else 1
    staging = paths.root / "generations" / ".staging"
    shutil.rmtree(staging, ignore_errors=True)
    for name, data in files.items():
        file = staging / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600)
        file.write_bytes(data)
        file.chmod(0o644 if name.startswith("enclaves/") else 0o600)
    (staging / "software").symlink_to(Path("../../software") / Facts.of(staging).bundle)
    if back:
        (staging / "previous").symlink_to(Path("..") / back.name)
    final = staging.with_name(str(number))
    staging.rename(final)
    return final


def last_healthy(paths: HostPaths) -> Path | None:
    """The current generation, or the one before it when the current one did not become healthy."""
    now = current(paths)
    return previous(now) if now and not is_healthy(now) else now


def content(generation: Path) -> dict[str, bytes]:
    """Everything of a generation but its marks, by relative path."""
    files = {str(f.relative_to(generation)): f for f in generation.rglob("*") if f.is_file() and not f.is_symlink()}
    return {name: file.read_bytes() for name, file in files.items() if name not in MARKS}


def switch(paths: HostPaths, generation: Path, *, proven: bool = False) -> bool:
    """Make ``generation`` the current one in one atomic step, after all of it is on disk; True when it was not.

    Args:
        paths: where.
        generation: its folder.
        proven: believe that it was healthy once, so that nothing returns from it by itself.
    """
    if current(paths) == generation:
        return False
    if not proven:
        (generation / "healthy").unlink(missing_ok=True)
    os.sync()
    replace_link(paths.root / "current", Path("generations") / generation.name)
    if not paths.software.is_symlink():
        replace_link(paths.software, Path("current") / "software")
    return True


def mark_healthy(generation: Path) -> bool:
    """Note that everything of it answers; True when that was not known."""
    if is_healthy(generation):
        return False
    (generation / "failed.json").unlink(missing_ok=True)
    replace_file(generation / "healthy", b"")
    return True


def mark_failed(generation: Path, error: str) -> None:
    """Note why an installation of it was given up; its folder stays for looking until the next good one."""
    replace_file(generation / "failed.json", json.dumps({"error": error}, indent=2).encode() + b"\n")


def kept(paths: HostPaths) -> list[Path]:
    """The current generation and the one that a return leads to."""
    now = current(paths)
    back = previous(now) if now else None
    return [generation for generation in (now, back) if generation]
