"""One run: ask what is left, keep each answer, stop early when the tier is out of reach, write and record results."""

import asyncio
import dataclasses
import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
import structlog

from appliance import __version__
from appliance.contract.evaluation import Results
from appliance.contract.tiers import decide
from appliance.errors import ApplianceError
from appliance.markings import Label, Restriction
from appliance.service.certificate import Serving
from appliance.service.monitor import MonitorClient
from appliance.service.settings import ServiceSettings
from workbench.evaluation.holdout import Seal
from workbench.evaluation.suites import Suite
from workbench.markbench.item import PUBLISHED, Item

from .asking import Model
from .custody import Custody
from .journal import Journal, Line
from .model import Job
from .results.eval_log import write_log
from .results.summary import summarise
from .settings import EvaluationSettings
from .store import Store
from .work import CHECK_EVERY, Part, Work

_log = structlog.get_logger()
_Left = list[tuple[Part, Item]]


@dataclass(frozen=True)
class Bench:
    """What every run needs."""

    settings: ServiceSettings
    own: EvaluationSettings
    client: httpx.AsyncClient
    monitor: MonitorClient


class Run:
    """A running job.

    Args:
        job: the job.
        grant: the monitor's word that it runs for a person.
        bench: what every run needs.
        store: where it is kept.
        custody: the keys of hold-outs.
        known: the suites that it may ask, by name.

    Attributes:
        job: the job with its progress.
    """

    def __init__(
        self, job: Job, grant: str, bench: Bench, store: Store, custody: Custody, known: Mapping[str, Suite]
    ) -> None:
        self.job = job
        self._known = known
        self._grant = grant
        self._bench = bench
        self._store = store
        self._custody = custody
        self._policy = bench.own.policy
        self._stopped = ""
        self._exposure = ""

    def cancel(self, why: str) -> None:
        """Ask no further item."""
        self._stopped = self._stopped or why

    async def work(self) -> None:
        """Run to the end; whatever goes wrong, the job says so."""
        try:
            await self._work()
        except asyncio.CancelledError:
            self._change(state="interrupted", message="the service was stopped; what was answered is kept: resume it")
            raise
        except ApplianceError as error:
            text = f"{error.message}; {error.remedy}" if error.remedy else error.message
            self._change(state="interrupted" if self.job.answered else "failed", message=text)
        except Exception:  # noqa: BLE001  # whatever went wrong, the job must be seen to have failed
            _log.exception("job_failed", job=self.job.id)
            self._change(state="failed", message="an internal error; the administrator looks at the log")

    async def _work(self) -> None:
        model = Model(self._bench.client, self.job.model, self._grant)
        serving, shared = await model.serving()
        self._check(serving)
        attempt = self.job.attempt if self.job.model_sha256 else self._attempt(serving.model.sha256)
        self._change(state="running", started=self.job.started or datetime.now(UTC), attempt=attempt)
        self._change(model_sha256=serving.model.sha256)
        key = await self._key(serving.model.sha256)
        work = await asyncio.to_thread(self._make, attempt, key)
        seal = Seal(key, self.job.id) if self.job.generation is not None else None
        journal = Journal(self._store.folder(self.job.id) / "answers.jsonl", seal=seal)
        try:
            left = work.left(journal)
            self._change(items=work.total, answered=work.total - len(left), suites=self._counts(work))
            slots = int(serving.parameters.get("slots", 1))
            await self._ask(model, work, journal, left, max(1, slots - 1) if shared else slots)
            await self._conclude(work, journal, serving)
        finally:
            journal.close()

    def _make(self, attempt: int, key: bytes) -> Work:
        generation = self.job.generation or 1
        return Work(
            self._policy, self.job.tier, attempt, self.job.asked, known=self._known, key=key, generation=generation
        )

    async def _ask(self, model: Model, work: Work, journal: Journal, left: _Left, at_once: int) -> None:
        began, before = time.monotonic(), self.job.answered
        queue = iter(left)
        failures: list[ApplianceError] = []

        async def one_after_the_other() -> None:
            for part, item in queue:
                if self._stopped or failures:
                    return
                try:
                    answer = await model.ask(item, part.suite.maximum_tokens, constrained=part.suite.constrained)
                except ApplianceError as error:
                    failures.append(error)
                    return
                journal.add(Line(suite=part.suite.name, item=item.id, **dataclasses.asdict(answer)))
                part.score(item, journal)
                self._progress(began, before, len(left))
                if self.job.answered % CHECK_EVERY == 0 and not self._stopped:
                    self._stopped = work.out_of_reach()

        async with asyncio.TaskGroup() as group:
            for _ in range(at_once):
                group.create_task(one_after_the_other())
        if failures:
            raise failures[0]

    def _progress(self, began: float, before: int, left: int) -> None:
        answered = self.job.answered + 1
        rate = (time.monotonic() - began) / (answered - before)
        self.job = self.job.model_copy(
            update={"answered": answered, "seconds_left": round(rate * (left - (answered - before)))}
        )

    async def _conclude(self, work: Work, journal: Journal, serving: Serving) -> None:
        if not any(part.scores for part in work.parts):
            self._change(state="stopped", message=self._stopped, reached=False)
            return
        results = self._results(work, journal, serving)
        decision = decide(self._policy, self.job.tier, results)
        await self._bench.monitor.record(
            "evaluation.run",
            grant=self._grant,
            inputs=[f"sha256:{serving.model.sha256}", *(f"sha256:{suite.sha256}" for suite in results.suites)],
            outputs=[f"sha256:{results.sha256}", f"sha256:{results.log_sha256}"],
            detail={
                "model": self.job.model,
                "tier": self.job.tier,
                "attempt": results.attempt,
                "generation": self.job.generation or 0,
                "items": results.items,
            },
            restriction=Restriction(
                Label.decode(self._bench.settings.label),
                frozenset(self.job.need_to_know),
                self.job.originator_controlled,
            ),
        )
        self._store.write(self.job.id, "summary.json", summarise(results, self._policy, self._known))
        self._store.write(self.job.id, "results.json", results)
        if self.job.generation is not None:
            self._custody.forget(self.job.generation)
        state = "stopped" if self._stopped else "done"
        reasons = (self._stopped, *decision.reasons) if self._stopped else decision.reasons
        self._change(state=state, message=self._stopped, reached=decision.reached, reasons=reasons)

    def _results(self, work: Work, journal: Journal, serving: Serving) -> Results:
        finished = datetime.now(UTC)
        log_sha256 = write_log(self._store.folder(self.job.id), self.job, work.parts, journal)
        settings = self._bench.settings
        return Results(
            version=2,
            job=self.job.id,
            model=serving.model,
            engine_image=serving.engine_image,
            parameters=serving.parameters,
            tier=self.job.tier,
            attempt=self.job.attempt,
            suites=tuple(part.result(work.hold_out(part, self._exposure)) for part in work.parts if part.scores),
            policy=self._policy.digest,
            site=serving.site,
            enclave=settings.enclave,
            label=settings.label,
            marking=settings.marking,
            evaluator=self.job.evaluator,
            started=self.job.started or finished,
            finished=finished,
            log_sha256=log_sha256,
            tools={"appliance": __version__},
        )

    def _check(self, serving: Serving) -> None:
        here = (self._bench.settings.label, self._bench.own.engine_image)
        if (serving.label, serving.engine_image) != here:
            raise ApplianceError(
                f"model {self.job.model} is served by another engine or at another label than installed"
            )
        if self.job.model_sha256 and self.job.model_sha256 != serving.model.sha256:
            raise ApplianceError("the model is another than the one that began this job", remedy="start a new job")

    async def _key(self, model_sha256: str) -> bytes:
        if self.job.generation is None:
            return PUBLISHED
        self._custody.check(self.job.generation, self.job.evaluator)
        key = await self._custody.expose(self.job.generation, model_sha256, self.job.id, self._grant)
        self._exposure = hashlib.sha256(f"{self.job.generation}/{model_sha256}/{self.job.id}".encode()).hexdigest()
        return key

    def _attempt(self, model_sha256: str) -> int:
        """The how many-th time this model file tries this tier on a hold-out; practice spends no attempt."""
        if self.job.generation is None:
            return 1
        tried = {
            job.id
            for job in self._store.all()
            if job.generation is not None and (job.model_sha256, job.tier) == (model_sha256, self.job.tier)
        }
        return 1 + len(tried - {self.job.id})

    def _counts(self, work: Work) -> dict[str, int]:
        return {part.suite.name: len(part.items) for part in work.parts}

    def _change(self, **changes: Any) -> None:
        state = changes.get("state", self.job.state)
        if state not in {"queued", "running"}:
            changes |= {"finished": datetime.now(UTC), "seconds_left": None}
        self.job = self.job.model_copy(update=changes)
        self._store.keep(self.job)
