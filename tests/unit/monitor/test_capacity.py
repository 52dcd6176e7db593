"""A disk that fills, and an enclave that floods: what goes on, what is refused, and that the log says so."""

import asyncio
import json
import os
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from appliance.audit.events.ocsf import Event, read
from appliance.audit.log.bodies import Record, lines, segments
from appliance.audit.log.storage import Storage
from appliance.audit.log.verify import verify
from appliance.audit.log.writer import Log
from appliance.audit.review.summary import remarks
from appliance.enclave.site import Enclave, load_site
from appliance.monitor.decide.decision import Decision, deny
from appliance.monitor.decide.jobs import Jobs
from appliance.monitor.http import HttpRequest, HttpResponse
from appliance.monitor.in_force.statements import installed_statements
from appliance.monitor.record.capacity import UNIDENTIFIED, Capacity, CapacityError, Quota
from appliance.monitor.record.outcome import Outcome
from appliance.monitor.record.recording import Recording
from appliance.monitor.serve.daemon import with_keys
from appliance.monitor.serve.publications import Publications
from appliance.monitor.serve.records import Records
from tests.catalogue import CATALOGUE
from tests.unit.monitor.gateway import Rig, running, token

DISK = 512 << 20


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A real file system of 512 MiB at ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def fill(folder: Path, free: int) -> None:
    """Leave ``free`` bytes of the disk."""
    ballast = folder / "ballast"
    ballast.unlink(missing_ok=True)
    space = os.statvfs(folder)
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(1, space.f_bavail * space.f_frsize - free))


def events_of(log: Path) -> list[Event]:
    return [read(Record.decode(line).body) for file in segments(log) for _, line in lines(file)]


def requests(rig: Rig) -> list[object]:
    """Records about requests, without those of the disk."""
    return [record for record in rig.records() if record.get("http_request")]


def activities(log: Path) -> list[str]:
    return [event.activity for event in events_of(log)]


class Monitor:
    """Recording and Records over a real log, called as the daemon does."""

    def __init__(self, folder: Path, log: Log, quota: Quota) -> None:
        rig = Rig(folder)
        self.site = rig.site
        self.capacity = Capacity(lambda: self.state, quota)
        self.state = Storage.GOOD
        statements = installed_statements(rig.paths)
        self.recording = Recording(log, statements, self.capacity)
        jobs = Jobs(folder / "jobs.json", time.time)
        force = with_keys(rig.paths, statements)
        self.records = Records(force, self.recording, jobs, Publications(rig.paths))

    def outcome(self, enclave: str, method: str = "GET", subject: str = "someone") -> Awaitable[None]:
        allowed = Decision(allow=True, status=200, rule="access.permitted", action="read")
        return self.recording.outcome(
            Outcome(self.site.enclave(enclave), subject, method, "/x", "0" * 32, allowed, "0" * 64)
        )

    async def record(self, enclave: Enclave, service: str = "labeling", **fields: object) -> HttpResponse:
        body = {"activity": "records.create", "context": token(enclave, service)} | fields
        request = HttpRequest("POST", "/record", {}, json.dumps(body).encode())
        return await self.records.handle(enclave, CATALOGUE[service], request)


def monitored(folder: Path, use: Callable[[Monitor], Awaitable[None]], quota: Quota | None = None) -> Path:
    """Run ``use`` over a new log in ``folder``; returns the log's folder, verified."""

    async def run() -> None:
        log = Log.open(folder / "log", folder / "log.key", checkpoint_interval=0.05)
        try:
            await use(Monitor(folder, log, quota or Quota()))
        finally:
            await log.close()

    vkey = Log.create(folder / "log", folder / "log.key", "test/audit")
    asyncio.run(run())
    assert verify(folder / "log", vkey).whole
    return folder / "log"


def test_a_disk_that_fills_stops_the_gateway_and_says_why() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        small_disk(Path(folder) / "root" / "log") as disk,
        running(Path(folder)) as rig,
        rig.client("analyst") as analyst,
    ):
        assert analyst.post("/session").status_code == 201
        fill(disk, DISK // 5)
        assert analyst.get("/labeling/api/x").status_code == 200
        fill(disk, DISK // 25)
        before = len(requests(rig))
        for answer in (analyst.get("/labeling/api/x"), analyst.post("/session"), analyst.get("/")):
            assert (answer.status_code, "95 % full" in answer.json()["error"]) == (503, True)
        fill(disk, 1 << 20)
        assert "log is full" in analyst.get("/labeling/api/x").json()["error"]
        fill(disk, DISK // 2)
        assert analyst.get("/labeling/api/x").status_code == 200
        assert len(requests(rig)) == before + 1


def test_each_threshold_is_an_event_and_officers_read_on(tmp_path: Path) -> None:
    async def use(monitor: Monitor) -> None:
        for state in (Storage.WARN, Storage.ADMINISTRATION):
            monitor.state = state
            await monitor.recording.tell()
            await monitor.recording.tell()
            await monitor.outcome("system-high", "POST")
        with pytest.raises(CapacityError, match="only administration"):
            await monitor.outcome("secret")
        answer = await monitor.record(monitor.site.enclave("secret"))
        assert (answer.status, b"only administration" in answer.body) == (503, True)
        monitor.state = Storage.HALT
        await monitor.recording.tell()
        await monitor.outcome("system-high", "GET")
        with pytest.raises(CapacityError, match="full"):
            await monitor.outcome("system-high", "POST")

    found = activities(monitored(tmp_path, use))
    storage = [name for name in found if name.startswith("storage.")]
    assert storage == ["storage.warn", "storage.administration", "storage.halt"]
    assert found.count("read") == 3


def test_a_flooding_enclave_starves_neither_the_log_nor_others(tmp_path: Path) -> None:
    answers = Counter[int]()

    async def use(monitor: Monitor) -> None:
        low, high = monitor.site.enclave("unclassified"), monitor.site.enclave("secret")
        for answer in await asyncio.gather(*(monitor.record(low) for _ in range(500))):
            answers[answer.status] += 1
        assert (await monitor.record(high)).status == 200
        refused = await monitor.record(low)
        assert b"quota" in refused.body
        await monitor.recording.tell()

    log = monitored(tmp_path, use, Quota(events=0.001, burst=20, size=1e6, burst_size=1e9))
    assert answers == {200: 20, 503: 480}
    found = activities(log)
    assert (found.count("records.create"), found.count("quota.exceed"), found.count("record.refuse")) == (21, 1, 1)
    said = [remark for event in events_of(log) for remark in remarks(event)]
    assert ("gap", "481 requests of unclassified were refused without a record") in said


def test_who_shows_no_certificate_uses_up_nothing_of_the_users(tmp_path: Path) -> None:
    refused = deny("identity.none")

    async def use(monitor: Monitor) -> None:
        monitor.capacity.unidentified = Quota(events=0.001, burst=20)
        for enclave in ("unclassified", "system-high"):
            place = monitor.site.enclave(enclave)
            outsider = Outcome(place, "", "GET", "/x", "0" * 32, refused, "0" * 64)
            await asyncio.gather(*(monitor.recording.outcome(outsider) for _ in range(300)))
            for _ in range(30):
                await monitor.outcome(enclave)
        await monitor.recording.tell()

    log = monitored(tmp_path, use, Quota(events=0.001, burst=30))
    found = Counter(activities(log))
    assert (found["request"], found["read"], found["identity.flood"]) == (40, 60, 2)
    assert not found.keys() & {"quota.exceed", "record.refuse"}
    said = [remark for event in events_of(log) for remark in remarks(event)]
    assert ("denials", "280 requests without a certificate of this site were refused in unclassified") in said
    assert ("denials", "280 requests without a certificate of this site were refused in system-high") in said


def test_an_outsider_is_refused_alike_before_and_beyond_the_quota() -> None:
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as rig, rig.client(None) as outsider:
        answers = [outsider.get("/labeling/api/x") for _ in range(int(UNIDENTIFIED.burst) + 100)]
        recorded = len(requests(rig))
    shapes = Counter((one.status_code, *one.json(), *one.headers) for one in answers)
    assert len(shapes) == 1
    assert UNIDENTIFIED.burst <= recorded < UNIDENTIFIED.burst + 100


def test_the_last_room_of_the_disk_is_not_an_outsider_s() -> None:
    capacity = Capacity(lambda: Storage.ADMINISTRATION)
    high = load_site(Path("site.example.yml")).system_high
    capacity.admit(high, 100)
    with pytest.raises(CapacityError, match="only administration"):
        capacity.admit(high, 100, identified=False)


def test_one_person_cannot_spend_the_records_of_the_enclave(tmp_path: Path) -> None:
    denied = deny("access.role")

    async def use(monitor: Monitor) -> None:
        monitor.capacity.person = Quota(events=0.001, burst=20)
        place = monitor.site.enclave("secret")
        for _ in range(20):
            await monitor.outcome("secret", subject="anna")
        for _ in range(100):
            with pytest.raises(CapacityError, match="more records than one person"):
                await monitor.outcome("secret", subject="anna")
        for _ in range(100):  # a refusal takes no effect, and looks as before
            await monitor.recording.outcome(Outcome(place, "anna", "GET", "/x", "0" * 32, denied, "0" * 64))
        for subject in ("berta", "carl"):
            for _ in range(20):
                await monitor.outcome("secret", subject=subject)
        await monitor.outcome("unclassified", subject="anna")
        await monitor.recording.tell()

    log = monitored(tmp_path, use)
    found = Counter(activities(log))
    assert (found["read"], found["request"], found["subject.flood"], found["quota.exceed"]) == (61, 0, 1, 0)
    said = [remark for event in events_of(log) for remark in remarks(event)]
    assert ("anomaly", "anna went over the budget of records in secret: 200 requests had no effect") in said


@pytest.mark.parametrize("enclave", ["unclassified", "system-high"])
def test_a_service_that_is_refused_again_and_again_spends_its_own_budget_alone(tmp_path: Path, enclave: str) -> None:
    service = "console" if enclave == "system-high" else "labeling"

    async def use(monitor: Monitor) -> None:
        monitor.capacity.service = Quota(events=0.001, burst=20)
        place = monitor.site.enclave(enclave)
        for _ in range(200):
            answer = await monitor.record(place, service, activity="storage.halt")
            assert answer.status == 403, "a refusal looks the same, recorded or counted"
        await monitor.outcome(enclave)
        await monitor.recording.tell()

    found = Counter(activities(monitored(tmp_path, use)))
    assert (found["record.unattributed"], found["subject.flood"], found["read"]) == (20, 1, 1)


def test_few_large_events_are_a_flood_too(tmp_path: Path) -> None:
    async def use(monitor: Monitor) -> None:
        low = monitor.site.enclave("unclassified")
        fields = {f"k{n}": "x" * 1000 for n in range(30)}
        answers = [(await monitor.record(low, detail=fields)).status for _ in range(10)]
        assert answers == [200] * 3 + [503] * 7

    monitored(tmp_path, use, Quota(events=1000, burst=1000, size=1, burst_size=100_000))


def test_a_quota_recovers_and_the_next_flood_is_another_event() -> None:
    now = 0.0
    capacity = Capacity(lambda: Storage.GOOD, Quota(events=1, burst=10), lambda: now)
    low = load_site(Path("site.example.yml")).enclave("unclassified")

    def flood() -> list[bool]:
        first = []
        for _ in range(14):
            try:
                capacity.admit(low, 100)
            except CapacityError as refusal:
                first.append(refusal.first)
        return first

    assert flood() == [True, False, False, False]
    now += 8
    assert flood()[0] is True
    assert capacity.take_refused() == {"unclassified": 10}


def test_inference_names_its_model(tmp_path: Path) -> None:
    async def use(monitor: Monitor) -> None:
        model = {"name": "smollm2", "digest": "sha256:" + "ab" * 32}
        asked = {"activity": "model_inference_activity", "model": model}
        answer = await monitor.record(monitor.site.enclave("secret"), "inference", **asked)
        assert answer.status == 200

    (event,) = events_of(monitored(tmp_path, use))
    assert event.ai_model is not None
    assert (event.ai_model.name, event.activity) == ("smollm2", "model_inference_activity")
    assert event.metadata.profiles == ("ai_operation",)


def test_an_overdue_review_is_alarmed_once_a_day(tmp_path: Path) -> None:
    async def use(monitor: Monitor) -> None:
        await monitor.outcome("secret")
        for days in (1, 7.5, 8, 8.6, 9):
            await monitor.recording.remind(time.time() + days * 24 * 3600)

    assert activities(monitored(tmp_path, use)).count("review.overdue") == 2
