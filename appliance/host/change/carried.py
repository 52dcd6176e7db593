"""What of an installed site the next release takes over, and what people must do again: looked at before the cut-over.

Nothing is changed. The state may be of an earlier release; each part is read as this release will read it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from appliance.audit.log.note import Verifier
from appliance.audit.log.verify import verify
from appliance.contract.catalogue import Catalogue
from appliance.enclave.paths import HostPaths
from appliance.enclave.site import check_services, parse_site
from appliance.errors import ApplianceError
from appliance.host.change import clusters
from appliance.host.state import generation
from appliance.monitor.decide import break_glass
from appliance.monitor.decide.offer import compare, drafted
from appliance.monitor.decide.policy import parse_policy
from appliance.monitor.decide.registry import parse_registry
from appliance.service.certificate import read_unverified
from appliance.trust.certificates import read_certificate
from appliance.trust.files import read_limited
from appliance.trust.officers import load_officers, load_signed


class State(StrEnum):
    """What becomes of a part."""

    CARRIED = "carried"
    ENDS = "ends"
    AGAIN = "again"
    SIGN = "sign"
    DAMAGED = "damaged"


@dataclass(frozen=True)
class Part:
    """One part of the site.

    Attributes:
        name: what it is.
        state: carried as it is; ends by itself; made again by people; signed again by two officers; or damaged.
        why: what there is to know.
        draft: of what two officers sign: the data, ready to be written as YAML.
    """

    name: str
    state: State
    why: str
    draft: dict[str, Any] | None = None

    def as_dict(self) -> dict[str, str]:
        """For programs; drafts are files."""
        return {"name": self.name, "state": self.state.value, "why": self.why}


def look(paths: HostPaths, offered: Catalogue, major: int | None = None) -> list[Part]:
    """Every part of the site on this host, as the release whose services are ``offered`` takes it.

    Args:
        paths: where the appliance lives.
        offered: the services of the bundle that is to be installed.
        major: the major of its PostgreSQL.

    Raises:
        ApplianceError: nothing is installed.
    """
    site = generation.required(paths) / "site"
    parts = [*_log(paths), *_statements(paths, site, offered), *_certificates(site), *_models(paths)]
    return [*parts, *_lent(paths), *_running(paths), *_databases(paths, major)]


def blocks(parts: list[Part]) -> bool:
    """Whether something has to be done before the cut-over."""
    return any(part.state in (State.SIGN, State.DAMAGED) for part in parts)


def _log(paths: HostPaths) -> Iterator[Part]:
    log = paths.root / "log"
    key = (log / "log.vkey").read_text().strip()
    report = verify(log, key)
    if report.whole:
        yield Part("log", State.CARRIED, f"{Verifier.decode(key).name}, {report.size} records, grows on under its key")
    else:
        yield Part("log", State.DAMAGED, f"{report.findings[0].file}: {report.findings[0].problem}")


def _statements(paths: HostPaths, site: Path, offered: Catalogue) -> Iterator[Part]:
    now = paths.registries / "current"
    for kind, folder, parse in (
        ("site", site, parse_site),
        ("subjects", now, parse_registry),
        ("access", now, parse_policy),
    ):
        try:
            data = load_signed(folder / f"{kind}.dsse.json", load_officers(folder / "officers.json"), kind)
        except ApplianceError as error:
            yield Part(kind, State.DAMAGED, error.message)
            continue
        try:
            statement = parse(data, kind)
            if kind == "site":
                check_services(statement, offered)  # type: ignore[arg-type]  # what parse_site made
        except ApplianceError as error:
            yield Part(kind, State.SIGN, f"this release refuses it: {error.message}", data)
            continue
        yield _access(data, offered) if kind == "access" else Part(kind, State.CARRIED, "two officers signed it")


def _access(data: dict[str, Any], offered: Catalogue) -> Part:
    """The access rules: carried, but what is offered anew is closed until officers open it."""
    closed = compare(parse_policy(data, "access"), offered).closed
    if not closed:
        return Part("access", State.CARRIED, "two officers signed it")
    draft = drafted(data, offered)
    why = f"holds, and leaves {len(closed)} routes closed that this release offers; a draft opens them"
    return Part("access", State.SIGN, why, draft)


def _certificates(site: Path) -> Iterator[Part]:
    for file in sorted((site / "certificates").rglob("*.pem")):
        name = f"certificate {file.relative_to(site / 'certificates')}"
        ends = read_certificate(file).not_valid_after_utc
        over = ends <= datetime.now(UTC)
        why = f"{'ended' if over else 'until'} {ends:%Y-%m-%d}"
        yield Part(name, State.AGAIN if over else State.CARRIED, why)


def _models(paths: HostPaths) -> Iterator[Part]:
    for file in sorted((paths.root / "enclaves").glob("*/models/*.certificate.dsse.json")):
        model = file.name.removesuffix(".certificate.dsse.json")
        name = f"certificate of {model} in {file.parent.parent.name}"
        try:
            ends = read_unverified(read_limited(file, 4 << 20), file.name).expires
        except ApplianceError as error:
            why = (
                f"of another form ({error.message}): evaluate and certify the model again; until then it is a candidate"
            )
            yield Part(name, State.AGAIN, why)
        else:
            yield Part(name, State.CARRIED, f"until {ends:%Y-%m-%d}")


def _lent(paths: HostPaths) -> Iterator[Part]:
    officers = paths.registries / "current" / "officers.json"
    for file in sorted((paths.root / break_glass.FOLDER).glob("*.dsse.json")):
        try:
            ends = datetime.fromisoformat(str(load_signed(file, officers, break_glass.KIND)["ends"]))
        except (ApplianceError, KeyError, ValueError) as error:
            yield Part(f"break-glass {file.name}", State.ENDS, f"does not hold: {error}")
            continue
        over = ends <= datetime.now(UTC)
        why = f"{'was over' if over else 'goes on until'} {ends:%Y-%m-%d %H:%M} UTC"
        yield Part(f"break-glass {file.name.removesuffix('.dsse.json')}", State.ENDS if over else State.CARRIED, why)


def _running(paths: HostPaths) -> Iterator[Part]:
    yield Part("sessions", State.ENDS, "people sign in again after the cut-over")
    yield Part("job grants", State.ENDS, "what runs is started again after the cut-over")
    old = sorted((paths.root / "secrets").glob("*.context.key"))
    if old:
        why = f"{len(old)} keys of the form before: services get none any more, and databases others"
        yield Part("keys of contexts", State.ENDS, why)


def _databases(paths: HostPaths, major: int | None) -> Iterator[Part]:
    data = [one for one in (paths.root / "enclaves").glob("*/database") if one.is_dir()]
    move = clusters.move(paths, major) if data and major else None
    why = "migrations only add: the release before runs on the data after; a cold copy is taken first"
    if move:
        why = f"{move}: dumped, loaded and compared; going back then leaves what was written since (--restore-data)"
    if data:
        yield Part(f"databases of {len(data)} enclaves", State.CARRIED, why)
