"""A running cluster, and in it the database of a small service."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.service.database.migrate import Migrations
from tests.component.service.database.cluster import Cluster, Connection, cluster_of, manifest
from tests.component.service.database.support import LABELS, assert_confined, emptied, install_v0_1_0, migrated

NOTES = Migrations("notes", Path(__file__).parent / "services" / "notes")
MAIL = Migrations("mail", Path(__file__).parent / "services" / "mail")


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """The services ``notes`` (uid 1105, at most 4 connections) and ``mail`` (uid 1106), whose database has no table."""
    with cluster_of(manifest("notes", 1105, 4), manifest("mail", 1106, 8)) as cluster:
        migrated(cluster, NOTES)
        migrated(cluster, MAIL)
        yield cluster


@pytest.fixture(scope="session")
def labeling_cluster() -> Iterator[Cluster]:
    """The service ``labeling``; its database is empty."""
    with cluster_of(manifest("labeling", 1101, 12)) as cluster:
        yield cluster


@pytest.fixture
def empty(labeling_cluster: Cluster) -> Cluster:
    """A cluster in which the database of ``labeling`` is empty."""
    return emptied(labeling_cluster)


@pytest.fixture
def old(empty: Cluster) -> Cluster:
    """The same with what version 0.1.0 made."""
    with empty.connect("labeling", "migrate") as connection:
        install_v0_1_0(connection)
    return empty


@pytest.fixture
def owner(cluster: Cluster) -> Iterator[Connection]:
    """The owner of the cluster in the database of ``notes``, which has no notes and all labels."""
    with cluster.connect("notes", "postgres") as connection:
        connection.execute("TRUNCATE notes.notes")
        for label in LABELS:
            connection.execute("SELECT appliance.label_id(%s)", [label])
        yield connection
        assert_confined(connection, "notes")


@pytest.fixture
def role(cluster: Cluster, owner: Connection) -> Iterator[Connection]:
    """The service's own role."""
    with cluster.connect("notes", "notes") as connection:
        yield connection
