"""Who may still be recorded: the fill of the log's disk, and a quota for each enclave so that none starves the others.

A refusal here leaves no record, because recording it would use what it protects; it is counted, one event says that it
began, and one says how many there were (SP 800-53 AU-4 and AU-5).
"""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from appliance.audit.storage import Storage
from appliance.enclave.site import Enclave
from appliance.errors import ApplianceError

REASONS = {
    Storage.ADMINISTRATION: "the disk of the audit log is 95 % full: only administration goes on",
    Storage.HALT: "the disk of the audit log is full: nothing can be recorded, so nothing is done",
}


class CapacityError(ApplianceError):
    """Nothing more is recorded for this enclave now, so nothing may take effect.

    Attributes:
        first: whether an enclave's quota was exceeded for the first time since it recovered; one event says so.
    """

    first = False


@dataclass(frozen=True)
class Quota:
    """What one enclave may have recorded: sustained by the second, and at once.

    Attributes:
        events: events a second.
        burst: events at once.
        size: bytes a second; 256 KiB are 22 GB a day.
        burst_size: bytes at once.
    """

    events: float = 1_000
    burst: float = 10_000
    size: float = 256 << 10
    burst_size: float = 256 << 20


@dataclass
class _Bucket:
    """A token bucket for events and one for bytes, filled as time passes."""

    quota: Quota
    events: float
    size: float
    filled: float
    exceeded: bool = False

    def take(self, size: int, now: float) -> bool:
        passed, self.filled = max(0.0, now - self.filled), now
        self.events = min(self.quota.burst, self.events + passed * self.quota.events)
        self.size = min(self.quota.burst_size, self.size + passed * self.quota.size)
        if self.events < 1 or self.size < size:
            return False
        self.events -= 1
        self.size -= size
        return True

    @property
    def recovered(self) -> bool:
        return self.events >= self.quota.burst / 2 and self.size >= self.quota.burst_size / 2


@dataclass
class Capacity:
    """Decides before each record whether it may be made; officers' administration has the last room.

    Attributes:
        storage: what the fill of the log's disk allows now.
        quota: of every enclave; the system-high one, where officers work, has none.
        clock: monotonic seconds.
        refused: requests that were refused without a record, by enclave, since ``take_refused`` was last asked.
    """

    storage: Callable[[], Storage]
    quota: Quota = field(default_factory=Quota)
    clock: Callable[[], float] = time.monotonic
    refused: Counter[str] = field(default_factory=Counter)
    _buckets: dict[str, _Bucket] = field(default_factory=dict)
    _known: Storage = Storage.GOOD

    def admit(self, enclave: Enclave, size: int, *, reads: bool = False) -> None:
        """Admit one record of ``size`` bytes.

        Args:
            enclave: for whom.
            size: of the event in bytes.
            reads: whether an officer only looks: possible until the disk takes no byte more.

        Raises:
            CapacityError: with the reason for the client.
        """
        state = self.storage()
        if enclave.system_high:
            if state is Storage.HALT and not reads:
                raise self._refusal(enclave, REASONS[state])
            return
        if state in REASONS:
            raise self._refusal(enclave, REASONS[state])
        now = self.clock()
        bucket = self._buckets.get(enclave.name)
        if bucket is None:
            bucket = self._buckets[enclave.name] = _Bucket(self.quota, self.quota.burst, self.quota.burst_size, now)
        if bucket.take(size, now):
            bucket.exceeded = bucket.exceeded and not bucket.recovered
            return
        refusal = self._refusal(enclave, "this enclave records more than its quota: try again in a moment")
        refusal.first, bucket.exceeded = not bucket.exceeded, True
        raise refusal

    def lost(self, enclave: Enclave) -> None:
        """Count a request that was refused because its record could not be made."""
        self.refused[enclave.name] += 1

    def take_refused(self) -> dict[str, int]:
        """The requests refused without a record, by enclave, counted from now on anew."""
        counted = dict(self.refused)
        self.refused.clear()
        return counted

    def changed(self) -> Storage | None:
        """What the fill of the disk allows, if that is another thing than when this was last asked."""
        state = self.storage()
        if state is self._known:
            return None
        self._known = state
        return state

    def _refusal(self, enclave: Enclave, reason: str) -> CapacityError:
        self.lost(enclave)
        return CapacityError(reason, rule="no durable record, no effect")
