"""How much room an installation needs, and on which file system; nothing is changed to find out."""

import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from appliance.enclave.paths import HostPaths
from appliance.enclave.site import Site
from appliance.errors import ApplianceError
from appliance.host.state import copies, generation, volumes
from appliance.host.state.generation import Facts

# Measured with the demonstration bundle: 278 MB of layers unpack to 852 MB, 138 MB of wheels to 427 MB.
UNPACKED = 3.5
RESERVE = 256 << 20
RUN = 16 << 20


@dataclass(frozen=True)
class Need:
    """Room that one part of an installation needs: where, how many bytes, and for what."""

    path: Path
    length: int
    what: str


@dataclass(frozen=True)
class Room:
    """A file system: one folder on it, its free bytes, and all that is needed there."""

    path: Path
    free: int
    needs: tuple[Need, ...]

    @property
    def needed(self) -> int:
        """Bytes needed there."""
        return sum(need.length for need in self.needs)


def needs(paths: HostPaths, site: Site, bundle: str, sizes: dict[str, int]) -> list[Need]:
    """What installing a bundle takes beyond what is on the host already.

    Args:
        paths: where the appliance will live.
        site: what will run.
        bundle: name that the staged bundle will have.
        sizes: bytes of each of its targets, by path.
    """
    staged = paths.root / "bundle" / bundle / "targets"
    now = generation.current(paths)
    running = Facts.of(now).bundle if now else None
    loaded = paths.root / "bundle" / (running or "none") / "targets"
    copied = sum(size for path, size in sizes.items() if not _there(staged / path, size))
    blobs = {path: size for path, size in sizes.items() if path.startswith("images/blobs/")}
    layers = sum(size for path, size in blobs.items() if not _there(loaded / path, size))
    complete = (paths.root / "software" / bundle / ".complete").exists()
    wheels = 0 if complete else sum(size for path, size in sizes.items() if path.startswith("wheels/"))
    made = volumes.missing(paths, site)
    models = dict(_models(paths, site, sizes, made))
    data = sum(map(_size, copies.volumes(paths))) if running not in (None, bundle) else 0
    temporary = Path(os.environ.get("TMPDIR", "/var/tmp"))  # noqa: S108  # where podman unpacks, containers.conf(5)
    return [
        Need(paths.root, RESERVE, "the log and what runs"),
        Need(paths.root / "bundle", copied, "the bundle"),
        Need(paths.root / "containers", int(layers * UNPACKED), "its images, unpacked"),
        Need(paths.root / "software", int(wheels * UNPACKED), "its Python environment"),
        Need(paths.root / volumes.FOLDER, sum(made.values()), "a file system for each enclave"),
        *(Need(volumes.place(paths, name), length, f"models of {name}") for name, length in models.items()),
        Need(paths.root / "copies", data, "a cold copy of the data"),
        Need(temporary, layers, "layers while they are unpacked"),
        Need(paths.run, RUN, "sockets"),
    ]


def _models(paths: HostPaths, site: Site, sizes: dict[str, int], made: dict[str, int]) -> Iterator[tuple[str, int]]:
    """What models take in each file system that is there.

    Raises:
        ApplianceError: one that will be made is too small for its enclave's models.
    """
    for enclave in site.enclaves:
        folder = paths.volume(enclave.name, "models")
        named = {f"{model}.gguf": sizes.get(f"models/{model}.gguf", 0) for model in enclave.models}
        length = sum(size for name, size in named.items() if not _there(folder / name, size))
        if enclave.name not in made:
            yield enclave.name, length
        elif length > made[enclave.name] // 2:
            raise ApplianceError(
                f"site.yml: enclave {enclave.name!r}: storage: {enclave.storage} for models of {length >> 20} MiB",
                rule="the models take at most half of an enclave's storage",
                remedy=f"declare at least {length * 2 // (1 << 20) + 1}m, and have two officers sign it",
            )


def rooms(wanted: Iterable[Need]) -> list[Room]:
    """The needs gathered by file system, with what is free there."""
    found: dict[int, list[Need]] = {}
    for need in wanted:
        found.setdefault(_existing(need.path).stat().st_dev, []).append(need)
    return [
        Room(_existing(group[0].path), shutil.disk_usage(_existing(group[0].path)).free, tuple(group))
        for group in found.values()
    ]


def _existing(path: Path) -> Path:
    while not path.exists():
        path = path.parent
    return path


def _there(path: Path, size: int) -> bool:
    return path.is_file() and path.stat().st_size == size


def _size(folder: Path) -> int:
    """Bytes that the files below ``folder`` take on disk."""
    return sum(file.lstat().st_blocks * 512 for file in folder.rglob("*"))
