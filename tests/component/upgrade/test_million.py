"""How long people wait while a site of version 0.1.0 with a million records is upgraded, to another PostgreSQL too."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from images.labeling.app.migrate import MIGRATIONS
from tests.component.service.database.cluster import Cluster, manifest, stopped_cluster
from tests.component.service.database.support import migrated
from tests.component.upgrade.test_postgresql import become, later, left
from tests.component.upgrade.test_v0_1_0 import FIXTURE, counts

RECORDS = 1_000_000
LIMIT = 300
"""Most seconds of downtime, on two cores that do nothing else."""
MULTIPLY = """
    INSERT INTO labeling.tasks (number, project_id, label_id, portion, prompt, answer_a, answer_b)
    OVERRIDING SYSTEM VALUE
    SELECT 1000 + n, t.project_id, t.label_id, t.portion, 'which of the harbours is it, ' || n, repeat('yes ', 20), 'no'
    FROM generate_series(1, %s) AS n, (SELECT * FROM labeling.tasks ORDER BY number LIMIT 1) AS t
"""


@pytest.fixture
def old() -> Iterator[Cluster]:
    """A stopped cluster with what that version's service wrote, and as many tasks."""
    with stopped_cluster(manifest("labeling", 1101, 12)) as cluster:
        cluster.start(300)
        with cluster.connect("labeling", "postgres") as owner:
            owner.execute("DROP SCHEMA IF EXISTS appliance, labeling CASCADE")
            command = ["psql", "-q", "-v", "ON_ERROR_STOP=1", "-h", str(cluster.socket), "-U", "postgres", "labeling"]
            with (FIXTURE / "labeling.sql").open("rb") as dump:
                subprocess.run(command, stdin=dump, check=True, stdout=subprocess.DEVNULL)
            owner.execute(MULTIPLY, [RECORDS - counts(owner)["tasks"]])
            owner.execute("CHECKPOINT")
        cluster.stop()
        yield cluster


@pytest.mark.long
def test_a_million_records_are_there_again_in_five_minutes(old: Cluster, tmp_path: Path) -> None:
    seconds: dict[str, float] = {}

    @contextmanager
    def timed(name: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        seconds[name] = round(time.monotonic() - began, 1)

    with timed("cold copy"):
        subprocess.run(["cp", "--archive", "--reflink=auto", old.volume, tmp_path / "copy"], check=True)
    with timed("dump, count and digest"):
        assert left(old, patience=3000), old.log()
    become(old, *later()[0])
    with timed("load and compare"):
        old.start(3000)
    with timed("migrations"):
        migrated(old, MIGRATIONS)
    with old.connect("labeling", "postgres") as owner:
        assert counts(owner)["tasks"] == RECORDS
    print(seconds, f"of {sum(file.stat().st_size for file in old.data.rglob('*') if file.is_file()) >> 20} MiB")
    shutil.rmtree(tmp_path / "copy")
    assert sum(seconds.values()) < LIMIT, seconds
