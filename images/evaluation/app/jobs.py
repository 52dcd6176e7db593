"""Jobs: started for a person, run as a process, kept in the service's volume across restarts."""

import asyncio
import os
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import httpx
import structlog
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from appliance.contract.grant import Groups
from appliance.errors import ApplianceError
from appliance.markings import Label, Reader, Restriction
from appliance.service.certificate import Dataset, EvaluationResults, Metric, Serving
from appliance.service.monitor import MonitorClient
from appliance.service.settings import ServiceSettings

from .forwarder import Forwarder, Ticket
from .outcome import Outcome, Request
from .settings import EvaluationSettings

_log = structlog.get_logger()
JobId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
DatasetName = Literal["bias_detection", "biology_qa", "popularity", "security_guide", "theory_of_mind"]
SIZES: dict[DatasetName, int] = {
    "bias_detection": 100,
    "biology_qa": 20,
    "popularity": 100,
    "security_guide": 16,
    "theory_of_mind": 100,
}
REQUESTS_PER_SLOT = 2
PURPOSE = "evaluation"
"""What the model's service is told: only this may ask a model that has no certificate yet."""
CALLS_PER_SAMPLE = 3
"""One answer, and as often again as the runner retries."""
OTHER_CALLS = 10


class NewJob(BaseModel):
    """What a person asks for.

    Attributes:
        model: name of the model.
        dataset: name of the set of samples.
        limit: how many of its samples at most.
        need_to_know: groups whose members alone may know of the job.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: Annotated[str, StringConstraints(max_length=100)]
    dataset: DatasetName
    limit: int = Field(default=100, ge=1, le=1000)
    need_to_know: Groups = ()


class Job(BaseModel):
    """A job as it is kept and shown."""

    id: JobId
    model: str
    dataset: DatasetName
    samples: int
    evaluator: str
    state: Literal["running", "done", "failed", "interrupted"] = "running"
    answered: int = 0
    started: AwareDatetime
    finished: AwareDatetime | None = None
    message: str = ""
    metrics: tuple[Metric, ...] = ()
    need_to_know: Groups = ()

    def known_to(self, reader: Reader) -> bool:
        """Whether ``reader``, who reads at the enclave's label, may know of the job and its results."""
        return set(self.need_to_know) <= reader.groups


class Jobs:
    """The jobs of this service; one runs at a time, because they share the enclave's engine with its users.

    Args:
        settings: the service's settings.
        own: what the service alone understands.
        folder: where jobs are kept.
        forwarder: the way to the model.
        monitor: for grants and records.
    """

    def __init__(
        self,
        settings: ServiceSettings,
        own: EvaluationSettings,
        folder: Path,
        forwarder: Forwarder,
        monitor: MonitorClient,
    ) -> None:
        self._settings = settings
        self._own = own
        self._folder = folder
        self._forwarder = forwarder
        self._monitor = monitor
        self._starting = asyncio.Lock()
        self._running: tuple[Job, Ticket, asyncio.Task[None]] | None = None
        folder.mkdir(exist_ok=True)
        for job in self.all():
            if job.state == "running":
                self._keep(job.model_copy(update={"state": "interrupted", "message": "the service was restarted"}))

    def all(self) -> list[Job]:
        """All jobs, the newest first."""
        return sorted(self._stored(), key=lambda job: job.started, reverse=True)

    def known(self, reader: Reader) -> list[Job]:
        """The jobs that ``reader`` may know of, the newest first."""
        return [job for job in self.all() if job.known_to(reader)]

    def get(self, identifier: str) -> Job | None:
        """One job, or None."""
        try:
            job = Job.model_validate_json((self.folder(identifier) / "job.json").read_bytes())
        except FileNotFoundError:
            return None
        if self._running and self._running[0].id == job.id and job.state == "running":
            return job.model_copy(update={"answered": self._running[1].answered})
        return job

    def folder(self, identifier: str) -> Path:
        """The folder of a job; ``identifier`` is 32 hexadecimal digits."""
        return self._folder / identifier

    def results(self, identifier: str) -> EvaluationResults | None:
        """The results document of a job that is done, or None."""
        try:
            return EvaluationResults.model_validate_json((self.folder(identifier) / "results.json").read_bytes())
        except FileNotFoundError:
            return None

    async def start(self, new: NewJob, *, evaluator: str, context: str) -> Job:
        """Start a job for ``evaluator``, whose request carried ``context``.

        The monitor grants nothing for groups that they are no member of.

        Raises:
            ApplianceError: the model is not of this enclave, another job runs, the monitor grants nothing, or the model
                does not answer.
        """
        if new.model not in self._own.models:
            raise ApplianceError(f"model {new.model!r} is not installed here", remedy=", ".join(self._own.models))
        async with self._starting:
            if self._running and not self._running[2].done():
                raise ApplianceError("another evaluation is running", rule="one evaluation at a time")
            job = Job(
                id=os.urandom(16).hex(),
                model=new.model,
                dataset=new.dataset,
                samples=min(new.limit, SIZES[new.dataset]),
                evaluator=evaluator,
                started=datetime.now(UTC),
                need_to_know=new.need_to_know,
            )
            calls = job.samples * CALLS_PER_SAMPLE + OTHER_CALLS
            groups = job.need_to_know
            grant = await self._monitor.grant(
                context, job=job.id, model=job.model, purpose=PURPOSE, calls=calls, groups=groups
            )
            ticket = Ticket(grant)
            self._keep(job)
            self._running = job, ticket, asyncio.create_task(self._run(job, ticket))
            return job

    async def close(self) -> None:
        """Stop the running job; it is kept as interrupted."""
        if self._running:
            self._running[2].cancel()
            await asyncio.gather(self._running[2], return_exceptions=True)

    async def _run(self, job: Job, ticket: Ticket) -> None:
        base_url = self._forwarder.open(ticket)
        try:
            serving = await self._serving(base_url, job.model)
            await self._inspect(job, base_url, serving)
            results = self._results(job, serving)
            await self._monitor.record(
                "evaluation.run",
                grant=ticket.grant,
                inputs=[f"sha256:{serving.model.sha256}", f"sha256:{results.dataset.sha256}"],
                outputs=[f"sha256:{results.log_sha256}"],
                detail={"model": job.model, "dataset": job.dataset, "samples": results.dataset.samples},
                restriction=Restriction(Label.decode(self._settings.label), frozenset(job.need_to_know)),
            )
            self._write(job.id, "results.json", results)
            self._finish(job, ticket, state="done", metrics=results.metrics)
        except asyncio.CancelledError:
            self._finish(job, ticket, state="interrupted", message="the service was stopped")
            raise
        except ApplianceError as error:
            self._finish(job, ticket, state="failed", message=error.message)
        except Exception:  # noqa: BLE001  # whatever went wrong, the job must be seen to have failed
            _log.exception("job_failed", job=job.id)
            self._finish(job, ticket, state="failed", message="an internal error; the administrator looks at the log")
        finally:
            self._forwarder.close(ticket)

    async def _serving(self, base_url: str, model: str) -> Serving:
        try:
            async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
                answer = await client.get(f"{base_url}/models")
                answer.raise_for_status()
            entry = next(entry for entry in answer.json()["data"] if entry["id"] == model)
            serving = Serving.model_validate(entry["appliance"]["serving"])
        except (httpx.HTTPError, ValueError, KeyError, StopIteration) as error:
            raise ApplianceError(f"model {model} does not answer through the gateway") from error
        if (serving.label, serving.engine_image) != (self._settings.label, self._own.engine_image):
            raise ApplianceError(f"model {model} is served by another engine or at another label than installed")
        return serving

    async def _inspect(self, job: Job, base_url: str, serving: Serving) -> None:
        """Run Inspect in a process of its own with an environment of its own."""
        package = __package__ or ""
        root = Path(__file__).parents[package.count(".") + 1]
        request = Request(
            model=job.model,
            base_url=base_url,
            dataset=job.dataset,
            limit=job.samples,
            connections=int(serving.parameters.get("slots", 1)) * REQUESTS_PER_SLOT,
        )
        arguments = ["-m", f"{package}.runner", str(self.folder(job.id)), request.model_dump_json()]
        log = self.folder(job.id) / "runner.log"
        with log.open("wb") as output, tempfile.TemporaryDirectory() as home:
            environment = {
                "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
                "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
                "HOME": home,
                "APPLIANCE_API_KEY": "none",
                "HF_HUB_OFFLINE": "1",
                "NO_PROXY": "*",
                "TIKTOKEN_CACHE_DIR": home,
            }
            process = await asyncio.create_subprocess_exec(
                sys.executable, *arguments, cwd=root, env=environment, stdout=output, stderr=output
            )
            try:
                code = await process.wait()
            except asyncio.CancelledError:
                process.kill()
                await process.wait()
                raise
        if code != 0:
            _log.error("evaluation_failed", job=job.id, code=code, output=log.read_text(errors="replace")[-2000:])
            raise ApplianceError("Inspect did not finish", remedy="the administrator looks at the service's log")

    def _results(self, job: Job, serving: Serving) -> EvaluationResults:
        outcome = Outcome.model_validate_json((self.folder(job.id) / "outcome.json").read_bytes())
        return EvaluationResults(
            job=job.id,
            model=serving.model,
            engine_image=serving.engine_image,
            parameters=serving.parameters,
            dataset=Dataset(name=job.dataset, sha256=outcome.dataset_sha256, samples=outcome.samples),
            metrics=outcome.metrics,
            policy=serving.policy,
            site=serving.site,
            enclave=self._settings.enclave,
            label=self._settings.label,
            marking=self._settings.marking,
            evaluator=job.evaluator,
            started=job.started,
            finished=datetime.now(UTC),
            log_sha256=outcome.log_sha256,
            tools=outcome.tools,
        )

    def _finish(self, job: Job, ticket: Ticket, **changes: Any) -> None:
        self._keep(job.model_copy(update={"finished": datetime.now(UTC), "answered": ticket.answered} | changes))
        _log.info("job_finished", job=job.id, state=changes["state"])

    def _keep(self, job: Job) -> None:
        self._write(job.id, "job.json", job)

    def _write(self, identifier: str, name: str, document: BaseModel) -> None:
        folder = self.folder(identifier)
        folder.mkdir(exist_ok=True)
        temporary = folder / f".{name}"
        temporary.write_text(document.model_dump_json(indent=2))
        temporary.rename(folder / name)

    def _stored(self) -> Iterator[Job]:
        for path in self._folder.glob("*/job.json"):
            job = self.get(path.parent.name)
            if job is not None:
                yield job
