"""Whatever is changed in a log, verification finds it and names it."""

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.audit.log.bodies import SEGMENT
from appliance.audit.log.note import Checkpoint, Note, Signer
from appliance.audit.log.verify import Damage, verify
from appliance.audit.log.writer import Log
from tests.unit.audit.conftest import Place

BODIES = "bodies/000000000000.jsonl"


def changed(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def edit(name: str, change: Callable[[bytes], bytes]) -> Callable[[Place], None]:
    def tamper(place: Place) -> None:
        file = place.path / name
        file.write_bytes(change(file.read_bytes()))

    return tamper


def remove(name: str) -> Callable[[Place], None]:
    return lambda place: (place.path / name).unlink()


def relines(change: Callable[[list[bytes]], list[bytes]]) -> Callable[[Place], None]:
    return edit(BODIES, lambda data: b"".join(change(data.splitlines(keepends=True))))


def swap(lines: list[bytes]) -> list[bytes]:
    return [*lines[:100], lines[101], lines[100], *lines[102:]]


def resign(place: Place) -> None:
    """A checkpoint over other records, signed with another key of the same name."""
    signer = Signer.generate("site.example/audit")
    text = Checkpoint("site.example/audit", 600, bytes(32)).text()
    (place.path / "checkpoint").write_bytes(Note(text, (signer.sign(text),)).encode())


TAMPERING: dict[str, tuple[Callable[[Place], None], str, int | None]] = {
    "an event's text": (
        relines(lambda ls: [*ls[:9], ls[9].replace(b'"number":9', b'"number":8'), *ls[10:]]),
        BODIES,
        9,
    ),
    "an event's salt": (edit(BODIES, lambda data: changed(data, data.index(b'"salt":"') + 8)), BODIES, 0),
    "a record's label": (relines(lambda ls: [ls[0], ls[1].replace(b"GBR", b"FRA", 1), *ls[2:]]), BODIES, 1),
    "a record's label and its event's": (
        relines(lambda ls: [ls[0], ls[1].replace(b"GBR", b"FRA"), *ls[2:]]),
        BODIES,
        1,
    ),
    "a record removed": (relines(lambda ls: ls[:300] + ls[301:]), BODIES, 300),
    "the last record removed": (relines(lambda ls: ls[:-1]), BODIES, 599),
    "records removed from the end": (relines(lambda ls: ls[:10]), BODIES, 10),
    "two records swapped": (relines(swap), BODIES, 100),
    "a record repeated": (relines(lambda ls: [*ls[:50], ls[49], *ls[50:]]), BODIES, 49),
    "a record added": (relines(lambda ls: [*ls, ls[-1].replace(b'"index":599', b'"index":600')]), "checkpoint", 600),
    "a line cut": (edit(BODIES, lambda data: data[:-20]), BODIES, 599),
    "the bodies removed": (remove(BODIES), BODIES, 0),
    "a hash in a full tile": (edit("tile/0/001", lambda data: changed(data, 32)), "tile/0/001", 257),
    "a hash in an open tile": (edit("tile/0/002.p/88", lambda data: changed(data, 0)), "tile/0/002.p/88", 512),
    "a hash in a higher tile": (edit("tile/1/000.p/2", lambda data: changed(data, 40)), "tile/1/000.p/2", 256),
    "a tile cut": (edit("tile/0/001", lambda data: data[:-32]), "tile/0/001", None),
    "a tile removed": (remove("tile/0/000"), "tile/0/000", None),
    "an entry in a bundle": (edit("tile/entries/000", lambda data: changed(data, 34 * 7 + 5)), BODIES, 7),
    "the length of an entry": (edit("tile/entries/000", lambda data: changed(data, 34)), "tile/entries/000", None),
    "a bundle removed": (remove("tile/entries/002.p/88"), "tile/entries/002.p/88", None),
    "the checkpoint's size": (
        edit("checkpoint", lambda data: data.replace(b"\n600\n", b"\n599\n")),
        "checkpoint",
        None,
    ),
    "the checkpoint's signature": (edit("checkpoint", lambda data: changed(data, len(data) - 10)), "checkpoint", None),
    "the checkpoint by another key": (resign, "checkpoint", None),
    "the checkpoint removed": (remove("checkpoint"), "checkpoint", None),
}


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Place:
    path = tmp_path_factory.mktemp("filled")
    place = Place(path / "log", path / "key", Log.create(path / "log", path / "key", "site.example/audit"))
    asyncio.run(place.fill(600))
    assert verify(place.path, place.vkey).findings == []
    return place


@pytest.mark.parametrize("kind", TAMPERING)
def test_tampering_is_found_and_named(filled: Place, tmp_path: Path, kind: str) -> None:
    tamper, file, index = TAMPERING[kind]
    copy = Place(tmp_path / "log", filled.key, filled.vkey)
    shutil.copytree(filled.path, copy.path)
    tamper(copy)
    report = verify(copy.path, copy.vkey)
    assert not report.whole
    assert (file, index) in [(finding.file, finding.index) for finding in report.findings]


IN_A_FULL_FILE: list[Callable[[bytes], bytes]] = [
    lambda data: data.replace(b'"number":7777}', b'"number":7778}'),
    lambda data: b"x" + data,
    lambda data: data + b"\n",
    lambda data: data.replace(b"}}", b"}} ", 1),
    lambda data: data.replace(b'"index":5,', b'"index":6,'),
    lambda data: data.replace(b'"label":"S', b'"label":"U', 1),
]


def test_a_change_in_a_full_file_of_a_large_log_is_named(place: Place) -> None:
    asyncio.run(place.fill(SEGMENT + 10, 4096))
    assert verify(place.path, place.vkey).whole
    file = place.path / BODIES
    kept = file.read_bytes()
    for change in IN_A_FULL_FILE:
        file.write_bytes(change(kept))
        assert not verify(place.path, place.vkey).whole
    file.write_bytes(IN_A_FULL_FILE[0](kept))
    assert [one.index for one in verify(place.path, place.vkey).findings] == [7777]
    file.write_bytes(kept)
    tile = place.path / "tile" / "0" / "060"
    tile.write_bytes(changed(tile.read_bytes(), 32 * 5))
    assert [one.index for one in verify(place.path, place.vkey).findings] == [60 * 256 + 5]


def test_a_log_that_grows_meanwhile_is_whole(place: Place) -> None:
    async def write() -> None:
        log = place.open(interval=0.001)
        stop = asyncio.Event()

        async def grow() -> None:
            while not stop.is_set():
                await log.append([("U;;*", b'{"label":"U;;*"}')] * 7)

        growing = asyncio.create_task(grow())
        try:
            for _ in range(40):
                report = await asyncio.to_thread(verify, place.path, place.vkey)
                assert report.findings == []
        finally:
            stop.set()
            await growing
        await log.close()

    asyncio.run(write())


def test_one_change_is_one_finding(filled: Place, tmp_path: Path) -> None:
    shutil.copytree(filled.path, tmp_path / "log")
    TAMPERING["an event's text"][0](Place(tmp_path / "log", filled.key, filled.vkey))
    assert verify(tmp_path / "log", filled.vkey).findings == [
        Damage(file=BODIES, index=9, problem="the record is not what the log committed to")
    ]


def test_records_behind_the_checkpoint_are_normal_only_while_the_log_is_open(place: Place) -> None:
    async def write() -> None:
        log = place.open(interval=60)
        await log.append([(label, body) for label, body in [("U;;*", b'{"label":"U;;*"}')] * 3])
        report = verify(place.path, place.vkey)
        assert (report.open, report.unsigned, report.findings) == (True, 3, [])
        shutil.copytree(place.path, place.path.with_name("copy"))
        await log.close()

    asyncio.run(write())
    assert verify(place.path.with_name("copy"), place.vkey).unsigned == 3
    assert not verify(place.path.with_name("copy"), place.vkey).whole
