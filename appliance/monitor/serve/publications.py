"""What services published for sessions at higher levels: copies that the host keeps and the gateways read.

A service puts a file into the folder ``published`` of its volume and names it; the monitor copies it out. From then on
the service has no part in it: it is not asked when the copy is read, and it cannot see a file being read that is not
its own (inotify(7), access times, mincore(2)). Only what has a typed read-down route is taken
(`appliance.contract.manifest`).
"""

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from appliance.contract.manifest import Manifest
from appliance.enclave.paths import HostPaths
from appliance.enclave.site import Enclave
from appliance.errors import ApplianceError

Kind = Literal["html", "json"]
KINDS: tuple[Kind, ...] = ("html", "json")
OUTBOX = "published"
MAXIMUM_SIZE = 16 << 20
MAXIMUM_FILES = 1 << 16
MAXIMUM_TOTAL = 2 << 30
RULE = "a service publishes pages of its typed read-down routes (docs/services.md, Published pages)"


class PublicationError(ApplianceError):
    """What a service asked to publish is not taken."""


@dataclass(frozen=True)
class _Page:
    kind: str
    size: int


def file_name(path: str, kind: str) -> str:
    """Name of the file for the page at ``path``, which holds no comma."""
    return f"{path[1:].replace('/', ',')}.{kind}"


class Publications:
    """The published pages of all services on this host.

    Args:
        paths: where this host keeps its state.
    """

    def __init__(self, paths: HostPaths) -> None:
        self._paths = paths
        self._pages: dict[tuple[str, str], dict[str, _Page]] = {}

    def find(self, enclave: str, service: str, path: str) -> str | None:
        """The file of the page at ``path`` below the enclave's folder, or None if none was published."""
        page = self._known(enclave, service).get(path)
        return f"{service}/{file_name(path, page.kind)}" if page else None

    def choices(self, enclave: str, service: str) -> int:
        """How many pages there are to choose from."""
        return len(self._known(enclave, service))

    def take(self, enclave: Enclave, service: Manifest, path: str, kind: Kind) -> None:
        """Copy the page at ``path`` out of the service's volume; where it has none, no copy stays either.

        Raises:
            PublicationError: the path has no typed read-down route, or the file is none that is taken.
        """
        if not any(route.read_down and route.typed and route.pattern.fullmatch(path) for route in service.routes):
            raise PublicationError(f"{path[:200]}: no typed read-down route of {service.name}", rule=RULE)
        known = self._known(enclave.name, service.name)
        outbox = self._paths.volume(enclave.name, service.name) / OUTBOX
        data = _read(outbox, file_name(path, kind), owner=enclave.uids + service.uid)
        old = known.get(path)
        if data is not None:
            self._require_room(known, old, len(data))
        folder = self._paths.published(enclave.name) / service.name
        if data is not None:
            _write(folder, file_name(path, kind), data)
            known[path] = _Page(kind, len(data))
        else:
            known.pop(path, None)
        if old and (data is None or old.kind != kind):
            (folder / file_name(path, old.kind)).unlink(missing_ok=True)

    def _known(self, enclave: str, service: str) -> dict[str, _Page]:
        key = enclave, service
        if key not in self._pages:
            self._pages[key] = dict(_pages(self._paths.published(enclave) / service))
        return self._pages[key]

    @staticmethod
    def _require_room(known: dict[str, _Page], old: _Page | None, size: int) -> None:
        total = sum(page.size for page in known.values()) - (old.size if old else 0) + size
        if (old is None and len(known) >= MAXIMUM_FILES) or total > MAXIMUM_TOTAL:
            raise PublicationError(
                "no room for another published page",
                rule=f"a service publishes at most {MAXIMUM_FILES} pages and {MAXIMUM_TOTAL >> 30} GiB",
            )


def _pages(folder: Path) -> list[tuple[str, _Page]]:
    found = []
    for file in folder.iterdir() if folder.is_dir() else ():
        name, _, kind = file.name.rpartition(".")
        if kind in KINDS and not file.name.startswith("."):
            found.append((f"/{name.replace(',', '/')}", _Page(kind, file.stat().st_size)))
    return found


def _read(outbox: Path, name: str, owner: int) -> bytes | None:
    """The file's content, or None if there is none; nothing but a regular file of the service's own is read."""
    try:
        folder = os.open(outbox, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise PublicationError(f"{OUTBOX}: {error.strerror}", rule=RULE) from error
    try:
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise PublicationError(f"{name}: {error.strerror}", rule=RULE) from error
    finally:
        os.close(folder)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_uid != owner or status.st_nlink != 1:
            raise PublicationError(f"{name}: no regular file of the service's own", rule=RULE)
        data = file.read(MAXIMUM_SIZE + 1)
    if len(data) > MAXIMUM_SIZE:
        raise PublicationError(f"{name}: over {MAXIMUM_SIZE >> 20} MiB", rule=RULE)
    return data


def _write(folder: Path, name: str, data: bytes) -> None:
    """Put a file there whole, for the gateway to read; after a crash the service publishes it again."""
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)  # whatever the monitor's umask
    temporary = folder / f".{name}"
    temporary.write_bytes(data)
    temporary.chmod(0o644)
    temporary.rename(folder / name)
