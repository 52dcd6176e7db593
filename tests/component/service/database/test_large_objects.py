"""Large objects are a store without labels, so no service and no migration can make, read or change one."""

import psycopg
import pytest
from psycopg import errors

from tests.component.service.database.cluster import Cluster, manifest, stopped_cluster

CALLS = (
    "lo_creat(-1)", "lo_create(0)", "lo_from_bytea(0, 'x')", "lo_put(1, 0, 'x')", "lo_get(1)", "lo_open(1, 393216)",
    "loread(0, 1)", "lowrite(0, 'x')", "lo_unlink(1)", "lo_truncate(0, 0)", "lo_import('/etc/passwd')",
)  # fmt: skip


def refused(cluster: Cluster, database: str, role: str) -> None:
    for call in CALLS:
        with cluster.connect(database, role) as connection, pytest.raises(errors.InsufficientPrivilege):
            connection.execute(f"SELECT {call}")


def test_no_service_has_large_objects_and_none_that_comes_later_or_was_there_before() -> None:
    with stopped_cluster(manifest("first", 1101, 5)) as cluster:
        cluster.start()
        refused(cluster, "first", "first")
        refused(cluster, "first", "migrate")
        with cluster.connect("first", "postgres") as connection:
            connection.execute("GRANT EXECUTE ON FUNCTION lo_create(oid) TO PUBLIC")  # as an earlier release had it
        with cluster.connect("first", "first") as connection:
            connection.execute("SELECT lo_create(0)")
        cluster.stop()
        (cluster.data / "appliance.large-objects.first").unlink()
        cluster.serve([manifest("first", 1101, 5), manifest("second", 1102, 5)])
        cluster.start()
        for name in ("first", "second"):
            refused(cluster, name, name)
        cluster.kill()
        cluster.start()
        refused(cluster, "second", "second")


def test_what_a_service_needs_still_works() -> None:
    with stopped_cluster(manifest("first", 1101, 5)) as cluster:
        cluster.start()
        with psycopg.connect(cluster.conninfo("first", "migrate")) as connection:
            connection.execute("CREATE TABLE t (a bytea)")
            connection.execute("INSERT INTO t VALUES ('x')")
