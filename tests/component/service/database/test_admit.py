"""A transaction is admitted by its own service's context alone, and admissions at once neither wait nor meet."""

import threading
import time
from typing import Any

import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from psycopg import errors
from psycopg.errors import DeadlockDetected

from appliance.contract.context import seal, verified
from images.labeling.app.migrate import MIGRATIONS
from tests.component.service.database.cluster import Cluster, Connection
from tests.component.service.database.support import OLD_KEY, migrated, old_token, token_for
from tests.contexts import PUBLIC_KEY, sealed_as_0_1_0

THREADS, ROUNDS = 8, 200


def parallel(cluster: Cluster, token: str) -> list[type[Exception]]:
    """The errors of persistent connections that are admitted and commit, again and again, at the same time."""
    found: list[type[Exception]] = []
    together = threading.Barrier(THREADS)

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
    # A matter of chance, most often in the first.
    assert any(DeadlockDetected in parallel(old, old_token()) for _ in range(20))
    migrated(old, MIGRATIONS)
    assert [parallel(old, token_for("labeling")) for _ in range(3)] == [[], [], []]


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


# What a shell in a service's container tries, with all that the container can read


def test_a_service_that_knows_its_contexts_seals_none(role: Connection) -> None:
    """It has the monitor's public key and contexts of the past; neither makes another context."""
    claims = verified(token_for("notes"), PUBLIC_KEY).model_copy(update={"subject": "officer", "level": "TS"})
    version, _, signature, code = token_for("notes").split(".")
    payload = sealed_as_0_1_0(claims, bytes(32)).split(".")[1]
    forged = [
        f"{version}.{payload}.{signature}.{code}",
        f"v1.{payload}.{code}",
        seal(claims, Ed25519PrivateKey.generate(), PUBLIC_KEY.public_bytes_raw()),
        seal(claims, Ed25519PrivateKey.generate(), bytes(32)),
        *(sealed_as_0_1_0(claims, key) for key in (PUBLIC_KEY.public_bytes_raw(), bytes(32), OLD_KEY)),
    ]
    for token in forged:
        with pytest.raises(errors.InsufficientPrivilege, match="not made by the monitor"):
            role.execute("SELECT appliance.admit(%s)", [token])


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT key FROM appliance.admission_key",
        "SELECT key FROM appliance.context_key",
        "INSERT INTO appliance.context_key (key) VALUES (decode(repeat('00', 32), 'hex'))",
        "UPDATE appliance.admission_key SET key = decode(repeat('00', 32), 'hex')",
        "DELETE FROM appliance.written",
        "TRUNCATE appliance.written",
        "INSERT INTO appliance.written VALUES ('0', 0)",
        "SELECT appliance.context('')",
        "SELECT appliance.write_once('0', 0)",
        "SELECT appliance.sealed('', '', '')",
        "COPY appliance.admission_key TO STDOUT",
        "CREATE TABLE appliance.admission_key2 ()",
    ],
)
def test_no_role_reaches_the_key_or_what_was_written(role: Connection, statement: str) -> None:
    with pytest.raises(errors.InsufficientPrivilege):
        role.execute(statement.encode())


def insert(connection: Connection, token: str, *, writes: bool = True) -> None:
    """One writing request."""
    with connection.transaction():
        connection.execute("SELECT appliance.admit(%s, %s)", [token, writes])
        connection.execute("INSERT INTO notes.notes (label_id, body) VALUES (appliance.label_id('U;;*'), 'x')")


def test_a_committed_write_is_not_replayed(cluster: Cluster, owner: Connection, role: Connection) -> None:
    token = token_for("notes", "POST")
    insert(role, token)
    with cluster.connect("notes", "notes") as other:
        for connection in (role, other):
            with pytest.raises(errors.InsufficientPrivilege, match="written before"):
                insert(connection, token)
            with connection.transaction(), pytest.raises(errors.InsufficientPrivilege, match="written before"):
                connection.execute("SELECT appliance.admit(%s)", [token])
    assert owner.execute("SELECT FROM notes.notes").rowcount == 1


def test_what_was_rolled_back_was_not_written(owner: Connection, role: Connection) -> None:
    token = token_for("notes", "POST")
    with role.transaction(force_rollback=True):
        role.execute("SELECT appliance.admit(%s)", [token])
    insert(role, token)
    assert owner.execute("SELECT FROM notes.notes").rowcount == 1


def test_a_transaction_that_is_to_read_writes_nothing_and_ends_nothing(role: Connection) -> None:
    token = token_for("notes", "POST")
    for _ in range(2):
        with pytest.raises(errors.InsufficientPrivilege, match="row-level security"):
            insert(role, token, writes=False)
        with role.transaction():
            role.execute("SELECT appliance.admit(%s, false)", [token])
            assert role.execute("SELECT appliance.subject()").fetchone() == ("analyst",)
    insert(role, token)


def test_of_two_transactions_of_one_request_one_writes(cluster: Cluster, owner: Connection, role: Connection) -> None:
    token, found = token_for("notes", "POST"), list[str]()

    def replay() -> None:
        with cluster.connect("notes", "notes") as other:
            try:
                insert(other, token)
            except errors.InsufficientPrivilege as error:
                found.append(str(error))

    thread = threading.Thread(target=replay)
    with role.transaction():
        role.execute("SELECT appliance.admit(%s)", [token])
        thread.start()
        while not owner.execute("SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'").rowcount:
            time.sleep(0.01)
        role.execute("INSERT INTO notes.notes (label_id, body) VALUES (appliance.label_id('U;;*'), 'x')")
    thread.join()
    assert "written before" in found[0]
    assert owner.execute("SELECT FROM notes.notes").rowcount == 1


def test_what_was_written_long_ago_is_forgotten(owner: Connection, role: Connection) -> None:
    owner.execute("INSERT INTO appliance.written SELECT n::text, 0 FROM generate_series(1, 150) AS n")
    for _ in range(2):
        insert(role, token_for("notes", "POST"))
    assert owner.execute("SELECT FROM appliance.written WHERE expires = 0").rowcount == 0
