"""The log keeps what it acknowledged, whatever happens to its process or its disk."""

import asyncio
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest

from appliance.audit.log import bodies
from appliance.audit.log.bodies import SEGMENT
from appliance.audit.log.note import Checkpoint, Note
from appliance.audit.log.tiles import LogError
from appliance.audit.log.verify import verify
from appliance.audit.log.writer import Log
from tests.unit.audit.conftest import LABEL, Place, body


def test_records_are_durable_when_append_returns(place: Place) -> None:
    async def write() -> list[str]:
        log = place.open(interval=60)
        receipts = await log.append([body(0), body(1)])
        lines = (place.path / "bodies" / "000000000000.jsonl").read_text().splitlines()
        assert [json.loads(line)["body"]["number"] for line in lines] == [0, 1]
        await log.close()
        return receipts

    receipts = asyncio.run(write())
    assert receipts == [bodies.find(place.path, n).entry.hex() for n in (0, 1)]
    assert verify(place.path, place.vkey).whole


def test_concurrent_writers_share_writes_and_each_gets_its_own_receipts(place: Place) -> None:
    async def writer(log: Log, number: int) -> list[tuple[int, str]]:
        return [(number * 100 + n, (await log.append([body(number * 100 + n)]))[0]) for n in range(20)]

    async def write() -> list[list[tuple[int, str]]]:
        log = place.open()
        done = await asyncio.gather(*(writer(log, number) for number in range(32)))
        await log.close()
        return done

    mine = {receipt: number for written in asyncio.run(write()) for number, receipt in written}
    records = [bodies.find(place.path, index) for index in range(640)]
    assert {record.entry.hex(): json.loads(record.body)["number"] for record in records} == mine
    assert verify(place.path, place.vkey).size == 640


def test_a_checkpoint_follows_within_the_interval(place: Place) -> None:
    async def write() -> None:
        log = place.open(interval=0.1)
        await log.append([body(0)])
        deadline = time.monotonic() + 5
        while Checkpoint.decode(Note.decode((place.path / "checkpoint").read_bytes()).text).size == 0:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.02)
        assert verify(place.path, place.vkey).whole
        await log.close()

    asyncio.run(write())


@pytest.mark.parametrize("count", [0, 1, 255, 256, 257, 700])
def test_a_log_of_any_size_reopens_and_goes_on(place: Place, count: int) -> None:
    asyncio.run(place.fill(count))
    asyncio.run(place.fill(3))
    report = verify(place.path, place.vkey)
    assert (report.size, report.unsigned, report.findings) == (count + 3, 0, [])


def test_a_log_goes_on_across_files_and_tile_levels(place: Place) -> None:
    asyncio.run(place.fill(SEGMENT - 5, 4096))
    asyncio.run(place.fill(10, 10))
    asyncio.run(place.fill(256 * 256 - SEGMENT, 8192))
    report = verify(place.path, place.vkey)
    assert (report.size, report.findings) == (256 * 256 + 5, [])
    assert (place.path / "tile" / "1" / "000").is_file()
    assert (place.path / "tile" / "2" / "000.p" / "1").is_file()


def test_one_log_has_one_writer(place: Place) -> None:
    async def twice() -> None:
        log = place.open()
        with pytest.raises(LogError, match="another process"):
            place.open()
        await log.close()
        await place.open().close()

    asyncio.run(twice())


def test_a_log_is_made_once(place: Place) -> None:
    with pytest.raises(LogError, match="exists"):
        Log.create(place.path, place.key, "other.example/audit")


@pytest.mark.parametrize(
    ("label", "text"),
    [
        (LABEL, b'{"label":"U;;*"}'),
        (LABEL, b'{"number":1}'),
        ('S";', b'{"label":"S\\";"}'),
        (LABEL, b'{"label":"S;;GBR,USA","x":"\n"}'),
        (LABEL, b'{"label":"S;;GBR,USA","x":"\xff"}'),
        (LABEL, b'{"label":"S;;GBR,USA","x":"' + b"x" * 65_536 + b'"}'),
        (LABEL, b'{"label":"S;;GBR,USA"'),
    ],
)
def test_a_malformed_record_is_refused_and_nothing_is_written(place: Place, label: str, text: bytes) -> None:
    async def write() -> None:
        log = place.open()
        with pytest.raises(LogError):
            await log.append([body(0), (label, text)])
        assert log.size == 0
        await log.close()

    asyncio.run(write())


def test_an_unfinished_last_line_is_put_aside_and_acknowledged_ones_stay(place: Place) -> None:
    async def crash() -> None:
        log = place.open(interval=60)
        await log.append([body(n) for n in range(5)])
        (place.path / "checkpoint").replace(place.path / "kept")
        await log.close()
        (place.path / "kept").replace(place.path / "checkpoint")

    asyncio.run(crash())
    file = place.path / "bodies" / "000000000000.jsonl"
    torn = b'{"index":5,"salt":"00'
    file.write_bytes(file.read_bytes() + torn)

    async def recover() -> None:
        log = place.open()
        assert log.size == 5
        assert log.recovered is not None
        assert log.recovered.read_bytes() == torn
        await log.append([body(5)])
        await log.close()

    asyncio.run(recover())
    assert verify(place.path, place.vkey).whole


def test_what_a_crash_left_beside_the_log_is_cleared_when_it_opens(place: Place) -> None:
    asyncio.run(place.fill(300))
    for name in (".checkpoint.new", "tile/0/.001.new", "tile/0/001.p/.44.new", "tile/0/001.p/50", "tile/1/000.p/2"):
        (place.path / name).write_bytes(b"half")
    asyncio.run(place.fill(1))
    names = {str(file.relative_to(place.path)) for file in (place.path / "tile").rglob("*") if file.is_file()}
    assert names == {"tile/0/000", "tile/0/001.p/45", "tile/1/000.p/1", "tile/entries/000", "tile/entries/001.p/45"}
    assert not (place.path / ".checkpoint.new").exists()
    assert verify(place.path, place.vkey).whole


def test_a_writer_that_gives_up_does_not_disturb_the_others(place: Place) -> None:
    async def write() -> None:
        log = place.open()
        writers = [asyncio.create_task(log.append([body(n)])) for n in range(50)]
        await asyncio.sleep(0)
        for writer in writers[::2]:
            writer.cancel()
        done = await asyncio.gather(*writers, return_exceptions=True)
        assert [isinstance(one, asyncio.CancelledError) for one in done] == [True, False] * 25
        await log.close()

    asyncio.run(write())
    report = verify(place.path, place.vkey)
    assert report.whole
    assert report.size >= 25


def test_a_log_that_lost_signed_records_does_not_open(place: Place) -> None:
    asyncio.run(place.fill(300))
    file = place.path / "bodies" / "000000000000.jsonl"
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(lines[:-1]))
    with pytest.raises(LogError, match="end at record 299"):
        place.open()


def test_a_log_whose_tiles_were_changed_does_not_open(place: Place) -> None:
    asyncio.run(place.fill(300))
    tile = place.path / "tile" / "0" / "001.p" / "44"
    tile.write_bytes(bytes(32) + tile.read_bytes()[32:])
    with pytest.raises(LogError, match="root of the checkpoint"):
        place.open()


FULL_DISK = """
import asyncio, resource, signal, sys
from pathlib import Path
from appliance.audit.log.writer import Log
from appliance.audit.log.tiles import LogError
from tests.unit.audit.conftest import body
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
async def main():
    log = Log.open(Path(sys.argv[1]), Path(sys.argv[2]), checkpoint_interval=0.05)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
    for number in range(0, 10_000, 10):
        try:
            await log.append([body(n) for n in range(number, number + 10)])
        except LogError as error:
            print(log.size, error.message)
            break
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    while True:
        try:
            await log.append([body(log.size)])
            break
        except LogError:
            await asyncio.sleep(0.02)
    print(log.size)
    await log.close()
asyncio.run(main())
"""


def test_a_full_disk_refuses_and_the_log_goes_on_when_there_is_space_again(place: Place) -> None:
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[1] == resource.RLIM_INFINITY
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, place.path, place.key],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        cwd=Path(__file__).parents[3],
    )
    first, second = done.stdout.splitlines()
    count, _, problem = first.partition(" ")
    assert "cannot be written" in problem
    assert int(second) == int(count) + 1
    report = verify(place.path, place.vkey)
    assert (report.size, report.findings) == (int(second), [])
