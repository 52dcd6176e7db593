"""In the database a reader may have exactly what they may have in Python, whatever reader and restriction are."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from psycopg import errors
from psycopg.errors import InsufficientPrivilege
from psycopg.sql import SQL, Identifier

from appliance.markings import Reader, Restriction
from tests.component.service.database.cluster import Connection
from tests.component.service.database.support import token_for
from tests.unit.markings.test_restriction import readers, restrictions


def said(reader: Reader) -> dict[str, Any]:
    """What a context says of ``reader``."""
    return {
        "level": reader.clearance.level,
        "need": tuple(sorted(reader.clearance.need)),
        "nationalities": tuple(sorted(reader.clearance.nationalities)),
        "groups": tuple(sorted(reader.groups)),
        "originator_decision": "1" if reader.released else None,
    }


def asked(connection: Connection, function: str, restriction: Restriction) -> bool:
    row = connection.execute(f"SELECT appliance.{function}(%s)".encode(), [restriction.encode()]).fetchone()
    assert row
    return bool(row[0])


@given(reader=readers, restriction=restrictions)
@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_database_agrees(role: Connection, reader: Reader, restriction: Restriction) -> None:
    with role.transaction():
        role.execute("SELECT appliance.admit(%s)", [token_for("notes", **said(reader))])
        assert asked(role, "can_read", restriction) == reader.can_read(restriction)
        assert asked(role, "can_receive", restriction) == reader.can_receive(restriction)


@given(restriction=restrictions)
@settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_before_an_admission_nobody_reads(role: Connection, restriction: Restriction) -> None:
    assert not asked(role, "can_read", restriction)
    assert not asked(role, "can_receive", restriction)


@pytest.mark.parametrize(
    "text", ["", "S;;USA", "X;;*||", "S;;USA|Falcon|", "S;;USA||NF", "S;;USA||OC;", "S;;USA||\nOC"]
)
def test_what_is_no_restriction_is_an_error_and_never_readable(role: Connection, text: str) -> None:
    with pytest.raises(errors.CheckViolation, match="no encoded restriction"):
        role.execute("SELECT appliance.can_read(%s)", [text])


@given(reader=readers, restriction=restrictions)
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_row_of_several_groups_is_for_a_member_of_each(
    owner: Connection, reader: Reader, restriction: Restriction
) -> None:
    """Row-level security decides as the function does."""
    with owner.transaction(force_rollback=True):
        owner.execute("CREATE SCHEMA scratch")
        owner.execute("CREATE TABLE scratch.a (label_id integer NOT NULL, groups text[])")
        owner.execute("SELECT appliance.confine('scratch.a', 'groups')")
        owner.execute("GRANT USAGE ON SCHEMA scratch TO notes")
        owner.execute("GRANT SELECT ON scratch.a TO notes")
        values = [restriction.label.encode(), sorted(restriction.groups)]
        owner.execute("INSERT INTO scratch.a VALUES (appliance.label_id(%s), %s)", values)
        owner.execute("SET LOCAL SESSION AUTHORIZATION notes")
        owner.execute("SELECT appliance.admit(%s)", [token_for("notes", **said(reader))])
        seen = owner.execute("SELECT FROM scratch.a").rowcount
        assert seen == reader.can_read(restriction)
        owner.execute("SET LOCAL SESSION AUTHORIZATION postgres")


def test_a_role_says_of_nobody_what_they_may_read(role: Connection) -> None:
    for statement in ("UPDATE appliance.admitted SET groups = '{falcon}'", "SELECT released FROM appliance.admitted"):
        with pytest.raises(InsufficientPrivilege):
            role.execute(statement.encode())


LAID = """
    WITH kept AS (
        INSERT INTO appliance.restriction (label_id, groups, controlled) VALUES (appliance.label_id(%s), %s, %s)
        RETURNING id, label_id
    ), job AS (
        INSERT INTO appliance.job (restriction_id, label_id, id, kind, resource, priority, subject, spec, job_grant,
                                   most_attempts)
        SELECT id, label_id, gen_random_uuid(), 'count', 'work', 5, 'ann', '{}', 'grant', 1 FROM kept
    )
    INSERT INTO appliance.object (restriction_id, label_id, project, name, media_type, size, key, created_by)
    SELECT id, label_id, gen_random_uuid(), 'scene', 'image/png', 1, decode(repeat('00', 32), 'hex'), 'ann' FROM kept
"""


@given(reader=readers, restriction=restrictions)
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_jobs_and_files_are_for_who_reads_their_restriction(
    owner: Connection, reader: Reader, restriction: Restriction
) -> None:
    values = [restriction.label.encode(), sorted(restriction.groups), restriction.originator_controlled]
    with owner.transaction(force_rollback=True):
        owner.execute(LAID.encode(), values)
        owner.execute("SET LOCAL SESSION AUTHORIZATION notes")
        for table in ("restriction", "job", "object"):
            assert _count(owner, table) == 0, "before an admission"
        owner.execute("SELECT appliance.admit(%s)", [token_for("notes", **said(reader))])
        for table in ("restriction", "job", "object"):
            assert _count(owner, table) == reader.can_read(restriction), table


def _count(connection: Connection, table: str) -> int:
    row = connection.execute(SQL("SELECT count(id) FROM appliance.{}").format(Identifier(table))).fetchone()
    assert row
    return int(row[0])
