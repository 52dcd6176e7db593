"""The objects of a service as its database keeps them: reserved, uploaded in parts, kept, used, erased."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Annotated, Any, Literal, LiteralString
from uuid import UUID

import psycopg
from fastapi import Depends, HTTPException, Request
from pydantic import AwareDatetime, BaseModel, ConfigDict

from appliance.errors import ApplianceError
from appliance.markings import Restriction
from appliance.service.database import Database, Row, Transaction
from appliance.service.objects.volume import PART, Content, Volume, part_size, parts_of
from appliance.service.web.responses import not_found

LARGEST = 64 << 30
"""Most bytes of one object."""
PAGE = 200
GRACE = 60
"""Minutes for which what is not used is kept."""
BETWEEN = 600
"""Seconds between two collections."""

_OPEN: LiteralString = """
    INSERT INTO appliance.object (restriction_id, label_id, project, name, media_type, size, key, declared)
    SELECT r.id, r.label_id, %(project)s, %(name)s, 'application/octet-stream', %(size)s, %(key)s, %(declared)s
    FROM appliance.restriction AS r WHERE r.id = %(restriction)s RETURNING id
"""
_RESERVE: LiteralString = """
    INSERT INTO appliance.object_space AS space (restriction_id, label_id, project, used)
    SELECT r.id, r.label_id, %(project)s, %(size)s FROM appliance.restriction AS r WHERE r.id = %(restriction)s
    ON CONFLICT (restriction_id, project) DO UPDATE SET used = space.used + excluded.used
    WHERE space.used + excluded.used <= %(quota)s RETURNING used
"""
_FREE: LiteralString = """
    UPDATE appliance.object_space SET used = greatest(used - %(size)s, 0)
    WHERE restriction_id = %(restriction_id)s AND project = %(project)s
"""
# Of each restriction that the reader may read by itself (ADR 150).
_ONE: LiteralString = """
    SELECT o.*, appliance.restriction_encoding(o.restriction_id) AS restriction
    FROM appliance.restriction AS r CROSS JOIN LATERAL (
        SELECT * FROM appliance.object WHERE restriction_id = r.id AND project = %(project)s AND id = %(id)s
    ) AS o
"""
_PAGE: LiteralString = """
    SELECT o.*, appliance.restriction_encoding(o.restriction_id) AS restriction
    FROM appliance.restriction AS r CROSS JOIN LATERAL (
        SELECT * FROM appliance.object WHERE restriction_id = r.id AND project = %(project)s
        ORDER BY created DESC, id LIMIT %(limit)s
    ) AS o ORDER BY created DESC, id LIMIT %(limit)s
"""
_AT = "restriction_id = %(restriction_id)s AND project = %(project)s AND id = %(id)s"
# Shared: several parts come at once, and who ends the upload waits for them.
_LOCK: LiteralString = """
    SELECT FROM appliance.object
    WHERE restriction_id = %(restriction_id)s AND project = %(project)s AND id = %(id)s AND state = 'open' FOR SHARE
"""
_PART: LiteralString = """
    INSERT INTO appliance.object_part (restriction_id, label_id, project, object, number, sha256)
    VALUES (%(restriction_id)s, %(label_id)s, %(project)s, %(id)s, %(number)s, %(sha256)s)
    ON CONFLICT (restriction_id, project, object, number) DO UPDATE SET sha256 = excluded.sha256
"""
_PARTS: LiteralString = """
    SELECT number, sha256 FROM appliance.object_part
    WHERE restriction_id = %(restriction_id)s AND project = %(project)s AND object = %(id)s ORDER BY number
"""


class Object(BaseModel):
    """A file, or what is uploaded of one.

    Attributes:
        id: its identifier.
        project: what it belongs to.
        restriction: what limits its readers, encoded.
        state: ``open`` while it is uploaded, ``checking`` until it is ``kept`` or ``refused``; then perhaps ``erased``.
        name: as its uploader called it; nothing is decided by it.
        media_type: by its content; unknown until it was checked.
        size: in bytes.
        sha256: of its content.
        uses: how often it is used; what is used by nothing goes.
        message: why it was refused.
        created_by: who uploaded it.
        created: when.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    id: UUID
    project: UUID
    restriction: str
    state: Literal["open", "checking", "kept", "refused", "erased"]
    name: str
    media_type: str
    size: int
    sha256: str | None
    uses: int
    message: str
    created_by: str
    created: AwareDatetime


class Objects:
    """The objects of one service.

    Args:
        volume: where their bytes are.
        database: of the service.
        quota: most bytes of one project in one restriction.
    """

    def __init__(self, volume: Volume, database: Database, quota: int) -> None:
        self.volume = volume
        self._database = database
        self._quota = quota

    async def begin(
        self,
        transaction: Transaction,
        project: UUID,
        restriction: Restriction,
        name: str,
        size: int,
        *,
        declared: bool = False,
    ) -> UUID:
        """Begin an upload: its room is reserved.

        Args:
            transaction: of the uploader.
            project: what it belongs to.
            restriction: what limits its readers.
            name: as its uploader calls it.
            size: in bytes.
            declared: whether the uploader named its marking.

        Raises:
            ApplianceError: it is too large, or project or volume have no room for it.
        """
        if not 0 < size <= LARGEST:
            raise ApplianceError(f"size: {size} bytes", rule=f"a file has 1 to {LARGEST} bytes")
        found = await _row(transaction, "SELECT appliance.restriction_id(%s) AS id", [restriction.encode()])
        values = {"restriction": found["id"], "project": project, "name": name, "size": size}
        values["declared"] = declared
        full = ApplianceError(
            f"the project has no room for {size} bytes more", rule=f"a project has room for {self._quota} bytes",
            remedy="remove files that nobody needs",
        )  # fmt: skip
        if size > self._quota:
            raise full
        reserved = await transaction.execute(_RESERVE, values | {"quota": self._quota})
        if not await reserved.fetchone():
            raise full
        if not self.volume.room(size):
            raise ApplianceError(
                "the disk of this enclave is full", rule="the room of a file is reserved before its first byte",
                remedy="tell the administrator: `appliance host status` shows the disks",
            )  # fmt: skip
        begun = await _row(transaction, _OPEN, values | {"key": os.urandom(32)})
        return UUID(str(begun["id"]))

    async def put(self, request: Request, project: UUID, identifier: UUID, number: int, data: bytes) -> None:
        """Take a part of an upload; sending it again replaces it.

        Raises:
            ApplianceError: the upload is over, or the part has another size.
            HTTPException: 404: there is no such upload of this person.
        """
        async with self._database.transaction(request) as transaction:
            row = await self._own(transaction, project, identifier)
            # A part is written while its row is locked: none comes after the last look at the file.
            locked = await transaction.execute(_LOCK, row)
            if locked.rowcount != 1:
                raise ApplianceError("this upload is over", remedy="begin another one")
            if not 0 <= number < parts_of(row["size"]) or len(data) != part_size(row["size"], number):
                raise ApplianceError(
                    f"part {number}: has {len(data)} bytes",
                    rule=f"each part has {PART} bytes, the last one what is left",
                )
            await _done(asyncio.to_thread(self.volume.write, identifier, row["key"], number, data))
            digest = hashlib.sha256(data).hexdigest()
            await transaction.execute(_PART, row | {"number": number, "sha256": digest})

    async def missing(self, transaction: Transaction, project: UUID, identifier: UUID) -> list[int]:
        """The parts that an upload of this person still wants.

        Raises:
            HTTPException: 404: there is none.
        """
        return await self._missing(transaction, await self._own(transaction, project, identifier))

    async def _missing(self, transaction: Transaction, row: Row) -> list[int]:
        there = {part["number"] for part in await (await transaction.execute(_PARTS, row)).fetchall()}
        return [number for number in range(parts_of(row["size"])) if number not in there]

    async def finish(self, transaction: Transaction, project: UUID, identifier: UUID) -> Object:
        """End an upload of this person: no part is taken any more, and the job that checks it may begin.

        Raises:
            ApplianceError: parts are missing, or the upload is over.
            HTTPException: 404: there is none.
        """
        row = await self._own(transaction, project, identifier)
        if missing := await self._missing(transaction, row):
            raise ApplianceError(f"{len(missing)} parts are missing, the first is {missing[0]}", remedy="send them")
        changed = await transaction.execute(
            f"UPDATE appliance.object SET state = 'checking', changed = now() WHERE {_AT} AND state = 'open'",  # noqa: S608 - a constant
            row,
        )
        if changed.rowcount != 1:
            raise ApplianceError("this upload is over", remedy="begin another one")
        return Object.model_validate(row)

    async def _own(self, transaction: Transaction, project: UUID, identifier: UUID) -> Row:
        row = await self.row(transaction, project, identifier)
        mine = await _row(transaction, "SELECT appliance.subject() AS name")
        if row["created_by"] != mine["name"]:
            raise not_found()
        if row["state"] != "open":
            raise ApplianceError("this upload is over", remedy="begin another one")
        return row

    async def row(self, transaction: Transaction, project: UUID, identifier: UUID) -> Row:
        """The whole row of an object, its key included, for who may read it.

        Raises:
            HTTPException: 404: there is none, or not for this reader.
        """
        found = await (await transaction.execute(_ONE, {"project": project, "id": identifier})).fetchone()
        if found is None:
            raise not_found()
        return found

    async def get(self, transaction: Transaction, project: UUID, identifier: UUID) -> Object:
        """One object.

        Raises:
            HTTPException: 404: there is none, or not for this reader.
        """
        return Object.model_validate(await self.row(transaction, project, identifier))

    async def newest(self, transaction: Transaction, project: UUID) -> list[Object]:
        """The newest objects of a project that the reader may know of."""
        found = await (await transaction.execute(_PAGE, {"project": project, "limit": PAGE})).fetchall()
        return [Object.model_validate(row) for row in found]

    async def content(self, transaction: Transaction, project: UUID, identifier: UUID) -> tuple[Object, Content]:
        """A kept object with its bytes.

        Raises:
            HTTPException: 404: there is none that is kept, or not for this reader.
        """
        row = await self.row(transaction, project, identifier)
        if row["state"] != "kept":
            raise not_found()
        return Object.model_validate(row), self.volume.content(identifier, row["key"], row["size"])

    async def keep(self, transaction: Transaction, row: Row, sha256: str, media_type: str) -> UUID:
        """Keep an uploaded object, used once; the same content in the same project and restriction is kept once.

        Returns:
            the identifier under which it is kept: its own, or that of the one before.
        """
        known = await transaction.execute(
            "UPDATE appliance.object SET uses = uses + 1, changed = now() WHERE restriction_id = %(restriction_id)s"
            " AND project = %(project)s AND sha256 = %(sha256)s AND state = 'kept' AND id <> %(id)s RETURNING id",
            row | {"sha256": sha256},
        )
        if same := await known.fetchone():
            await self.refuse(transaction, row, f"the project has it already: {same['id']}")
            return UUID(str(same["id"]))
        await transaction.execute(
            f"UPDATE appliance.object SET state = 'kept', uses = 1, sha256 = %(sha256)s, media_type = %(media_type)s,"  # noqa: S608 - a constant
            f" changed = now() WHERE {_AT}",
            row | {"sha256": sha256, "media_type": media_type},
        )
        return UUID(str(row["id"]))

    async def refuse(self, transaction: Transaction, row: Row, why: str) -> None:
        """Give an upload up; nothing of its content stays."""
        await self._close(transaction, row, "refused", why)

    async def use(self, transaction: Transaction, project: UUID, identifier: UUID, change: int) -> None:
        """Count one use more (1) or less (-1) of a kept object; what is used by nothing goes after an hour.

        Raises:
            HTTPException: 404: there is none that is kept, or not for this reader.
        """
        row = await self.row(transaction, project, identifier)
        if row["state"] != "kept":
            raise not_found()
        await transaction.execute(
            f"UPDATE appliance.object SET uses = greatest(uses + %(change)s, 0), changed = now() WHERE {_AT}",  # noqa: S608 - a constant
            row | {"change": change},
        )

    async def erase(self, transaction: Transaction, project: UUID, identifier: UUID) -> Object:
        """Erase an object for all who use it: its key goes with this transaction, its files after it.

        Raises:
            HTTPException: 404: there is none, or not for this reader.
        """
        row = await self.row(transaction, project, identifier)
        if row["key"] is not None:
            await self._close(transaction, row, "erased", "")
        return Object.model_validate(row)

    async def _close(self, transaction: Transaction, row: Row, state: str, why: str) -> None:
        await transaction.execute(_FREE, row)
        await transaction.execute(
            f"UPDATE appliance.object SET state = %(new)s, key = NULL, message = %(why)s, changed = now() WHERE {_AT}",  # noqa: S608 - a constant
            row | {"new": state, "why": why[:2000]},
        )

    async def collect(self, minutes: int = GRACE) -> int:
        """Remove the files of what is refused, erased, unused or was given up; return how many objects."""
        folders = await asyncio.to_thread(self.volume.folders)
        async with self._database.unadmitted() as connection:
            found = await connection.execute("SELECT appliance.collect_objects(%s, %s) AS id", [folders, minutes])
            gone = [row["id"] for row in await found.fetchall()]
        for identifier in gone:
            await asyncio.to_thread(self.volume.remove, identifier)
        return len(gone)

    @asynccontextmanager
    async def collecting(self) -> AsyncIterator[None]:
        """Collect from time to time, as long as the block runs."""

        async def work() -> None:
            while True:
                await asyncio.sleep(BETWEEN)
                with suppress(psycopg.Error, HTTPException, OSError):  # the next time, then
                    await self.collect()

        task = asyncio.create_task(work())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def _done(writing: Coroutine[Any, Any, None]) -> None:
    """Wait for what a thread writes, also when the request is given up meanwhile."""
    task = asyncio.ensure_future(writing)
    try:
        await asyncio.shield(task)
    finally:
        await asyncio.wait([task])


async def _row(transaction: Transaction, query: LiteralString, values: Any = ()) -> Row:
    found = await (await transaction.execute(query, values)).fetchone()
    if found is None:
        raise not_found()
    return found


def objects_of(request: Request) -> Objects:
    """The objects of the service."""
    objects: Objects = request.app.state.objects
    return objects


CurrentObjects = Annotated[Objects, Depends(objects_of)]
