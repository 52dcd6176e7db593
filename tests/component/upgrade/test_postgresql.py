"""A database goes to another major of PostgreSQL whole, or stays where it is; the image's own entrypoint does it.

Debian 12 has one major, so 15 plays both: it is called 16, and everything else is as with a real one. Where
``APPLIANCE_TEST_POSTGRESQL`` names the folder of a later major's programs, that one is taken too.
"""

import os
import random
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from appliance.service.database.migrate import Migrations
from tests.component.service.database.cluster import Cluster, manifest, stopped_cluster
from tests.component.service.database.support import assert_confined, migrated, token_for
from tests.component.service.database.test_cluster import expected, state
from tests.component.service.database.test_large_objects import refused

NOTES = Migrations("notes", Path(__file__).parents[1] / "service" / "database" / "services" / "notes")
SERVICES = [manifest("notes", 1105, 4), manifest("mail", 1106, 8)]
INSERT = "INSERT INTO notes.notes (label_id, author, body) SELECT appliance.label_id('S;;GBR,USA'), 'analyst', %s"


def later() -> list[tuple[int, Path]]:
    """Other majors, each with its programs."""
    found = [(16, Path("/usr/lib/postgresql/15/bin"))]
    if given := os.environ.get("APPLIANCE_TEST_POSTGRESQL"):
        said = subprocess.run([f"{given}/postgres", "--version"], capture_output=True, text=True, check=True)
        found.append((int(said.stdout.split()[2].split(".")[0]), Path(given)))
    return found


@pytest.fixture
def old() -> Iterator[Cluster]:
    """A stopped cluster of PostgreSQL 15 with rows of two services and of one that the catalogue lost."""
    with stopped_cluster(*SERVICES, manifest("gone", 1107, 2)) as cluster:
        cluster.start()
        migrated(cluster, NOTES)
        with cluster.connect("notes", "postgres") as owner:
            for number in range(40):
                owner.execute(INSERT, [f"note {number} \u00e9\n\t\\ {number / 3}"])
        with cluster.connect("gone", "migrate") as connection:
            connection.execute("CREATE TABLE kept (a jsonb, b bytea, c timestamptz, d double precision)")
            connection.execute("INSERT INTO kept VALUES ('{\"b\": 1.50}', '\\x00ff', '2026-11-22 12:00+02', 0.1)")
        cluster.stop()
        cluster.serve(SERVICES)
        yield cluster


def left(cluster: Cluster, patience: float = 300) -> bool:
    """Have the cluster leave its content, as the host does; whether it did."""
    wanted = cluster.volume / "upgrade.wanted"
    wanted.touch()
    assert cluster.spawn().wait(patience) == 0, cluster.log()
    wanted.unlink()
    return (cluster.volume / "upgrade" / "complete").exists()


def become(cluster: Cluster, major: int, programs: Path) -> None:
    """From the next start on, the container is made of an image of another major."""
    cluster.major, cluster.programs = major, programs


def bodies(cluster: Cluster) -> list[Any]:
    with cluster.connect("notes", "notes") as service, service.transaction():
        service.execute("SELECT appliance.admit(%s)", [token_for("notes")])
        return service.execute("SELECT id, body FROM notes.notes ORDER BY id").fetchall()


@pytest.mark.parametrize(("major", "programs"), later())
def test_nothing_is_lost_and_everything_that_confines_it_is_there(old: Cluster, major: int, programs: Path) -> None:
    old.start()
    before = bodies(old)
    assert len(before) == 40
    old.stop()
    assert left(old), old.log()
    become(old, major, programs)
    old.start(300)
    assert "taken over: PostgreSQL" in old.log()
    assert bodies(old) == before
    assert state(old) == [("gone", "migrate", 2, ["gone CONNECT"]), expected("mail", 8), expected("notes", 4)]
    with old.connect("notes", "postgres") as owner:
        assert_confined(owner, "notes")
        assert owner.execute("SELECT current_setting('data_checksums')").fetchone() == ("on",)
        owner.execute(INSERT, ["the next"])
        assert owner.execute("SELECT max(id) FROM notes.notes").fetchone() == (41,), "identities go on"
    with old.connect("gone", "postgres") as owner:
        row = owner.execute("SELECT a::text, b, c AT TIME ZONE 'UTC', d FROM kept").fetchone()
        assert row is not None
        assert (row[0], row[1], str(row[2]), row[3]) == ('{"b": 1.50}', b"\0\xff", "2026-11-22 10:00:00", 0.1)
    for name in ("notes", "mail"):
        refused(old, name, name)
    with pytest.raises(psycopg.OperationalError, match="Peer authentication failed"):
        old.connect("gone", "gone")
    assert migrated(old, NOTES) == []
    assert not (old.volume / "upgrade").exists(), "what was left is used up"


def test_the_cluster_before_is_there_until_it_is_closed_and_the_next_attempt_takes_what_it_holds_then(
    old: Cluster,
) -> None:
    assert left(old)
    become(old, *later()[0])
    old.start(300)
    with old.connect("notes", "postgres") as owner:
        owner.execute(INSERT, ["written after"])
    old.stop()
    become(old, 15, later()[0][1])
    old.start()
    assert len(bodies(old)) == 40, "it holds what it held at the upgrade"
    with old.connect("notes", "postgres") as owner:
        owner.execute(INSERT, ["written after going back"])
    old.stop()
    assert left(old)
    assert not (old.volume / "data" / "16").exists(), "what was given up does not come back"
    become(old, *later()[0])
    old.start(300)
    assert bodies(old)[-1][1] == "written after going back"


def test_a_second_upgrade_waits_until_the_first_is_closed(old: Cluster) -> None:
    assert left(old)
    become(old, *later()[0])
    old.start(300)
    old.stop()
    assert not left(old)
    assert "close that upgrade first" in old.log()
    assert (old.volume / "data" / "15" / "PG_VERSION").exists()


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("contents", lambda data: data.replace(b"rows|notes.notes|40|", b"rows|notes.notes|41|")),
        ("contents", lambda data: data.replace(b"policy|notes.notes", b"policy|notes.other", 1)),
        ("contents", lambda data: data.replace(b"relation|notes.notes|r|p|t|t", b"relation|notes.notes|r|p|t|f")),
        ("contents", lambda data: data.replace(b"role|notes|f", b"role|notes|t")),
        ("notes.dump", lambda data: data[: len(data) // 2]),
        ("roles.sql", lambda data: data.replace(b"CREATE ROLE notes;", b"")),
    ],
    ids=["a row", "a policy", "row security", "a role", "half a dump", "no role"],
)
def test_what_does_not_hold_the_same_is_not_served_and_the_old_one_is(old: Cluster, name: str, change: Any) -> None:
    assert left(old)
    file = old.volume / "upgrade" / name
    before = file.read_bytes()
    file.write_bytes(change(before))
    assert file.read_bytes() != before
    become(old, *later()[0])
    assert old.spawn().wait(300) == 0, "podman does not try again what ends no better"
    assert "nothing is served" in old.log()
    assert not old.data.exists()
    become(old, 15, later()[0][1])
    old.start()
    assert len(bodies(old)) == 40


def test_a_cluster_of_another_major_is_never_taken_for_none(old: Cluster) -> None:
    become(old, *later()[0])
    assert old.spawn().wait(300) == 0
    assert "is of another PostgreSQL than 16, and left nothing to take over" in old.log()
    assert not old.data.exists()


def test_what_was_left_counts_no_more_once_the_old_one_serves_again(old: Cluster) -> None:
    assert left(old)
    old.start()
    old.stop()
    become(old, *later()[0])
    assert old.spawn().wait(300) == 0
    assert "left nothing to take over" in old.log()


def test_killed_at_any_point_it_is_whole_after_the_next_start(old: Cluster) -> None:
    chance = random.Random(4)  # noqa: S311  # moments, not secrets
    wanted = old.volume / "upgrade.wanted"
    for _ in range(4):
        wanted.touch()
        process = old.spawn()
        time.sleep(chance.uniform(0, 1.2))
        if process.poll() is None:
            old.kill()
    assert left(old)
    become(old, *later()[0])
    for _ in range(6):
        process = old.spawn()
        time.sleep(chance.uniform(0, 4))
        if process.poll() is None:
            old.kill()
    old.start(300)
    assert len(bodies(old)) == 40
