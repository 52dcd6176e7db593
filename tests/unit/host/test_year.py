"""A year of a host, day by day: whoever does each day what the calendar names sees nothing expire."""

import asyncio
import hashlib
import os
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from appliance.audit.log import anchor
from appliance.audit.log.note import COSIGNATURE, Signer, Verifier, open_checkpoint
from appliance.audit.log.verify import verify
from appliance.audit.log.witness import accept, cosign, request
from appliance.audit.log.writer import Log
from appliance.contract.calendar import Calendar, Kind, State
from appliance.enclave.render import manifests
from appliance.host.change import rotate
from appliance.host.state import calendar, rotation
from appliance.monitor.in_force import registries
from appliance.trust.certificates import issue_client, issue_server
from tests.catalogue import CATALOGUE
from tests.unit.audit.conftest import body
from tests.unit.bundle.sample import sign
from tests.unit.host.installed import BUNDLE, Host

START = datetime.now(UTC).replace(microsecond=0)
DAYS = 400
LENGTHS = {"certificates": 365, "registrations": 120, "bundle": 90}


class Year:
    """A host, its officers and its sysadmin, at a time that is moved by days."""

    def __init__(self, folder: Path) -> None:
        self.host = Host(folder)
        self.paths = self.host.paths
        self.now = START
        self.done = Counter[Kind]()
        self.log = self.paths.root / "log"
        self.key = Verifier.decode((self.log / "log.vkey").read_text())
        self.officer = Signer.generate("isso", COSIGNATURE)
        (self.log / "policy").write_text(
            f"log {self.key.encode()}\nwitness isso {self.officer.verifier.encode()}\nquorum isso\n"
        )
        self.version = 1
        self.subjects()

    def subjects(self) -> None:
        """The officers register everybody anew."""
        last = (self.now + timedelta(days=LENGTHS["registrations"])).date().isoformat()
        listed = [{"name": name, "expires": last} | fields for name, fields in self.host.subjects.items()]
        self.version += 1
        site = self.host.sign(self.host.folder / "site", subjects={"version": self.version, "subjects": listed})
        registries.accept(self.paths, site, hashlib.sha256((site / "officers.json").read_bytes()).hexdigest())

    def certify(self) -> None:
        """The site's authority issues what gateways and workloads need."""
        begins, ends = self.now, self.now + timedelta(days=LENGTHS["certificates"])
        for enclave in self.host.site.enclaves:
            folder = self.paths.certificates / enclave.name
            for file in folder.glob("*"):
                file.unlink()
            server = issue_server(
                self.host.issuer, enclave.hostname, enclave=enclave.name, not_before=begins, not_after=ends
            )
            server.write(folder, "gateway")
            for service in manifests(enclave, CATALOGUE):
                if service.workload:
                    name = f"service:{service.name}"
                    client = issue_client(
                        self.host.issuer, name, organisation=enclave.name, not_before=begins, not_after=ends
                    )
                    client.write(folder, service.name)

    def rotated(self, *names: str) -> None:
        """New keys, made today."""
        rotation.begin(self.paths, names, at_once=True)
        rotation.advance(self.paths)
        for name in names:
            os.utime(self.paths.root / "secrets" / name, (self.now.timestamp(),) * 2)

    def contexts(self) -> None:
        """As ``appliance host rotate contexts``."""
        names = [file.name for file in (self.paths.root / "secrets").glob("*.admission.key")]
        self.rotated(self.paths.signing_key.name, *names)

    def own_key(self) -> None:
        """As ``appliance host rotate host``."""
        rotate.host(self.paths)
        os.utime(self.paths.root / "secrets" / "host.pem", (self.now.timestamp(),) * 2)

    def bundle(self) -> None:
        """The next bundle is carried in."""
        folder = self.paths.root / "bundle" / BUNDLE
        self.version += 1
        ends = self.now + timedelta(days=LENGTHS["bundle"])
        sign(folder, {}, self.host.makers, version=self.version, created=self.now, expires=ends)

    def anchor(self) -> None:
        """As ``appliance audit anchor``."""
        taken = anchor.take(self.log, self.key)
        anchor.keep(taken, self.log)
        file = self.log / anchor.ANCHORED / str(taken.checkpoint.size)
        os.utime(file, (self.now.timestamp(),) * 2)

    def review(self) -> None:
        """An officer cosigns."""
        state = self.host.folder / "isso.state"
        old = open_checkpoint(state.read_bytes(), self.key).size if state.exists() else 0
        note = cosign(request(self.log, self.key, old), self.key, self.officer, state, int(self.now.timestamp()))
        accept(self.log, note.encode(), self.key, [self.officer.verifier])


RENEW: dict[Kind, Callable[[Year], None]] = {
    Kind.GATEWAY: Year.certify,
    Kind.WORKLOAD: Year.certify,
    Kind.REGISTRATION: Year.subjects,
    Kind.CONTEXTS_KEY: Year.contexts,
    Kind.ADMISSION_KEY: Year.contexts,
    Kind.GRANT_KEY: lambda year: year.rotated("grant.key"),
    Kind.HOST_KEY: Year.own_key,
    Kind.ROOT: Year.bundle,
    Kind.TARGETS: Year.bundle,
    Kind.SNAPSHOT: Year.bundle,
    Kind.TIMESTAMP: Year.bundle,
    Kind.ANCHOR: Year.anchor,
    Kind.REVIEW: Year.review,
}


async def work(year: Year, records: int) -> None:
    """The records of a day."""
    log = Log.open(year.log, year.paths.root / "secrets" / "log.key", checkpoint_interval=0.001)
    await log.append([body(number) for number in range(records)])
    await log.close()


def lived(year: Year, days: int, each: int) -> tuple[set[str], list[Calendar]]:
    """Live ``days`` days, doing what the calendar says; what was seen past, and the calendar of each day."""
    past: set[str] = set()
    seen = []
    for day in range(days):
        year.now = START + timedelta(days=day)
        asyncio.run(work(year, each))
        found = calendar.read(year.paths, year.now)
        assert found.unread == (), found.unread
        seen.append(found)
        for entry in found.pressing:
            # What is judged at the end of its day is done on that day: an anchor a day old is due, not missed.
            if entry.state is State.PAST and year.now > entry.ends + timedelta(days=1):
                past.add(f"{entry.kind} {entry.name} on day {day}")
        for kind in dict.fromkeys(entry.kind for entry in found.pressing if entry.kind in RENEW):
            RENEW[kind](year)
            year.done[kind] += 1
        calendar.publish(year.paths, found)
    return past, seen


@pytest.mark.long
def test_in_a_year_of_doing_what_the_calendar_says_nothing_expires_and_the_log_is_whole(tmp_path: Path) -> None:
    year = Year(tmp_path)
    past, seen = lived(year, DAYS, each=50)
    assert past == set()
    assert year.done[Kind.ANCHOR] >= DAYS - 2
    assert year.done[Kind.REVIEW] >= DAYS // 7
    assert year.done[Kind.REGISTRATION] >= 3
    assert year.done[Kind.GATEWAY] >= 1
    assert year.done[Kind.TIMESTAMP] >= 2
    assert year.done[Kind.CONTEXTS_KEY] >= 1
    report = verify(year.log, year.key.encode())
    assert (report.whole, report.size) == (True, DAYS * 50)
    assert len(seen[-1].entries) == len(seen[0].entries), "nothing piles up, and nothing is forgotten"
    spooled = (year.paths.root / "spool" / "spool.jsonl").read_text()
    assert spooled.count('"calendar.due"') <= 2 * DAYS


def test_whoever_does_nothing_is_told_of_each_thing_before_it_ends(tmp_path: Path) -> None:
    year = Year(tmp_path)
    states: dict[tuple[Kind, str], list[State]] = {}
    for day in range(0, 1200, 10):
        for entry in calendar.read(year.paths, START + timedelta(days=day)).entries:
            states.setdefault((entry.kind, entry.name), []).append(entry.state)
    for (kind, name), found in states.items():
        if kind in (Kind.ANCHOR, Kind.REVIEW):
            continue
        assert found == sorted(found, key=list(State).index), (kind, name)
        assert found[-1] is State.FINE or State.DUE in found, f"{kind} {name} ended without a warning"
