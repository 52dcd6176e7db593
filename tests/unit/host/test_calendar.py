"""The calendar of a host whose files are real: every certificate, key, registration and role is in it."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from appliance.contract.calendar import FILE, Kind, State
from appliance.host.report.status import lines
from appliance.host.state import calendar
from appliance.host.watching.watch import Watch, reminder
from tests.unit.host.installed import Host

NOW = datetime.now(UTC)


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def test_everything_that_ends_is_in_it_once(host: Host) -> None:
    found = calendar.read(host.paths, NOW)
    assert found.unread == ()
    kinds = {entry.kind for entry in found.entries}
    assert kinds == set(Kind) - {Kind.MODEL, Kind.BREAK_GLASS, Kind.CERTIFICATE}
    names = [(entry.kind, entry.name) for entry in found.entries]
    assert len(names) == len(set(names))
    of_gateways = {entry.name for entry in found.entries if entry.kind is Kind.GATEWAY}
    assert of_gateways == {enclave.name for enclave in host.site.enclaves}
    assert {entry.name for entry in found.entries if entry.kind is Kind.REGISTRATION} == set(host.subjects)


def test_a_used_certificate_is_in_it_until_it_is_revoked(host: Host) -> None:
    used = {"begins": NOW.timestamp(), "ends": (NOW + timedelta(days=9)).timestamp(), "first": NOW.timestamp()}
    (host.paths.root / "certificates-used.json").write_text(json.dumps({"analyst": {"ab": used}}))
    found = [entry for entry in calendar.read(host.paths, NOW).entries if entry.kind is Kind.CERTIFICATE]
    assert [(entry.name, entry.state) for entry in found] == [("analyst", State.DUE)]


def test_one_unreadable_file_hides_nothing_else(host: Host) -> None:
    (host.paths.certificates / "secret" / "gateway.pem").write_bytes(b"no certificate")
    found = calendar.read(host.paths, NOW)
    assert len(found.unread) == 1
    assert "secret/gateway.pem" in found.unread[0]
    assert {Kind.REGISTRATION, Kind.ROOT, Kind.HOST_KEY} <= {entry.kind for entry in found.entries}
    assert "its end is unknown" in found.warnings()[-1]


def test_an_old_key_is_past_and_its_command_is_named(host: Host) -> None:
    long_ago = (NOW - timedelta(days=400)).timestamp()
    os.utime(host.paths.signing_key, (long_ago, long_ago))
    (found,) = [one for one in calendar.read(host.paths, NOW).entries if one.kind is Kind.CONTEXTS_KEY]
    assert (found.state, found.renew) == (State.PAST, "appliance host rotate contexts")


def test_the_policy_of_the_bundle_is_asked(host: Host) -> None:
    host.policy.write_text("kinds: {gateway: {warn_days: 3650}}\n")
    found = calendar.read(host.paths, NOW)
    assert {one.state for one in found.entries if one.kind is Kind.GATEWAY} == {State.DUE}


def test_what_presses_is_recorded_once_a_day_and_left_for_the_console(host: Host) -> None:
    later = calendar.read(host.paths, NOW + timedelta(days=3))
    assert later.pressing
    assert calendar.publish(host.paths, later)
    assert not calendar.publish(host.paths, later)
    assert calendar.publish(host.paths, calendar.read(host.paths, NOW + timedelta(days=4)))
    recorded = (host.paths.root / "spool" / "spool.jsonl").read_text()
    assert len([line for line in recorded.splitlines() if '"calendar.due"' in line]) == 2
    file = host.paths.root / "log" / FILE
    assert file.stat().st_mode & 0o777 == 0o640


def test_the_reminder_and_the_status_say_it(host: Host) -> None:
    assert reminder(host.paths, Watch.CALENDAR) is None
    found = reminder(host.paths, Watch.CALENDAR, (NOW + timedelta(days=360)).timestamp())
    assert found is not None
    assert "more)" in found.text
    report: dict[str, Any] = {
        "bundle": None,
        "unfinished": [],
        "upgrades": {},
        "failed": {},
        "room": [],
        "calendar": ["gateway secret ends"],
    }
    assert list(lines(report)) == ["CALENDAR: gateway secret ends"]


@pytest.mark.parametrize(("ahead", "status"), [("0", 0), ("360", 1)])
def test_the_command_says_by_its_status_whether_something_presses(host: Host, ahead: str, status: int) -> None:
    program = [sys.executable, "-m", "appliance.cli.main", "host", "calendar", "--json", "--ahead", ahead]
    answer = subprocess.run(
        [*program, "--root", str(host.paths.root)], capture_output=True, text=True, check=False, cwd=Path.cwd()
    )
    assert answer.returncode == status, answer.stderr
    assert json.loads(answer.stdout)["pressing"] is bool(status)
