"""Who may still be recorded: the fill of the log's disk, and a quota for each enclave so that none starves the others.

A refusal here leaves no record, because recording it would use what it protects; it is counted, one event says that it
began, and one says how many there were (SP 800-53 AU-4 and AU-5). Requests of those whom no certificate of the site
identifies have a small quota of their own at each gateway, so that an outsider cannot use up what the enclave's users
need. Beyond it they are only counted: they are refused in any case, so nothing takes effect without a record.

Each person and each service has a budget of its own, smaller than the enclave's quota, so that none of them alone uses
up what the others of the enclave need. Beyond it nothing takes effect for them, and one event says how often.
"""

import time
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import TypeVar

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
        counted: whether a refusal may go out without a record of its own, because it was counted: of somebody
            unidentified, of a person or of a service beyond their budget.
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
PERSON = Quota(events=300, burst=5_000, size=96 << 10, burst_size=96 << 20)
SERVICE = Quota(events=300, burst=5_000, size=96 << 10, burst_size=96 << 20)
SERVICE_PREFIX = "service:"
ENCLAVE, NOBODY = "", " "
"""Keys of the buckets that are nobody's own; no subject is called so."""
Key = TypeVar("Key")


@dataclass
class _Bucket:
    """A token bucket for events and one for bytes, filled as time passes."""

    quota: Quota
    events: float
    size: float
    filled: float
    exceeded: bool = False

    def has(self, size: int, now: float) -> bool:
        passed, self.filled = max(0.0, now - self.filled), now
        self.events = min(self.quota.burst, self.events + passed * self.quota.events)
        self.size = min(self.quota.burst_size, self.size + passed * self.quota.size)
        return self.events >= 1 and self.size >= size

    def take(self, size: int) -> None:
        self.events -= 1
        self.size -= size
        self.exceeded = self.exceeded and not self.recovered

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
        person: of one subject in one enclave.
        service: of one service in one enclave, the system-high one's too.
        clock: monotonic seconds.
        refused: requests that were refused without a record, by enclave, since ``take_refused`` was last asked.
        unknown: those of them that nobody known sent, beyond their quota.
        floods: those of a person or a service beyond its budget, by enclave and name.
    """

    storage: Callable[[], Storage]
    quota: Quota = field(default_factory=Quota)
    clock: Callable[[], float] = time.monotonic
    unidentified: Quota = UNIDENTIFIED
    person: Quota = PERSON
    service: Quota = SERVICE
    refused: Counter[str] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)
    floods: Counter[tuple[str, str]] = field(default_factory=Counter)
    _buckets: dict[tuple[str, str], _Bucket] = field(default_factory=dict)
    _known: Storage = Storage.GOOD

    def admit(
        self, enclave: Enclave, size: int, *, reads: bool = False, identified: bool = True, who: Collection[str] = ()
    ) -> None:
        """Admit one record of ``size`` bytes.

        Args:
            enclave: for whom.
            size: of the event in bytes.
            reads: whether an officer only looks: possible until the disk takes no byte more.
            identified: whether a certificate of the site says who asks.
            who: the subject and the services that cause it, each within its own budget.

        Raises:
            CapacityError: with the reason for the client.
        """
        state = self.storage()
        officer = enclave.system_high and identified
        if state in REASONS and not (officer and (reads or state is not Storage.HALT)):
            raise self._refusal(enclave, REASONS[state])
        now = self.clock()
        own = {name: self._bucket(enclave, name) for name in who if _is_service(name) or not officer}
        for name, bucket in own.items():
            if not bucket.has(size, now):
                raise self._flood(enclave, name, bucket)
        shared = None if officer else self._bucket(enclave, ENCLAVE if identified else NOBODY)
        if shared and not shared.has(size, now):
            if not identified:
                self.unknown[enclave.name] += 1
                refusal = CapacityError("requests of nobody known exceed their quota of records")
                refusal.counted = True
                raise refusal
            refusal = self._refusal(enclave, "this enclave records more than its quota: try again in a moment")
            refusal.first, shared.exceeded = not shared.exceeded, True
            raise refusal
        for bucket in (*own.values(), *([shared] if shared else [])):
            bucket.take(size)

    def _bucket(self, enclave: Enclave, name: str) -> _Bucket:
        key = enclave.name, name
        if key not in self._buckets:
            quotas = {ENCLAVE: self.quota, NOBODY: self.unidentified}
            quota = quotas.get(name) or (self.service if _is_service(name) else self.person)
            self._buckets[key] = _Bucket(quota, quota.burst, quota.burst_size, self.clock())
        return self._buckets[key]

    def _flood(self, enclave: Enclave, name: str, bucket: _Bucket) -> CapacityError:
        self.floods[enclave.name, name] += 1
        bucket.exceeded = True
        refusal = CapacityError(
            "you cause more records than one person or service may: try again in a moment",
            rule="no durable record, no effect",
        )
        refusal.counted = True
        return refusal

    def lost(self, enclave: Enclave) -> None:
        """Count a request that was refused because its record could not be made."""
        self.refused[enclave.name] += 1

    def take_refused(self) -> dict[str, int]:
        """The requests refused without a record, by enclave, counted from now on anew."""
        return _take(self.refused)

    def take_unknown(self) -> dict[str, int]:
        """The requests of nobody known beyond their quota, by enclave, counted from now on anew."""
        return _take(self.unknown)

    def take_floods(self) -> dict[tuple[str, str], int]:
        """The requests beyond the budget of a person or a service, by enclave and name, counted from now on anew."""
        return _take(self.floods)

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


def _is_service(name: str) -> bool:
    return name.startswith(SERVICE_PREFIX)


def _take(counter: Counter[Key]) -> dict[Key, int]:
    counted = dict(counter)
    counter.clear()
    return counted
