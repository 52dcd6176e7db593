"""The queue as requests use it: under the context of who asks, to whom the database shows what they may see."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, LiteralString
from uuid import UUID, uuid4

from fastapi import Depends, Request
from psycopg.errors import ProgramLimitExceeded
from psycopg.types.json import Jsonb

from appliance.errors import ApplianceError
from appliance.markings import Label, Restriction
from appliance.service.database import Database, Row, Transaction
from appliance.service.jobs.model import Job
from appliance.service.monitor import MonitorClient
from appliance.service.web.middleware import context_of, token_of

PAGE = 100
WAITING = 20
"""Jobs that one person may have waiting (``appliance.submit_job``)."""

_JOBS: LiteralString = """
        SELECT id, kind, resource, priority, state, subject, spec, r.groups, attempts, most_attempts, done, total,
               message, result, cancelled_by, queued, started, finished
        FROM appliance.job WHERE restriction_id = r.id"""

# Of each restriction that the reader may read by itself, so that nothing hidden is ever passed over (ADR 150).
_PAGE: LiteralString = f"""
    SELECT job.* FROM appliance.restriction AS r CROSS JOIN LATERAL (
        {_JOBS} ORDER BY queued DESC, id LIMIT %(limit)s
    ) AS job ORDER BY queued DESC, id LIMIT %(limit)s
"""  # noqa: S608 - a constant
_ONE: LiteralString = f"""
    SELECT job.* FROM appliance.restriction AS r CROSS JOIN LATERAL (
        {_JOBS} AND id = %(job)s
    ) AS job
"""  # noqa: S608 - a constant
_SUBMIT = "SELECT appliance.submit_job(%s, %s, %s, %s, %s, %s, %s, %s)"


class NoJobError(ApplianceError):
    """There is no such job, or not in a state in which it can be cancelled or queued again."""


class Queue:
    """The jobs of one service.

    Args:
        database: of the service.
        monitor: for grants.

    Attributes:
        more: set when a job was queued here, so that a worker of this process looks at once.
    """

    def __init__(self, database: Database, monitor: MonitorClient) -> None:
        self.more = asyncio.Event()
        self._database = database
        self._monitor = monitor

    async def grant(
        self,
        request: Request,
        name: str,
        *,
        purpose: str,
        calls: int = 1000,
        groups: Sequence[str] = (),
        model: str | None = None,
    ) -> str:
        """Have the monitor grant the person of ``request`` a job; a request starts one.

        Args:
            request: one that the access policy calls a job.
            name: of the run: a job that is begun again has another.
            purpose: what the job is for, in a word.
            calls: how many calls it may make and contexts it may have, together.
            groups: need-to-know groups of what it uses, of which the person must be a member.
            model: the model that it asks, if it asks one.

        Raises:
            NotRecordedError: the monitor grants nothing.
        """
        return await self._monitor.grant(
            token_of(request), job=name, model=model, purpose=purpose, calls=calls, groups=groups
        )

    async def submit(  # noqa: PLR0913 - what a job is
        self,
        request: Request,
        kind: str,
        spec: Mapping[str, Any],
        *,
        resource: str = "work",
        groups: Sequence[str] = (),
        priority: int = 5,
        attempts: int = 3,
        calls: int = 1000,
    ) -> UUID:
        """Queue a job for the person of ``request``, in a transaction of its own.

        Raises:
            ApplianceError: the monitor grants nothing, or the person has ``WAITING`` jobs already.
        """
        job = uuid4()
        granted = await self.grant(request, job.hex, purpose=kind, calls=calls, groups=groups)
        async with self._database.transaction(request, [context_of(request).label]) as transaction:
            await self.add(
                transaction, request, job, kind, spec, granted=granted,
                resource=resource, groups=groups, priority=priority, attempts=attempts,
            )  # fmt: skip
        self.more.set()
        return job

    async def add(  # noqa: PLR0913 - as above
        self,
        transaction: Transaction,
        request: Request,
        job: UUID,
        kind: str,
        spec: Mapping[str, Any],
        *,
        granted: str,
        resource: str,
        groups: Sequence[str] = (),
        priority: int = 5,
        attempts: int = 3,
    ) -> None:
        """Queue a job with what else the request writes, in its transaction; without that commit it never was.

        What a job reads has the enclave's label and the groups of its grant at most: these restrict what comes of it.

        Raises:
            ApplianceError: the person has ``WAITING`` jobs already.
        """
        restriction = Restriction(Label.decode(context_of(request).label), frozenset(groups)).encode()
        values = [job, restriction, kind, resource, priority, attempts, Jsonb(dict(spec)), granted]
        try:
            await transaction.execute(_SUBMIT, values)
        except ProgramLimitExceeded as error:
            raise ApplianceError(
                f"you have {WAITING} waiting jobs already", remedy="wait until one begins, or cancel one"
            ) from error

    async def again(self, transaction: Transaction, job: UUID, spec: Mapping[str, Any], granted: str) -> None:
        """Queue a job again that ended.

        Raises:
            NoJobError: there is none that ended and that this person started.
        """
        found = await transaction.execute(
            "SELECT appliance.resubmit_job(%s, %s, %s) AS again", [job, Jsonb(dict(spec)), granted]
        )
        row = await found.fetchone()
        if not row or not row["again"]:
            raise NoJobError(
                "only a job that ended can be begun again", rule="a job runs for the person who started it",
                remedy="start a new one",
            )  # fmt: skip

    async def cancel(self, request: Request, job: UUID) -> str:
        """Cancel a job: one that waits ends now, one that runs is asked to. Return its state.

        Raises:
            NoJobError: there is none, or it has ended.
        """
        async with self._database.transaction(request) as transaction:
            found = await (await transaction.execute("SELECT appliance.cancel_job(%s) AS state", [job])).fetchone()
        if not found or found["state"] is None:
            raise NoJobError("this job has ended", rule="only a job that waits or runs can be cancelled")
        return str(found["state"])

    async def get(self, request: Request, job: UUID) -> Job | None:
        """One job, or None: there is none, or the reader may not know of it."""
        async with self._database.transaction(request, writes=False) as transaction:
            found = await (await transaction.execute(_ONE, {"job": job})).fetchone()
        return _job(found) if found else None

    async def newest(self, request: Request) -> list[Job]:
        """The newest jobs of which the reader may know."""
        async with self._database.transaction(request, writes=False) as transaction:
            found = await (await transaction.execute(_PAGE, {"limit": PAGE})).fetchall()
        return [_job(row) for row in found]

    async def opened(self, token: str, job: UUID) -> Job | None:
        """What a worker with the job's context sees of it."""
        async with self._database.admitted(token, writes=False) as transaction:
            found = await (await transaction.execute(_ONE, {"job": job})).fetchone()
        return _job(found) if found else None


def _job(row: Row) -> Job:
    return Job.model_validate(row)


def queue_of(request: Request) -> Queue:
    """The jobs of the service."""
    queue: Queue = request.app.state.queue
    return queue


CurrentQueue = Annotated[Queue, Depends(queue_of)]
