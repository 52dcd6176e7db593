"""A service of the tests with jobs, in a real PostgreSQL."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.service.database.migrate import Migrations
from appliance.service.settings import Paths
from tests.component.service.database.cluster import Cluster, cluster_of, manifest
from tests.component.service.database.support import migrated
from tests.unit.service.support import Monitor, make_paths

NOTES = Migrations("notes", Path(__file__).parents[1] / "database" / "services" / "notes")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """The database of the service ``notes``."""
    with cluster_of(manifest("notes", 1105, 12)) as cluster:
        migrated(cluster, NOTES)
        yield cluster


@pytest.fixture
def paths(cluster: Cluster, tmp_path: Path) -> Paths:
    """The places of the service, whose queue is empty."""
    with cluster.connect("notes", "postgres") as owner:
        owner.execute("TRUNCATE notes.notes, appliance.job, appliance.restriction RESTART IDENTITY CASCADE")
    return replace(make_paths(tmp_path), database=cluster.socket)


@pytest.fixture
def monitor(paths: Paths) -> Iterator[Monitor]:
    with Monitor(paths.record_socket) as monitor:
        yield monitor
