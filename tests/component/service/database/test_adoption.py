"""A database of version 0.1.0 is taken over: nothing is lost, it is like a fresh one, and 0.1.0 still runs on it."""

import hashlib
from collections.abc import Callable
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from psycopg import errors

from appliance.errors import ApplianceError
from appliance.service.database import migrate
from appliance.service.database.migrate import Migrations
from images.labeling.app.migrate import MIGRATIONS
from tests.component.service.database.cluster import Cluster, Connection
from tests.component.service.database.support import (
    OLD_KEY,
    V0_1_0,
    assert_confined,
    emptied,
    install_v0_1_0,
    migrated,
    old_token,
    token_for,
)


def _named(owner: str, folder: Path) -> list[str]:
    return [f"{owner}/{file.name}" for file in sorted(folder.glob("*.sql"))]


RAN_BEFORE = _named("appliance", migrate.MIGRATIONS)
OWN = _named("labeling", MIGRATIONS.folder)
RAN_ON_0_1_0 = [*RAN_BEFORE, *(name for name in OWN if name.partition("/")[2] not in MIGRATIONS.adopted)]
RAN_ON_FRESH = [*RAN_BEFORE, *OWN]
TABLES = ("appliance.labels", "labeling.projects", "labeling.tasks", "labeling.preferences")
CATALOGUE = {
    "relations": """
        SELECT c.oid::regclass::text, relkind, relpersistence, relowner::regrole::text, relrowsecurity,
               relforcerowsecurity, reloptions
        FROM pg_class AS c WHERE relnamespace IN ('appliance'::regnamespace, 'labeling'::regnamespace)""",
    "columns": """
        SELECT attrelid::regclass::text, attnum, attname, format_type(atttypid, atttypmod), attnotnull, attidentity,
               pg_get_expr(adbin, adrelid)
        FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
        JOIN pg_class AS c ON c.oid = attrelid
        WHERE relnamespace IN ('appliance'::regnamespace, 'labeling'::regnamespace) AND attnum > 0""",
    "constraints": """
        SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid)
        FROM pg_constraint WHERE connamespace IN ('appliance'::regnamespace, 'labeling'::regnamespace)""",
    "indexes": "SELECT indexdef FROM pg_indexes WHERE schemaname IN ('appliance', 'labeling')",
    "functions": """
        SELECT p.oid::regprocedure::text, pg_get_functiondef(p.oid), proowner::regrole::text
        FROM pg_proc AS p WHERE pronamespace IN ('appliance'::regnamespace, 'labeling'::regnamespace)""",
    "policies": """
        SELECT schemaname, tablename, policyname, permissive, roles::text, cmd, qual, with_check FROM pg_policies""",
    "triggers": "SELECT tgrelid::regclass::text, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal",
    "extensions": "SELECT extname, extnamespace::regnamespace::text FROM pg_extension",
    "grants": """
        SELECT object, grantee::regrole::text, privilege_type, is_grantable FROM (
            SELECT oid::regclass::text AS object, relacl AS acl, relnamespace AS schema FROM pg_class
            UNION ALL
            SELECT oid::regprocedure::text, coalesce(proacl, acldefault('f', proowner)), pronamespace FROM pg_proc
            UNION ALL SELECT nspname, nspacl, oid FROM pg_namespace
        ) AS objects, aclexplode(acl)
        WHERE schema IN ('appliance'::regnamespace, 'labeling'::regnamespace)""",
}


def catalogue(cluster: Cluster) -> dict[str, list[tuple[Any, ...]]]:
    with cluster.connect("labeling", "postgres") as connection:
        return {
            name: sorted(connection.execute(query.encode()).fetchall(), key=repr) for name, query in CATALOGUE.items()
        }


def rows(cluster: Cluster) -> dict[str, list[tuple[Any, ...]]]:
    with cluster.connect("labeling", "postgres") as connection:
        return {table: connection.execute(f"TABLE {table}".encode()).fetchall() for table in TABLES}


def work_as_0_1_0(connection: Connection, name: str, said: Callable[..., str] = old_token) -> None:
    """What the labeling service of version 0.1.0 does: intern labels, be admitted, write and read."""
    with connection.transaction():
        connection.execute("SELECT appliance.label_id(%s)", ["U;;*"])
        connection.execute("SELECT appliance.admit(%s)", [said("POST", groups=("falcon",))])
        project = connection.execute(
            "INSERT INTO labeling.projects (label_id, portion, name, instruction, need_to_know) "
            "VALUES (appliance.label_id('U;;*'), 'U', %s, '', 'falcon') RETURNING id",
            [name],
        ).fetchone()
        assert project
        task = connection.execute(
            "INSERT INTO labeling.tasks (project_id, label_id, portion, prompt, answer_a, answer_b) "
            "VALUES (%s, appliance.label_id('S;;GBR,USA'), 'S', 'p', 'a', 'b') RETURNING id",
            [project[0]],
        ).fetchone()
        assert task
        connection.execute(
            "INSERT INTO labeling.preferences (task_id, label_id, choice) "
            "SELECT id, label_id, 'a' FROM labeling.tasks WHERE id = %s",
            [task[0]],
        )
    for reader, seen in (
        ({"groups": ("falcon",)}, (1, 1, 1)),
        ({"groups": ("falcon",), "level": "U"}, (1, 0, 0)),
        ({}, (0, 0, 0)),
    ):
        with connection.transaction():
            connection.execute("SELECT appliance.admit(%s)", [said(**reader)])
            counts = connection.execute(
                "SELECT (SELECT count(*) FROM labeling.projects WHERE name = %s),"
                " (SELECT count(*) FROM labeling.tasks t"
                "  JOIN labeling.projects p ON p.id = t.project_id WHERE name = %s),"
                " (SELECT count(*) FROM labeling.preferences q JOIN labeling.tasks t ON t.id = q.task_id"
                "  JOIN labeling.projects p ON p.id = t.project_id WHERE name = %s)",
                [name, name, name],
            ).fetchone()
            assert counts == seen, reader


def migrate_as_0_1_0(connection: Connection) -> None:
    """What the migrations of version 0.1.0 do when it is returned to: all of them are known and unchanged."""
    connection.execute(resources.files("appliance.markings").joinpath("readable.sql").read_bytes())
    known = dict(connection.execute("SELECT name, sha256 FROM appliance.migrations").fetchall())
    for path in V0_1_0.glob("0*.sql"):
        assert known[path.name] == hashlib.sha256(path.read_bytes()).hexdigest()
    connection.execute(
        "INSERT INTO appliance.context_key (key) VALUES (%s) ON CONFLICT (one) DO UPDATE SET key = excluded.key",
        [OLD_KEY],
    )


def test_a_database_of_version_0_1_0_is_taken_over_whole(old: Cluster) -> None:
    with old.connect("labeling", "labeling") as connection:
        work_as_0_1_0(connection, "before")
    before = rows(old)
    assert migrated(old, MIGRATIONS) == RAN_ON_0_1_0
    assert rows(old) == before
    assert [len(before[table]) for table in TABLES[1:]] == [1, 1, 1]
    assert migrated(old, MIGRATIONS) == []
    with old.connect("labeling", "postgres") as connection:
        assert_confined(connection, "labeling")


def test_a_database_that_was_taken_over_is_like_a_fresh_one(empty: Cluster) -> None:
    assert migrated(empty, MIGRATIONS) == RAN_ON_FRESH
    fresh = catalogue(empty)
    assert all(fresh.values())
    taken_over = emptied(empty)
    with taken_over.connect("labeling", "migrate") as connection:
        install_v0_1_0(connection)
    before = catalogue(taken_over)
    migrated(taken_over, MIGRATIONS)
    after = catalogue(taken_over)
    assert before != after
    for kind, found in fresh.items():
        assert after[kind] == found, kind


@pytest.mark.parametrize("files", [1, 2])
def test_one_that_stopped_on_the_way_is_completed(empty: Cluster, files: int) -> None:
    with empty.connect("labeling", "migrate") as connection:
        install_v0_1_0(connection, files=files)
    ran = migrated(empty, MIGRATIONS)
    assert ran == [*RAN_BEFORE, *OWN[files - 1 :]]
    with empty.connect("labeling", "labeling") as connection:
        work_as_0_1_0(connection, "after", partial(token_for, "labeling"))


def test_version_0_1_0_still_works_on_the_new_schema(old: Cluster) -> None:
    with old.connect("labeling", "labeling") as connection:
        work_as_0_1_0(connection, "before")
        migrated(old, MIGRATIONS)
        with pytest.raises(errors.InsufficientPrivilege, match="not made by the monitor"):
            work_as_0_1_0(connection, "with a key that services had")
    with old.connect("labeling", "migrate") as connection:
        migrate_as_0_1_0(connection)
    with old.connect("labeling", "labeling") as connection:
        work_as_0_1_0(connection, "returned")
        connection.execute(
            "SELECT appliance.admit(%s)", [token_for("labeling")]
        )  # what this version's monitor said last
    assert migrated(old, MIGRATIONS) == []
    with old.connect("labeling", "postgres") as connection:
        carried = connection.execute(
            "SELECT p.name, r.groups, t.data ->> 'prompt', a.annotator, a.value ->> 'choice',"
            " c.tasks, c.done, c.answers"
            " FROM labeling.project AS p JOIN labeling.task AS t ON t.project_id = p.id"
            " JOIN labeling.restriction AS r ON r.id = t.restriction_id"
            " JOIN labeling.answer AS a ON a.project_id = t.project_id AND a.position = t.position"
            " JOIN labeling.counter AS c ON c.project_id = t.project_id AND c.restriction_id = t.restriction_id"
            " ORDER BY p.created"
        ).fetchall()
    told = (["falcon"], "p", "analyst", "a", 1, 1, 1)
    assert carried == [(name, *told) for name in ("before", "returned")]


@pytest.mark.parametrize("name", sorted(MIGRATIONS.adopted))
def test_an_unknown_digest_is_refused_and_nothing_changes(old: Cluster, name: str) -> None:
    with old.connect("labeling", "migrate") as connection:
        connection.execute("UPDATE appliance.migrations SET sha256 = repeat('0', 64) WHERE name = %s", [name])
    before = catalogue(old)
    with pytest.raises(ApplianceError, match=f"^{name}: differs") as refusal:
        migrated(old, MIGRATIONS)
    assert "install a version" in refusal.value.remedy
    assert catalogue(old) == before
    with old.connect("labeling", "migrate") as connection:
        assert connection.execute("SELECT FROM appliance.migrations").rowcount == 3


def test_a_service_without_such_a_past_adopts_nothing(old: Cluster) -> None:
    with pytest.raises(ApplianceError, match=r"0001_context\.sql"):
        migrated(old, Migrations("labeling", MIGRATIONS.folder))


def test_the_old_admission_is_gone(old: Cluster) -> None:
    migrated(old, MIGRATIONS)
    with old.connect("labeling", "labeling") as connection, pytest.raises(errors.UndefinedFunction):
        connection.execute("SELECT appliance.admit_labels('')")
