"""One call confines a table: what a reader may not read, and what they may not write, does not exist for them."""

import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from psycopg import errors

from tests.component.service.database.cluster import Cluster, Connection
from tests.component.service.database.support import assert_confined, token_for

INSERT = "INSERT INTO notes.notes (label_id, need_to_know, body) VALUES (appliance.label_id(%s), %s, %s)"
TABLE = "CREATE TABLE scratch.a (label_id integer NOT NULL)"
CONFINE = "SELECT appliance.confine('scratch.a')"


def admit(connection: Connection, method: str = "GET", **changes: Any) -> None:
    connection.execute("SELECT appliance.admit(%s)", [token_for("notes", method, **changes)])


def bodies(connection: Connection, **changes: Any) -> set[str]:
    with connection.transaction():
        admit(connection, **changes)
        return {row[0] for row in connection.execute("SELECT body FROM notes.notes").fetchall()}


@pytest.fixture
def filled(owner: Connection, role: Connection) -> Connection:
    """The service's role; a note at each label, one of them of a group, under a SECRET enclave."""
    for label, group, body in (
        ("U;;*", None, "low"),
        ("S;;GBR,USA", None, "high"),
        ("S;;GBR,USA", "falcon", "group"),
        ("TS;;USA", None, "top"),
    ):
        owner.execute(
            INSERT.replace("(label_id", "(author, label_id").replace("(appliance", "('a', appliance"),
            [label, group, body],
        )
    return role


@pytest.mark.parametrize(
    ("reader", "seen"),
    [
        ({}, {"low", "high"}),
        ({"level": "U"}, {"low"}),
        ({"nationalities": ("FRA",)}, {"low"}),
        ({"groups": ("falcon",)}, {"low", "high", "group"}),
        ({"groups": ("falcon",), "level": "U"}, {"low"}),
        ({"groups": ("heron",)}, {"low", "high"}),
        ({"level": "TS"}, {"low", "high", "top"}),
        ({"level": "TS", "nationalities": ()}, {"low"}),
    ],
)
def test_a_reader_sees_what_they_dominate(filled: Connection, reader: dict[str, Any], seen: set[str]) -> None:
    assert bodies(filled, **reader) == seen


def test_without_an_admission_there_is_nothing_to_read_or_change(filled: Connection) -> None:
    for query in ("SELECT FROM notes.notes", "UPDATE notes.notes SET body = 'x'", "DELETE FROM notes.notes"):
        assert filled.execute(query.encode()).rowcount == 0


@pytest.mark.parametrize(
    ("method", "reader", "changed"),
    [
        ("POST", {}, {"low", "high"}),
        ("POST", {"groups": ("falcon",)}, {"low", "high", "group"}),
        ("GET", {}, set()),
        ("POST", {"working": "TS;;USA"}, set()),
        ("POST", {"level": "TS"}, {"low", "high"}),
        ("POST", {"nationalities": ("FRA",)}, {"low"}),
    ],
)
@pytest.mark.parametrize("command", ["UPDATE notes.notes SET need_to_know = need_to_know", "DELETE FROM notes.notes"])
def test_only_what_may_be_read_and_written_is_changed(
    filled: Connection, owner: Connection, command: str, method: str, reader: dict[str, Any], changed: set[str]
) -> None:
    admit_row = "SELECT count(*) FROM notes.notes"
    with filled.transaction():
        admit(filled, method, **reader)
        assert filled.execute(command.encode()).rowcount == len(changed)
    if command.startswith("DELETE"):
        row = owner.execute(admit_row.encode()).fetchone()
        assert row
        assert row[0] == 4 - len(changed)


@pytest.mark.parametrize(
    ("method", "label", "group", "reason"),
    [
        ("GET", "S;;GBR,USA", None, "a reading request"),
        ("POST", "TS;;USA", None, "above the enclave"),
        ("POST", "S;;USA", None, "narrower than the enclave"),
        ("POST", "S;;GBR,USA", "falcon", "a group that the author is no member of"),
    ],
)
def test_nothing_is_written_elsewhere(
    role: Connection, method: str, label: str, group: str | None, reason: str
) -> None:
    role.execute("SELECT appliance.label_id(%s)", [label])
    with role.transaction(force_rollback=True):
        admit(role, method)
        with pytest.raises(errors.InsufficientPrivilege, match="row-level security"):
            role.execute(INSERT, [label, group, reason])


def test_a_label_never_changes_even_for_the_owner(filled: Connection, owner: Connection) -> None:
    with pytest.raises(errors.InsufficientPrivilege, match="never changes"):
        owner.execute("UPDATE notes.notes SET label_id = appliance.label_id('U;;*')")
    with filled.transaction(force_rollback=True):
        admit(filled, "POST")
        with pytest.raises(errors.InsufficientPrivilege, match="never changes"):
            filled.execute("UPDATE notes.notes SET label_id = appliance.label_id('U;;*') WHERE body = 'high'")


def test_the_owner_of_the_table_is_filtered_too(cluster: Cluster, filled: Connection) -> None:
    with cluster.connect("notes", "migrate") as migrate:
        assert migrate.execute("SELECT FROM notes.notes").rowcount == 0


@pytest.mark.parametrize(
    "setting",
    [
        "SET row_security = off",
        "SET search_path = notes, public",
        "SET appliance.readable = '{1,2,3}'",
        "SET SESSION AUTHORIZATION notes",
        "SET ROLE notes",
        "SET session_replication_role = replica",
        "SET default_transaction_isolation = 'serializable'",
        "SET plan_cache_mode = force_generic_plan",
        "SET enable_seqscan = off",
        "SET ROLE migrate",
        "SET SESSION AUTHORIZATION migrate",
        "ALTER ROLE notes SET search_path = notes",
        "ALTER ROLE notes SET row_security = off",
        "ALTER TABLE notes.notes NO FORCE ROW LEVEL SECURITY",
        "DROP POLICY readable ON notes.notes",
        "CREATE FUNCTION notes.readable() RETURNS integer[] LANGUAGE sql AS 'SELECT ''{1,2,3}''::integer[]'",
        "SELECT appliance.confine('notes.notes')",
        "SELECT appliance.readable_labels('TS', '{}', '{USA}')",
        "UPDATE appliance.admitted SET readable = '{1,2,3}'",
        "SELECT key FROM appliance.context_key",
        "INSERT INTO appliance.labels (encoding, level, need) VALUES ('x', 0, '{}')",
    ],
)
def test_nothing_that_a_role_sets_widens_what_it_reads(cluster: Cluster, filled: Connection, setting: str) -> None:
    for connection in (filled, cluster.connect("notes", "notes")):  # what it sets for itself, and for its next sessions
        with suppress(errors.Error):
            connection.execute(setting.encode())
        assert connection.execute("SELECT current_user").fetchone() == ("notes",)
        if connection.execute("SHOW row_security").fetchone() == ("off",):  # refuses rather than filters
            with pytest.raises(errors.InsufficientPrivilege, match="row-level security"):
                bodies(connection, level="U")
        else:
            assert bodies(connection, level="U") == {"low"}
            assert connection.execute("SELECT FROM notes.notes").rowcount == 0
        connection.execute("ALTER ROLE notes RESET ALL")
        connection.execute("RESET ALL")
    connection.close()


@pytest.mark.parametrize(
    ("table", "named"),
    [
        ("CREATE TABLE scratch.a (label_id integer)", "no column"),
        ("CREATE TABLE scratch.a (label_id text NOT NULL)", "no column"),
        ("CREATE TABLE scratch.a (id integer)", "no column"),
    ],
)
def test_a_table_whose_rows_may_lack_a_label_is_not_confined(owner: Connection, table: str, named: str) -> None:
    with owner.transaction(force_rollback=True):
        owner.execute("CREATE SCHEMA scratch")
        owner.execute(table.encode())
        with pytest.raises(errors.UndefinedColumn, match=named):
            owner.execute("SELECT appliance.confine('scratch.a')")


@pytest.mark.parametrize(
    ("statements", "finding"),
    [
        (f"{TABLE}; {CONFINE}", None),
        ('CREATE TABLE scratch."A b" (label_id integer NOT NULL); SELECT appliance.confine(\'scratch."A b"\')', None),
        ("CREATE VIEW scratch.a AS SELECT body FROM notes.notes", None),
        ("CREATE TABLE scratch.a (id integer)", "scratch.a: row-level security is not enabled"),
        ("CREATE TABLE scratch.a (id integer); ALTER TABLE scratch.a ENABLE ROW LEVEL SECURITY", "is not forced"),
        ("CREATE TABLE scratch.a (id integer); ALTER TABLE scratch.a FORCE ROW LEVEL SECURITY", "is not enabled"),
        (
            f"{TABLE} PARTITION BY LIST (label_id); {CONFINE}; CREATE TABLE scratch.b PARTITION OF scratch.a DEFAULT",
            "scratch.b: row-level security is not enabled",
        ),
        ("CREATE MATERIALIZED VIEW scratch.a AS SELECT body FROM notes.notes", "keeps rows that no policy filters"),
        (
            f"{TABLE}; {CONFINE}; GRANT ALL ON scratch.a TO notes",
            "scratch.a: notes has REFERENCES, TRIGGER, TRUNCATE",
        ),
        (
            f"{TABLE}; {CONFINE}; GRANT TRUNCATE ON scratch.a TO PUBLIC",
            "PUBLIC has TRUNCATE",
        ),
    ],
)
def test_what_is_not_confined_is_found(owner: Connection, statements: str, finding: str | None) -> None:
    with owner.transaction(force_rollback=True):
        owner.execute("CREATE SCHEMA scratch")
        owner.execute(statements.encode())
        if finding is None:
            assert_confined(owner, "scratch")
        else:
            with pytest.raises(AssertionError, match=finding):
                assert_confined(owner, "scratch")


def test_the_labels_are_read_once_for_a_statement(filled: Connection) -> None:
    with filled.transaction():
        admit(filled)
        plan = "\n".join(row[0] for row in filled.execute("EXPLAIN SELECT * FROM notes.notes").fetchall())
    assert "InitPlan" in plan
    assert "SubPlan" not in plan


def test_the_documentation_shows_what_is_tested() -> None:
    shown = re.search(r"```sql\n(.*?)```", Path("docs/services.md").read_text(), re.DOTALL)
    assert shown
    assert shown[1] == (Path(__file__).parent / "services" / "notes" / "0001_notes.sql").read_text()
