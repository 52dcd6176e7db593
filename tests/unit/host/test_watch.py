"""Reminders for people, from a real log."""

import asyncio
import shutil
import time
from collections import namedtuple

import pytest

from appliance.enclave.paths import HostPaths
from appliance.host.watching.watch import Watch, reminder
from tests.unit.audit.conftest import Place, place  # noqa: F401  # a fixture
from tests.unit.audit.test_fsck import record

DAY = 24 * 3600
Usage = namedtuple("Usage", "total used free")  # as shutil has it


@pytest.fixture
def paths(place: Place) -> HostPaths:  # noqa: F811
    asyncio.run(record(place, 3))
    if place.path.name != "log":
        (place.path.parent / "log").symlink_to(place.path)
    return HostPaths(place.path.parent, place.path.parent / "run")


@pytest.mark.parametrize(("watch", "days"), [(Watch.ANCHOR, 1), (Watch.REVIEW, 7)])
def test_what_is_due_is_told_a_day_later_and_not_before(paths: HostPaths, watch: Watch, days: int) -> None:
    assert reminder(paths, watch, now=time.time() + (days - 1) * DAY) is None
    found = reminder(paths, watch, now=time.time() + (days + 1) * DAY)
    assert found is not None
    assert "3 records since" in found.text


@pytest.mark.parametrize(
    ("used", "free", "state"), [(80 << 30, 20 << 30, "warn"), (960 << 30, 20 << 30, "administration"), (1, 1, "halt")]
)
def test_full_disk_is_told_with_what_follows(
    paths: HostPaths, monkeypatch: pytest.MonkeyPatch, used: int, free: int, state: str
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(used + free, used, free))
    found = reminder(paths, Watch.STORAGE)
    assert found is not None
    assert found.text.endswith(state)


def test_empty_disk_needs_nobody(paths: HostPaths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(100 << 30, 1 << 30, 99 << 30))
    assert reminder(paths, Watch.STORAGE) is None
