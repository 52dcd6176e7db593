"""One attempt of the red team: actor, class, what is tried, what must come of it, and the record that must be left."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.attack.world import World


class Actor(StrEnum):
    """Who attacks."""

    OUTSIDER = "outsider on the wire"
    LOW = "low user"
    HIGH = "high user"
    OFFICER = "officer"
    LABELING = "shell in labeling"
    EVALUATION = "shell in evaluation"
    INFERENCE = "shell in inference"
    CONSOLE = "shell in console"
    GATEWAY = "shell in a gateway"
    DATABASE = "shell in a database"
    NEIGHBOUR = "container of another enclave"
    CARRIER = "media carrier"
    SYSADMIN = "careless sysadmin"


class Kind(StrEnum):
    """The class of an attempt; the same classes as on the page of attacks."""

    IDENTITY = "Identity and context, forged and replayed"
    PATHS = "Header and path tricks"
    FLOODS = "Streaming, slow paths and floods"
    PORTS = "Direct ports"
    NETWORKS = "Other networks and names"
    VOLUMES = "Shared volumes and /proc"
    IMAGES = "Images swapped by tag or entrypoint"
    ENVIRONMENT = "Environment injection"
    DATABASE = "Database settings and SQL through labels"
    ERRORS = "Timing and error text"
    CACHES = "Cached pages"
    PODMAN = "Podman's side doors"
    LEVELS = "Writing down and reading up"
    RECORDS = "Records, forged or spent"
    MEDIA = "Media"


@dataclass(frozen=True)
class Seen:
    """What came of an attempt.

    Attributes:
        said: the result in a word or a line; equal to what the row expects, or the attack did something else.
        reference: of the request, where the gateway gave one; the record must carry it.
    """

    said: str
    reference: str = ""


@dataclass(frozen=True)
class Row:
    """One cell of the red team.

    Attributes:
        actor: who.
        kind: class of the attempt.
        attempt: what is tried, in a line.
        do: tries it on the running site.
        expect: what must come of it, exactly.
        record: rule or activity of the event that must be left, or empty.
        unrecorded: why none is left; one of the two is given.
        quick: whether continuous integration runs it too.
    """

    actor: Actor
    kind: Kind
    attempt: str
    do: Callable[["World"], Seen]
    expect: str
    record: str = ""
    unrecorded: str = ""
    quick: bool = False

    def __post_init__(self) -> None:
        if bool(self.record) == bool(self.unrecorded):
            raise ValueError(f"{self.name}: a row names the record that is left, or why there is none")

    @property
    def name(self) -> str:
        """Of the row, for people and for pytest."""
        return f"{self.actor}: {self.attempt}"
