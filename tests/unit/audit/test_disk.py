"""Real file systems that are full or read-only, and a clock that goes back: refusal, and no record is lost."""

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.audit.events import kinds as events
from appliance.audit.events import ocsf
from appliance.audit.log.bodies import find
from appliance.audit.log.tiles import LogError
from appliance.audit.log.verify import verify
from appliance.audit.log.writer import Log
from tests.unit.audit.conftest import Place, body


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], check=True)
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def remount(folder: Path, option: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{option}", folder], check=True)


def made(folder: Path, key: Path) -> Place:
    return Place(folder / "log", key, Log.create(folder / "log", key, "site.example/audit"))


def test_a_full_disk(disk: Path, tmp_path: Path) -> None:
    place = made(disk, tmp_path / "log.key")

    async def fill() -> int:
        log = place.open()

        async def write_on() -> None:
            while True:
                await log.append([body(n) for n in range(100)])

        with pytest.raises(LogError, match="cannot be written: No space left"):
            await write_on()
        size = log.size
        await asyncio.to_thread(remount, disk, "size=4m")
        for _ in range(100):
            try:
                await log.append([body(0)])
                break
            except LogError:
                await asyncio.sleep(0.05)
        await log.close()
        return size

    size = asyncio.run(fill())
    report = verify(place.path, place.vkey)
    assert (report.size, report.findings) == (size + 1, [])


def test_a_read_only_disk(disk: Path, tmp_path: Path) -> None:
    place = made(disk, tmp_path / "log.key")
    asyncio.run(place.fill(10))
    remount(disk, "ro")
    with pytest.raises(LogError, match="Read-only file system"):
        place.open()
    assert verify(place.path, place.vkey).whole
    remount(disk, "rw")
    asyncio.run(place.fill(1))
    assert verify(place.path, place.vkey).size == 11


def test_a_clock_that_goes_back(place: Place) -> None:
    event = events.activity(events.Scope(label="U;;*"), "someone", "test.write")
    early = event.model_copy(update={"time": event.time - 86_400_000})

    async def write() -> None:
        log = place.open()
        await log.append([event.record(), early.record(), event.record()])
        await log.close()

    asyncio.run(write())
    assert verify(place.path, place.vkey).whole
    times = [ocsf.read(find(place.path, index).body).time for index in range(3)]
    assert times == [event.time, early.time, event.time]
