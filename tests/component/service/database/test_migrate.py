"""Migrations run once, are never changed, and a service's own stay in its schema and leave it confined."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from psycopg import errors

from appliance.errors import ApplianceError
from appliance.service.database.migrate import MIGRATIONS, OWN, Migrations, main, migrate
from tests.component.service.database.cluster import Cluster, Connection
from tests.component.service.database.support import OLD_KEY, migrated, token_for
from tests.contexts import ADMISSION_KEY
from tests.unit.service.support import make_paths, settings_for

TABLE = "CREATE SCHEMA labeling; CREATE TABLE labeling.a (label_id integer NOT NULL REFERENCES appliance.labels);"
CONFINED = TABLE + "SELECT appliance.confine('labeling.a'); GRANT USAGE ON SCHEMA labeling TO labeling;"
FIRST, SECOND = "0001_first.sql", "0002_second.sql"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "migrations").mkdir()
    (tmp_path / "migrations" / FIRST).write_text(CONFINED)
    return tmp_path / "migrations"


@pytest.fixture
def migrations(folder: Path) -> Migrations:
    return Migrations("labeling", folder)


@pytest.fixture
def database(empty: Cluster, migrations: Migrations) -> Iterator[Connection]:
    """The owner of the cluster, in a database to which the first migration was applied."""
    assert migrated(empty, migrations)[-1] == f"labeling/{FIRST}"
    with empty.connect("labeling", "postgres") as connection:
        yield connection


def names(connection: Connection) -> list[Any]:
    return connection.execute("SELECT name, sha256 FROM appliance.migrations ORDER BY name").fetchall()


def test_the_appliances_own_and_the_services_are_recorded_apart(database: Connection) -> None:
    own = [f"{OWN}/{path.name}" for path in sorted(MIGRATIONS.glob("*.sql"))]
    assert [name for name, _ in names(database)] == [*own, f"labeling/{FIRST}"]


def test_each_runs_once_and_a_new_one_is_added(
    empty: Cluster, database: Connection, migrations: Migrations, folder: Path
) -> None:
    assert migrated(empty, migrations) == []
    (folder / SECOND).write_text("ALTER TABLE labeling.a ADD COLUMN body text")
    assert migrated(empty, migrations) == [f"labeling/{SECOND}"]
    assert migrated(empty, migrations) == []
    (folder / SECOND).unlink()
    assert migrated(empty, migrations) == [], "the version before runs on the schema after it"


def test_the_admission_key_is_the_last_one_given_and_the_old_key_is_gone(
    empty: Cluster, database: Connection, migrations: Migrations
) -> None:
    database.execute("INSERT INTO appliance.context_key (key) VALUES (%s)", [OLD_KEY])  # after a return to 0.1.0
    database.execute("UPDATE appliance.admission_key SET key = %s", [OLD_KEY])
    migrated(empty, migrations)
    assert database.execute("SELECT key FROM appliance.admission_key").fetchall() == [(ADMISSION_KEY,)]
    assert database.execute("SELECT key FROM appliance.context_key").fetchall() == []


def test_while_the_key_is_replaced_the_one_before_counts_for_two_minutes_and_a_restored_one_never(
    empty: Cluster, database: Connection, migrations: Migrations
) -> None:
    def admits() -> bool:
        with empty.connect("labeling", "labeling") as service:
            try:
                service.execute("SELECT appliance.admit(%s)", [token_for("labeling")])
            except errors.InsufficientPrivilege:
                return False
            return True

    def replace(previous: bytes | None) -> None:
        with empty.connect("labeling", "migrate") as owner:
            migrate(owner, OLD_KEY, migrations, previous)

    assert admits()
    replace(ADMISSION_KEY)
    assert admits()
    database.execute("UPDATE appliance.admission_key SET until = until - interval '121 seconds'")
    assert not admits(), "its two minutes are over"
    database.execute("UPDATE appliance.admission_key SET key = %s, previous = NULL, until = NULL", [ADMISSION_KEY])
    assert admits()
    replace(None)  # what a restored backup held is not what the host says was there before
    assert not admits()


@pytest.mark.parametrize("owner", ["appliance", "labeling"])
def test_a_changed_one_is_refused(empty: Cluster, database: Connection, migrations: Migrations, owner: str) -> None:
    database.execute("UPDATE appliance.migrations SET sha256 = repeat('0', 64) WHERE name LIKE %s", [f"{owner}/0001%"])
    before = names(database)
    with pytest.raises(ApplianceError, match=rf"^{owner}/0001\w+\.sql: differs from the migration of that name"):
        migrated(empty, migrations)
    assert names(database) == before


def test_a_renamed_one_is_refused(empty: Cluster, database: Connection, migrations: Migrations, folder: Path) -> None:
    (folder / FIRST).rename(folder / "0001_other.sql")
    with pytest.raises(ApplianceError, match=rf"^labeling/0001_other\.sql: is in the database as labeling/{FIRST}"):
        migrated(empty, migrations)


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE public.a (label_id integer)",
        "CREATE SCHEMA other",
        "DROP SCHEMA public",
        "CREATE TABLE appliance.a (id integer)",
        "ALTER TABLE appliance.admitted ADD COLUMN more text",
        "ALTER TABLE appliance.labels ENABLE ROW LEVEL SECURITY",
        "ALTER TABLE appliance.labels DROP CONSTRAINT labels_encoding_key CASCADE",
        "DROP TABLE appliance.admitted",
        "CREATE OR REPLACE FUNCTION appliance.subject() RETURNS text LANGUAGE sql AS 'SELECT ''x'''",
        "ALTER FUNCTION appliance.admit(text) SECURITY INVOKER",
        "ALTER FUNCTION appliance.readable() RENAME TO seen",
        "CREATE FUNCTION appliance.more() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
        "GRANT SELECT ON appliance.admission_key TO labeling",
        "GRANT SELECT ON appliance.context_key TO labeling",
        "GRANT SELECT (key) ON appliance.context_key TO labeling",
        "GRANT CREATE ON SCHEMA appliance TO labeling",
        "GRANT EXECUTE ON FUNCTION appliance.readable_labels(text, text[], text[]) TO PUBLIC",
        "GRANT CONNECT ON DATABASE labeling TO PUBLIC",
        "ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO labeling",
        "ALTER DATABASE labeling SET search_path = labeling",
        "CREATE TYPE appliance.colour AS ENUM ('red')",
        "CREATE TRIGGER more AFTER UPDATE ON appliance.labels EXECUTE FUNCTION appliance.refuse_relabeling()",
        "CREATE RULE more AS ON DELETE TO appliance.labels DO INSTEAD NOTHING",
        "DELETE FROM appliance.migrations",
        "INSERT INTO appliance.migrations (name, sha256) VALUES ('labeling/0003.sql', '')",
    ],
)
def test_one_that_reaches_outside_its_schema_is_refused(
    empty: Cluster, database: Connection, migrations: Migrations, folder: Path, statement: str
) -> None:
    before = names(database)
    (folder / SECOND).write_text(f"ALTER TABLE labeling.a ADD COLUMN body text; {statement}")
    with pytest.raises(ApplianceError, match=rf"^labeling/{SECOND}: changes something outside the schema labeling"):
        migrated(empty, migrations)
    assert names(database) == before
    with pytest.raises(errors.UndefinedColumn):
        database.execute("SELECT body FROM labeling.a")


@pytest.mark.parametrize(
    "statement",
    [
        CONFINED.replace("CREATE SCHEMA labeling;", "").replace("labeling.a", "labeling.b"),
        "SELECT appliance.label_id('U;;*')",
        "CREATE EXTENSION pg_trgm SCHEMA labeling",
        "CREATE VIEW labeling.b AS SELECT label_id FROM labeling.a",
        "CREATE FUNCTION labeling.f() RETURNS text LANGUAGE sql AS 'SELECT appliance.subject()'",
        "DROP TABLE labeling.a",
    ],
)
def test_whatever_stays_in_its_schema_is_applied(
    empty: Cluster, database: Connection, migrations: Migrations, folder: Path, statement: str
) -> None:
    (folder / SECOND).write_text(statement)
    assert migrated(empty, migrations) == [f"labeling/{SECOND}"]


def test_one_that_leaves_a_table_unconfined_is_refused(
    empty: Cluster, database: Connection, migrations: Migrations, folder: Path
) -> None:
    (folder / SECOND).write_text("CREATE TABLE labeling.open (label_id integer NOT NULL)")
    with pytest.raises(ApplianceError, match=r"^labeling\.open: row-level security is not enabled") as refusal:
        migrated(empty, migrations)
    assert "appliance.confine" in refusal.value.remedy
    with pytest.raises(errors.UndefinedTable):
        database.execute("SELECT FROM labeling.open")


def test_one_that_fails_leaves_the_database_as_it_was(
    empty: Cluster, database: Connection, migrations: Migrations, folder: Path
) -> None:
    before = names(database)
    (folder / SECOND).write_text("ALTER TABLE labeling.a ADD COLUMN body text")
    (folder / "0003_third.sql").write_text("SELECT 1 / 0")
    with pytest.raises(errors.DivisionByZero):
        migrated(empty, migrations)
    assert names(database) == before


def test_the_program_migrates_or_says_in_one_line_why_not(
    empty: Cluster, migrations: Migrations, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = make_paths(tmp_path)
    paths.settings.write_text(settings_for("labeling").model_dump_json())
    monkeypatch.setenv("APPLIANCE_SERVICE_FILE", str(paths.settings))
    monkeypatch.setenv("APPLIANCE_SECRETS", str(paths.secrets))
    monkeypatch.setenv("APPLIANCE_DATABASE", str(empty.socket))
    main(migrations)
    (folder / FIRST).write_text(CONFINED + "-- changed")
    with pytest.raises(SystemExit, match=rf"^refused: labeling/{FIRST}: differs"):
        main(migrations)
