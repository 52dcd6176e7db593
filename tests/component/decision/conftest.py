"""The PostgreSQL of an enclave that runs decision support, with its migrations applied."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from fastapi.testclient import TestClient

from appliance.service.settings import Paths
from images.decision.app.main import service
from images.decision.app.migrate import MIGRATIONS
from tests.catalogue import CATALOGUE
from tests.component.service.database.cluster import cluster_of
from tests.component.service.database.support import migrated
from tests.unit.service.support import Monitor, make_paths, settings_for


@pytest.fixture(scope="session")
def cluster() -> Iterator[Path]:
    """Folder of the socket of a running PostgreSQL whose roles the tests' user may take."""
    with cluster_of(CATALOGUE["decision"]) as cluster:
        migrated(cluster, MIGRATIONS)
        yield cluster.socket


@pytest.fixture
def paths(cluster: Path, tmp_path: Path) -> Paths:
    """The places of a service whose database is empty."""
    empty(cluster)
    return replace(make_paths(tmp_path), database=cluster)


def empty(cluster: Path) -> None:
    """Take every row out of the service's database."""
    with psycopg.connect(f"host={cluster} dbname=decision user=postgres", autocommit=True) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'decision'").fetchall()
        connection.execute(f"TRUNCATE {', '.join(f'decision.{name}' for (name,) in tables)}".encode())
        connection.execute("TRUNCATE appliance.job, appliance.restriction CASCADE")


@pytest.fixture
def monitor(paths: Paths) -> Iterator[Monitor]:
    with Monitor(paths.record_socket) as monitor:
        yield monitor


@pytest.fixture
def client(paths: Paths, monitor: Monitor) -> Iterator[TestClient]:
    """A service whose enclave has no model."""
    with TestClient(service.build(settings_for("decision"), paths), raise_server_exceptions=False) as client:
        yield client
