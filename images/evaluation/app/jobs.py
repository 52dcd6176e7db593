"""Jobs: queued for a person in the service's database, run one after the other; what they found is in its volume."""

import os
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from uuid import UUID

from fastapi import Request

from appliance.errors import ApplianceError
from appliance.markings import Label, Reader, Restriction
from appliance.service.database import Database
from appliance.service.jobs import JobStoppedError, NoJobError, Queue, Work, Worker
from appliance.service.monitor import MonitorClient
from appliance.service.web.middleware import context_of
from workbench.evaluation import suites
from workbench.evaluation.advice import plan

from .custody import Custody
from .model import Job, NewJob
from .own.work import filled_by_id, named_suite
from .run import Bench, Run
from .store import Store

RESOURCE = "engine"
"""Jobs share the enclave's engine with its users: one runs at a time."""
PURPOSE = "evaluation"
"""The kind of job, and what the model's service is told: only this may ask a model that has no certificate yet."""
CALLS_PER_ITEM = 4
"""One answer, and as often again as it is tried."""
OTHER_CALLS = 10
"""What is served, and a context to begin with."""
MOST_CALLS = 100_000


class Jobs:
    """The jobs of this service.

    The database keeps which job waits or runs and its grant; the volume keeps what a job is and what it found. A job is
    begun once: one that was interrupted goes on when its person resumes it.

    Args:
        store: where jobs are kept.
        bench: what a run needs.
        custody: the keys of hold-outs.
        database: of the service.
        queue: the jobs that wait or run.
        monitor: for grants and contexts.
        models: names of the models that may be evaluated here.

    Attributes:
        policy: the certification policy in force.
    """

    def __init__(  # the parts of the service, each of its own kind
        self,
        store: Store,
        bench: Bench,
        custody: Custody,
        database: Database,
        queue: Queue,
        monitor: MonitorClient,
        models: tuple[str, ...],
    ) -> None:
        self.store = store
        self.custody = custody
        self.policy = bench.own.policy
        self._bench = bench
        self._database = database
        self._queue = queue
        self._worker = Worker(database, queue, monitor, {PURPOSE: self._evaluate}, resource=RESOURCE)
        self._models = models
        self._run: Run | None = None
        for job in store.all():
            if job.state == "running":
                text = "the service was restarted; what was answered is kept: resume it"
                store.keep(job.model_copy(update={"state": "interrupted", "message": text}))

    def running(self) -> AbstractAsyncContextManager[None]:
        """Run what waits, as long as the block runs; then a running job is interrupted, and waiting ones stay."""
        return self._worker.running()

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

    async def start(self, new: NewJob, request: Request) -> Job:
        """Queue a job for the person of ``request``.

        The monitor grants nothing for groups that they are no member of.

        Raises:
            ApplianceError: model, tier, suite or hold-out are not there, too many of this person's jobs wait, or the
                monitor grants nothing.
        """
        evaluator = context_of(request).subject
        if new.model not in self._models:
            raise ApplianceError(f"model {new.model!r} is not installed here", remedy=", ".join(self._models))
        self.policy.effective(new.tier)
        known = suites.standard()
        own = await named_suite(request, new.suite) if new.suite and new.suite not in known else None
        if own and new.generation is not None:
            raise ApplianceError(
                "a suite of the site has no hold-out", rule="hold-outs are made by the project's keyed generators",
                remedy="evaluate it without one",
            )  # fmt: skip
        if not new.suite and not self.policy.effective(new.tier).bounds:
            new = new.model_copy(update={"suite": "smoke"})
        if new.generation is not None:
            self.custody.check(new.generation, evaluator)
        limits = Restriction.decode(own.restriction) if own else Restriction(Label.decode(context_of(request).label))
        wanted = {}
        if own:
            wanted = {own.name: new.limit or int(own.definition["items"])}
        elif new.suite:
            wanted = {new.suite: new.limit or known[new.suite].items}
        job = Job(
            id=os.urandom(16).hex(),
            model=new.model,
            tier=new.tier,
            asked=wanted,
            evaluator=evaluator,
            generation=new.generation,
            queued=datetime.now(UTC),
            need_to_know=tuple(sorted({*new.need_to_know, *limits.groups})),
            own_suite=own.id if own else None,
            originator_controlled=limits.originator_controlled,
        )
        return await self._enqueue(job, request)

    async def resume(self, identifier: str, request: Request) -> Job:
        """Go on with a job that was interrupted; no item that was answered is asked again.

        Raises:
            ApplianceError: it did not stop, another person started it, or the monitor grants nothing.
        """
        job, evaluator = self.store.get(identifier), context_of(request).subject
        if job is None or job.state not in {"interrupted", "failed"}:
            raise ApplianceError("only a job that was interrupted can be resumed", remedy="start a new one")
        if job.evaluator != evaluator:
            raise ApplianceError(f"{job.evaluator} started this job", rule="a job runs for the person who started it")
        if job.generation is not None:
            self.custody.check(job.generation, evaluator)
        job = job.model_copy(update={"state": "queued", "message": "", "finished": None})
        return await self._enqueue(job, request)

    async def cancel(self, identifier: str, request: Request) -> Job:
        """Stop a job; what was answered becomes its results.

        Raises:
            ApplianceError: it has ended already.
        """
        job = self.store.get(identifier)
        if job is not None and self._live(job).finished is not None:  # the queue hears of the end a moment later
            raise NoJobError("this job has ended", rule="only a job that waits or runs can be cancelled")
        try:
            state = await self._queue.cancel(request, UUID(identifier))
        except NoJobError:
            if job is None or job.state != "queued":
                raise
            state = "cancelled"  # a service of an earlier version left it when it was killed
        if self._run and self._run.job.id == identifier:
            self._run.cancel("cancelled")
            return self._run.job
        if job is None:
            raise NoJobError("this job has ended", rule="only a job that waits or runs can be cancelled")
        if state == "cancelled":
            ended = {"state": "stopped", "message": "cancelled before it began", "finished": datetime.now(UTC)}
            job = job.model_copy(update=ended)
            self.store.keep(job)
        return job

    async def _enqueue(self, job: Job, request: Request) -> Job:
        calls = min(MOST_CALLS, CALLS_PER_ITEM * self._most_items(job) + OTHER_CALLS)
        name = f"{job.id}.{job.runs}" if job.runs else job.id
        job = job.model_copy(update={"runs": job.runs + 1})
        granted = await self._queue.grant(
            request, name, purpose=PURPOSE, calls=calls, groups=job.need_to_know, model=job.model
        )
        identifier, spec = UUID(job.id), job.model_dump(mode="json")
        known = await self._queue.get(request, identifier)
        async with self._database.transaction(request, [context_of(request).label]) as transaction:
            if known:
                await self._queue.again(transaction, identifier, spec, granted)
            else:
                await self._queue.add(
                    transaction, request, identifier, PURPOSE, spec,
                    granted=granted, resource=RESOURCE, groups=job.need_to_know, attempts=1,
                )  # fmt: skip
            self.store.keep(job)  # before the commit: no worker has it yet
        self._queue.more.set()
        return job

    def _most_items(self, job: Job) -> int:
        """How many items a job can have at most, before they are made: some scores apply to a part of them only."""
        if job.asked:
            return sum(job.asked.values()) + 10
        return 4 * sum(max(scores.values()) for scores in plan(self.policy, job.tier).values())

    async def _evaluate(self, work: Work) -> None:
        job = Job.model_validate(work.job.spec)
        known = suites.standard()
        if job.own_suite is not None:
            async with work.transaction(writes=False) as transaction:
                own = await filled_by_id(transaction, job.own_suite)
            known = {own.name: own}
        run = self._run = Run(job, work.grant, self._bench, self.store, self.custody, known)
        work.on_cancel = lambda: run.cancel("cancelled")
        if work.cancelled:
            run.cancel("cancelled")
        try:
            await run.work()
        finally:
            work.progress(run.job.answered, run.job.items or None)
            self._run = None
        if run.job.state in {"failed", "interrupted"}:
            raise ApplianceError(run.job.message)
        if work.cancelled:
            raise JobStoppedError(run.job.message)

    def _live(self, job: Job) -> Job:
        return self._run.job if self._run and self._run.job.id == job.id else job
