"""The PostgreSQL of an enclave that runs labeling, with its migrations applied."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from fastapi.testclient import TestClient

from appliance.service.settings import Paths
from images.labeling.app.main import build
from images.labeling.app.migrate import MIGRATIONS
from tests.catalogue import CATALOGUE
from tests.component.service.database.cluster import cluster_of
from tests.component.service.database.support import migrated
from tests.unit.service.support import Monitor, make_paths, settings_for


@pytest.fixture(scope="session")
def cluster() -> Iterator[Path]:
    """Folder of the socket of a running PostgreSQL whose roles the tests' user may take."""
    with cluster_of(CATALOGUE["labeling"]) as cluster:
        migrated(cluster, MIGRATIONS)
        yield cluster.socket


@pytest.fixture
def paths(cluster: Path, tmp_path: Path) -> Paths:
    """The places of a labeling service whose database is empty."""
    with psycopg.connect(f"host={cluster} dbname=labeling user=postgres", autocommit=True) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'labeling'").fetchall()
        connection.execute(f"TRUNCATE {', '.join(f'labeling.{name}' for (name,) in tables)}".encode())
        connection.execute("TRUNCATE appliance.job, appliance.object, appliance.object_space CASCADE")
        connection.execute("TRUNCATE appliance.restriction CASCADE")
    return replace(make_paths(tmp_path), database=cluster)


@pytest.fixture
def monitor(paths: Paths) -> Iterator[Monitor]:
    with Monitor(paths.record_socket) as monitor:
        yield monitor


@pytest.fixture
def client(paths: Paths, monitor: Monitor) -> Iterator[TestClient]:
    with TestClient(build(settings_for("labeling"), paths), raise_server_exceptions=False) as client:
        yield client
