"""What must be true before an installation changes anything; every finding is told, not only the first."""

import shutil
import socket
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import psutil

from appliance.bundle.evidence.labels import label_of
from appliance.contract.catalogue import Catalogue
from appliance.enclave.paths import HostPaths
from appliance.enclave.render import RECORD_SOCKET
from appliance.enclave.site import Enclave, Site, check_services
from appliance.errors import ApplianceError
from appliance.host.change import clusters
from appliance.host.enforce import kernel, weights
from appliance.host.enforce.platform import Platform, is_root
from appliance.host.state import volumes
from appliance.host.state.space import Room
from appliance.markings import MarkingError, dominates, parse
from appliance.monitor.decide.offer import compare
from appliance.monitor.decide.policy import AccessPolicy

PROGRAMS = ("podman", "nft", "ip", "iptables", "conntrack")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
DATABASE_SOCKET = ".s.PGSQL.5432"
MAXIMUM_SOCKET = 107
CLOCK_TOLERANCE = timedelta(minutes=10)
Obstacle = ApplianceError | str


@dataclass(frozen=True)
class Host:
    """What is examined.

    Attributes:
        paths: where the appliance lives or will live.
        site: what will run.
        policy: the access rules that will decide.
        offered: the services of the bundle.
        platform: what this host is.
        rooms: its file systems, and what is needed there.
        reference_time: the latest time the host is sure of, UTC.
        now: what its clock says, UTC.
        labels: the marking of each file of the bundle, by its path.
        major: the major of PostgreSQL that the bundle brings, or None.
    """

    paths: HostPaths
    site: Site
    policy: AccessPolicy
    offered: Catalogue
    platform: Platform
    rooms: list[Room]
    reference_time: datetime
    now: datetime
    labels: Mapping[str, str] = field(default_factory=dict)
    major: int | None = None


def examine(host: Host) -> list[Obstacle]:
    """All findings: a text where something is right, a refusal where it is not. Nothing is changed."""
    checks = (_rights, _labels, _platform, _space, _storage, _database, _sockets, _addresses, _clock, _kernel)
    return [finding for check in (*checks, _services) for finding in check(host)]


def require(findings: list[Obstacle]) -> None:
    """Refuse unless everything is right.

    Raises:
        ApplianceError: the first refusal, and how many others there are.
    """
    refusals = [finding for finding in findings if isinstance(finding, ApplianceError)]
    if refusals:
        first, more = refusals[0], len(refusals) - 1
        text = f"{first.message} (and {more} more: add --dry-run)" if more else first.message
        raise ApplianceError(text, rule=first.rule, remedy=first.remedy)


def _rights(host: Host) -> Iterator[Obstacle]:
    if not is_root():
        yield ApplianceError("host install changes the host and needs root", remedy="sudo appliance host install ...")
    needed = (*PROGRAMS, host.platform.runtime)
    absent = _absent(needed)
    if absent and shutil.which("apt-get", path=PATH):
        yield f"to be installed from the bundle: {', '.join(absent)}"
    elif absent:
        yield ApplianceError(
            f"not installed, and without apt-get they cannot come from the bundle: {', '.join(absent)}",
            remedy="install them by this host's own means",
        )


def _labels(host: Host) -> Iterator[Obstacle]:
    """Nothing is installed that no enclave may hold, and no model in an enclave that may not hold it."""
    for text in sorted(set(host.labels.values())):
        path = next(path for path, label in host.labels.items() if label == text)
        if not any(_holds(enclave, text, path) for enclave in host.site.enclaves):
            yield ApplianceError(
                f"targets/{path}: is marked {text}, which no enclave of this site dominates",
                rule="no label, no container: a host holds nothing above its enclaves",
                remedy="install a bundle for this site, or one of a site whose system-high enclave dominates it",
            )
    for enclave in host.site.enclaves:
        for model in enclave.models:
            for path, text in host.labels.items():
                if path.startswith(f"models/{model}.") and not _holds(enclave, text, path):
                    yield ApplianceError(
                        f"site.yml: enclave {enclave.name!r} ({enclave.label}) serves {model!r}, marked {text}",
                        rule="an enclave holds nothing that its own label does not dominate",
                        remedy="serve it in an enclave that dominates it, or another model here",
                    )
                    break


def _holds(enclave: Enclave, text: str, path: str) -> bool:
    """Whether the enclave's label dominates what a file of the bundle is marked, by the profile of the site."""
    try:
        return dominates(enclave.lattice, parse(text, enclave.marking.vocabulary).label)
    except MarkingError:
        return dominates(enclave.lattice, label_of(text, f"targets/{path}"))


def _absent(programs: Iterable[str]) -> list[str]:
    return [name for name in programs if shutil.which(name, path=PATH) is None]


def _platform(host: Host) -> Iterator[Obstacle]:
    found = host.platform
    yield f"cgroups {found.cgroups}, runtime {found.runtime}, manager {found.cgroup_manager}"
    yield f"limits nofile {found.nofile}, nproc {found.nproc}"
    given = weights.detect(host.paths.root)
    yield f"weights of the processor: {given.processor or 'none'}"
    yield f"weights of the disk: {'yes' if given.disk_counts else 'no'} ({given.why})"
    words = {name: "yes" if getattr(found, name) else "no" for name in ("systemd", "apparmor", "selinux")}
    yield f"systemd {words['systemd']}, AppArmor {words['apparmor']}, SELinux {words['selinux']}"


def _space(host: Host) -> Iterator[Obstacle]:
    for room in host.rooms:
        parts = ", ".join(f"{need.what} {need.length >> 20}" for need in room.needs if need.length)
        text = f"{room.path}: {room.free >> 20} MiB free, {room.needed >> 20} MiB needed ({parts})"
        if room.free >= room.needed:
            yield text
        else:
            yield ApplianceError(
                text,
                rule="an installation has room for everything before it begins",
                remedy=f"free {((room.needed - room.free) >> 20) + 1} MiB on the file system of {room.path}",
            )


def _storage(host: Host) -> Iterator[Obstacle]:
    needed = volumes.missing(host.paths, host.site)
    why = volumes.problem() if needed else ""
    for enclave in host.site.enclaves:
        if why and enclave.name in needed:
            yield ApplianceError(
                f"site.yml: enclave {enclave.name!r} gets no storage of its own: {why}",
                rule=volumes.RULE,
                remedy=f"install e2fsprogs and util-linux, load the module loop, or mount a file system at"
                f" {volumes.place(host.paths, enclave.name)}",
            )
        else:
            yield volumes.describe(host.paths, enclave)


def _sockets(host: Host) -> Iterator[Obstacle]:
    databases = [host.paths.sockets(enclave.name, "postgresql") / DATABASE_SOCKET for enclave in host.site.enclaves]
    services = [(enclave.name, service) for enclave in host.site.enclaves for service in enclave.services]
    records = [host.paths.records(*service) / RECORD_SOCKET for service in services]
    over = max(len(str(path)) for path in (*databases, *records)) - MAXIMUM_SOCKET
    if over > 0:
        yield ApplianceError(
            f"--run {host.paths.run}: the names of the sockets below it would be {over} characters too long",
            rule=f"the name of a socket has at most {MAXIMUM_SOCKET} characters (unix(7))",
            remedy="choose a shorter folder for --run",
        )


def _addresses(host: Host) -> Iterator[Obstacle]:
    ours = f"{host.paths.root}/"
    for enclave in host.site.enclaves:
        where = f"site.yml: enclave {enclave.name!r}: {enclave.address}"
        try:
            _bind(enclave, 0)
        except OSError as error:
            yield ApplianceError(
                f"{where} is not this host's ({error.strerror})",
                remedy="give the address to one of the host's interfaces, or correct site.yml",
            )
            continue
        try:
            _bind(enclave, 443)
        except OSError as error:
            holder = _listener(str(enclave.address))
            if holder is None or ours not in " ".join(holder.cmdline()):
                name = f"{holder.name()} (process {holder.pid})" if holder else error.strerror
                yield ApplianceError(
                    f"{where}, port 443 is taken by {name}",
                    rule="an enclave's gateway has its address and port for itself",
                    remedy="stop what listens there, or give the enclave another address",
                )
                continue
        yield f"{enclave.address} port 443 is free for enclave {enclave.name}"


def _bind(enclave: Enclave, port: int) -> None:
    family = socket.AF_INET6 if enclave.address.version == 6 else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((str(enclave.address), port))


def _listener(address: str) -> psutil.Process | None:
    """The process that listens on port 443 of ``address`` or of every address."""
    for connection in psutil.net_connections("tcp"):
        listens = connection.pid and connection.status == psutil.CONN_LISTEN
        if listens and tuple(connection.laddr) in ((address, 443), ("0.0.0.0", 443), ("::", 443)):  # noqa: S104
            return psutil.Process(connection.pid)
    return None


def _clock(host: Host) -> Iterator[Obstacle]:
    if host.now < host.reference_time - CLOCK_TOLERANCE:
        yield ApplianceError(
            f"the clock says {host.now:%Y-%m-%d %H:%M} UTC, but it is past {host.reference_time:%Y-%m-%d %H:%M} UTC",
            rule="the bundle and the log's records are not from the future",
            remedy="set the host's clock; if the log's time is wrong, two officers attest the right one: "
            "appliance site attest-time",
        )
    else:
        yield f"clock {host.now.astimezone(UTC):%Y-%m-%d %H:%M} UTC, not before {host.reference_time:%Y-%m-%d %H:%M}"


def _services(host: Host) -> Iterator[Obstacle]:
    try:
        check_services(host.site, host.offered)
    except ApplianceError as error:
        yield error
        return
    difference = compare(host.policy, host.offered).lines()
    yield from difference
    if difference:
        yield "to open what is offered: `appliance site draft-access`, then two officers sign it"


def _database(host: Host) -> Iterator[Obstacle]:
    for enclave, majors in clusters.waiting(host.paths).items():
        yield ApplianceError(
            f"the upgrade of the database of {enclave} from PostgreSQL {majors[-1]} is not closed",
            rule="the way back is kept until two officers close it, and another installation would delete it",
            remedy="appliance host close-upgrade, or appliance host rollback --restore-data",
        )
    try:
        move = clusters.move(host.paths, host.major)
    except ApplianceError as error:
        yield error
        return
    if move:
        yield (
            f"{move}: databases are dumped, loaded and compared while the enclaves stand still; going back afterwards"
            " takes --restore-data and leaves what was written since, until two officers close the upgrade"
        )


def _kernel(host: Host) -> Iterator[Obstacle]:
    absent = list(kernel.missing(host.platform, host.rooms[0].path))
    for name, said in absent:
        yield ApplianceError(
            f"the kernel does not offer {name}: {said}",
            rule="containers are confined by these (docs/sysadmin/carry-and-install.md, What the host needs)",
            remedy="load the module or enable the feature",
        )
    if not absent:
        yield "kernel: overlay, user namespaces, bridges, nftables, seccomp and control groups work"
