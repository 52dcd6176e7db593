"""What expires or falls due on this host, read from what lies on it; :mod:`appliance.contract.calendar` judges it."""

import json
import os
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from appliance.audit.events import kinds as events
from appliance.audit.events import spool
from appliance.audit.events.kinds import Scope
from appliance.audit.log import anchor
from appliance.audit.review.state import log_state
from appliance.audit.review.summary import OVERDUE
from appliance.contract.calendar import FILE, Calendar, Entry, Kind, Terms, judge
from appliance.enclave.paths import HostPaths, installed_catalogue
from appliance.enclave.render import manifests
from appliance.enclave.site import validated
from appliance.errors import ApplianceError
from appliance.host.state import generation
from appliance.host.state.generation import Facts
from appliance.monitor.decide import break_glass
from appliance.monitor.decide.renewals import Used
from appliance.monitor.in_force.statements import Statements, installed_statements
from appliance.service.certificate import read_unverified
from appliance.trust import canonical
from appliance.trust.certificates import read_certificate
from appliance.trust.files import read_limited, replace_file
from appliance.trust.officers import load_signed

POLICY = "policies/calendar.yml"
DUE = "calendar.due"
X509 = "RFC 5280, 4.1.2.5: a certificate counts until its notAfter"
NIST = "SP 800-57 Part 1 Rev. 5, 5.3: a key is used for its cryptoperiod"
ISSUE = "appliance site issue-certificates, then appliance host install"
BUNDLE = "carry the next bundle, then appliance host install"
EXPIRED_LONG_AGO = datetime.min.replace(tzinfo=UTC)
Read = Callable[[HostPaths, Statements], Iterable[Entry]]


def read(paths: HostPaths, now: datetime | None = None) -> Calendar:
    """The calendar of this host. What cannot be read is named in it, and hides nothing else.

    Args:
        paths: where the appliance lives.
        now: the time, with its zone; the host's clock when not given.

    Raises:
        ApplianceError: nothing is installed, or a statement in force does not hold.
    """
    statements = installed_statements(paths)
    entries: list[Entry] = []
    unread: list[str] = []
    for source in (_certificates, _people, _bundle, _models, _lent, _keys, _log):
        try:
            entries += source(paths, statements)
        except (ApplianceError, OSError, ValueError) as error:
            unread.append(getattr(error, "message", None) or str(error))
    return judge(entries, terms(paths), now or datetime.now(UTC), unread)


def terms(paths: HostPaths) -> Terms:
    """How long before its end something is due, as the bundle that runs says.

    Raises:
        ApplianceError: the file is not one; names the field.
    """
    file = paths.root / "bundle" / Facts.of(generation.required(paths)).bundle / "targets" / POLICY
    if not file.is_file():
        return Terms()
    text = read_limited(file, 1 << 16).decode(errors="replace")
    found: Terms = validated(Terms, canonical.decode_yaml(text, str(file)), POLICY)
    return found


def publish(paths: HostPaths, calendar: Calendar) -> bool:
    """Leave the calendar where the console reads it, and record once a day what presses; True when it was recorded."""
    file = paths.root / "log" / FILE
    try:
        before = Calendar.model_validate_json(file.read_bytes()).made.date()
    except (OSError, ValidationError):
        before = None
    replace_file(file, calendar.model_dump_json().encode())
    file.chmod(0o640)
    os.chown(file, 0, file.parent.stat().st_gid)
    pressing = calendar.pressing
    if not (pressing or calendar.unread) or before == calendar.made.date():
        return False
    label = installed_statements(paths).site.system_high.marking.label.encode()
    detail: dict[str, Any] = {
        "due": len(pressing),
        "unread": len(calendar.unread),
        "first": [f"{entry.kind} {entry.name}" for entry in pressing[:20]],
    }
    event = events.activity(Scope(label=label), "host", DUE, detail=detail)
    spool.record(paths.root, event)
    return True


def _certificates(paths: HostPaths, statements: Statements) -> Iterator[Entry]:
    yield _certificate(
        paths.certificates / "ca.pem", Kind.AUTHORITY, "of the site", "docs/sysadmin/keys-over-time.md, The authority"
    )
    catalogue = installed_catalogue(paths)
    for enclave in statements.site.enclaves:
        folder = paths.certificates / enclave.name
        yield _certificate(folder / "gateway.pem", Kind.GATEWAY, enclave.name, ISSUE)
        for service in manifests(enclave, catalogue):
            if service.workload:
                name = f"{service.name} of {enclave.name}"
                yield _certificate(folder / f"{service.name}.pem", Kind.WORKLOAD, name, ISSUE)


def _certificate(file: Path, kind: Kind, name: str, renew: str) -> Entry:
    return Entry(kind=kind, name=name, ends=read_certificate(file).not_valid_after_utc, rule=X509, renew=renew)


def _people(paths: HostPaths, statements: Statements) -> Iterator[Entry]:
    """Registrations, and of each person the certificate that ends last of those with which they opened a session."""
    for subject in statements.registry.subjects:
        last_day = datetime.combine(subject.expires, datetime.min.time(), UTC)
        rule = "subjects.yml, expires: the last day of a registration"
        renew = "appliance site sign subjects.yml, then appliance site apply"
        ends = last_day + timedelta(days=1)
        yield Entry(kind=Kind.REGISTRATION, name=subject.name, ends=ends, rule=rule, renew=renew)
    file = paths.root / "certificates-used.json"
    known: dict[str, dict[str, Any]] = json.loads(file.read_bytes()) if file.exists() else {}
    for subject in statements.registry.subjects:
        used = known.get(subject.name, {})
        ends_at = [Used.model_validate(one).ends for serial, one in used.items() if serial not in subject.revoked]
        if ends_at:
            ends = datetime.fromtimestamp(max(ends_at), UTC)
            yield Entry(kind=Kind.CERTIFICATE, name=subject.name, ends=ends, rule=X509, renew="appliance user renew")


def _bundle(paths: HostPaths, _: Statements) -> Iterator[Entry]:
    from appliance.trust.repository.client import read_repository  # noqa: PLC0415 - tuf is large
    from appliance.trust.repository.metadata import parse  # noqa: PLC0415

    facts = Facts.of(generation.required(paths))
    folder = paths.root / "bundle" / facts.bundle / "metadata"
    repository = read_repository(folder, facts.root_fingerprint, now=EXPIRED_LONG_AGO)
    for kind in (Kind.ROOT, Kind.TARGETS, Kind.SNAPSHOT, Kind.TIMESTAMP):
        signed = parse(repository.files[f"{kind}.json"], kind.value, f"{kind}.json").signed
        rule = "TUF specification, 5: expired metadata installs nothing; what runs goes on"
        yield Entry(kind=kind, name=f"of bundle {facts.bundle}", ends=signed.expires, rule=rule, renew=BUNDLE)


def _models(paths: HostPaths, statements: Statements) -> Iterator[Entry]:
    for enclave in statements.site.enclaves:
        for file in sorted(paths.volume(enclave.name, "models").glob("*.certificate.dsse.json")):
            certificate = read_unverified(read_limited(file, 4 << 20), str(file))
            name = f"{certificate.evaluation.model.name} of {enclave.name}"
            rule = "a model serves only with a certificate that has not expired"
            renew = "evaluate and certify it again, then appliance model install"
            yield Entry(kind=Kind.MODEL, name=name, ends=certificate.expires, rule=rule, renew=renew)


def _lent(paths: HostPaths, statements: Statements) -> Iterator[Entry]:
    """What officers lend now; what was lent before is over, and nothing is due."""
    officers, now = paths.registries / "current" / "officers.json", datetime.now(UTC)
    for file in sorted((paths.root / break_glass.FOLDER).glob("*.dsse.json")):
        lent = break_glass.read(load_signed(file, officers, break_glass.KIND), file.name, statements.site)
        if lent.ends > now:
            rule = "what two officers lend ends after at most eight hours"
            renew = "appliance audit break-glass sign"
            yield Entry(kind=Kind.BREAK_GLASS, name=lent.id, ends=lent.ends, rule=rule, renew=renew)


def _keys(paths: HostPaths, statements: Statements) -> Iterator[Entry]:
    """Keys have no end of their own: each is used for its period from when its file was made."""
    secrets, policy = paths.root / "secrets", terms(paths)
    files = [
        (Kind.CONTEXTS_KEY, "of the monitor", paths.signing_key, "appliance host rotate contexts"),
        (Kind.GRANT_KEY, "of the monitor", secrets / "grant.key", "appliance host rotate grants"),
        (Kind.HOST_KEY, "of this host", secrets / "host.pem", "appliance host rotate host"),
        (Kind.LOG_KEY, "of the log", secrets / "log.key", "appliance host rotate log"),
    ]
    files += [
        (
            Kind.ADMISSION_KEY,
            f"of {service} in {enclave.name}",
            paths.admission_key(enclave.name, service),
            "appliance host rotate contexts",
        )
        for enclave in statements.site.enclaves
        for service in enclave.services
    ]
    for kind, name, file, renew in files:
        if file.exists():
            ends = datetime.fromtimestamp(file.stat().st_mtime, UTC) + policy.period(kind)
            yield Entry(kind=kind, name=name, ends=ends, rule=NIST, renew=renew)


def _log(paths: HostPaths, _: Statements) -> Iterator[Entry]:
    state = log_state(paths.root / "log", time.time())
    began = datetime.fromtimestamp((paths.root / "log" / "log.vkey").stat().st_mtime, UTC)
    for kind, last, seconds, rule, renew in (
        (Kind.REVIEW, state.reviewed, OVERDUE, "CCI-000148: at least every seven days", "appliance audit review"),
        (Kind.ANCHOR, state.anchored, anchor.DUE, "AU-9(2): daily", "appliance audit anchor"),
    ):
        ends = (last or began) + timedelta(seconds=seconds)
        yield Entry(kind=kind, name="of the log", ends=ends, rule=rule, renew=renew)
