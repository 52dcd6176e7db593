"""Checks of what runs on the host, what it was installed from, and what falls due."""

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from appliance.audit.events import ocsf
from appliance.audit.log.bodies import Record
from appliance.audit.review.query import lines
from appliance.bundle.evidence.attestations import PREDICATES, path_of
from appliance.contract.calendar import Kind
from appliance.contract.calendar import State as Due
from appliance.enclave.paths import installed_catalogue
from appliance.host.data.host_backup import BACKUP
from appliance.host.enforce import hardening
from appliance.host.report.evidence.checks.looking import Found, Host, holds, nothing
from appliance.host.report.evidence.controls import State
from appliance.host.report.vulnerabilities import installed_vulnerabilities
from appliance.host.watching.layers import ACTIVE

WORST = ("critical", "high")
CERTIFICATES = (Kind.AUTHORITY, Kind.GATEWAY, Kind.WORKLOAD)
FIPS = Path("/proc/sys/crypto/fips_enabled")
BACKUP_DAYS = 7
"""A site that reviews its log weekly loses no more than that by a dead disk."""


def layer(host: Host, name: str) -> Found:
    """A layer of enforcement is active."""
    found = host.layers.get(name)
    if found is None:
        return State.NOT_TESTED, "this release knows no such layer"
    return holds(found.state == ACTIVE, f"{found.state}: {found.detail}")


def duties(host: Host) -> Found:
    """Nobody who reviews the log has another role."""
    policy = host.statements.policy
    desks = [service.name for service in installed_catalogue(host.paths) if service.system_high]
    reviews = {role for role, given in policy.roles.items() if any("review" in given.get(desk, ()) for desk in desks)}
    people = [one for one in host.statements.registry.subjects if reviews & set(one.roles)]
    if not people:
        return State.NOT_SATISFIED, "no subject may review the log"
    both = [f"{one.name} is {', '.join(one.roles)}" for one in people if set(one.roles) - reviews]
    return nothing(both, f"{len(people)} people review, and none of them has another role")


def look(host: Host) -> Found:
    """What runs is what was admitted."""
    wrong = sorted(f"{one.key}: {one.found} instead of {one.expected}" for one in host.looked.findings)
    return nothing(wrong, "everything is as it was admitted")


def settings(host: Host) -> Found:
    """The settings of the hardening hold, apart from what officers left out."""
    if not host.settings:
        return State.NOT_TESTED, "no hardening was applied here, as systemd does not run this host"
    wrong = [f"{one.control.id}: {one.found}" for one in host.settings if one.state is hardening.State.FAILS]
    states = [one.state for one in host.settings]
    return nothing(wrong, ", ".join(f"{states.count(state)} {state.value}" for state in hardening.State))


def fips(_: Host) -> Found:
    """The kernel is in FIPS mode."""
    on = FIPS.exists() and FIPS.read_text().strip() == "1"
    return holds(on, "the kernel is in FIPS mode" if on else "the kernel is not in FIPS mode: no module is validated")


def tls(host: Host) -> Found:
    """Every gateway is told TLS 1.3 and nothing else."""
    wrong = []
    for enclave in host.statements.site.enclaves:
        text = (host.paths.settings(enclave.name) / "nginx.conf").read_text()
        said = {line.strip() for line in text.splitlines() if line.strip().startswith("ssl_protocols")}
        if said != {"ssl_protocols TLSv1.3;"}:
            wrong.append(f"{enclave.name}: {', '.join(sorted(said)) or 'no ssl_protocols'}")
    return nothing(wrong, "every gateway is told TLS 1.3 alone")


def vsa(host: Host) -> Found:
    """The host verified the bundle that runs, and signed that it did."""
    if host.summary is None:
        return State.NOT_TESTED, "this host has no summary of this bundle's verification"
    told = f"{host.summary.file}: {host.summary.result}, {len(host.summary.subjects)} files"
    return holds(host.summary.result == "PASSED", told)


def sbom(host: Host) -> Found:
    """Each image that runs has an SBOM and provenance, the very bytes that were verified."""
    images = host.facts.images.digests
    if host.summary is None or not images:
        return State.NOT_TESTED, "the generation names no image, or nothing says that its bundle was verified"
    wrong = []
    for path in (path_of(image, kind) for image in sorted(images) for kind in PREDICATES):
        file = host.bundle / "targets" / path
        if not file.is_file() or hashlib.sha256(file.read_bytes()).hexdigest() != host.summary.subjects.get(path):
            wrong.append(f"{path}: missing, or not what was verified")
    return nothing(wrong, f"SBOM and provenance of {len(images)} images are what was verified")


def vulnerabilities(host: Host) -> Found:
    """No open finding is critical or high."""
    found = installed_vulnerabilities(host.paths)
    if found.unknown or found.feed is None:
        return State.NOT_TESTED, found.unknown or "the bundle carries no feed of advisories"
    return holds(not any(one.severity in WORST for one in found.open), found.summary(host.now))


def rebuilt(host: Host) -> Found:
    """The images that run were built again from the bundle, to the same digests."""
    if host.rebuilt is None or not host.facts.images.digests:
        return State.NOT_TESTED, "no result of `appliance bundle rebuild --json` was given"
    made = {str(one.get("name")): _plain(str(one.get("rebuilt"))) for one in host.rebuilt}
    runs = {name: _plain(digest) for name, digest in sorted(host.facts.images.digests.items())}
    wrong = [f"{n}: runs {d}, rebuilt {made.get(n, 'never')}" for n, d in runs.items() if made.get(n) != d]
    return nothing(wrong, f"{len(runs)} images that run were rebuilt to the same digests")


def calendar(host: Host) -> Found:
    """Nothing is past its end, and everything could be read."""
    return nothing([*_past(host, tuple(Kind)), *host.calendar.unread], "nothing is past its end")


def certificates(host: Host) -> Found:
    """Authority, gateways and workloads have certificates that count."""
    return nothing(_past(host, CERTIFICATES), "authority, gateways and workloads have certificates that count")


def backup(host: Host) -> Found:
    """A backup of the host was finished within the week."""
    done = max((event.time for event in _events(host, BACKUP)), default=0) / 1000
    if not done:
        return State.NOT_SATISFIED, "the log names no finished backup of the host"
    last = datetime.fromtimestamp(done, UTC)
    told = f"last finished backup of the host: {last:%Y-%m-%d %H:%M} UTC"
    return holds(host.now - last < timedelta(days=BACKUP_DAYS), told)


def _events(host: Host, activity: str) -> Iterator[ocsf.Event]:
    word = json.dumps(activity).encode()
    for line in lines(host.log_folder):
        if word in line:
            event = ocsf.read(Record.decode(line).body)
            if event.activity == activity and (event.unmapped.detail or {}).get("state") == "done":
                yield event


def _past(host: Host, kinds: tuple[Kind, ...]) -> list[str]:
    entries = [entry for entry in host.calendar.entries if entry.state is Due.PAST and entry.kind in kinds]
    return [f"{entry.kind} {entry.name} ended on {entry.ends:%Y-%m-%d}" for entry in entries]


def _plain(digest: str) -> str:
    return digest.removeprefix("sha256:")
