"""The database enforces labels itself: against the service's own role, with no service in between."""

import time
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import errors

from appliance.service.settings import Paths
from tests.component.service.database.support import assert_confined
from tests.unit.service.support import headers_for

TASKS = "SELECT count(*) FROM labeling.task"

RESTRICTION = "SELECT labeling.restriction_of(appliance.label_id(%(label)s), 'x', '{}')"
NEW_PROJECT = """
    INSERT INTO labeling.project (label_id, restriction_id, name, kind, schema)
    SELECT label_id, id, 'name', 'pairwise', '{}' FROM labeling.restriction
    WHERE label_id = appliance.label_id(%(label)s) RETURNING id
"""
NEW_COUNTER = """
    INSERT INTO labeling.counter (project_id, label_id, restriction_id)
    SELECT %(project)s, label_id, id FROM labeling.restriction WHERE label_id = appliance.label_id(%(label)s)
    ON CONFLICT DO NOTHING
"""
NEW_TASK = """
    INSERT INTO labeling.task (project_id, label_id, restriction_id, position, data, wanted)
    SELECT %(project)s, label_id, id, %(position)s, '{}', 2 FROM labeling.restriction
    WHERE label_id = appliance.label_id(%(label)s)
"""


def token(method: str = "GET", **changes: Any) -> str:
    return headers_for(method, "/labeling/api/tasks", **changes)["X-Appliance-Context"]


@pytest.fixture
def role(paths: Paths) -> Any:
    """A connection of the service's role; the database holds one UNCLASSIFIED and two SECRET tasks."""
    with psycopg.connect(f"host={paths.database} dbname=labeling user=labeling") as connection:
        with connection.transaction():
            connection.execute("SELECT appliance.label_id('U;;*'), appliance.label_id('S;;GBR,USA')")
            connection.execute("SELECT appliance.admit(%s)", [token("POST")])
            connection.execute(RESTRICTION, {"label": "U;;*"})
            project = connection.execute(NEW_PROJECT, {"label": "U;;*"}).fetchone()
            assert project
            for position, label in enumerate(("U;;*", "S;;GBR,USA", "S;;GBR,USA")):
                values = {"project": project[0], "label": label, "position": position}
                connection.execute(RESTRICTION, values)
                connection.execute(NEW_COUNTER, values)
                connection.execute(NEW_TASK, values)
        yield connection


def count(connection: psycopg.Connection, *admitted: str) -> int:
    with connection.transaction():
        for one in admitted:
            connection.execute("SELECT appliance.admit(%s)", [one])
        row = connection.execute(TASKS).fetchone()
        assert row
        return int(row[0])


def test_without_a_context_there_is_nothing(role: psycopg.Connection) -> None:
    assert count(role) == 0


def test_a_reader_sees_what_they_dominate(role: psycopg.Connection) -> None:
    assert count(role, token()) == 3
    assert count(role, token(level="U")) == 1
    assert count(role, token(nationalities=("FRA",))) == 1
    assert count(role, token(nationalities=("USA", "FRA"))) == 1
    assert count(role, token(nationalities=())) == 1


def test_a_group_narrows_what_the_label_permits(paths: Paths, role: psycopg.Connection) -> None:
    with psycopg.connect(f"host={paths.database} dbname=labeling user=postgres", autocommit=True) as owner:
        owner.execute("UPDATE labeling.restriction SET groups = '{falcon}'")
    assert count(role, token()) == 0
    assert count(role, token(groups=("heron",))) == 0
    assert count(role, token(groups=("falcon",))) == 3
    assert count(role, token(groups=("falcon",), level="U")) == 1
    assert count(role, token(groups=("falcon",)), token()) == 0


def test_an_admission_ends_with_its_transaction(role: psycopg.Connection) -> None:
    assert count(role, token()) == 3
    assert count(role) == 0
    assert count(role, token(), token(level="U")) == 1


@pytest.mark.parametrize(
    "forged",
    [
        token()[:-1] + "x",
        token().replace(".", "!"),
        "",
        "v1..",
        token(expires=int(time.time()) - 1),
        token(service="inference"),
        "v1.e30=." + "0" * 64,
        f"v2.e30=.{'A' * 86}.{'0' * 64}",
    ],
)
def test_a_forged_expired_or_foreign_context_is_refused(role: psycopg.Connection, forged: str) -> None:
    with pytest.raises(errors.InsufficientPrivilege), role.transaction():
        role.execute("SELECT appliance.admit(%s)", [forged])


@pytest.mark.parametrize(
    "attack",
    [
        "SELECT key FROM appliance.context_key",
        "SELECT * FROM appliance.admitted",
        "INSERT INTO appliance.admitted VALUES (pg_backend_pid(), pg_current_xact_id(), 'x', 'export', '{1}', '{1}')",
        "UPDATE appliance.admitted SET readable = '{1,2}'",
        "SELECT appliance.readable_labels('TS', '{}', '{USA}')",
        "UPDATE labeling.task SET label_id = appliance.label_id('U;;*')",
        "DELETE FROM labeling.task",
        "DELETE FROM labeling.review",
        "UPDATE labeling.review SET verdict = 'accept'",
        "UPDATE labeling.restriction SET groups = '{}'",
        "TRUNCATE labeling.task",
        "ALTER TABLE labeling.task DISABLE ROW LEVEL SECURITY",
        "CREATE FUNCTION appliance.readable2() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE TABLE public.copy AS SELECT 1",
        "SET ROLE migrate",
    ],
)
def test_the_service_role_cannot_go_round(role: psycopg.Connection, attack: str) -> None:
    role.execute("SELECT appliance.admit(%s)", [token("POST")])
    with pytest.raises(errors.InsufficientPrivilege):
        role.execute(attack.encode())


def test_settings_of_the_session_change_nothing(role: psycopg.Connection) -> None:
    for setting in ("search_path = public", "row_security = off", "appliance.readable = '{1,2,3}'"):
        role.execute(f"SET {setting}".encode())
        role.commit()
        if setting == "row_security = off":
            with pytest.raises(errors.InsufficientPrivilege):  # PostgreSQL refuses rather than filters
                count(role)
            role.execute("RESET row_security")
            role.commit()
        else:
            assert count(role) == 0


@pytest.mark.parametrize(
    ("context", "label"),
    [
        ({"method": "GET"}, "S;;GBR,USA"),
        ({"method": "POST", "working": "TS;;USA"}, "S;;GBR,USA"),
        ({"method": "POST"}, "TS;;USA"),
        ({"method": "POST"}, "S;;USA"),
        ({"method": "POST"}, "S;SI;GBR,USA"),
    ],
)
def test_writing_is_at_the_equal_label_and_its_portions_only(
    role: psycopg.Connection, context: dict[str, str], label: str
) -> None:
    method = context.pop("method")
    role.execute("SELECT appliance.label_id(%s)", [label])
    role.execute("SELECT appliance.admit(%s)", [token(method, **context)])
    with pytest.raises(errors.InsufficientPrivilege, match="row-level security"):
        role.execute(RESTRICTION, {"label": label})


def test_a_label_is_never_missing_and_never_changes(paths: Paths, role: psycopg.Connection) -> None:
    with psycopg.connect(f"host={paths.database} dbname=labeling user=postgres", autocommit=True) as superuser:
        with pytest.raises(errors.NotNullViolation):
            superuser.execute("INSERT INTO labeling.project (name, kind, schema) VALUES ('n', 'pairwise', '{}')")
        with pytest.raises(errors.InsufficientPrivilege, match="never changes"):
            superuser.execute("UPDATE labeling.task SET label_id = appliance.label_id('U;;*')")


def test_the_owner_of_the_tables_is_filtered_too(paths: Paths, role: psycopg.Connection) -> None:
    with psycopg.connect(f"host={paths.database} dbname=labeling user=migrate") as owner:
        assert count(owner) == 0


def test_every_table_is_confined(paths: Paths) -> None:
    with psycopg.connect(f"host={paths.database} dbname=labeling user=migrate") as owner:
        assert_confined(owner, "labeling")


def test_contexts_at_the_same_time_do_not_meet(paths: Paths, role: psycopg.Connection) -> None:
    with psycopg.connect(f"host={paths.database} dbname=labeling user=labeling") as other:
        role.execute("SELECT appliance.admit(%s)", [token()])
        other.execute("SELECT appliance.admit(%s)", [token(level="U")])
        counts = []
        for connection in (role, other, role):
            row = connection.execute(TASKS).fetchone()
            assert row
            counts.append(row[0])
    assert counts == [3, 1, 3]


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_context_with_any_character_changed_is_refused(role: psycopg.Connection, data: st.DataObject) -> None:
    good = token()
    position = data.draw(st.integers(0, len(good) - 1))
    character = data.draw(st.characters(min_codepoint=33, max_codepoint=126).filter(lambda c: c != good[position]))
    with pytest.raises(errors.InsufficientPrivilege), role.transaction():
        role.execute("SELECT appliance.admit(%s)", [good[:position] + character + good[position + 1 :]])


EXPLICIT = {
    "a task's place": (
        "INSERT INTO labeling.task (project_id, label_id, restriction_id, position, data, wanted) "
        "VALUES (%(project)s, %(label)s, %(restriction)s, %(position)s, '{}', 2)"
    ),
    "a task's identifier": (
        "INSERT INTO labeling.task (project_id, label_id, restriction_id, position, id, data, wanted) "
        "VALUES (%(project)s, %(label)s, %(restriction)s, 77, %(id)s, '{}', 2)"
    ),
    "a project's identifier": (
        "INSERT INTO labeling.project (id, label_id, restriction_id, name, kind, schema) "
        "VALUES (%(project)s, %(label)s, %(restriction)s, 'x', 'pairwise', '{}')"
    ),
    "a counter": (
        "INSERT INTO labeling.counter (project_id, label_id, restriction_id) "
        "VALUES (%(project)s, %(label)s, %(restriction)s)"
    ),
    "a restriction's number": (
        "INSERT INTO labeling.restriction (id, label_id, portion) OVERRIDING SYSTEM VALUE "
        "VALUES (%(restriction)s, %(label)s, 'y')"
    ),
    "a claim": (
        "INSERT INTO labeling.claim (project_id, label_id, restriction_id, position, expires) "
        "VALUES (%(project)s, %(label)s, %(restriction)s, %(position)s, now())"
    ),
}


@pytest.mark.parametrize("what", EXPLICIT)
@pytest.mark.parametrize("label", ["U;;*", "S;;GBR,USA"])
def test_an_explicit_key_does_not_tell_whether_a_hidden_row_has_it(
    paths: Paths, role: psycopg.Connection, what: str, label: str
) -> None:
    """PostgreSQL looks at keys before it looks at foreign keys: what may not be named is refused before both."""
    with psycopg.connect(f"host={paths.database} dbname=labeling user=postgres", autocommit=True) as owner:
        owner.execute(
            "UPDATE labeling.restriction SET groups = '{falcon}' WHERE label_id <> appliance.label_id('U;;*')"
        )
        found = owner.execute(
            "SELECT project_id, restriction_id, position, id FROM labeling.task"
            " WHERE label_id <> appliance.label_id('U;;*') LIMIT 1"
        ).fetchone()
        own = owner.execute("SELECT appliance.label_id(%s)", [label]).fetchone()
    assert found
    assert own
    there = dict(zip(("project", "restriction", "position", "id"), found, strict=True)) | {"label": own[0]}
    absent = there | {"position": 9_999, "id": "00000000-0000-4000-8000-000000000000", "restriction": 9_999}

    def said(values: dict[str, Any]) -> str:
        try:
            with role.transaction(force_rollback=True):
                role.execute("SELECT appliance.admit(%s)", [token("POST")])
                role.execute(EXPLICIT[what], values)
        except psycopg.Error as error:
            return f"{error.sqlstate} {error.diag.message_primary} {error.diag.message_detail}"
        return "done"

    assert said(there) == said(absent)
