"""The worker: claims jobs of one resource class, and runs each under contexts that the monitor gives for its grant."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any
from uuid import UUID

import psycopg
import structlog
from fastapi import HTTPException
from psycopg.types.json import Jsonb

from appliance.errors import ApplianceError
from appliance.markings import Restriction
from appliance.service.database import Database, Row, Transaction
from appliance.service.jobs.model import Job
from appliance.service.jobs.queue import Queue
from appliance.service.monitor import MonitorClient, NotRecordedError, RefusedError

LEASE = 60
"""Seconds after which another worker takes up a job of which nothing was heard."""
BEAT = 2.0
"""Seconds between two words about a running job, and between two looks for another."""
STOPPED = "the service was stopped while the job ran"
_log = structlog.get_logger()
_ASIDE = (psycopg.Error, HTTPException)
"""What a database that restarts causes: it is asked again."""


class JobStoppedError(ApplianceError):
    """The job ends here: it was cancelled, or its person may not run it any more."""


class Work:
    """A claimed job, as what runs it sees it.

    Attributes:
        job: what it was asked to do, with what it says of itself when it was claimed.
        grant: the monitor's word that it runs for its person, for calls through the gateway and for records.
        result: what comes of it, to be filled in.
        cancelled: whether somebody cancelled it.
        lost: whether another worker may have it now.
        on_cancel: called once somebody cancelled it, if it does not look at ``check`` often.
    """

    def __init__(self, job: Job, grant: str, database: Database, monitor: MonitorClient) -> None:
        self.job = job
        self.grant = grant
        self.result: dict[str, Any] = {}
        self.cancelled, self.lost = job.cancelled_by is not None, False
        self.on_cancel: Callable[[], None] = lambda: None
        self.done, self.total = job.done, job.total
        self._database = database
        self._monitor = monitor

    def progress(self, done: int, total: int | None = None) -> None:
        """Say how far it is; those who watch see it within some seconds."""
        self.done, self.total = done, total

    def cancel(self) -> None:
        """Tell it that somebody cancelled it."""
        if not self.cancelled:
            self.cancelled = True
            self.on_cancel()

    def check(self) -> None:
        """Go on only if nobody cancelled it.

        Raises:
            JobStoppedError: somebody did.
        """
        if self.cancelled:
            raise JobStoppedError("cancelled")

    @asynccontextmanager
    async def transaction(self, labels: Iterable[str] = (), *, writes: bool = True) -> AsyncIterator[Transaction]:
        """A transaction under a fresh context of the job, which opens what its person may read now.

        Raises:
            NotRecordedError: the monitor gives none: no record, or the person may not run this job any more.
        """
        token = await self._monitor.context(self.grant)
        async with self._database.admitted(token, labels, writes=writes) as transaction:
            yield transaction

    async def record(
        self,
        activity: str,
        *,
        inputs: Sequence[str] = (),
        outputs: Sequence[str] = (),
        detail: Mapping[str, Any] = {},
        restriction: Restriction | None = None,
    ) -> None:
        """Record what the job does, for its person, before it takes effect.

        Raises:
            NotRecordedError: no durable record.
        """
        await self._monitor.record(
            activity, grant=self.grant, inputs=inputs, outputs=outputs, detail=detail, restriction=restriction
        )


Handler = Callable[[Work], Coroutine[Any, Any, None]]
"""Does a job; what it raises ends the job as failed, an ``ApplianceError`` with its message.

It may be begun again after it was killed at any point, so it looks at what is there already."""


class Worker:
    """Runs the jobs of one resource class, as long as the service runs.

    Args:
        database: of the service.
        queue: its jobs.
        monitor: for contexts and records.
        kinds: what runs each kind.
        resource: the class.
        at_once: how many of them at once.
    """

    def __init__(
        self,
        database: Database,
        queue: Queue,
        monitor: MonitorClient,
        kinds: Mapping[str, Handler],
        *,
        resource: str,
        at_once: int = 1,
    ) -> None:
        self._database = database
        self._queue = queue
        self._monitor = monitor
        self._kinds = kinds
        self._resource = resource
        self._at_once = at_once
        self._recovered = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Work as long as the block runs; then running jobs are given back or interrupted, and waiting ones stay."""
        self._tasks = [asyncio.create_task(self._work()) for _ in range(self._at_once)]
        self._tasks.append(asyncio.create_task(self._recover()))
        try:
            yield
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _recover(self) -> None:
        """Take up what this service left when it ended: of its class there is no other worker."""
        while not self._recovered.is_set():
            try:
                await self._call("SELECT appliance.recover_jobs(%s, true) AS recovered", self._resource)
                self._recovered.set()
            except _ASIDE:
                await asyncio.sleep(BEAT)

    async def _work(self) -> None:
        await self._recovered.wait()
        while True:
            try:
                claimed = await self._call("SELECT * FROM appliance.claim_job(%s, %s)", self._resource, LEASE)
            except _ASIDE as error:
                _log.warning("no_claim", problem=type(error).__name__)
                claimed = None
            if claimed is not None:
                await self._run(claimed)
                continue
            self._queue.more.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(BEAT):
                    await self._queue.more.wait()

    async def _run(self, claimed: Row) -> None:
        """Run a claimed job to its end; whatever goes wrong, it says so."""
        try:
            work = await self._open(claimed)
        except (ApplianceError, *_ASIDE) as error:
            await self._end(claimed, *_failure(error))
            return
        running = asyncio.ensure_future(self._kinds[work.job.kind](work))
        beat = asyncio.create_task(self._beat(claimed, work, running))
        try:
            state, why = await _outcome(running, claimed["id"])
        except asyncio.CancelledError:
            if work.lost:  # another worker has the job, or nobody: this one goes on with the next
                return
            await self._end(claimed, "interrupted" if work.job.most_attempts == 1 else "released", STOPPED, work)
            raise
        finally:
            beat.cancel()
            await asyncio.gather(beat, return_exceptions=True)
        await self._end(claimed, state, why, work)

    async def _open(self, claimed: Row) -> Work:
        """Trade the grant for a context, and read the job with it: this is recorded before it starts.

        Raises:
            ApplianceError: the monitor gives none, or the row does not open for the person any more.
        """
        token = await self._monitor.context(claimed["job_grant"])
        job = await self._queue.opened(token, claimed["id"])
        if job is None or job.kind not in self._kinds:
            raise RefusedError("the person of this job may not know of it any more, or nothing runs this kind")
        return Work(job, claimed["job_grant"], self._database, self._monitor)

    async def _beat(self, claimed: Row, work: Work, running: asyncio.Future[None]) -> None:
        while True:
            await asyncio.sleep(BEAT)
            try:
                kept = await self._keep(claimed, work)
            except _ASIDE:
                continue
            if kept is None:
                _log.warning("claim_lost", job=claimed["id"].hex)
                work.lost = True
                running.cancel()
                return
            if kept:
                work.cancel()

    async def _keep(self, claimed: Row, work: Work) -> bool | None:
        """Whether somebody cancelled the job; None if it is not this worker's any more."""
        row = await self._call(
            "SELECT appliance.keep_job(%s, %s, %s, %s, %s, %s) AS kept",
            claimed["restriction_id"], claimed["id"], claimed["claim"], LEASE, work.done, work.total,
        )  # fmt: skip
        return row["kept"] if row else None

    async def _end(self, claimed: Row, state: str, why: str, work: Work | None = None) -> None:
        """Write the end down; if the database does not answer, the lease ends the job."""
        pause = 0 if state == "released" else int(BEAT) * 2 ** min(claimed["attempt"], 8)
        try:
            if work:
                await self._keep(claimed, work)
            row = await self._call(
                "SELECT appliance.end_job(%s, %s, %s, %s, %s, %s, %s) AS state",
                claimed["restriction_id"], claimed["id"], claimed["claim"], state, why,
                Jsonb(work.result) if work and work.result else None, pause,
            )  # fmt: skip
        except _ASIDE as error:
            _log.warning("no_end", job=claimed["id"].hex, problem=type(error).__name__)
        else:
            _log.info("job_ended", job=claimed["id"].hex, state=row["state"] if row else "lost")

    async def _call(self, query: Any, *values: Any) -> Row | None:
        async with self._database.unadmitted() as connection:
            return await (await connection.execute(query, values)).fetchone()


async def _outcome(running: asyncio.Future[None], job: UUID) -> tuple[str, str]:
    """The state in which a job ends, or `queued` if it is to be tried again, and why."""
    try:
        await running
    except JobStoppedError as error:
        return "cancelled", error.message
    except (ApplianceError, *_ASIDE) as error:
        return _failure(error)
    except Exception:  # noqa: BLE001  # whatever went wrong, the job must be seen to have failed
        _log.exception("job_failed", job=job.hex)
        return "failed", "an internal error; the administrator looks at the log"
    return "done", ""


def _failure(error: Exception) -> tuple[str, str]:
    """What was out of reach may be there again; what refused will refuse again."""
    if not isinstance(error, ApplianceError):
        return "queued", "the database did not answer"
    again = isinstance(error, NotRecordedError) and not isinstance(error, RefusedError)
    return "queued" if again else "failed", f"{error.message}; {error.remedy}" if error.remedy else error.message
