"""No table of labeling can say more than its policies: forced row-level security, and every key scoped."""

from pathlib import Path

import psycopg
import pytest

from appliance.service.settings import Paths
from tests.component.service.database.support import assert_confined

OF_0_1_0 = {"projects", "tasks", "preferences"}
"""Tables that are kept for version 0.1.0 alone; this version reads none of them."""

UNSCOPED = """
    SELECT i.indrelid::regclass::text || ' ' || i.indexrelid::regclass::text || ' ' || pg_get_indexdef(i.indexrelid)
    FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indrelid
    WHERE c.relnamespace = 'labeling'::regnamespace AND c.relname <> ALL (%(old)s)
    AND (ARRAY(SELECT attname::text FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS key (number, place)
              JOIN pg_attribute ON attrelid = i.indrelid AND attnum = number ORDER BY place))
        [1:CASE WHEN c.relname IN ('restriction', 'project') THEN 1 ELSE 2 END]
        <> CASE c.relname WHEN 'restriction' THEN '{label_id}' WHEN 'project' THEN '{restriction_id}'
           ELSE '{project_id,restriction_id}' END::text[]
    UNION ALL
    SELECT conrelid::regclass::text || ' ' || conname || ' ' || pg_get_constraintdef(f.oid)
    FROM pg_constraint AS f JOIN pg_class AS c ON c.oid = conrelid
    WHERE connamespace = 'labeling'::regnamespace AND contype = 'f' AND c.relname <> ALL (%(old)s)
    AND confrelid <> 'appliance.labels'::regclass
    AND NOT ARRAY(SELECT attname::text FROM pg_attribute WHERE attrelid = conrelid AND attnum = ANY (conkey))
        @> '{restriction_id}'
    UNION ALL
    SELECT c.relname || ' has no policy of restrictions' FROM pg_class AS c
    WHERE c.relnamespace = 'labeling'::regnamespace AND c.relkind = 'r' AND c.relname <> ALL (%(old)s)
    AND NOT EXISTS (SELECT FROM pg_policy WHERE polrelid = c.oid AND NOT polpermissive AND polcmd = '*'
                    AND polname IN ('restricted', 'need_to_know'))
"""


def problems(connection: psycopg.Connection) -> list[str]:
    return [line for (line,) in connection.execute(UNSCOPED.encode(), {"old": sorted(OF_0_1_0)}).fetchall()]


def test_every_table_is_confined_and_every_key_is_scoped(paths: Paths) -> None:
    with psycopg.connect(f"host={paths.database} dbname=labeling user=migrate") as owner:
        assert_confined(owner, "labeling")
        assert problems(owner) == []


@pytest.mark.parametrize(
    "change",
    [
        "CREATE UNIQUE INDEX wrong ON labeling.task (external_id)",
        "CREATE INDEX wrong ON labeling.task (id)",
        "CREATE INDEX wrong ON labeling.claim (annotator, project_id)",
        "ALTER TABLE labeling.answer ADD CONSTRAINT wrong UNIQUE (id)",
        "ALTER TABLE labeling.project ADD CONSTRAINT wrong UNIQUE (name)",
        "CREATE TABLE labeling.wrong (project_id uuid, label_id integer NOT NULL)",
        "DROP POLICY restricted ON labeling.draft",
    ],
)
def test_what_would_tell_is_found(paths: Paths, change: str) -> None:
    with psycopg.connect(f"host={paths.database} dbname=labeling user=migrate") as owner:
        owner.execute(change.encode())
        assert problems(owner) != []
        owner.rollback()


def test_the_tables_of_0_1_0_are_read_by_nothing(paths: Paths) -> None:
    """The claim that the exception above rests on."""
    app = Path(__file__).parents[3] / "images" / "labeling" / "app"
    for source in app.rglob("*.py"):
        for name in OF_0_1_0:
            assert f"labeling.{name} " not in source.read_text(), source
