"""Versions, what was decided about findings, and withdrawals.

A version has the restriction of all that went into it. The contents of its records have their own, so that who may read
a record can take it back from every version, whether or not they may know of the version.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg.errors import CheckViolation, UniqueViolation
from psycopg.types.json import Jsonb

from appliance.errors import ApplianceError
from appliance.service.database import Row, Transaction

from ..restrictions import Marked
from . import sql
from .restrictions import numbered

_READABLE = "restriction_id = ANY (ARRAY(SELECT id FROM labeling.restriction))"


@dataclass(frozen=True)
class Content:
    """What a version keeps of a record, with the numbers of the record's label and restriction."""

    label: int
    restriction: int
    digest: str
    task: UUID
    annotators: list[str]
    salt: str
    text: str


async def decisions(transaction: Transaction, project: UUID) -> dict[str, Row]:
    """What was decided about findings."""
    found = await sql.rows(
        transaction,
        f"""
        SELECT finding, sort, reason, annotators, decision, comment, decided_by, decided FROM labeling.check_decision
        WHERE project_id = %s AND {_READABLE}
        """,
        [project],
    )
    return {row["finding"]: row for row in found}


async def decide(
    transaction: Transaction, project: UUID, restriction: Marked, finding: dict[str, Any], decision: str, comment: str
) -> None:
    """Decide a finding.

    Raises:
        ApplianceError: it is about the decider, or it is decided.
    """
    label, number = (await numbered(transaction, [restriction]))[restriction]
    try:
        async with transaction.transaction():
            await sql.changed(
                transaction,
                """
                INSERT INTO labeling.check_decision
                    (project_id, label_id, restriction_id, finding, sort, reason, annotators, decision, comment)
                VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
                """,
                [
                    project,
                    label,
                    number,
                    finding["id"],
                    finding["sort"],
                    finding["reason"],
                    finding["annotators"],
                    decision,
                    comment,
                ],
            )
    except CheckViolation as error:
        raise ApplianceError(
            "this finding is about you",
            rule="nobody decides about their own work",
            remedy="leave it to somebody else",
        ) from error
    except UniqueViolation as error:
        raise ApplianceError("the finding is decided", rule="a finding is decided once", remedy="go on") from error


async def reopen(transaction: Transaction, project: UUID, finding: str) -> None:
    """Take one's own decision back.

    Raises:
        ApplianceError: there is none of theirs.
    """
    gone = await sql.changed(
        transaction,
        f"""
        DELETE FROM labeling.check_decision WHERE project_id = %s AND {_READABLE} AND finding = %s
        AND decided_by = appliance.subject()
        """,
        [project, finding],
    )
    if not gone:
        raise ApplianceError(
            "there is no decision of yours to take back", rule="who decided may decide again", remedy="ask them"
        )


async def withdrawn(transaction: Transaction, project: UUID) -> dict[UUID, str]:
    """Records that were taken back, and why."""
    found = await sql.rows(
        transaction,
        f"SELECT task, reason FROM labeling.withdrawal WHERE project_id = %s AND {_READABLE} AND task IS NOT NULL",
        [project],
    )
    return {row["task"]: row["reason"] for row in found}


async def known(transaction: Transaction, project: UUID) -> dict[UUID, list[tuple[str, str]]]:
    """Salt and digest of each content that there is, by record: what did not change keeps its digest."""
    found = await sql.rows(
        transaction,
        f"""
        SELECT task, salt, digest FROM labeling.version_record
        WHERE project_id = %s AND {_READABLE} AND tombstone IS NULL ORDER BY task, digest
        """,
        [project],
    )
    by_task: dict[UUID, list[tuple[str, str]]] = {}
    for row in found:
        by_task.setdefault(row["task"], []).append((row["salt"], row["digest"]))
    return by_task


async def add(
    transaction: Transaction,
    project: UUID,
    restriction: Marked,
    version: dict[str, Any],
    contents: Sequence[Content],
) -> None:
    """Keep a version: ``digest``, ``name``, ``parent``, ``manifest``."""
    label, number = (await numbered(transaction, [restriction]))[restriction]
    await sql.changed(
        transaction,
        """
        INSERT INTO labeling.version_record
            (project_id, label_id, restriction_id, digest, task, annotators, salt, content)
        SELECT %s, label, number, digest, task, ARRAY(SELECT jsonb_array_elements_text(annotators)), salt, content
        FROM unnest(%s::integer[], %s::integer[], %s::text[], %s::uuid[], %s::jsonb[], %s::text[], %s::text[])
            AS new (label, number, digest, task, annotators, salt, content)
        ON CONFLICT DO NOTHING
        """,
        [
            project,
            [one.label for one in contents],
            [one.restriction for one in contents],
            [one.digest for one in contents],
            [one.task for one in contents],
            [Jsonb(one.annotators) for one in contents],
            [one.salt for one in contents],
            [one.text for one in contents],
        ],
    )
    await sql.changed(
        transaction,
        """
        INSERT INTO labeling.version
            (project_id, label_id, restriction_id, digest, name, parent, records, parts, manifest)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
        """,
        [
            project,
            label,
            number,
            version["digest"],
            version["name"],
            version["parent"],
            len(contents),
            sorted({one.restriction for one in contents}),
            version["manifest"],
        ],
    )


async def versions(transaction: Transaction, project: UUID) -> list[Row]:
    """All versions that the reader may know of, the newest first."""
    return await sql.rows(
        transaction,
        f"""
        SELECT v.digest, v.name, v.parent, v.records, r.portion AS marking, r.groups, v.created_by, v.created
        FROM labeling.version AS v JOIN labeling.restriction AS r ON r.label_id = v.label_id AND r.id = v.restriction_id
        WHERE v.project_id = %s AND v.{_READABLE} ORDER BY v.created DESC, v.digest
        """,
        [project],
    )


async def version(transaction: Transaction, project: UUID, digest: str) -> Row:
    """One version with its manifest and what was withdrawn of it.

    Raises:
        HTTPException: 404: there is none, or not for this reader.
    """
    return await sql.one(
        transaction,
        f"""
        SELECT v.digest, v.name, v.parent, v.records, v.parts, v.manifest, r.portion AS marking, r.groups,
               v.created_by, v.created
        FROM labeling.version AS v JOIN labeling.restriction AS r ON r.label_id = v.label_id AND r.id = v.restriction_id
        WHERE v.project_id = %s AND v.{_READABLE} AND v.digest = %s
        """,
        [project, digest],
    )


async def contents(transaction: Transaction, project: UUID, of: Row, digests: Sequence[str]) -> dict[str, Row]:
    """The contents of records of a version by digest, or their tombstones."""
    found = await sql.rows(
        transaction,
        """
        SELECT digest, task, salt, content, tombstone FROM labeling.version_record
        WHERE project_id = %s AND restriction_id = ANY (%s) AND digest = ANY (%s)
        """,
        [project, of["parts"], list(digests)],
    )
    return {row["digest"]: row for row in found}


async def withdraw_task(transaction: Transaction, of: Row, reason: str) -> int:
    """Take a record back: the database hides it from everybody, and of versions that have it only its digest stays.

    Raises:
        ApplianceError: somebody else took it back at this moment.
    """
    try:
        async with transaction.transaction():
            await sql.changed(
                transaction,
                """
                INSERT INTO labeling.withdrawal (project_id, label_id, restriction_id, task, reason)
                VALUES (%(project)s, %(label_id)s, %(restriction_id)s, %(id)s, %(reason)s)
                """,
                of | {"reason": reason},
            )
    except UniqueViolation as error:
        raise ApplianceError("the record is withdrawn", rule="a record is withdrawn once", remedy="go on") from error
    return await sql.changed(
        transaction,
        """
        UPDATE labeling.version_record SET salt = NULL, content = NULL, tombstone = %(reason)s
        WHERE project_id = %(project)s AND restriction_id = %(restriction_id)s AND task = %(id)s AND tombstone IS NULL
        """,
        of | {"reason": reason},
    )


async def withdraw_person(transaction: Transaction, project: UUID, annotator: str, reason: str) -> tuple[int, int]:
    """Take back all that one person answered, as far as the reviewer may read it: how many answers and contents.

    Their tasks come free again for others. What versions kept of a record that they answered goes.

    Raises:
        ApplianceError: they have answered nothing here that the reviewer may read.
    """
    values = {"project": project, "annotator": annotator, "reason": reason}
    taken = await sql.rows(
        transaction,
        f"""
        UPDATE labeling.answer SET withdrawn = true
        WHERE project_id = %(project)s AND {_READABLE} AND annotator = %(annotator)s AND NOT withdrawn
        RETURNING label_id, restriction_id, position
        """,
        values,
    )
    if not taken:
        raise ApplianceError(
            f"{annotator} has answered nothing here", rule="a withdrawal names who answered", remedy="correct the name"
        )
    places = {"restrictions": [row["restriction_id"] for row in taken], "places": [row["position"] for row in taken]}
    await sql.changed(
        transaction,
        """
        WITH freed AS (
            UPDATE labeling.task AS t SET answered = t.answered - 1, taken = greatest(t.taken - 1, 0)
            FROM unnest(%(restrictions)s::integer[], %(places)s::bigint[]) AS gone (number, place)
            WHERE t.project_id = %(project)s AND t.restriction_id = gone.number AND t.position = gone.place
            RETURNING t.restriction_id, t.answered + 1 >= t.wanted AND t.answered < t.wanted AS undone
        ), counted AS (
            SELECT restriction_id, count(*) AS answers, count(*) FILTER (WHERE undone) AS undone
            FROM freed GROUP BY restriction_id
        )
        UPDATE labeling.counter AS c SET answers = c.answers - counted.answers, done = c.done - counted.undone
        FROM counted WHERE c.project_id = %(project)s AND c.restriction_id = counted.restriction_id
        """,
        values | places,
    )
    await sql.changed(
        transaction,
        """
        INSERT INTO labeling.returned (project_id, label_id, restriction_id, position)
        SELECT %(project)s, label, number, place
        FROM unnest(%(labels)s::integer[], %(restrictions)s::integer[], %(places)s::bigint[])
            AS gone (label, number, place) ON CONFLICT DO NOTHING
        """,
        values | places | {"labels": [row["label_id"] for row in taken]},
    )
    await sql.changed(
        transaction,
        """
        INSERT INTO labeling.withdrawal (project_id, label_id, restriction_id, annotator, reason)
        SELECT DISTINCT %(project)s, label, number, %(annotator)s, %(reason)s
        FROM unnest(%(labels)s::integer[], %(restrictions)s::integer[]) AS gone (label, number)
        """,
        values | places | {"labels": [row["label_id"] for row in taken]},
    )
    gone = await sql.changed(
        transaction,
        f"""
        UPDATE labeling.version_record SET salt = NULL, content = NULL, tombstone = %(reason)s
        WHERE project_id = %(project)s AND {_READABLE} AND %(annotator)s = ANY (annotators) AND tombstone IS NULL
        """,
        values,
    )
    return len(taken), gone
