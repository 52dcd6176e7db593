"""Volumes that really fill: the mark, what follows, what frees how much; disks that go read-only or lose data."""

import asyncio
import contextlib
import re
import shutil
import time
from pathlib import Path

import pytest

from appliance.audit.events import spool
from appliance.audit.log.storage import used as used_of
from appliance.audit.log.tiles import LogError
from appliance.audit.log.verify import verify
from appliance.audit.log.writer import Log
from appliance.errors import ApplianceError
from appliance.host.change import free as freeing
from appliance.host.change.free import What
from appliance.host.data import host_backup
from appliance.host.state import generation
from appliance.host.watching import room
from appliance.host.watching.room import EFFECTS, Fill, Kind
from appliance.trust import age
from tests.disks import disk
from tests.unit.audit.conftest import Place, body
from tests.unit.host.installed import Host

PAGE = Path("docs/sysadmin/full-disk.md")
MIB = 1 << 20


@pytest.mark.parametrize(
    ("used", "fill"), [(70, Fill.GOOD), (82, Fill.FILLS), (96, Fill.NEARLY), (100, Fill.FULL)], ids=str
)
def test_a_filled_disk_is_told_with_what_follows(tmp_path: Path, used: int, fill: Fill) -> None:
    with disk(tmp_path / "enclaves" / "secret", 64 * MIB) as small:
        small.fill(int(used_of(small.folder)[1] * (100 - used) / 100))
        found = room._volume(Kind.ENCLAVE, "secret", small.folder)
        assert found.fill is fill
        assert found.follows == EFFECTS[Kind.ENCLAVE].at(fill)
        assert bool(found.follows) is (fill is not Fill.GOOD)


def test_the_page_has_the_table_of_the_code() -> None:
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in PAGE.read_text().splitlines()
        if line.startswith("| **")
    ]
    expected = [
        [f"**{kind}**: {effect.holds}", effect.fills, effect.nearly, effect.full, effect.goes_on, effect.frees]
        for kind, effect in EFFECTS.items()
    ]
    assert [[re.sub("`", "", cell) for cell in row] for row in rows] == [
        [re.sub("`", "", cell) for cell in row] for row in expected
    ]


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path / "host")


def test_what_is_said_to_be_freed_is_what_goes_and_nothing_that_is_needed(host: Host) -> None:
    root = host.paths.root
    for path, length in {
        "copies/1/secret/database/rows": 3 * MIB,
        "copies/replaced-1/secret/database/rows": MIB,
        "bundle/0-older/targets/a": 2 * MIB,
        "software/0-older/bin/python": MIB,
        "generations/7/failed.json": 4096,
        "monitor.log.1": 5 * MIB,
        "enclaves/secret/labeling/rows": MIB,
    }.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(bytes(length))
    (root / "generations/7/failed.json").write_text('{"error": "no"}')
    promised = {what: sum(one.length for one in freeing.freeable(host.paths) if one.what is what) for what in What}
    assert promised[What.COPIES] >= 4 * MIB
    assert promised[What.LOGS] >= 5 * MIB
    assert promised[What.BUNDLES] >= 3 * MIB
    for what in What:
        assert freeing.free(host.paths, what, dry_run=True) == freeing.free(host.paths, what)
        assert freeing.free(host.paths, what) == []
    assert freeing.freeable(host.paths) == []
    assert (root / "enclaves/secret/labeling/rows").exists()
    assert generation.required(host.paths).is_dir()
    assert (root / "bundle" / "1-sample").is_dir()
    assert (root / "spool" / spool.FILE).read_text().count('"space.free"') == len(What)


def test_a_log_goes_on_by_itself_when_its_disk_takes_writes_again(tmp_path: Path) -> None:
    with disk(tmp_path / "disk", 32 * MIB) as small:
        key = tmp_path / "log.key"
        place = Place(small.folder / "log", key, Log.create(small.folder / "log", key, "test/audit"))

        async def work() -> None:
            log = place.open()
            await log.append([body(n) for n in range(40)])
            small.fill(0)
            with pytest.raises(LogError, match="No space left on device"):
                await log.append([body(n) for n in range(40, 4000)])
            before = log.size
            small.empty()
            end = time.monotonic() + 20
            while log.size == before:
                assert time.monotonic() < end, "it does not go on"
                await asyncio.sleep(0.05)
                with contextlib.suppress(LogError):
                    await log.append([body(before)])
            assert log.size == before + 1
            await log.close()

        asyncio.run(work())
        assert verify(place.path, place.vkey).whole


def test_a_disk_that_goes_read_only_stops_records_and_loses_none_that_was_acknowledged(tmp_path: Path) -> None:
    with disk(tmp_path / "disk", 32 * MIB) as small:
        key = tmp_path / "log.key"
        place = Place(small.folder / "log", key, Log.create(small.folder / "log", key, "test/audit"))

        async def work() -> int:
            log = place.open()
            await log.append([body(n) for n in range(40)])
            small.fail()
            assert room.is_read_only(small.folder)
            with pytest.raises(LogError, match="Read-only file system"):
                await log.append([body(40)])
            with pytest.raises(LogError):
                await log.close()
            return log.size

        acknowledged = asyncio.run(work())
        small.repair()

        async def again() -> int:
            log = place.open()
            size = log.size
            await log.close()
            return size

        assert asyncio.run(again()) == acknowledged
        assert verify(place.path, place.vkey).whole


def test_a_disk_that_cannot_be_read_is_a_finding_and_no_backup(host: Host, tmp_path: Path) -> None:
    log = host.paths.root / "log"
    with disk(tmp_path / "disk", 32 * MIB) as small:
        place = Place(small.folder / "log", tmp_path / "k", "")
        shutil.copytree(log, place.path)
        (place.path / "ballast").write_bytes(bytes(8 * MIB))
        asyncio.run(_fill(place, host.paths.root / "secrets" / "log.key"))
        shutil.rmtree(log)
        log.symlink_to(place.path)
        lines = [age.generate(tmp_path / f"{name}.age", b"several words") for name in ("a", "b")]
        (tmp_path / "officers.txt").write_text("\n".join(lines))
        (tmp_path / "medium").mkdir()
        small.lose(MIB)
        with pytest.raises((OSError, ApplianceError), match=r"Input/output|cannot be read|damaged"):
            host_backup.back_up(host.paths, tmp_path / "medium", tmp_path / "officers.txt", lambda _: None)
        assert list((tmp_path / "medium").iterdir()) == []


async def _fill(place: Place, key: Path) -> None:
    log = Log.open(place.path, key)
    for start in range(0, 4000, 400):
        await log.append([body(n) for n in range(start, start + 400)])
    await log.close()


def test_a_full_medium_leaves_no_part_of_a_backup(host: Host, tmp_path: Path) -> None:
    lines = [age.generate(tmp_path / f"{name}.age", b"several words") for name in ("a", "b")]
    (tmp_path / "officers.txt").write_text("\n".join(lines))
    with disk(tmp_path / "medium", 16 * MIB) as small:
        small.fill(8192)
        before = sorted(small.folder.iterdir())
        with pytest.raises(ApplianceError, match="No space left on device"):
            host_backup.back_up(host.paths, small.folder, tmp_path / "officers.txt", lambda _: None)
        assert sorted(small.folder.iterdir()) == before
