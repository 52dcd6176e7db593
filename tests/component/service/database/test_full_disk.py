"""A database whose disk fills or goes read-only: what writes is refused whole, and reading goes on."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import errors

from appliance.service.database.migrate import Migrations
from tests.component.service.database.cluster import Cluster, Connection, manifest
from tests.component.service.database.support import migrated
from tests.disks import Disk, disk

MIB = 1 << 20
TABLE = (
    "CREATE SCHEMA labeling; CREATE TABLE labeling.a (label_id integer NOT NULL REFERENCES appliance.labels, b bytea);"
    "SELECT appliance.confine('labeling.a'); GRANT USAGE ON SCHEMA labeling TO labeling;"
)
INSERT = "INSERT INTO labeling.a SELECT appliance.label_id('U;;*'), decode(repeat(md5(random()::text), 30000), 'hex')"


@pytest.fixture
def small() -> Iterator[Disk]:
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)  # PostgreSQL runs as a user of its own
        with disk(Path(name) / "disk", 256 * MIB) as made:
            yield made


@pytest.fixture
def full(small: Disk, tmp_path: Path) -> Iterator[Cluster]:
    """A cluster on that disk, whose service has one row."""
    folder = small.folder / "cluster"
    folder.mkdir()
    cluster = Cluster(folder, [manifest("labeling", 1101)])
    cluster.start()
    (tmp_path / "migrations").mkdir()
    (tmp_path / "migrations" / "0001_first.sql").write_text(TABLE)
    migrated(cluster, Migrations("labeling", tmp_path / "migrations"))
    with cluster.connect("labeling", "postgres") as owner:
        owner.execute(INSERT)
    yield cluster
    cluster.kill()


def insert(owner: Connection, count: int) -> None:
    """Rows in one transaction."""
    with owner.transaction():
        for _ in range(count):
            owner.execute(INSERT)


def test_a_full_disk_refuses_what_writes_and_reads_on_and_goes_on_with_room(small: Disk, full: Cluster) -> None:
    with full.connect("labeling", "postgres") as owner:
        begun = owner.execute("SELECT pg_postmaster_start_time()").fetchone()
        before = owner.execute("SELECT count(*) FROM labeling.a").fetchone()
        small.fill(MIB)
        with pytest.raises(errors.DiskFull):
            insert(owner, 200)
        assert owner.execute("SELECT count(*) FROM labeling.a").fetchone() == before, "nothing half done"
        small.empty()
        owner.execute(INSERT)
        assert owner.execute("SELECT pg_postmaster_start_time()").fetchone() == begun, "it did not have to start again"


def test_after_a_read_only_disk_every_committed_row_is_there(small: Disk, full: Cluster) -> None:
    with full.connect("labeling", "postgres") as owner:
        os.sync()  # what lay on the disk before; the row that follows is durable by PostgreSQL's own doing
        owner.execute(INSERT)
        before = owner.execute("SELECT count(*) FROM labeling.a").fetchone()
        small.fail()
        with pytest.raises(psycopg.Error, match="Read-only file system"):
            insert(owner, 50)
    full.kill()
    small.repair()
    full.start()
    with full.connect("labeling", "postgres") as owner:
        after = owner.execute("SELECT count(*) FROM labeling.a").fetchone()
        assert after is not None
        assert before is not None
        assert after == before
