"""The cluster has what the catalogue says, after any start, and each service reaches its own database alone."""

import random
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack

import psycopg
import pytest
import yaml
from psycopg import errors

from appliance.contract.manifest import FIRST_UID, LAST_UID
from appliance.enclave.database import database_files, user
from tests.component.service.database.cluster import IMAGE, Cluster, manifest, stopped_cluster
from tests.component.service.database.support import V0_1_0

STATE = """
    SELECT datname, pg_get_userbyid(datdba), rolconnlimit, array(
        SELECT coalesce(nullif(grantee, 0)::regrole::text, 'PUBLIC') || ' ' || privilege_type
        FROM aclexplode(datacl) WHERE grantee <> datdba ORDER BY 1)
    FROM pg_database LEFT JOIN pg_roles ON rolname = datname
    WHERE NOT datistemplate AND datname <> 'postgres' ORDER BY datname
"""
Row = tuple[str, str, int, list[str]]


def state(cluster: Cluster) -> list[Row]:
    with cluster.connect("postgres", "postgres") as connection:
        return connection.execute(STATE).fetchall()


def expected(name: str, connections: int) -> Row:
    return name, "migrate", connections, [f"{name if name != 'order' else chr(34) + name + chr(34)} CONNECT"]


def as_user(uid: int, conninfo: str) -> bool:
    """Whether the user ``uid``, of which this machine knows no name, is let in."""
    user = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups"]
    command = [*user, "psql", conninfo, "-c", "SELECT 1"]
    return subprocess.run(command, env={"PATH": "/usr/bin"}, capture_output=True, check=False).returncode == 0


@pytest.fixture
def own() -> Iterator[Cluster]:
    """A cluster of the test's own, which is not started."""
    with stopped_cluster(manifest("first", 1101, 3)) as cluster:
        yield cluster


def test_a_service_that_the_catalogue_gains_has_its_database_after_the_next_start(own: Cluster) -> None:
    own.start()
    assert state(own) == [expected("first", 3)]
    own.stop()
    # A word of SQL is as good a name as any; a limit may change.
    own.serve([manifest("first", 1101, 5), manifest("order", 1102, 7)])
    own.start()
    assert state(own) == [expected("first", 5), expected("order", 7)]
    own.stop()
    own.serve([manifest("order", 1102, 7)])
    own.start()
    assert state(own) == [expected("first", 5), expected("order", 7)], "what a service wrote stays"
    with pytest.raises(psycopg.OperationalError, match="Peer authentication failed"):
        own.connect("first", "first")
    assert (own.work / "missing.sql").read_text() == ""


def test_a_cluster_that_is_killed_at_any_point_is_whole_after_the_next_start(own: Cluster) -> None:
    services = [manifest(f"service{number}", 1101 + number, 2) for number in range(6)]
    own.serve(services)
    chance = random.Random(4)  # noqa: S311  # moments, not secrets
    own.spawn()
    own.kill()
    for number in range(12):
        if number == 6:
            own.start()  # what follows interrupts later starts of a whole cluster that lacks services
            own.serve([*services, manifest("late", 1108, 2), manifest("later", 1109, 2)])
            own.kill()
        process = own.spawn()
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(chance.uniform(0, 3 if number < 6 else 0.4))
        own.kill()
    own.start()
    names = ["late", "later", *(service.name for service in services)]
    assert state(own) == [expected(name, 2) for name in sorted(names)]


def test_what_an_interruption_left_between_two_statements_is_completed(own: Cluster) -> None:
    own.start()
    with own.connect("postgres", "postgres") as connection:
        connection.execute("GRANT ALL ON DATABASE first TO PUBLIC")
        connection.execute("REVOKE CONNECT ON DATABASE first FROM first")
        connection.execute("CREATE ROLE second LOGIN NOINHERIT CONNECTION LIMIT 4")
    own.kill()
    own.serve([manifest("first", 1101, 3), manifest("second", 1102, 4)])
    own.start()
    assert state(own) == [expected("first", 3), expected("second", 4)]


def test_a_cluster_of_version_0_1_0_is_taken_over(own: Cluster) -> None:
    (own.configuration / "first-start.sql").write_bytes((V0_1_0 / "first-start.sql").read_bytes())
    own.serve([manifest("labeling", 1101, 10)])
    own.start()
    statements = (own.work / "missing.sql").read_text().split(";\n")
    assert [statement.strip() for statement in statements] == ["ALTER ROLE labeling CONNECTION LIMIT 10", ""]
    assert state(own) == [expected("labeling", 10)]


def test_a_list_that_is_none_stops_the_start(own: Cluster) -> None:
    own.start()
    own.stop()
    (own.configuration / "services").write_text("first many\n")
    assert own.spawn().wait(30) != 0
    assert 'invalid input syntax for type integer: "many"' in own.log()


def test_two_services_cannot_reach_each_others_databases(cluster: Cluster) -> None:
    for database, role in (("notes", "mail"), ("mail", "notes"), ("postgres", "notes"), ("template1", "mail")):
        with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
            cluster.connect(database, role)


@pytest.mark.parametrize(
    ("uid", "role", "database", "admitted"),
    [
        (1105, "notes", "notes", True),
        (1106, "mail", "mail", True),
        (1111, "migrate", "notes", True),
        (1105, "mail", "mail", False),
        (1106, "notes", "notes", False),
        (1105, "migrate", "notes", False),
        (1105, "postgres", "postgres", False),
        (1107, "notes", "notes", False),
    ],
)
def test_the_kernel_says_who_may_take_which_role(
    cluster: Cluster, uid: int, role: str, database: str, admitted: bool
) -> None:
    assert as_user(uid, cluster.conninfo(database, role)) == admitted


def test_a_service_holds_no_more_connections_than_its_manifest_says(cluster: Cluster) -> None:
    with ExitStack() as held:
        for _ in range(4):
            held.enter_context(cluster.connect("notes", "notes"))
        with pytest.raises(psycopg.OperationalError, match='too many connections for role "notes"'):
            cluster.connect("notes", "notes")


@pytest.mark.parametrize(
    "attempt",
    [
        "ALTER ROLE notes CONNECTION LIMIT 40",
        "ALTER ROLE notes BYPASSRLS",
        "ALTER ROLE mail SET search_path = x",
        "CREATE ROLE more",
        "CREATE DATABASE more",
        "GRANT migrate TO notes",
        "ALTER DATABASE notes SET row_security = off",
        "CREATE TEMPORARY TABLE copy (a integer)",
        "COPY (SELECT 1) TO '/tmp/out'",
        "SELECT pg_read_file('/etc/passwd')",
        "LOAD 'auto_explain'",
    ],
)
def test_a_service_cannot_change_the_cluster(role: psycopg.Connection, attempt: str) -> None:
    with pytest.raises(errors.InsufficientPrivilege):
        role.execute(attempt.encode())


def served(*names: str) -> Sequence[str]:
    files = database_files([manifest(name, 1101 + number, number + 1) for number, name in enumerate(names)])
    return list(files.values())


def test_the_container_is_told_exactly_whom_it_serves() -> None:
    assert served() == []
    identities, services = served("alpha", "beta")
    assert identities == (
        "appliance postgres postgres\nappliance migrate migrate\n"
        "appliance service1101 alpha\nappliance service1102 beta\n"
    )
    assert services == "alpha 1\nbeta 2\n"
    without = manifest("alpha").model_copy(update={"database": None})
    assert database_files([without]) == {}


def test_the_image_knows_the_user_of_every_possible_service() -> None:
    recipe = yaml.safe_load((IMAGE / "image.yml").read_text())
    users = {entry["uid"]: entry["name"] for entry in recipe["other_users"]}
    assert users == {uid: user(uid) for uid in range(FIRST_UID, LAST_UID + 1)} | {1111: "migrate"}
