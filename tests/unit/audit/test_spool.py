"""What is recorded while the monitor is down reaches the log, and what is missing is noticed."""

import asyncio
import json
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pydantic import JsonValue

from appliance.audit.events import kinds as events
from appliance.audit.events import ocsf, spool
from appliance.audit.log import bodies
from appliance.audit.log.verify import verify
from appliance.audit.review import ingest
from tests.unit.audit.conftest import Place

SCOPE = events.Scope(label="U;;*")


def event(number: int) -> bytes:
    return events.activity(SCOPE, "installer", "bundle.install", detail={"number": number}).record()[1]


def take(place: Place, folder: Path) -> ingest.Ingested:
    async def run() -> ingest.Ingested:
        log = place.open()
        try:
            return await ingest.ingest(folder, log, label="TS;;USA")
        finally:
            await log.close()

    return asyncio.run(run())


def numbers(place: Place) -> list[JsonValue]:
    found: list[JsonValue] = []
    for index in range(verify(place.path, place.vkey).size):
        read = ocsf.read(bodies.find(place.path, index).body)
        if read.activity != "spool.gap" and read.unmapped.detail:
            found.append(read.unmapped.detail["number"])
    return found


def test_events_are_taken_in_once_and_in_order(place: Place, tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    assert take(place, folder) == ingest.Ingested()
    assert [spool.append(str(folder), event(n)) for n in range(3)] == [0, 1, 2]
    assert take(place, folder) == ingest.Ingested(taken=3)
    assert take(place, folder) == ingest.Ingested()
    assert spool.append(str(folder), event(3)) == 3
    assert take(place, folder) == ingest.Ingested(taken=1)
    assert numbers(place) == [0, 1, 2, 3]
    assert len((folder / spool.FILE).read_bytes().splitlines()) == 1


WRITER = """
import sys
import time
from appliance.audit.events import spool
for _ in range(50):
    spool.append(sys.argv[1], sys.argv[2].encode())
"""


def test_several_processes_append_to_one_chain(place: Place, tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(folder), event(n).decode()], cwd=Path(__file__).parents[3])
        for n in range(3)
    ]
    assert [writer.wait(30) for writer in writers] == [0, 0, 0]
    assert take(place, folder) == ingest.Ingested(taken=150)


def test_a_torn_last_line_is_replaced_by_the_next(place: Place, tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    spool.append(str(folder), event(0))
    with (folder / spool.FILE).open("ab") as file:
        file.write(b'{"sequence": 1, "prev')
    assert spool.append(str(folder), event(1)) == 1
    assert take(place, folder) == ingest.Ingested(taken=2)


@pytest.mark.parametrize("kind", ["removed line", "changed line", "swapped lines", "emptied", "deleted", "restarted"])
def test_damage_to_the_spool_is_a_finding_in_the_log(place: Place, tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "spool"
    file = folder / spool.FILE
    spool.append(str(folder), event(0))
    take(place, folder)
    for n in range(1, 5):
        spool.append(str(folder), event(n))
    lines = file.read_bytes().splitlines(keepends=True)
    if kind == "removed line":
        file.write_bytes(b"".join(lines[:2] + lines[3:]))
    elif kind == "changed line":
        file.write_bytes(b"".join(lines).replace(b'"number":2', b'"number":7'))
    elif kind == "swapped lines":
        file.write_bytes(b"".join([lines[0], lines[2], lines[1], *lines[3:]]))
    elif kind == "emptied":
        file.write_bytes(b"")
    else:
        file.unlink()
        if kind == "restarted":
            spool.append(str(folder), event(9))
    gaps = take(place, folder).gaps
    assert gaps
    recorded = [
        json.loads(bodies.find(place.path, index).body)["unmapped"].get("detail", {}).get("problem")
        for index in range(verify(place.path, place.vkey).size)
    ]
    assert set(gaps) <= set(recorded)


def test_what_is_no_event_is_a_finding_and_the_rest_is_taken(place: Place, tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    spool.append(str(folder), b'{"label":"U;;*"}')
    spool.append(str(folder), event(1))
    result = take(place, folder)
    assert (result.taken, len(result.gaps)) == (1, 1)


def test_an_event_that_is_no_line_is_refused(tmp_path: Path) -> None:
    for bad in (b"x" * 65_537, b"{\n}"):
        with pytest.raises(ValueError, match="one line"):
            spool.append(str(tmp_path), bad)


INGEST = """
import asyncio, sys
from pathlib import Path
from appliance.audit.review import ingest
from appliance.audit.log.writer import Log
async def main():
    log = Log.open(Path(sys.argv[1]), Path(sys.argv[2]), checkpoint_interval=0.02)
    print("open", flush=True)
    while True:
        await ingest.ingest(Path(sys.argv[3]), log, label="TS;;USA")
asyncio.run(main())
"""


def test_ingestion_killed_at_any_moment_takes_each_event_exactly_once(place: Place, tmp_path: Path) -> None:
    folder, number, chance = tmp_path / "spool", 0, random.Random(7)  # noqa: S311 - moments
    for _ in range(25):
        command = [sys.executable, "-c", INGEST, str(place.path), str(place.key), str(folder)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[3]) as taking:
            assert taking.stdout
            assert taking.stdout.readline() == b"open\n"
            until = time.monotonic() + chance.uniform(0, 0.05)
            while time.monotonic() < until:
                spool.append(str(folder), event(number))
                number += 1
            taking.kill()
    take(place, folder)
    assert number > 25
    assert numbers(place) == list(range(number))


@pytest.mark.parametrize("written", [0, 1, 2, 3])
def test_a_batch_cut_by_a_crash_is_completed_and_not_repeated(place: Place, tmp_path: Path, written: int) -> None:
    folder = tmp_path / "spool"
    for n in range(3):
        spool.append(str(folder), event(n))
    take(place, folder)
    for n in range(3, 6):
        spool.append(str(folder), event(n))
    before = (place.path / ingest.STATE).read_bytes()
    pending = json.loads(before) | {"pending": {"size": 3, "events": 3}}
    (place.path / ingest.STATE).write_text(json.dumps(pending))
    new = [json.loads(line)["event"] for line in (folder / spool.FILE).read_bytes().splitlines()[1:]]

    async def crash() -> None:
        log = place.open()
        await log.append([("U;;*", event(99))])
        if written:
            cut = (folder / spool.FILE).read_bytes().splitlines()[1 : 1 + written]
            await log.append([("U;;*", line.partition(b'"event": ')[2][:-1]) for line in cut])
        await log.close()

    asyncio.run(crash())
    assert take(place, folder).taken == len(new) - written
    assert numbers(place) == [0, 1, 2, 99, 3, 4, 5]
