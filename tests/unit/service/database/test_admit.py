"""A transaction is admitted by its own service's context alone, and admissions at once neither wait nor meet."""

import threading
import time
from typing import Any

import psycopg
import pytest
from psycopg import errors
from psycopg.errors import DeadlockDetected

from images.labeling.app.migrate import MIGRATIONS
from tests.unit.service.database.cluster import Cluster, Connection
from tests.unit.service.database.support import migrated, token_for

THREADS, ROUNDS = 8, 200


def parallel(cluster: Cluster) -> list[type[Exception]]:
    """The errors of persistent connections that are admitted and commit, again and again, at the same time."""
    found: list[type[Exception]] = []
    together = threading.Barrier(THREADS)
    token = token_for("labeling")

    def work() -> None:
        with cluster.connect("labeling", "labeling") as connection:
            together.wait()
            try:
                for _ in range(ROUNDS):
                    with connection.transaction():
                        connection.execute("SELECT appliance.admit(%s)", [token])
            except psycopg.Error as error:
                found.append(type(error))

    threads = [threading.Thread(target=work) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def test_admissions_on_persistent_connections_deadlocked_in_version_0_1_0_and_do_not_now(old: Cluster) -> None:
    assert any(DeadlockDetected in parallel(old) for _ in range(20))  # a matter of chance, most often in the first
    migrated(old, MIGRATIONS)
    assert [parallel(old) for _ in range(3)] == [[], [], []]


def test_an_admission_waits_for_nobody(cluster: Cluster, role: Connection) -> None:
    token = token_for("notes")
    with role.transaction():
        role.execute("SELECT appliance.admit(%s)", [token])
        for _ in range(2):  # a new backend, which looks for those that ended, and the same again
            with cluster.connect("notes", "notes") as other:
                other.execute("SET lock_timeout = '50ms'")
                for _ in range(2):
                    other.execute("SELECT appliance.admit(%s)", [token])


def test_rows_of_backends_that_ended_do_not_pile_up(cluster: Cluster, owner: Connection) -> None:
    for _ in range(12):
        with cluster.connect("notes", "notes") as connection:
            connection.execute("SELECT appliance.admit(%s)", [token_for("notes")])
            backend = connection.info.backend_pid
        while owner.execute("SELECT FROM pg_stat_activity WHERE pid = %s", [backend]).rowcount:
            time.sleep(0.001)
    # The last one's, and those of connections that other tests still hold.
    live = owner.execute("SELECT count(*) FROM pg_stat_activity WHERE usename = 'notes'").fetchone()
    rows = owner.execute("SELECT count(*) FROM appliance.admitted").fetchone()
    assert live
    assert rows
    assert rows[0] <= live[0] + 1


def test_a_row_that_an_ended_backend_left_admits_nobody(owner: Connection, role: Connection) -> None:
    owner.execute(
        "INSERT INTO appliance.admitted VALUES (%s, '3', 'x', 'export', '{1,2,3}', '{1,2,3}', '{falcon}') "
        "ON CONFLICT (backend) DO UPDATE SET transaction = '3'",
        [role.info.backend_pid],
    )
    row = role.execute("SELECT appliance.readable(), appliance.writable(), appliance.groups(), appliance.subject()")
    assert row.fetchone() == ([], [], [], None)
    role.execute("SELECT appliance.admit(%s)", [token_for("notes")])


@pytest.mark.parametrize(
    ("context", "reason"),
    [
        ({"service": "mail"}, "another service"),
        ({"service": "Notes"}, "another service"),
        ({"service": "migrate"}, "another service"),
        ({"service": ""}, "no service"),
        ({"expires": int(time.time()) - 1}, "expired"),
        ({"expires": 0}, "expired"),
    ],
)
def test_a_context_of_another_service_or_time_is_refused(
    role: Connection, context: dict[str, Any], reason: str
) -> None:
    with pytest.raises(errors.InsufficientPrivilege, match="of another service, or has expired"):
        role.execute("SELECT appliance.admit(%s)", [token_for("notes", **context)])


@pytest.mark.parametrize("setting", ["SET ROLE mail", "SET SESSION AUTHORIZATION mail", "SET session_user = 'mail'"])
def test_who_connected_counts_whatever_is_set(role: Connection, owner: Connection, setting: str) -> None:
    with pytest.raises(errors.Error):
        role.execute(setting.encode())
    with pytest.raises(errors.InsufficientPrivilege, match="of another service"):
        role.execute("SELECT appliance.admit(%s)", [token_for("mail")])
    # Nor does the owner of the cluster act for a service by calling itself so: the context must be of who connected.
    owner.execute("SET ROLE notes")
    with pytest.raises(errors.InsufficientPrivilege, match="of another service"):
        owner.execute("SELECT appliance.admit(%s)", [token_for("notes")])
    owner.execute("RESET ROLE")


def test_an_admission_ends_with_its_transaction_and_its_savepoint(role: Connection) -> None:
    with role.transaction():
        with role.transaction(force_rollback=True):
            role.execute("SELECT appliance.admit(%s)", [token_for("notes")])
            assert role.execute("SELECT appliance.subject()").fetchone() == ("analyst",)
        assert role.execute("SELECT appliance.subject()").fetchone() == (None,)
        role.execute("SELECT appliance.admit(%s)", [token_for("notes", subject="other")])
        role.execute("SELECT appliance.admit(%s)", [token_for("notes", subject="third")])
        assert role.execute("SELECT appliance.subject()").fetchone() == ("third",)
    assert role.execute("SELECT appliance.subject()").fetchone() == (None,)
