"""From what the monitor decided to durable records of the audit log."""

import asyncio
import time
from collections.abc import Collection
from pathlib import Path
from typing import Any

import structlog

from appliance.audit.events import kinds as events
from appliance.audit.events.kinds import Call, Entity, Lineage, Scope, Verdict
from appliance.audit.events.ocsf import Event
from appliance.audit.events.text import printable
from appliance.audit.log.policy import PolicyError, installed
from appliance.audit.log.storage import storage
from appliance.audit.log.tiles import LogError
from appliance.audit.log.witness import judge
from appliance.audit.log.writer import Log
from appliance.audit.review.ingest import ingest
from appliance.audit.review.state import log_state
from appliance.audit.review.summary import last_review, require_reviewed
from appliance.enclave.site import Enclave
from appliance.errors import ApplianceError
from appliance.markings import Label, join
from appliance.monitor.decide.decision import READS
from appliance.monitor.in_force.statements import Statements
from appliance.monitor.record.capacity import SERVICE_PREFIX, Capacity, CapacityError
from appliance.monitor.record.outcome import OFFER, Outcome

NOBODY = "nobody"
UPKEEP_SECONDS = 5.0
OVERDUE_SECONDS = 24 * 3600.0
UNATTRIBUTED = "record.unattributed"
REPEATED = "request.repeat"
log = structlog.get_logger()


class Recording:
    """Makes outcomes durable, with the digest of the policy that decided.

    Args:
        audit: the open log.
        statements: what is in force at the start.
        capacity: what may still be recorded; by default judged by the disk that holds the log.
    """

    def __init__(self, audit: Log, statements: Statements, capacity: Capacity | None = None) -> None:
        self._audit = audit
        self._capacity = capacity or Capacity(lambda: storage(audit.path))
        self._policy = f"sha256:{statements.policy_digest}"
        self._high = statements.site.system_high.encoded
        self._site = statements.site.site
        self._upkeep: asyncio.Task[None] | None = None
        self._next_look = 0.0

    async def outcome(self, outcome: Outcome) -> None:
        """Record one decision; returns when it is durable.

        A refusal of somebody unidentified, or of a person beyond their budget, is counted instead.

        Raises:
            LogError: it cannot be recorded, so nothing may follow from it.
            CapacityError: the same, because of the disk or the enclave's quota.
        """
        decision = outcome.decision
        reason = printable(outcome.detail.get("reason", ""))
        verdict = Verdict(allowed=decision.allow, rule=decision.rule, policy=f"sha256:{outcome.policy}", reason=reason)
        scope = self._scope(outcome.enclave, outcome.request, outcome.path, outcome.working)
        subject = printable(outcome.subject, 200) or NOBODY
        event = self._event(outcome, subject, scope, verdict)
        try:
            payer = outcome.origin or outcome.enclave
            who = {name for name in (outcome.subject, outcome.detail.get("on_behalf_of")) if name}
            await self._write(event, payer, outcome.method, identified=bool(outcome.subject), who=who)
        except CapacityError as refusal:
            if decision.allow or not refusal.counted:
                raise

    def _event(self, outcome: Outcome, subject: str, scope: Scope, verdict: Verdict) -> Event:
        action = outcome.decision.action
        if action == "session" and outcome.method in ("POST", "DELETE"):
            level = outcome.enclave.encoded
            return events.session(scope, subject, level, verdict, opened=outcome.method == "POST")
        if outcome.decision.rule == OFFER:
            return events.activity(scope, subject, OFFER, detail={"path": printable(outcome.path)})
        call = Call(method=printable(outcome.method, 20), path=printable(outcome.path), action=action or "request")
        on_behalf_of = outcome.detail.get("on_behalf_of")
        workload = subject if on_behalf_of else None
        working = outcome.working or None
        return events.decision(scope, on_behalf_of or subject, call, verdict, workload=workload, working=working)

    async def repeated(self, outcome: Outcome | None, reference: str, count: int) -> None:
        """Record that what the record of the request ``reference`` allowed went on ``count`` times.

        Args:
            outcome: the first of them; None after a crash, when only its reference is known.
            reference: identifier of its request.
            count: how often it went on.
        """
        detail: dict[str, Any] = {"first": printable(reference, 64), "count": count}
        if outcome is None:
            await self._alarm(REPEATED, detail | {"after": "crash"})
            return
        scope = self._scope(outcome.enclave, reference, outcome.path, outcome.working)
        await self._write(events.activity(scope, printable(outcome.subject, 200), REPEATED, detail=detail))

    async def activity(
        self,
        enclave: Enclave,
        service: str,
        subject: str,
        name: str,
        lineage: Lineage,
        detail: dict[str, Any],
        model: Entity | None = None,
    ) -> str:
        """Record what ``service`` did, and with which model; returns the receipt once it is durable.

        Raises:
            LogError: it cannot be recorded, so nothing may follow from it.
            CapacityError: the same, because of the disk or the enclave's quota.
        """
        scope = Scope(label=enclave.encoded, enclave=enclave.name, service=service)
        if model is None:
            event = events.activity(scope, subject, name, lineage, detail=detail or None)
        else:
            event = events.inference(scope, subject, model, lineage, operation=name, detail=detail or None)
        return await self._write(event, enclave, who={subject, f"{SERVICE_PREFIX}{service}"})

    async def unattributed(self, enclave: Enclave, service: str, problem: str) -> None:
        """Record as a finding that ``service`` asked for a record that is not its own, or in nobody's name.

        Beyond the service's budget such requests are counted instead: they are refused in any case.
        """
        scope = Scope(label=enclave.encoded, enclave=enclave.name, service=service)
        name = f"{SERVICE_PREFIX}{service}"
        event = events.activity(scope, name, UNATTRIBUTED, detail={"problem": printable(problem, 300)})
        try:
            await self._write(event, enclave, who={name})
        except CapacityError as refusal:
            if not refusal.counted:
                raise

    async def cosign(self, enclave: Enclave, service: str, officer: str, note: bytes) -> str:
        """Take in an officer's cosigned checkpoint from the console: verified, recorded, then kept beside the log.

        Raises:
            ApplianceError: no policy is installed, the note does not hold, or break-glass is not reviewed.
        """
        log_folder, rules = self._audit.path, installed(self._audit.path)
        if rules is None:
            raise PolicyError("no policy says who must cosign", remedy="appliance audit policy FILE")
        accepted = judge(log_folder, note, self._audit.verifier, list(rules.witnesses.values()))
        last = last_review(log_folder, rules)
        require_reviewed(log_folder, last.checkpoint.size if last else 0, accepted.checkpoint.size)
        detail = {"size": accepted.checkpoint.size, "root": accepted.checkpoint.root.hex(), "by": officer}
        receipt = await self.activity(enclave, service, ", ".join(accepted.names), "review.cosign", Lineage(), detail)
        accepted.keep(log_folder)
        return receipt

    async def started(self, spool: Path) -> None:
        """Take in what was spooled while the monitor was down, and record that it runs under which policy."""
        await self._ingest(spool)
        await self._own("load")
        self._upkeep = asyncio.create_task(self._keep_up(spool))

    async def stopped(self) -> None:
        """Record that the monitor stops."""
        if self._upkeep:
            self._upkeep.cancel()
        await self.tell()
        await self._own("stop")

    async def configuration(self, operation: str, entity: Entity, verdict: Verdict) -> None:
        """Record a change, made or refused, of what is in force."""
        await self._write(events.configuration(Scope(label=self._high), "host", operation, entity, verdict))

    async def _own(self, operation: str) -> None:
        entity = Entity(kind="monitor", name=self._site, digest=self._policy)
        await self.configuration(
            operation, entity, Verdict(allowed=True, rule=f"monitor.{operation}", policy=self._policy)
        )

    async def tell(self) -> None:
        """Record what is not about one request: another fill of the disk, and how many requests left no record."""
        if (state := self._capacity.changed()) is not None:
            log.warning("storage of the log", state=str(state))
            await self._alarm(f"storage.{state}", {})
        for enclave, count in self._capacity.take_refused().items():
            await self._alarm("record.refuse", {"enclave": enclave, "count": count})
        for enclave, count in self._capacity.take_unknown().items():
            await self._alarm("identity.flood", {"enclave": enclave, "count": count})
        for (enclave, name), count in self._capacity.take_floods().items():
            await self._alarm("subject.flood", {"enclave": enclave, "name": name, "count": count})

    async def counted(self, enclave: Enclave, counts: dict[str, int]) -> None:
        """Record how many requests a gateway could only count; system-high, because they may be of any level."""
        await self._alarm("gateway.count", {"enclave": enclave.name, **counts})

    async def remind(self, now: float) -> None:
        """Record once a day that the officers' review is overdue, while it is; ``now`` in seconds since the epoch."""
        if now < self._next_look:
            return
        self._next_look = now + OVERDUE_SECONDS
        state = log_state(self._audit.path, now)
        if state.overdue:
            log.error("the review of the log is overdue", unreviewed=state.unreviewed)
            await self._alarm("review.overdue", {"unreviewed": state.unreviewed})

    async def _keep_up(self, spool: Path) -> None:
        while True:
            await asyncio.sleep(UPKEEP_SECONDS)
            try:
                await self.tell()
                await self.remind(time.time())
                await self._ingest(spool)
            except ApplianceError as error:
                log.error("the log takes nothing", problem=error.message)  # noqa: TRY400 - the message says it all

    async def _ingest(self, spool: Path) -> None:
        await ingest(spool, self._audit, label=self._high)

    @staticmethod
    def _scope(enclave: Enclave, request: str, path: str, working: str) -> Scope:
        """What a record is about; it has the label of what was known to whoever asked, and of what they asked."""
        service = path.split("/", 2)[1] if path.startswith("/") else ""
        label = enclave.encoded
        if working not in ("", label):
            label = join(Label.decode(working), enclave.lattice).encode()
        return Scope(
            label=label,
            enclave=enclave.name,
            service=service if service in enclave.services else None,
            request=printable(request, 64),
        )

    async def _write(
        self,
        event: Event,
        enclave: Enclave | None = None,
        method: str = "",
        *,
        identified: bool = True,
        who: Collection[str] = (),
    ) -> str:
        record = event.record()
        try:
            if enclave is not None:
                size, reads = len(record[1]), method in READS
                self._capacity.admit(enclave, size, reads=reads, identified=identified, who=who)
            return (await self._audit.append([record]))[0]
        except CapacityError as refusal:
            if refusal.first and enclave is not None:
                await self._alarm("quota.exceed", {"enclave": enclave.name})
            raise
        except LogError:
            if enclave is not None:
                self._capacity.lost(enclave)
            raise

    async def _alarm(self, activity: str, detail: dict[str, Any]) -> None:
        await self._write(events.activity(Scope(label=self._high), "host", activity, detail=detail or None))
