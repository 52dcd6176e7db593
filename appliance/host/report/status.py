"""What runs, what it is from, how fresh that is, and what is unfinished."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from appliance.enclave.paths import HostPaths
from appliance.host.change import clusters, stack
from appliance.host.enforce.podman import Podman
from appliance.host.state import calendar, copies, ended_logs, generation, rotation
from appliance.host.state.generation import Facts
from appliance.host.watching import room
from appliance.monitor.in_force.statements import installed_statements
from appliance.trust.repository.client import read_repository
from appliance.trust.repository.freshness import Freshness


@dataclass(frozen=True)
class Carried:
    """The bundle that a generation runs from: its name, version and times."""

    bundle: str
    version: int
    created: str
    expires: str
    warnings: tuple[str, ...]


def status(paths: HostPaths, podman: Podman) -> dict[str, Any]:
    """The generations, the monitor, every container with its label, memory, and what a crash left unfinished."""
    now = generation.current(paths)
    back = generation.previous(now) if now else None
    return stack.status(paths, podman) | {
        "generation": generation.number_of(now) if now else None,
        "healthy": generation.is_healthy(now) if now else False,
        "previous": generation.number_of(back) if back else None,
        "failed": {g.name: why for g in generation.generations(paths) if (why := generation.failure(g))},
        "bundle": vars(carried(paths, Facts.of(now))) if now else None,
        "unfinished": unfinished(paths),
        "upgrades": clusters.waiting(paths),
        "calendar": calendar.read(paths).warnings() if now else [],
        "room": room_warnings(paths) if now else [],
    }


def carried(paths: HostPaths, facts: Facts) -> Carried:
    """What the metadata of a generation's bundle say, judged by the host's clock."""
    folder = paths.root / "bundle" / facts.bundle
    accepted = datetime.min.replace(tzinfo=UTC)
    repository = read_repository(folder / "metadata", facts.root_fingerprint, now=accepted)
    policy = folder / "targets" / "policies" / "freshness.yml"
    left = repository.expires - datetime.now(UTC)
    warnings = [f"the bundle expired on {repository.expires:%Y-%m-%d}; what runs goes on"] if left.days < 0 else []
    if not warnings and left.days < (Freshness.load(policy) if policy.is_file() else Freshness()).warn_days:
        warnings = [f"the bundle expires in {left.days} days: ask for the next one"]
    return Carried(
        bundle=facts.bundle,
        version=repository.version,
        created=repository.created.isoformat(),
        expires=repository.expires.isoformat(),
        warnings=tuple(warnings),
    )


def room_warnings(paths: HostPaths) -> list[str]:
    """The volumes that fill, with what follows."""
    return [
        f"ROOM: {volume.kind} {volume.name} is {volume.share:.0%} full: {volume.follows}"
        for volume in room.measure(paths, installed_statements(paths).site)
        if volume.follows
    ]


def unfinished(paths: HostPaths) -> list[str]:
    """What `host recover` would finish or clear away."""
    now = generation.current(paths)
    staged = paths.root / "staged"
    found = [f"generation {staged.readlink().name} is staged and was not switched to"] if staged.is_symlink() else []
    found += [f"{f}: incomplete" for n in ("generations", "copies") if (f := paths.root / n / ".staging").exists()]
    if copies.is_restoring(paths):
        found.append("data are being restored")
    if rotation.is_unfinished(paths):
        found.append("keys are being replaced")
    if ended_logs.is_ending(paths):
        found.append("the log ends, and the next one was not begun")
    if now and not generation.is_healthy(now):
        found.append(f"generation {now.name} was switched to and never became healthy")
    return found


def lines(report: dict[str, Any]) -> Iterator[str]:
    """What :func:`status` says of bundle and generations, for people."""
    bundle = report["bundle"]
    if bundle:
        yield f"bundle {bundle['bundle']}, version {bundle['version']}, made {bundle['created']}"
        yield from bundle["warnings"]
    for text in report["unfinished"]:
        yield f"UNFINISHED: {text}: appliance host recover"
    for enclave, majors in report["upgrades"].items():
        yield f"UPGRADE: the database of {enclave} still has its cluster of PostgreSQL {majors[-1]}: close-upgrade"
    yield from report["room"]
    for text in report["calendar"]:
        yield f"CALENDAR: {text}"
    for number, reason in report["failed"].items():
        yield f"generation {number} was given up: {reason.splitlines()[0]}"
