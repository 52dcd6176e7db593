"""The greatest time in the log counts, and after a wrong jump what two officers attest."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from appliance.enclave.paths import HostPaths
from appliance.errors import ApplianceError
from appliance.host.state import clock
from appliance.trust import dsse
from appliance.trust.officers import payload_type
from tests.unit.monitor.gateway import Rig, running

NOW = datetime.now(UTC)
FAR = datetime(2099, 1, 1, tzinfo=UTC)


def write(log: Path, times: list[datetime], first: int = 0) -> None:
    (log / "bodies").mkdir(parents=True, exist_ok=True)
    with (log / "bodies" / f"{first:020d}.jsonl").open("a") as file:
        for number, time in enumerate(times, start=first):
            body = {"label": "U;;*", "time": int(time.timestamp() * 1000), "unmapped": {"time": 9_999_999_999_999}}
            file.write(json.dumps({"index": number, "salt": "0" * 64, "label": "U;;*", "body": body}) + "\n")


def test_one_record_after_the_clock_was_set_back_does_not_take_the_guard_away(tmp_path: Path) -> None:
    log = tmp_path / "log"
    ahead, back = NOW + timedelta(days=3), NOW - timedelta(days=900)
    write(log, [NOW, ahead, back])
    assert abs(clock.latest(log) - ahead) < timedelta(seconds=1)
    write(log, [back] * 5, first=16_384)
    assert abs(clock.latest(log) - ahead) < timedelta(seconds=1), "nor one in a later file"
    further = ahead + timedelta(days=1)
    write(log, [further], first=16_384 + 5)
    assert abs(clock.latest(log) - further) < timedelta(seconds=1), "what was looked through before is not the end"
    (log / clock.SEEN).write_text("not JSON")
    assert abs(clock.latest(log) - further) < timedelta(seconds=1)


def test_a_record_that_is_still_being_written_is_read_when_it_is_there(tmp_path: Path) -> None:
    write(tmp_path, [NOW])
    with (tmp_path / "bodies" / f"{0:020d}.jsonl").open("a") as file:
        file.write('{"index": 1, "salt"')
        file.flush()
        assert clock.last_entry(tmp_path) is not None
        file.write(f': "0", "label": "U;;*", "body": {{"time": {int(FAR.timestamp() * 1000)}}}}}\n')
    assert clock.last_entry(tmp_path) == FAR


def test_a_log_that_was_replaced_is_looked_through_again(tmp_path: Path) -> None:
    write(tmp_path, [FAR, NOW])
    assert clock.last_entry(tmp_path) == FAR
    (tmp_path / "bodies" / f"{0:020d}.jsonl").unlink()
    write(tmp_path, [NOW])
    assert abs((clock.last_entry(tmp_path) or FAR) - NOW) < timedelta(seconds=1)


@pytest.fixture
def rig() -> Iterator[Rig]:
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as one:
        yield one


def attestation(rig: Rig, by: int = 2, **changes: Any) -> Path:
    value = {
        "site": rig.site.site,
        "time": datetime.now(UTC).replace(microsecond=0).isoformat(),
        "reason": "the clock battery was empty, and the clock said 2099",
    } | changes
    file = rig.folder / "time.dsse.json"
    file.write_bytes(dsse.sign(value, payload_type("time"), list(rig.officers.values())[:by]))
    return file


def test_two_officers_attest_the_right_time_once(rig: Rig, tmp_path: Path) -> None:
    with rig.client("analyst") as client:
        client.post("/session")
    ignored = shutil.ignore_patterns("*.sock")
    paths = HostPaths(shutil.copytree(rig.paths.root, tmp_path / "root", symlinks=True, ignore=ignored), tmp_path)
    log = paths.root / "log"
    segment = sorted((log / "bodies").glob("*.jsonl"))[-1]
    lines = segment.read_bytes().splitlines(keepends=True)
    size = len(lines)
    wrong = json.loads(lines[-1])
    wrong["body"]["time"] = int(FAR.timestamp() * 1000)
    segment.write_bytes(b"".join(lines[:-1]) + json.dumps(wrong).encode() + b"\n")
    (log / clock.SEEN).unlink(missing_ok=True)
    assert clock.latest(log) == FAR, "an installation is refused until 2099"
    bad: list[tuple[dict[str, Any], int, str]] = [
        ({}, 1, "2 people must sign"),
        ({"site": "elsewhere"}, 2, "of the site elsewhere"),
        ({"time": "2026-01-01T00:00:00Z"}, 2, "says 2026-01-01"),
        ({"time": "2099-01-01T00:00:00Z"}, 2, "says 2099-01-01"),
        ({"records": size + 9}, 2, "and the log has"),
        ({"records": size - 1}, 2, "says 2099-01-01"),
    ]
    for changes, by, reason in bad:
        with pytest.raises(ApplianceError, match=reason):
            clock.attest(paths, attestation(rig, by, **{"records": size} | changes))
        assert clock.latest(log) == FAR
    good = attestation(rig, records=size)
    assert clock.attest(paths, good, dry_run=True)["dry_run"]
    assert clock.latest(log) == FAR
    clock.attest(paths, good)
    assert abs(clock.latest(log) - datetime.now(UTC)) < timedelta(seconds=30)
    assert b"time.attest" in b"".join(file.read_bytes() for file in (paths.root / "spool").iterdir() if file.is_file())
    with pytest.raises(ApplianceError, match="records out of account"):
        clock.attest(paths, good)


def test_before_the_first_installation_the_clock_alone_counts(tmp_path: Path) -> None:
    assert abs(clock.latest(tmp_path / "log") - datetime.now(UTC)) < timedelta(seconds=30)
