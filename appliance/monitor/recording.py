"""From what the monitor decided to durable records of the audit log."""

import asyncio
from pathlib import Path
from typing import Any

import structlog

from appliance.audit import events
from appliance.audit.events import Call, Entity, Lineage, Scope, Verdict
from appliance.audit.ingest import ingest
from appliance.audit.log import Log
from appliance.audit.ocsf import Event
from appliance.audit.text import printable
from appliance.enclave.site import Enclave
from appliance.monitor.in_force import InForce
from appliance.monitor.outcome import Outcome

NOBODY = "nobody"
SPOOL_SECONDS = 5.0
log = structlog.get_logger()


class Recording:
    """Makes outcomes durable, with the digest of the policy that decided.

    Args:
        audit: the open log.
        in_force: what decides at the start.
    """

    def __init__(self, audit: Log, in_force: InForce) -> None:
        self._audit = audit
        self._policy = f"sha256:{in_force.policy_digest}"
        self._high = in_force.site.system_high.marking.label.encode()
        self._site = in_force.site.site
        self._spooling: asyncio.Task[None] | None = None

    async def outcome(self, outcome: Outcome) -> None:
        """Record one decision; returns when it is durable.

        Raises:
            LogError: it cannot be recorded, so nothing may follow from it.
        """
        decision = outcome.decision
        reason = printable(outcome.detail.get("reason", ""))
        verdict = Verdict(allowed=decision.allow, rule=decision.rule, policy=f"sha256:{outcome.policy}", reason=reason)
        scope = self._scope(outcome.enclave, outcome.request, outcome.path)
        subject = printable(outcome.subject, 200) or NOBODY
        if decision.action == "session" and outcome.method in ("POST", "DELETE"):
            level = outcome.enclave.marking.label.encode()
            await self._write(events.session(scope, subject, level, verdict, opened=outcome.method == "POST"))
            return
        call = Call(
            method=printable(outcome.method, 20), path=printable(outcome.path), action=decision.action or "request"
        )
        on_behalf_of = outcome.detail.get("on_behalf_of")
        workload = subject if on_behalf_of else None
        working = outcome.working or None
        await self._write(
            events.decision(scope, on_behalf_of or subject, call, verdict, workload=workload, working=working)
        )

    async def activity(
        self, enclave: Enclave, subject: str, name: str, lineage: Lineage, detail: dict[str, Any]
    ) -> str:
        """Record what a service did and return the receipt once it is durable."""
        scope = Scope(label=enclave.marking.label.encode(), enclave=enclave.name)
        return await self._write(events.activity(scope, subject, name, lineage, detail=detail or None))

    async def started(self, spool: Path) -> None:
        """Take in what was spooled while the monitor was down, and record that it runs under which policy."""
        await ingest(spool, self._audit, label=self._high)
        await self._own("load")
        self._spooling = asyncio.create_task(self._take_in(spool))

    async def stopped(self) -> None:
        """Record that the monitor stops."""
        if self._spooling:
            self._spooling.cancel()
        await self._own("stop")

    async def _own(self, operation: str) -> None:
        entity = Entity(kind="monitor", name=self._site, digest=self._policy)
        verdict = Verdict(allowed=True, rule=f"monitor.{operation}", policy=self._policy)
        scope = Scope(label=self._high)
        await self._write(events.configuration(scope, "host", operation, entity, verdict))

    async def _take_in(self, spool: Path) -> None:
        while True:
            await asyncio.sleep(SPOOL_SECONDS)
            await ingest(spool, self._audit, label=self._high)

    @staticmethod
    def _scope(enclave: Enclave, request: str, path: str) -> Scope:
        service = path.split("/", 2)[1] if path.startswith("/") else ""
        return Scope(
            label=enclave.marking.label.encode(),
            enclave=enclave.name,
            service=service if service in enclave.services else None,
            request=printable(request, 64),
        )

    async def _write(self, event: Event) -> str:
        receipts = await self._audit.append([event.record()])
        return receipts[0]
