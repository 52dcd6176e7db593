"""What expires or falls due on a host: when, by which rule, and what renews it. The host writes it, the console shows.

No I/O. ``policies/calendar.yml`` says how long before its end something is due, and how long a key is used.
"""

from collections.abc import Iterable
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

FILE = "calendar.json"
"""Where the host leaves it, beside the log, for the officers' console."""


class Kind(StrEnum):
    """What can end."""

    AUTHORITY = "authority"
    GATEWAY = "gateway"
    WORKLOAD = "workload"
    REGISTRATION = "registration"
    CERTIFICATE = "certificate"
    ROOT = "root"
    TARGETS = "targets"
    SNAPSHOT = "snapshot"
    TIMESTAMP = "timestamp"
    MODEL = "model"
    BREAK_GLASS = "break-glass"
    CONTEXTS_KEY = "contexts-key"
    ADMISSION_KEY = "admission-key"
    GRANT_KEY = "grant-key"
    HOST_KEY = "host-key"
    LOG_KEY = "log-key"
    REVIEW = "review"
    ANCHOR = "anchor"


class State(StrEnum):
    """How near the end is; the nearest last."""

    FINE = "fine"
    DUE = "due"
    PAST = "past"


class Term(BaseModel):
    """How one kind is judged.

    Attributes:
        warn_days: it is due when it ends within so many days.
        period_days: how long a key is used from when it was made; absent where the thing has an end of its own.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    warn_days: Annotated[int, Field(ge=0, le=3650)] = 30
    period_days: Annotated[int, Field(ge=1, le=3650)] | None = None


CRYPTOPERIODS = {
    Kind.CONTEXTS_KEY: 365,
    Kind.ADMISSION_KEY: 365,
    Kind.GRANT_KEY: 365,
    Kind.HOST_KEY: 1095,
    Kind.LOG_KEY: 1095,
}
"""Days for which a key is used, where the policy says nothing else."""
LONGEST = {
    Kind.CONTEXTS_KEY: 1095,
    Kind.ADMISSION_KEY: 730,
    Kind.GRANT_KEY: 730,
    Kind.HOST_KEY: 1095,
    Kind.LOG_KEY: 1095,
}
"""SP 800-57 Part 1 Rev. 5, 5.3.6: private signature keys one to three years, symmetric authentication keys two."""


class Terms(BaseModel):
    """``policies/calendar.yml``.

    Attributes:
        kinds: the term of each kind of thing that ends; one that is left out has 30 days of warning.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kinds: dict[Kind, Term] = {}

    @model_validator(mode="after")
    def _within_the_longest(self) -> Self:
        for kind, term in self.kinds.items():
            if term.period_days is not None and term.period_days > LONGEST.get(kind, 0):
                raise ValueError(
                    f"{kind}: period_days is at most {LONGEST[kind]} (SP 800-57 Part 1 Rev. 5, 5.3.6)"
                    if kind in LONGEST
                    else f"{kind} has an end of its own, and no period_days"
                )
        return self

    def warning(self, kind: Kind) -> timedelta:
        """How long before its end a thing of this kind is due."""
        return timedelta(days=self.kinds.get(kind, _usual(kind)).warn_days)

    def period(self, kind: Kind) -> timedelta:
        """How long a key of this kind is used."""
        said = self.kinds.get(kind, _usual(kind)).period_days
        return timedelta(days=said or CRYPTOPERIODS[kind])


def _usual(kind: Kind) -> Term:
    return Term(warn_days={Kind.AUTHORITY: 365, Kind.REVIEW: 1, Kind.ANCHOR: 0, Kind.BREAK_GLASS: 0}.get(kind, 30))


class Entry(BaseModel):
    """One thing with an end.

    Attributes:
        kind: what it is.
        name: which one.
        ends: when it expires, or by when it is to be done.
        rule: why it ends then.
        renew: the command that renews it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Kind
    name: str
    ends: AwareDatetime
    rule: str
    renew: str


class Dated(Entry):
    """An entry as it was judged."""

    state: State


class Calendar(BaseModel):
    """Everything that ends, what ends first at the beginning.

    Attributes:
        made: when it was judged.
        entries: what ends.
        unread: what could not be read, in words: its end is unknown.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    made: AwareDatetime
    entries: tuple[Dated, ...] = ()
    unread: tuple[str, ...] = ()

    @property
    def pressing(self) -> tuple[Dated, ...]:
        """What is due or past."""
        return tuple(entry for entry in self.entries if entry.state is not State.FINE)

    def warnings(self) -> list[str]:
        """What somebody should act on, in words; empty when nothing is."""
        said = [
            f"{entry.kind} {entry.name} {'ended' if entry.state is State.PAST else 'ends'} on"
            f" {entry.ends:%Y-%m-%d %H:%M} UTC: {entry.renew}"
            for entry in self.pressing
        ]
        return said + [f"its end is unknown: {what}" for what in self.unread]


def judge(entries: Iterable[Entry], terms: Terms, now: AwareDatetime, unread: Iterable[str] = ()) -> Calendar:
    """Put what ends in order, and say what is due.

    Args:
        entries: in any order.
        terms: how long before its end something is due.
        now: the time, with its zone.
        unread: what could not be read.
    """

    def state(entry: Entry) -> State:
        if now >= entry.ends:
            return State.PAST
        return State.DUE if now >= entry.ends - terms.warning(entry.kind) else State.FINE

    judged = [Dated(**entry.model_dump(), state=state(entry)) for entry in entries]
    judged.sort(key=lambda entry: (entry.ends, entry.kind, entry.name))
    return Calendar(made=now, entries=tuple(judged), unread=tuple(unread))
