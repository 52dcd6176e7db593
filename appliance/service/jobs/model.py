"""A job as those who may know of it see it."""

from typing import Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict

State = Literal["queued", "running", "done", "failed", "cancelled", "interrupted"]


class Job(BaseModel):
    """A job.

    Attributes:
        id: its identifier.
        kind: what it does, one of the kinds of its service.
        resource: what it needs alone: of each class one worker runs so many at once.
        priority: 0 to 9; a higher one goes first.
        state: where it stands.
        subject: the person who started it.
        spec: what it was asked to do.
        groups: need-to-know groups whose members alone know of it.
        attempts: how often it was begun.
        most_attempts: how often it is begun at most, where its worker was lost or it asked to be tried again.
        done: how much of it is done.
        total: how much there is, or None where nobody knows.
        message: why it ended or is tried again, for people.
        result: what came of it.
        cancelled_by: who cancelled it.
        queued: when it was asked for.
        started: when it was begun first.
        finished: when it ended.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    id: UUID
    kind: str
    resource: str
    priority: int
    state: State
    subject: str
    spec: dict[str, Any]
    groups: tuple[str, ...] = ()
    attempts: int
    most_attempts: int
    done: int
    total: int | None
    message: str
    result: dict[str, Any] | None
    cancelled_by: str | None
    queued: AwareDatetime
    started: AwareDatetime | None
    finished: AwareDatetime | None

    @property
    def over(self) -> bool:
        """Whether it ended."""
        return self.state not in {"queued", "running"}
