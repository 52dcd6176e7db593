"""The log's health: what the last full verification found, how old the checkpoint is, how full the disk."""

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import structlog

from appliance.audit.log.note import Checkpoint, Verifier, open_checkpoint
from appliance.audit.log.policy import Policy, Signed, installed
from appliance.audit.log.storage import Storage, storage, used
from appliance.audit.log.tiles import CHECKPOINT
from appliance.audit.log.verify import Damage, Report, verify, writer_is_active
from appliance.audit.review.state import LogState, log_state
from appliance.audit.review.summary import last_review
from appliance.errors import ApplianceError

from .index import Index

POLL = 1.0
_log = structlog.get_logger()


@dataclass(frozen=True)
class Verification:
    """One full verification: what it found, when it ended, how long it took (seconds)."""

    report: Report
    ended: datetime
    seconds: float


@dataclass(frozen=True)
class Health:
    """The state of the log at one moment.

    Attributes:
        checkpoint: the last checkpoint, or None if there is no good one.
        problem: why there is none.
        signed: when it was written.
        writing: whether the monitor has the log open.
        verification: the last full verification, if there was one.
        disk: what the fill of the log's disk allows.
        used: share of it in use, 0 to 1.
        free: bytes free there.
        policy: whether the console knows who must cosign.
        review: the last checkpoint that the officers' quorum cosigned, or None.
        known: room, review and anchor of the log, or None without a good checkpoint.
        following: whether new records still reach the index.
    """

    checkpoint: Checkpoint | None
    problem: str
    signed: datetime | None
    writing: bool
    verification: Verification | None
    disk: Storage
    used: float
    free: int
    policy: bool
    review: Signed | None
    known: LogState | None
    following: bool

    @property
    def findings(self) -> list[Damage]:
        """What the last verification found."""
        return self.verification.report.findings if self.verification else []

    @property
    def overdue(self) -> bool:
        """Whether nobody cosigned for more than seven days."""
        return self.known is not None and self.known.overdue

    @property
    def unreviewed(self) -> int:
        """Records that no quorum has cosigned yet: what root could still rewrite unseen."""
        return self.known.unreviewed if self.known else 0

    @property
    def reviewed(self) -> datetime | None:
        """When the quorum cosigned last."""
        return datetime.fromtimestamp(max(self.review.cosigned.values()), UTC) if self.review else None

    @property
    def storage(self) -> str:
        """``good``, ``warn`` from 75 %, ``bad`` from 95 %."""
        return {Storage.GOOD: "good", Storage.WARN: "warn"}.get(self.disk, "bad")

    @property
    def state(self) -> str:
        """``bad`` if records cannot be trusted, ``warn`` if someone should look, else ``good``."""
        if self.checkpoint is None or self.findings or self.storage == "bad":
            return "bad"
        if (
            self.verification is None
            or not self.writing
            or self.storage == "warn"
            or (self.known and self.known.warnings())
            or not self.following
        ):
            return "warn"
        return "good"

    @property
    def headline(self) -> str:
        """The state in a few words."""
        if self.checkpoint is None:
            return "No valid checkpoint"
        if self.findings:
            return f"Log damaged: {len(self.findings)} finding{'s' if len(self.findings) > 1 else ''}"
        if self.storage == "bad":
            return "The log's disk is almost full"
        if self.verification is None:
            return "Not verified yet"
        if not self.following:
            return "The index stands still"
        if not self.writing:
            return "The monitor is not writing"
        if self.storage == "warn":
            return "The log's disk fills up"
        if self.overdue:
            return "Log whole, review overdue"
        return "Log whole, anchor due" if self.known and self.known.anchor_due else "Log whole"


class Watch:
    """Keeps the index up to date and the log verified, in the background.

    Args:
        log: the log's folder.
        vkey: the log's verifier key as text.
        index: the index.
        policy: who must cosign, or None.
        every: seconds between full verifications.
    """

    def __init__(self, log: Path, vkey: str, index: Index, policy: Policy | None, every: float) -> None:
        self.log = log
        self.verifier = Verifier.decode(vkey)
        self.verification: Verification | None = None
        self._vkey = vkey
        self._index = index
        self._policy = policy
        self._every = every
        self._verifying = asyncio.Lock()
        self._indexing = asyncio.Lock()
        self._tasks: list[asyncio.Task[None]] = []

    def health(self) -> Health:
        """The state now."""
        checkpoint, problem, signed = None, "", None
        try:
            file = self.log / CHECKPOINT
            checkpoint = open_checkpoint(file.read_bytes(), self.verifier)
            signed = datetime.fromtimestamp(file.stat().st_mtime, UTC)
        except (ApplianceError, OSError) as error:
            problem = str(error)
        share, free = used(self.log)
        policy = self.policy
        review = last_review(self.log, policy) if policy else None
        return Health(
            checkpoint,
            problem,
            signed,
            writer_is_active(self.log),
            self.verification,
            storage(self.log),
            share,
            free,
            policy=policy is not None,
            review=review,
            known=log_state(self.log, time.time(), policy) if checkpoint else None,
            following=bool(self._tasks) and not any(task.done() for task in self._tasks),
        )

    @property
    def policy(self) -> Policy | None:
        """Who must cosign: as the console was told, else as the host's administrator installed it beside the log."""
        return self._policy or installed(self.log)

    async def verify(self) -> None:
        """Verify the whole log now; a second caller waits for the first one's result."""
        if self._verifying.locked():
            async with self._verifying:
                return
        async with self._verifying:
            started = time.monotonic()
            report = await asyncio.to_thread(verify, self.log, self._vkey)
            self.verification = Verification(report, datetime.now(UTC), time.monotonic() - started)
            _log.info("log_verified", size=report.size, findings=len(report.findings))

    async def catch_up(self) -> None:
        """Index every record that is there now, so that who has just made one sees it on the next page."""
        async with self._indexing:
            while await asyncio.to_thread(self._index.catch_up):
                pass

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Index and verify as long as the context lasts."""
        self._tasks = [asyncio.create_task(self._follow()), asyncio.create_task(self._verify_regularly())]
        try:
            yield
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _follow(self) -> None:
        while True:
            try:
                await self.catch_up()
            except (OSError, sqlite3.Error, ApplianceError):
                _log.exception("index_not_updated")
            await asyncio.sleep(POLL)

    async def _verify_regularly(self) -> None:
        while True:
            try:
                await self.verify()
            except (OSError, ApplianceError):
                _log.exception("log_not_verified")
            await asyncio.sleep(self._every)
