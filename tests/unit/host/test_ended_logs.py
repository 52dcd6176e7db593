"""A log ends whole, killed at any step, and the next one says how; no event is lost or taken in twice."""

import asyncio
import shutil
from pathlib import Path

import pytest

from appliance.audit.events import kinds as events
from appliance.audit.events import spool
from appliance.audit.events.kinds import Scope
from appliance.audit.log.verify import verify
from appliance.audit.log.writer import Log
from appliance.audit.review.ingest import ingest
from appliance.audit.review.query import Filter, select
from appliance.enclave.paths import HostPaths
from appliance.enclave.site import Site, load_site
from appliance.host.state import ended_logs, places
from tests.unit.host.killed import at_each_step

HIGH = "TS;;USA"


@pytest.fixture
def site() -> Site:
    return load_site(Path("site.example.yml"))


@pytest.fixture
def paths(tmp_path: Path, site: Site) -> HostPaths:
    """A log of a few records that has taken in one of two spooled events."""
    made = HostPaths(tmp_path / "root", tmp_path / "run")
    places.make_log(made, site)
    spooled(made, "taken in")
    asyncio.run(monitor(made))
    spooled(made, "left")
    return made


def spooled(paths: HostPaths, what: str) -> None:
    event = events.activity(Scope(label=HIGH), "host", "log.anchor", detail={"what": what})
    spool.append(str(paths.root / "spool"), event.record()[1])


async def monitor(paths: HostPaths) -> list[str]:
    """What a monitor does with the spool; the gaps that it found."""
    log = Log.open(paths.root / "log", places.log_key(paths))
    taken = await ingest(paths.root / "spool", log, label=HIGH)
    await log.close()
    return taken.gaps


def words(log: Path) -> list[str]:
    return [str((event.unmapped.detail or {}).get("what", event.activity)) for _, event in select(log, Filter())]


def finish(paths: HostPaths, site: Site) -> None:
    """What a recovery does."""
    ended_logs.advance(paths, HIGH)
    places.make_log(paths, site)


def test_the_log_ends_whole_and_the_next_begins_with_how(paths: HostPaths, site: Site) -> None:
    vkey, key = (paths.root / "log" / "log.vkey").read_text(), places.log_key(paths).read_bytes()
    assert not ended_logs.is_ending(paths)
    assert not ended_logs.advance(paths, HIGH)
    ended_logs.begin(paths)
    finish(paths, site)
    (before,) = ended_logs.ended(paths)
    assert verify(before, vkey).whole
    assert places.log_key(paths).read_bytes() != key
    assert (paths.root / "log" / "log.vkey").read_text().startswith(f"{site.site}.appliance/audit/2+")
    assert asyncio.run(monitor(paths)) == []
    assert words(before) == ["taken in"]
    assert words(paths.root / "log") == ["left", "log.end"]


def test_killed_at_any_step_a_recovery_ends_it(paths: HostPaths, site: Site, tmp_path: Path) -> None:
    kept = shutil.copytree(paths.root, tmp_path / "kept")
    vkey = (paths.root / "log" / "log.vkey").read_text()

    def rotated() -> None:
        ended_logs.begin(paths)
        finish(paths, site)

    killed = 0
    for _ in at_each_step(paths.root, rotated):
        killed += 1
        if ended_logs.is_ending(paths):
            finish(paths, site)
        places.make_log(paths, site)
        assert asyncio.run(monitor(paths)) == []
        before = ended_logs.ended(paths)
        if before:
            assert verify(before[0], vkey).whole
            assert words(before[0]) + words(paths.root / "log") == ["taken in", "left", "log.end"]
        else:
            assert words(paths.root / "log") == ["taken in", "left"]
        shutil.rmtree(paths.root)
        shutil.copytree(kept, paths.root)
    assert killed > 10
