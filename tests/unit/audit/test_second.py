"""Two implementations of the specifications agree on whole logs and on damaged ones."""

import asyncio
import shutil
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature

from appliance.audit.log.writer import Log
from tests.unit.audit import second
from tests.unit.audit.conftest import Place
from tests.unit.audit.test_verify import TAMPERING

# The first verifier also speaks of records behind the checkpoint; the second knows only what is under it.
BEHIND = {"a record added"}


@pytest.mark.parametrize("count", [0, 1, 255, 256, 257, 1000])
def test_they_agree_on_whole_logs(place: Place, count: int) -> None:
    asyncio.run(place.fill(count))
    assert second.holds(place.path, place.vkey)


def test_they_agree_on_a_log_with_two_levels_of_tiles(place: Place) -> None:
    asyncio.run(place.fill(256 * 256 + 300, 8192))
    assert second.holds(place.path, place.vkey)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Place:
    path = tmp_path_factory.mktemp("second")
    place = Place(path / "log", path / "key", Log.create(path / "log", path / "key", "site.example/audit"))
    asyncio.run(place.fill(600))
    return place


@pytest.mark.parametrize("kind", sorted(TAMPERING.keys() - BEHIND))
def test_they_agree_on_every_kind_of_tampering(filled: Place, tmp_path: Path, kind: str) -> None:
    copy = Place(tmp_path / "log", filled.key, filled.vkey)
    shutil.copytree(filled.path, copy.path)
    TAMPERING[kind][0](copy)
    try:
        whole = second.holds(copy.path, copy.vkey)
    except (AssertionError, ValueError, OSError, StopIteration, InvalidSignature):
        whole = False
    assert not whole
