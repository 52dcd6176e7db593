"""How full each volume of this host is, and what follows at 80, 95 and 100 %: the table that the page shows too."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from appliance.audit.log.storage import used
from appliance.enclave.paths import HostPaths
from appliance.enclave.site import Site
from appliance.host.enforce.podman import Podman
from appliance.host.state import volumes


class Kind(StrEnum):
    """Volumes that fill for different reasons, and stop different things."""

    LOG = "log"
    ENCLAVE = "enclave"
    TEMPORARY = "temporary"
    SYSTEM = "system"


class Fill(StrEnum):
    """How full a volume is."""

    GOOD = "good"
    FILLS = "80 %"
    NEARLY = "95 %"
    FULL = "full"


FILLS, NEARLY = 0.80, 0.95
RESERVE = 16 << 20
"""Bytes below which a volume counts as full."""


@dataclass(frozen=True)
class Effects:
    """What a fill means: what lies there, what follows at each mark, what goes on, what frees room."""

    holds: str
    fills: str
    nearly: str
    full: str
    goes_on: str
    frees: str

    def at(self, fill: Fill) -> str:
        """What follows from a fill."""
        return {Fill.GOOD: "", Fill.FILLS: self.fills, Fill.NEARLY: self.nearly, Fill.FULL: self.full}[fill]


EFFECTS = {
    Kind.LOG: Effects(
        holds="the audit log and its spool",
        fills="a warning in the log and in every status, from 75 %",
        nearly="only the system-high enclave goes on",
        full="with 16 MiB left, officers may only read; nothing that needs a record happens",
        goes_on="reading and verifying the log",
        frees="a larger disk; the log is never cut, and ended logs may move to a medium",
    ),
    Kind.ENCLAVE: Effects(
        holds="database, files and models of one enclave",
        fills="a warning in every status",
        nearly="uploads that do not leave 64 MiB are refused; work goes on",
        full="what writes is refused and leaves nothing half done; other enclaves notice nothing",
        goes_on="reading, and asking the model; writing goes on by itself when there is room",
        frees="withdraw or delete data in the enclave, or declare more storage in site.yml",
    ),
    Kind.TEMPORARY: Effects(
        holds="request bodies at a gateway, in memory of 256 MiB",
        fills="nothing: they are there for as long as a request lasts",
        nearly="nothing",
        full="requests with large bodies are refused; small ones pass",
        goes_on="every request whose body fits into 16 KiB",
        frees="itself, with the requests' end",
    ),
    Kind.SYSTEM: Effects(
        holds="images, bundles, software, cold copies, and whatever has no disk of its own",
        fills="a warning in every status",
        nearly="an installation is refused before it begins where its room is missing",
        full="no installation, no backup of an enclave; where the log lies here, the log's marks count",
        goes_on="everything that runs, as its images and software are there already",
        frees="appliance host free",
    ),
}


@dataclass(frozen=True)
class Volume:
    """One volume as it stands.

    Attributes:
        kind: which marks count.
        name: which one.
        path: a folder on it.
        share: of it in use, 0 to 1, as those see it who may not use the reserve.
        free: bytes.
    """

    kind: Kind
    name: str
    path: Path
    share: float
    free: int

    @property
    def fill(self) -> Fill:
        """How full it is."""
        return judged(self.share, self.free)

    @property
    def follows(self) -> str:
        """What follows from that; nothing while there is room."""
        return EFFECTS[self.kind].at(self.fill)

    def as_dict(self) -> dict[str, str | int | float]:
        """For programs."""
        return {
            "kind": self.kind.value,
            "name": self.name,
            "path": str(self.path),
            "share": round(self.share, 4),
            "free": self.free,
            "fill": self.fill.value,
            "follows": self.follows,
        }


def judged(share: float, free: int) -> Fill:
    """``FILLS`` from 80 %, ``NEARLY`` from 95 %, ``FULL`` when less than 16 MiB or 1 % are left, whichever is less."""
    if free < RESERVE and share > 1 - 1 / 100:
        return Fill.FULL
    if share >= NEARLY:
        return Fill.NEARLY
    return Fill.FILLS if share >= FILLS else Fill.GOOD


def measure(paths: HostPaths, site: Site) -> Iterator[Volume]:
    """The volumes of this host that are there.

    Args:
        paths: where the appliance lives.
        site: whose enclaves have disks.
    """
    yield _volume(Kind.LOG, "log", paths.root / "log")
    for enclave in site.enclaves:
        place = volumes.place(paths, enclave.name)
        if place.is_dir():
            yield _volume(Kind.ENCLAVE, enclave.name, place)
    yield _volume(Kind.SYSTEM, "system", paths.root)


def temporary(podman: Podman) -> Iterator[Volume]:
    """The temporary files of the gateways that run, looked at from outside of their containers."""
    for container in podman.containers(every=False):
        name = container["Names"][0]
        folder = Path(f"/proc/{container['Pid']}/root/tmp")
        if name.endswith("-gateway") and folder.is_dir():
            yield _volume(Kind.TEMPORARY, name, folder)


def _volume(kind: Kind, name: str, path: Path) -> Volume:
    share, free = used(path)
    return Volume(kind, name, path, share, free)


def is_read_only(path: Path) -> bool:
    """Whether the file system of ``path`` takes no writes, as after an error of its disk.

    A kernel that stops an ext4 by itself may leave the mount's flag as it was and say ``emergency_ro`` among the
    options of the file system (proc_pid_mountinfo(5), the last field).
    """
    if os.statvfs(path).f_flag & os.ST_RDONLY:
        return True
    device = path.stat().st_dev
    wanted = f"{os.major(device)}:{os.minor(device)}"
    lines = [line.split() for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    return any(line[2] == wanted and {"ro", "emergency_ro"} & set(line[-1].split(",")) for line in lines)
