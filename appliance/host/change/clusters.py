"""The PostgreSQL clusters of the enclaves: of which major each is, and which one an update left for a way back.

The volume of an enclave's database has a folder for each major, such as ``data/15``. A container writes that volume,
so nothing here follows a link in it, and what lies there is believed to be no more than names.
"""

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from appliance.enclave.paths import HostPaths
from appliance.errors import ApplianceError
from appliance.host.state import generation
from appliance.host.state.generation import Facts
from appliance.host.state.space import Need

SERVICE = "database"
SETTING = "POSTGRESQL_MAJOR"
FIRST = 15
"""The major of releases whose image does not say it."""
DATA, UPGRADE, WANTED = "data", "upgrade", "upgrade.wanted"
"""In the volume: the clusters, what one left for another major, and what asks for that."""


@dataclass(frozen=True)
class Move:
    """An update from one major to another."""

    old: int
    new: int

    def __str__(self) -> str:
        return f"PostgreSQL {self.old} to {self.new}"


def major_of(configs: Mapping[str, Mapping[str, Any]]) -> int | None:
    """The major of PostgreSQL in a generation's images, or None where no image has it.

    Args:
        configs: the ``config`` of each image, by its name.

    Raises:
        ApplianceError: the image says something that is no number.
    """
    if SERVICE not in configs:
        return None
    given = dict(entry.partition("=")[::2] for entry in configs[SERVICE].get("Env") or [])
    try:
        return int(given.get(SETTING, FIRST))
    except ValueError as error:
        raise ApplianceError(
            f"image {SERVICE}: {SETTING} is {given[SETTING]!r}",
            rule="the database's image says the major of its PostgreSQL",
            remedy="build the bundle again from the project's images",
        ) from error


def offered_major(read: Callable[[str], bytes]) -> int | None:
    """The major that a bundle brings, or None where it has no database.

    Args:
        read: gives a target of the bundle by its path, proven.
    """
    for entry in json.loads(read("images/index.json"))["manifests"]:
        if entry.get("annotations", {}).get("org.opencontainers.image.ref.name") == SERVICE:
            manifest = json.loads(read(_blob(entry["digest"])))
            return major_of({SERVICE: json.loads(read(_blob(manifest["config"]["digest"])))["config"]})
    return None


def _blob(digest: str) -> str:
    return f"images/blobs/sha256/{digest.removeprefix('sha256:')}"


def move(paths: HostPaths, offered: int | None) -> Move | None:
    """The change of majors that the installation of ``offered`` would be, or None.

    Raises:
        ApplianceError: it would be to an older one.
    """
    old = running_major(paths)
    if old is None or offered is None or old == offered:
        return None
    if offered < old:
        raise ApplianceError(
            f"the bundle has PostgreSQL {offered}, and {old} runs here",
            rule="no major of PostgreSQL reads what a later one wrote",
            remedy="to go back to the generation before: appliance host rollback --restore-data",
        )
    return Move(old, offered)


def held(paths: HostPaths, enclave: str) -> list[int]:
    """The majors whose clusters lie in the volume of an enclave's database, the oldest first."""
    with suppress(FileNotFoundError, NotADirectoryError), _opened(paths, enclave, DATA) as folder:
        folders = [entry.name for entry in os.scandir(folder) if entry.is_dir(follow_symlinks=False)]
        return sorted(int(name) for name in folders if name.isdecimal() and name.isascii())
    return []


def waiting(paths: HostPaths) -> dict[str, list[int]]:
    """Enclaves with a cluster of an earlier major than what runs: the way back that officers have not closed yet."""
    major = running_major(paths)
    found = {one.parent.name: held(paths, one.parent.name) for one in _volumes(paths)}
    older = {enclave: [one for one in majors if major and one < major] for enclave, majors in found.items()}
    return {enclave: majors for enclave, majors in older.items() if majors}


def needs(paths: HostPaths, offered: int | None) -> list[Need]:
    """Room that each enclave needs while its database goes to another major: what it leaves, and the new cluster.

    Raises:
        ApplianceError: as :func:`move`.
    """
    if not move(paths, offered):
        return []
    return [
        Need(volume, 5 * _size(volume) // 2, f"the database of {volume.parent.name}, dumped and loaded")
        for volume in _volumes(paths)
    ]


def ask(paths: HostPaths, enclave: str, owner: int) -> None:
    """Have the next start of the database leave its content for another major."""
    forget(paths, enclave)
    with _opened(paths, enclave) as folder:
        os.close(os.open(WANTED, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600, dir_fd=folder))
        os.chown(WANTED, owner, owner, dir_fd=folder, follow_symlinks=False)


def forget(paths: HostPaths, enclave: str) -> bool:
    """Have the next start of the database serve; True when it was asked for something else."""
    with suppress(FileNotFoundError), _opened(paths, enclave) as folder:
        os.unlink(WANTED, dir_fd=folder)
        return True
    return False


def has_left(paths: HostPaths, enclave: str) -> bool:
    """Whether the database left its content, whole."""
    with suppress(FileNotFoundError, NotADirectoryError), _opened(paths, enclave, UPGRADE) as folder:
        os.stat("complete", dir_fd=folder, follow_symlinks=False)
        return True
    return False


def running_major(paths: HostPaths) -> int | None:
    """The major of the generation that should run, or None where none has a database."""
    now = generation.current(paths)
    return major_of(Facts.of(now).images.configs) if now else None


def remove(paths: HostPaths, enclave: str, majors: list[int]) -> None:
    """Delete the clusters of these majors in the volume of an enclave's database, and what they left."""
    with suppress(FileNotFoundError), _opened(paths, enclave, DATA) as folder:
        for major in majors:
            shutil.rmtree(str(major), dir_fd=folder)


def _size(folder: Path) -> int:
    """Bytes that the files below ``folder`` take on the disk."""
    return sum(file.lstat().st_blocks * 512 for file in folder.rglob("*"))


def _volumes(paths: HostPaths) -> Iterator[Path]:
    return (one for one in sorted((paths.root / "enclaves").glob(f"*/{SERVICE}")) if one.is_dir())


@contextmanager
def _opened(paths: HostPaths, enclave: str, name: str | None = None) -> Iterator[int]:
    """A descriptor of the volume of an enclave's database, or of the folder ``name`` in it; never through a link."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    folder = os.open(paths.volume(enclave, SERVICE), flags)
    try:
        if name is not None:
            below = os.open(name, flags, dir_fd=folder)
            os.close(folder)
            folder = below
        yield folder
    finally:
        os.close(folder)
