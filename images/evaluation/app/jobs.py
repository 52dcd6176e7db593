"""Jobs: queued for a person, run one after the other, kept in the service's volume across restarts."""

import asyncio
import os
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog

from appliance.errors import ApplianceError
from appliance.markings import Reader
from appliance.service.monitor import MonitorClient
from workbench.evaluation import suites
from workbench.evaluation.advice import plan

from .custody import Custody
from .model import Job, NewJob
from .run import Bench, Run
from .store import Store

_log = structlog.get_logger()
MOST_QUEUED = 20
PURPOSE = "evaluation"
"""What the model's service is told: only this may ask a model that has no certificate yet."""
CALLS_PER_ITEM = 4
"""One answer, and as often again as it is tried."""
OTHER_CALLS = 10
MOST_CALLS = 100_000


@dataclass
class _Entry:
    job: Job
    grant: str


class Jobs:
    """The jobs of this service; one runs at a time, because they share the enclave's engine with its users.

    Args:
        store: where jobs are kept.
        bench: what a run needs.
        custody: the keys of hold-outs.
        monitor: for grants.
        models: names of the models that may be evaluated here.

    Attributes:
        policy: the certification policy in force.
    """

    def __init__(
        self, store: Store, bench: Bench, custody: Custody, monitor: MonitorClient, models: tuple[str, ...]
    ) -> None:
        self.store = store
        self.custody = custody
        self.policy = bench.own.policy
        self._bench = bench
        self._monitor = monitor
        self._models = models
        self._queue: deque[_Entry] = deque()
        self._run: Run | None = None
        self._task: asyncio.Task[None] | None = None
        for job in store.all():
            if not job.over:
                text = "the service was restarted; what was answered is kept: resume it"
                store.keep(job.model_copy(update={"state": "interrupted", "message": text}))

    def all(self) -> list[Job]:
        """All jobs, the newest first, the running one with its progress."""
        return [self._live(job) for job in self.store.all()]

    def known(self, reader: Reader) -> list[Job]:
        """The jobs that ``reader`` may know of, the newest first."""
        return [job for job in self.all() if job.known_to(reader)]

    def get(self, identifier: str) -> Job | None:
        """One job, or None."""
        job = self.store.get(identifier)
        return self._live(job) if job else None

    async def start(self, new: NewJob, *, evaluator: str, context: str) -> Job:
        """Queue a job for ``evaluator``, whose request carried ``context``.

        The monitor grants nothing for groups that they are no member of.

        Raises:
            ApplianceError: model, tier, suite or hold-out are not there, the queue is full, or the monitor grants
                nothing.
        """
        if new.model not in self._models:
            raise ApplianceError(f"model {new.model!r} is not installed here", remedy=", ".join(self._models))
        self.policy.effective(new.tier)
        known = suites.standard()
        if new.suite and new.suite not in known:
            raise ApplianceError(f"there is no suite {new.suite!r}", remedy=", ".join(known))
        if not new.suite and not self.policy.effective(new.tier).bounds:
            new = new.model_copy(update={"suite": "smoke"})
        if new.generation is not None:
            self.custody.check(new.generation, evaluator)
        wanted = {new.suite: new.limit or known[new.suite].items} if new.suite else {}
        job = Job(
            id=os.urandom(16).hex(),
            model=new.model,
            tier=new.tier,
            asked=wanted,
            evaluator=evaluator,
            generation=new.generation,
            queued=datetime.now(UTC),
            need_to_know=new.need_to_know,
        )
        await self._enqueue(job, context)
        return job

    async def resume(self, identifier: str, *, evaluator: str, context: str) -> Job:
        """Go on with a job that was interrupted; no item that was answered is asked again.

        Raises:
            ApplianceError: it did not stop, another person started it, or the monitor grants nothing.
        """
        job = self.store.get(identifier)
        if job is None or job.state not in {"interrupted", "failed"}:
            raise ApplianceError("only a job that was interrupted can be resumed", remedy="start a new one")
        if job.evaluator != evaluator:
            raise ApplianceError(f"{job.evaluator} started this job", rule="a job runs for the person who started it")
        if job.generation is not None:
            self.custody.check(job.generation, evaluator)
        job = job.model_copy(update={"state": "queued", "message": "", "finished": None})
        await self._enqueue(job, context)
        return job

    def cancel(self, identifier: str) -> Job:
        """Stop a job; what was answered becomes its results.

        Raises:
            ApplianceError: it has ended already.
        """
        for entry in self._queue:
            if entry.job.id == identifier:
                self._queue.remove(entry)
                job = entry.job.model_copy(update={"state": "stopped", "message": "cancelled before it began"})
                self.store.keep(job.model_copy(update={"finished": datetime.now(UTC)}))
                return job
        if self._run is None or self._run.job.id != identifier:
            raise ApplianceError("this job has ended", rule="only a job that waits or runs can be cancelled")
        self._run.cancel("cancelled")
        return self._run.job

    async def close(self) -> None:
        """Stop; running and waiting jobs are kept as interrupted."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        for entry in self._queue:
            text = "the service was stopped; resume it"
            self.store.keep(entry.job.model_copy(update={"state": "interrupted", "message": text}))

    async def _enqueue(self, job: Job, context: str) -> None:
        if len(self._queue) >= MOST_QUEUED:
            raise ApplianceError(f"{MOST_QUEUED} jobs wait already", remedy="wait, or cancel one")
        calls = min(MOST_CALLS, CALLS_PER_ITEM * self._most_items(job) + OTHER_CALLS)
        run = f"{job.id}.{job.runs}" if job.runs else job.id
        job = job.model_copy(update={"runs": job.runs + 1})
        grant = await self._monitor.grant(
            context, job=run, model=job.model, purpose=PURPOSE, calls=calls, groups=job.need_to_know
        )
        self.store.keep(job)
        self._queue.append(_Entry(job, grant))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._work_off())

    def _most_items(self, job: Job) -> int:
        """How many items a job can have at most, before they are made: some scores apply to a part of them only."""
        if job.asked:
            return sum(job.asked.values()) + 10
        return 4 * sum(max(scores.values()) for scores in plan(self.policy, job.tier).values())

    async def _work_off(self) -> None:
        while self._queue:
            entry = self._queue.popleft()
            self._run = Run(entry.job, entry.grant, self._bench, self.store, self.custody)
            try:
                await self._run.work()
            finally:
                _log.info("job_ended", job=entry.job.id, state=self._run.job.state)
                self._run = None

    def _live(self, job: Job) -> Job:
        return self._run.job if self._run and self._run.job.id == job.id else job
