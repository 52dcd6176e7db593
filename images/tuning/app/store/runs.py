"""Runs: what was asked for, how far each is, and where it goes on after it was killed."""

from typing import Any, LiteralString
from uuid import UUID

from psycopg.types.json import Jsonb

from appliance.service.database import Row, Transaction
from appliance.service.web.responses import not_found
from workbench.tuning.configuration import Configuration, Plan

from ..training.order import Heard, Kept

PAGE = 100
_ADD = """
    INSERT INTO tuning.run (restriction_id, id, label_id, name, version, base, base_sha256, configuration, plan, key)
    VALUES (%(restriction_id)s, %(id)s, %(label_id)s, %(name)s, %(version)s, %(base)s, %(base_sha256)s,
            %(configuration)s, %(plan)s, %(key)s)
"""
# With its job, which says where it stands; both are in the same restriction but for originator control.
_SELECT: LiteralString = """
    SELECT n.restriction_id, n.id, n.name, n.version, n.base, n.base_sha256, n.configuration, n.plan, n.curve,
           n.validation, n.tokens, n.seconds, n.memory, n.created_by, n.created, v.name AS version_name, v.project,
           v.project_name, v.marking, v.method, appliance.restriction_encoding(n.restriction_id) AS restriction,
           a.sha256 AS adapter, a.state AS adapter_state
    FROM tuning.run AS n
    JOIN tuning.version AS v ON (v.restriction_id, v.digest) = (n.restriction_id, n.version)
    LEFT JOIN tuning.adapter AS a ON (a.restriction_id, a.run) = (n.restriction_id, n.id)
"""
_ONE: LiteralString = f"""
    SELECT run.* FROM appliance.restriction AS r CROSS JOIN LATERAL (
        {_SELECT} WHERE n.restriction_id = r.id AND n.id = %s
    ) AS run
"""  # noqa: S608 - a constant
_PAGE: LiteralString = f"""
    SELECT run.* FROM appliance.restriction AS r CROSS JOIN LATERAL (
        {_SELECT} WHERE n.restriction_id = r.id ORDER BY n.created DESC, n.id LIMIT %(limit)s
    ) AS run ORDER BY created DESC, id LIMIT %(limit)s
"""  # noqa: S608 - a constant
_OWN: LiteralString = """
    SELECT one.* FROM appliance.restriction AS r CROSS JOIN LATERAL (
        SELECT restriction_id, key, checkpoint FROM tuning.run WHERE restriction_id = r.id AND id = %s
    ) AS one
"""
_FAST = """
    SELECT seconds / tokens AS per_token FROM appliance.restriction AS r CROSS JOIN LATERAL (
        SELECT seconds, tokens, created FROM tuning.run
        WHERE restriction_id = r.id AND base_sha256 = %s AND tokens > 2000 ORDER BY created DESC LIMIT 1
    ) AS one ORDER BY created DESC LIMIT 1
"""
_HEARD = """
    UPDATE tuning.run SET curve = curve || %(curve)s::real[], validation = %(validation)s, tokens = %(tokens)s,
        seconds = %(seconds)s, memory = greatest(memory, %(memory)s), checkpoint = coalesce(%(checkpoint)s, checkpoint)
    WHERE restriction_id = %(restriction_id)s AND id = %(id)s
"""


async def add(  # noqa: PLR0913, PLR0917 - what a run is
    transaction: Transaction, version: Row, run: UUID, name: str, base: tuple[str, str], wanted: Configuration,
    plan: Plan, key: bytes,
) -> None:  # fmt: skip
    """Keep what a person asked for."""
    values = {
        "restriction_id": version["restriction_id"], "label_id": version["label_id"], "id": run, "name": name,
        "version": version["digest"], "base": base[0], "base_sha256": base[1], "key": key,
        "configuration": Jsonb(wanted.model_dump(mode="json")), "plan": Jsonb(plan.model_dump(mode="json")),
    }  # fmt: skip
    await transaction.execute(_ADD, values)


async def run(transaction: Transaction, identifier: UUID) -> Row:
    """One run.

    Raises:
        HTTPException: 404: there is none, or not for this reader.
    """
    found = await (await transaction.execute(_ONE, [identifier])).fetchone()
    if found is None:
        raise not_found()
    return found


async def newest(transaction: Transaction) -> list[Row]:
    """The newest runs that the reader may know of."""
    return await (await transaction.execute(_PAGE, {"limit": PAGE})).fetchall()


async def kept(transaction: Transaction, identifier: UUID) -> tuple[bytes, Kept | None, int]:
    """Key, last checkpoint and restriction of a run, for who goes on with it.

    Raises:
        HTTPException: 404: as :func:`run`.
    """
    found = await (await transaction.execute(_OWN, [identifier])).fetchone()
    if found is None:
        raise not_found()
    file = Kept.model_validate(found["checkpoint"]["file"]) if found["checkpoint"] else None
    return bytes(found["key"]), file, int(found["restriction_id"])


async def begin(transaction: Transaction, restriction: int, identifier: UUID) -> None:
    """Cut the curve where the run goes on: what came after the last checkpoint comes again."""
    await transaction.execute(
        "UPDATE tuning.run SET curve = curve[:coalesce((checkpoint->>'step')::integer, 0)]"
        " WHERE restriction_id = %s AND id = %s",
        [restriction, identifier],
    )


async def heard(
    transaction: Transaction, restriction: int, identifier: UUID, said: Heard, curve: list[float], before: float
) -> None:
    """Keep what a run said, and where it can go on.

    Args:
        transaction: of the job.
        restriction: number of its restriction.
        identifier: of the run.
        said: the newest word.
        curve: losses of all steps since the last time.
        before: seconds that it computed before it was killed.
    """
    values: dict[str, Any] = said.model_dump(include={"tokens", "memory"}) | {
        "validation": list(said.validation), "seconds": said.seconds + before, "curve": curve,
        "restriction_id": restriction, "id": identifier,
        "checkpoint": Jsonb({"step": said.step, "file": said.file.model_dump(mode="json")})
        if said.sort == "checkpoint" and said.file else None,
    }  # fmt: skip
    await transaction.execute(_HEARD, values)


async def seconds_per_token(transaction: Transaction, base: str) -> float | None:
    """How long a token took in the newest run of a base that the reader may know of."""
    found = await (await transaction.execute(_FAST, [base])).fetchone()
    return float(found["per_token"]) if found and found["per_token"] else None
