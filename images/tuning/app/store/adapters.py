"""The registry: adapters by their content, their states, and what names them."""

from typing import Any, LiteralString

from psycopg.types.json import Jsonb

from appliance.service.database import Row, Transaction
from appliance.service.web.responses import not_found
from workbench.tuning.states import State, check_change

PAGE = 100
_ADD = """
    INSERT INTO tuning.adapter
        (restriction_id, sha256, label_id, run, name, version, object, size, key, card, created_by)
    SELECT n.restriction_id, %(sha256)s, n.label_id, n.id, n.name, n.version, %(object)s, %(size)s, n.key, %(card)s,
           n.created_by
    FROM tuning.run AS n WHERE n.restriction_id = %(restriction_id)s AND n.id = %(run)s
"""
_SELECT: LiteralString = """
    SELECT a.*, appliance.restriction_encoding(a.restriction_id) AS restriction, v.name AS version_name, v.project,
           v.project_name, v.marking, v.method, v.people
    FROM tuning.adapter AS a JOIN tuning.version AS v ON (v.restriction_id, v.digest) = (a.restriction_id, a.version)
"""
_ONE: LiteralString = f"""
    SELECT one.* FROM appliance.restriction AS r CROSS JOIN LATERAL (
        {_SELECT} WHERE a.restriction_id = r.id AND a.sha256 = %s
    ) AS one
"""  # noqa: S608 - a constant
_PAGE: LiteralString = f"""
    SELECT one.* FROM appliance.restriction AS r CROSS JOIN LATERAL (
        {_SELECT} WHERE a.restriction_id = r.id ORDER BY a.created DESC, a.sha256 LIMIT %(limit)s
    ) AS one ORDER BY created DESC, sha256 LIMIT %(limit)s
"""  # noqa: S608 - a constant
_EVENT = """
    INSERT INTO tuning.event (restriction_id, adapter, label_id, sort, said, digest, reason)
    VALUES (%(restriction_id)s, %(sha256)s, %(label_id)s, %(sort)s, %(said)s, %(digest)s, %(reason)s)
"""


async def add(
    transaction: Transaction, restriction: int, run: Any, file: Any, sha256: str, card: dict[str, Any]
) -> None:
    """Register what a run made: a candidate."""
    values = {
        "restriction_id": restriction, "run": run, "object": file.id, "size": file.size, "sha256": sha256,
        "card": Jsonb(card),
    }  # fmt: skip
    await transaction.execute(_ADD, values)


async def of_run(transaction: Transaction, restriction: int, run: Any) -> str | None:
    """The adapter that a run made, if it has."""
    found = await transaction.execute(
        "SELECT sha256 FROM tuning.adapter WHERE restriction_id = %s AND run = %s", [restriction, run]
    )
    row = await found.fetchone()
    return str(row["sha256"]) if row else None


async def adapter(transaction: Transaction, sha256: str) -> Row:
    """One adapter.

    Raises:
        HTTPException: 404: there is none, or not for this reader.
    """
    found = await (await transaction.execute(_ONE, [sha256])).fetchone()
    if found is None:
        raise not_found()
    return found


async def newest(transaction: Transaction) -> list[Row]:
    """The newest adapters that the reader may know of."""
    return await (await transaction.execute(_PAGE, {"limit": PAGE})).fetchall()


async def change(transaction: Transaction, one: Row, state: State, reason: str) -> None:
    """Bring an adapter to another state; an erased one has no key any more, and no file that anybody can read.

    Raises:
        ApplianceError: it does not go there from where it is.
    """
    found = await transaction.execute(
        "SELECT state FROM tuning.adapter WHERE restriction_id = %s AND sha256 = %s FOR UPDATE",
        [one["restriction_id"], one["sha256"]],
    )
    row = await found.fetchone()
    check_change(row["state"] if row else "erased", state)
    await transaction.execute(
        "UPDATE tuning.adapter SET state = %s, reason = %s, key = CASE WHEN %s = 'erased' THEN NULL ELSE key END"
        " WHERE restriction_id = %s AND sha256 = %s",
        [state, reason, state, one["restriction_id"], one["sha256"]],
    )
    if state == "erased":  # the run's checkpoints have the same key
        await transaction.execute(
            "UPDATE tuning.run SET key = NULL, checkpoint = NULL WHERE restriction_id = %s AND id = %s",
            [one["restriction_id"], one["run"]],
        )
    await told(transaction, one, "state", state, reason=reason)


async def told(
    transaction: Transaction, one: Row, sort: str, said: str, digest: str | None = None, reason: str = ""
) -> None:
    """Keep what became of an adapter."""
    values = {name: one[name] for name in ("restriction_id", "label_id", "sha256")}
    await transaction.execute(_EVENT, values | {"sort": sort, "said": said, "digest": digest, "reason": reason})


async def events(transaction: Transaction, one: Row) -> list[Row]:
    """What became of an adapter, in time."""
    found = await transaction.execute(
        "SELECT sort, said, digest, reason, by, at FROM tuning.event"
        " WHERE restriction_id = %s AND adapter = %s ORDER BY at, id",
        [one["restriction_id"], one["sha256"]],
    )
    return await found.fetchall()


async def purge(transaction: Transaction, name: str, reason: str) -> None:
    """Suspend every adapter that descends from a record or a version, those too that its reader may not know of."""
    await transaction.execute("SELECT tuning.purge(%s, %s)", [name, reason])
