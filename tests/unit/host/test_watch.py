"""Reminders for people."""

import os
from pathlib import Path

import pytest

from appliance.audit import storage
from appliance.enclave.render import HostPaths
from appliance.host import watch
from appliance.host.watch import DAY, Watch, reminders


@pytest.fixture
def paths(tmp_path: Path) -> HostPaths:
    log = tmp_path / "log"
    log.mkdir()
    (log / "log.vkey").write_text("key")
    os.utime(log / "log.vkey", (0, 0))
    return HostPaths(tmp_path, tmp_path / "run")


def test_review_is_due_eight_days_after_the_log_began(paths: HostPaths) -> None:
    assert reminders(paths, Watch.REVIEW, now=7 * DAY) == []
    [reminder] = reminders(paths, Watch.REVIEW, now=8 * DAY)
    assert "8 days" in reminder.text


def test_cosignature_ends_the_reminder(paths: HostPaths) -> None:
    cosigned = paths.root / "log" / "cosigned"
    cosigned.mkdir()
    (cosigned / "12").write_text("")
    os.utime(cosigned / "12", (5 * DAY, 5 * DAY))
    assert reminders(paths, Watch.REVIEW, now=12 * DAY) == []
    assert reminders(paths, Watch.REVIEW, now=13 * DAY)


@pytest.mark.parametrize(
    ("share", "free", "state"), [(0.8, 1 << 40, "warn"), (0.96, 1 << 40, "administration"), (0.5, 1, "halt")]
)
def test_full_disk_is_told_with_what_follows(
    paths: HostPaths, monkeypatch: pytest.MonkeyPatch, share: float, free: int, state: str
) -> None:
    for module in (storage, watch):
        monkeypatch.setattr(module, "used", lambda _: (share, free))
    [reminder] = reminders(paths, Watch.STORAGE)
    assert reminder.text.endswith(state)


def test_empty_disk_needs_nobody(paths: HostPaths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "used", lambda _: (0.1, 1 << 40))
    assert reminders(paths, Watch.STORAGE) == []
