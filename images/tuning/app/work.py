"""The job of a run: read and prove the version again, have a process of its own learn, register what comes of it."""

import asyncio
import os
import secrets
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from fastapi import Request
from fastapi.concurrency import run_in_threadpool

from appliance.errors import ApplianceError
from appliance.markings import Restriction
from appliance.service.database import database_of
from appliance.service.jobs import Work
from appliance.service.jobs.queue import queue_of
from appliance.service.monitor import NotRecordedError
from appliance.service.objects import Volume
from appliance.service.web.current import monitor_of
from appliance.service.web.middleware import context_of, token_of
from workbench.tuning.adapter import BASE, RESTRICTION, RUN, VERSION
from workbench.tuning.configuration import Configuration
from workbench.tuning.examples import Example
from workbench.tuning.version import Version

from . import planning
from .card import make_card
from .foundry import Foundry
from .planning import Base
from .store import adapters, runs
from .training.order import Heard, Kept, Order, Sample

KIND = "tune"
PRIORITY = 2
"""Below whatever people wait for."""
CALLS = 20_000
FLUSH_SECONDS = 3.0
"""Between two writings of the curve."""


async def start(request: Request, digest: str, name: str, wanted: Configuration) -> UUID:
    """Queue a run over a version that was read before, for the person of ``request``.

    Raises:
        ApplianceError: it would not fit, the monitor grants nothing, or the person has too many jobs waiting.
    """
    base = planning.base_of(request)
    version = await planning.show(request, digest)
    if wanted.method != version["method"]:
        raise ApplianceError(
            f"method: {wanted.method}", rule=f"a version of the kind {version['kind']} teaches {version['method']}",
            remedy=f"take the method {version['method']}",
        )  # fmt: skip
    plan = await planning.planned(request, version, wanted)
    if plan.refusals:
        raise ApplianceError(plan.refusals[0], rule="a run fits before it starts (docs/tuning.md)")
    limit, run, queue = Restriction.decode(version["restriction"]), uuid4(), queue_of(request)
    groups = sorted(limit.groups)
    granted = await queue.grant(request, run.hex, purpose=KIND, calls=CALLS, groups=groups, model=base.name)
    async with database_of(request).transaction(request, [context_of(request).label]) as transaction:
        await runs.add(transaction, version, run, name, (base.name, base.sha256), wanted, plan, secrets.token_bytes(32))
        await queue.add(
            transaction, request, run, KIND, {"name": name, "version": digest}, granted=granted, resource="work",
            groups=groups, priority=PRIORITY,
        )  # fmt: skip
        await monitor_of(request).record(
            "tuning.start", token_of(request), inputs=[f"sha256:{digest}", f"sha256:{base.sha256}"],
            detail={"run": str(run), "steps": plan.steps}, restriction=limit,
        )  # fmt: skip
    queue.more.set()
    return run


@dataclass(frozen=True)
class Tuner:
    """Runs what was queued.

    Attributes:
        base: what adapters are made for.
        foundry: the way to the data.
        state: folder of the service's volume.
        program: what a run is started with.
        threads: of the processor.
        checkpoint_seconds: between two checkpoints.
    """

    base: Base
    foundry: Foundry
    state: Path
    program: tuple[str, ...] = (sys.executable, "-m", f"{__package__}.training")
    threads: int = len(os.sched_getaffinity(0))
    checkpoint_seconds: float = 20.0

    async def __call__(self, work: Work) -> None:
        """Do one job; begun again after a kill, it goes on from the last checkpoint."""
        async with work.transaction() as transaction:
            run = await runs.run(transaction, work.job.id)
            key, checkpoint, number = await runs.kept(transaction, work.job.id)
            made = await adapters.of_run(transaction, number, work.job.id)
            await runs.begin(transaction, number, work.job.id)
        if made:
            work.result["adapter"] = made
            return
        version = await self.foundry.version(work.grant, run["project"], run["version"])
        limit = planning.limit_of(self.base, version)
        if limit.encode() != run["restriction"]:
            raise ApplianceError("the version has another restriction than the run", rule="what is learned keeps it")
        training, validation = await run_in_threadpool(planning.judged, version)
        order = self._order(run, version, limit, key, checkpoint, (training, validation))
        kept = [checkpoint.id] if checkpoint else []
        try:
            heard = await self._learn(work, order, number, run["seconds"], kept)
            await self._register(work, run, number, limit, heard)
        except ApplianceError as error:
            if isinstance(error, NotRecordedError):  # begun again later, from the last checkpoint
                raise
            self._remove(kept)
            raise
        self._remove(kept)

    def _order(
        self, run: dict[str, Any], version: Version, limit: Restriction, key: bytes, checkpoint: Kept | None,
        parts: tuple[list[Example], list[Example]],
    ) -> Order:  # fmt: skip
        training, validation = (
            tuple(
                Sample(record=one.record, prompt=one.prompt, answer=one.answer, rejected=one.rejected) for one in part
            )
            for part in parts
        )
        header = {
            "general.name": run["name"], BASE: run["base_sha256"], RUN: str(run["id"]),
            RESTRICTION: limit.encode(), VERSION: version.digest,
        }  # fmt: skip
        return Order(
            base=self.base.path, base_sha256=run["base_sha256"],
            configuration=Configuration.model_validate(run["configuration"]), training=training, validation=validation,
            volume=self.state / "files", key=key.hex(), checkpoint=checkpoint, metadata=header, threads=self.threads,
            checkpoint_seconds=self.checkpoint_seconds,
        )  # fmt: skip

    def _remove(self, files: list[UUID]) -> None:
        while files:
            Volume(self.state / "files").remove(files.pop())

    async def _learn(self, work: Work, order: Order, number: int, before: float, kept: list[UUID]) -> Heard:
        """Have a process learn, and keep what it says; its last word. ``kept`` has the checkpoints that are there.

        Raises:
            ApplianceError: it refused, or was ended from outside.
        """
        process = await asyncio.create_subprocess_exec(
            *self.program, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=1 << 24,
            env=os.environ | {"OMP_NUM_THREADS": str(order.threads), "OMP_WAIT_POLICY": "passive"},
        )  # fmt: skip
        work.on_cancel = process.terminate
        try:
            assert process.stdin is not None  # noqa: S101 - both were asked for; for the type checker
            assert process.stdout is not None  # noqa: S101 - as above
            process.stdin.write(order.model_dump_json().encode() + b"\n")
            process.stdin.close()
            last = await self._listen(work, process.stdout, number, before, kept)
            code = await process.wait()
        finally:
            work.on_cancel = lambda: None
            if process.returncode is None:
                process.kill()
                await process.wait()
        work.check()
        if last is not None and last.sort == "refused":
            raise ApplianceError(last.text, rule=last.rule, remedy=last.remedy)
        if last is None or last.sort != "adapter":
            why = (
                "it had not enough memory, or was ended from outside"
                if code == -9
                else f"its process ended with {code}"
            )
            raise ApplianceError(
                f"the run ended before its end: {why}", remedy="take a smaller batch, or start it again"
            )
        return last

    async def _listen(
        self, work: Work, lines: asyncio.StreamReader, number: int, before: float, kept: list[UUID]
    ) -> Heard | None:
        curve: list[float] = []
        last, written = None, 0.0
        clock = asyncio.get_running_loop().time
        async for line in lines:
            last = Heard.model_validate_json(line)
            curve += last.curve
            work.progress(last.step, last.steps or None)
            if last.sort in ("checkpoint", "adapter") or clock() - written > FLUSH_SECONDS:
                async with work.transaction() as transaction:
                    await runs.heard(transaction, number, work.job.id, last, curve, before)
                curve, written = [], clock()
            if last.sort == "checkpoint" and last.file:
                self._remove(kept)
                kept.append(last.file.id)
        return last

    async def _register(self, work: Work, run: dict[str, Any], number: int, limit: Restriction, heard: Heard) -> None:
        """Make the adapter a candidate; recorded first."""
        assert heard.file is not None  # noqa: S101 - an adapter has both; for the type checker
        assert heard.sha256 is not None  # noqa: S101 - as above
        async with work.transaction() as transaction:
            run = await runs.run(transaction, work.job.id)
            said = {
                "steps": heard.step, "tokens": heard.tokens, "seconds": round(run["seconds"], 1),
                "loss": round(run["curve"][-1], 4), "threads": self.threads,
            } | ({"validation loss": round(min(heard.validation), 4)} if heard.validation else {})  # fmt: skip
            card = make_card(run, heard.sha256, said, heard.packages)
            await adapters.add(transaction, number, work.job.id, heard.file, heard.sha256, card)
            await work.record(
                "adapter.register",
                inputs=[f"sha256:{run['version']}", f"sha256:{run['base_sha256']}"],
                outputs=[f"sha256:{heard.sha256}"],
                detail={"run": str(run["id"])},
                restriction=limit,
            )
        work.result |= {"adapter": heard.sha256, "steps": heard.step}
