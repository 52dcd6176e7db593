"""Who may still be recorded: the fill of the log's disk, and a quota for each enclave so that none starves the others.

A refusal here leaves no record, because recording it would use what it protects; it is counted, one event says that it
began, and one says how many there were (SP 800-53 AU-4 and AU-5). Requests of those whom no certificate of the site
identifies have a small quota of their own at each gateway, so that an outsider cannot use up what the enclave's users
need. Beyond it they are only counted: they are refused in any case, so nothing takes effect without a record.
"""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from appliance.audit.log.storage import Storage
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
        counted: whether it concerns somebody unidentified, whose refusal may go out because it was counted.
    """

    first = False
    counted = False


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


UNIDENTIFIED = Quota(events=1, burst=2_000, size=2 << 10, burst_size=4 << 20)


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
        unidentified: of the requests at one gateway, the system-high one's too, that nobody known sends.
        clock: monotonic seconds.
        refused: requests that were refused without a record, by enclave, since ``take_refused`` was last asked.
        unknown: those of them that nobody known sent, beyond their quota.
    """

    storage: Callable[[], Storage]
    quota: Quota = field(default_factory=Quota)
    clock: Callable[[], float] = time.monotonic
    unidentified: Quota = UNIDENTIFIED
    refused: Counter[str] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)
    _buckets: dict[tuple[str, bool], _Bucket] = field(default_factory=dict)
    _known: Storage = Storage.GOOD

    def admit(self, enclave: Enclave, size: int, *, reads: bool = False, identified: bool = True) -> None:
        """Admit one record of ``size`` bytes.

        Args:
            enclave: for whom.
            size: of the event in bytes.
            reads: whether an officer only looks: possible until the disk takes no byte more.
            identified: whether a certificate of the site says who asks.

        Raises:
            CapacityError: with the reason for the client.
        """
        state = self.storage()
        officer = enclave.system_high and identified
        if state in REASONS and not (officer and (reads or state is not Storage.HALT)):
            raise self._refusal(enclave, REASONS[state])
        if officer:
            return
        bucket = self._bucket(enclave, identified)
        if bucket.take(size, self.clock()):
            bucket.exceeded = bucket.exceeded and not bucket.recovered
            return
        if not identified:
            self.unknown[enclave.name] += 1
            refusal = CapacityError("requests of nobody known exceed their quota of records")
            refusal.counted = True
            raise refusal
        refusal = self._refusal(enclave, "this enclave records more than its quota: try again in a moment")
        refusal.first, bucket.exceeded = not bucket.exceeded, True
        raise refusal

    def _bucket(self, enclave: Enclave, identified: bool) -> _Bucket:
        key = enclave.name, identified
        if key not in self._buckets:
            quota = self.quota if identified else self.unidentified
            self._buckets[key] = _Bucket(quota, quota.burst, quota.burst_size, self.clock())
        return self._buckets[key]

    def lost(self, enclave: Enclave) -> None:
        """Count a request that was refused because its record could not be made."""
        self.refused[enclave.name] += 1

    def take_refused(self) -> dict[str, int]:
        """The requests refused without a record, by enclave, counted from now on anew."""
        return _take(self.refused)

    def take_unknown(self) -> dict[str, int]:
        """The requests of nobody known beyond their quota, by enclave, counted from now on anew."""
        return _take(self.unknown)

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


def _take(counter: Counter[str]) -> dict[str, int]:
    counted = dict(counter)
    counter.clear()
    return counted
