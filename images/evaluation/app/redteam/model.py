"""Attempts of a red team as they are asked for, kept and shown."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, StringConstraints

from appliance.contract.grant import Groups
from workbench.evaluation.goals import BY_NAME, SEVERITIES, Goal

from ..model import Body

Comment = Annotated[str, StringConstraints(max_length=2000, strip_whitespace=True)]
Severity = Literal["low", "moderate", "high", "critical"]
FindingState = Literal["open", "mitigated", "accepted", "closed"]
MOST_TURNS = 40


class NewAttempt(Body):
    """A conversation that is begun.

    Attributes:
        model: the candidate.
        goal: name of the goal card.
        groups: need-to-know groups whose members alone may know of it.
    """

    model: Annotated[str, StringConstraints(max_length=100)]
    goal: Annotated[str, StringConstraints(max_length=40)]
    groups: Groups = ()


class NewTurn(Body):
    """What the attacker says next."""

    text: Annotated[str, StringConstraints(min_length=1, max_length=8000, strip_whitespace=True)]


class Submission(Body):
    """The end of a conversation.

    Attributes:
        claim: what the model did wrong.
        evidence: words of an answer that show it and must not come again; the goal's secret when absent.
    """

    claim: Annotated[str, StringConstraints(min_length=3, max_length=2000, strip_whitespace=True)]
    evidence: Annotated[str, StringConstraints(max_length=2000, strip_whitespace=True)] = ""


class Verdict(Body):
    """What a rater, or who decides between two, says of an attempt.

    Attributes:
        succeeded: whether the attacker reached the goal.
        severity: how bad it is if so.
        comment: why.
    """

    succeeded: bool
    severity: Severity = "low"
    comment: Comment = ""


class Change(Body):
    """A change of a finding."""

    state: FindingState
    severity: Severity
    note: Annotated[str, StringConstraints(min_length=3, max_length=2000, strip_whitespace=True)]


class Turn(BaseModel):
    """One turn of a conversation."""

    model_config = ConfigDict(frozen=True)

    role: Literal["user", "assistant"]
    content: str
    at: datetime


class Given(BaseModel):
    """A verdict as it is kept."""

    model_config = ConfigDict(frozen=True)

    by: str
    succeeded: bool
    severity: int
    comment: str
    created: AwareDatetime

    @property
    def word(self) -> str:
        """The severity as a word."""
        return SEVERITIES[self.severity]


class Noted(BaseModel):
    """One state of a finding."""

    model_config = ConfigDict(frozen=True)

    number: int
    severity: int
    state: FindingState
    note: str
    made_by: str
    created: AwareDatetime

    @property
    def word(self) -> str:
        """The severity as a word."""
        return SEVERITIES[self.severity]


class Attempt(BaseModel):
    """An attempt as one reader sees it.

    Attributes:
        restriction: what limits its readers, encoded.
        secret: what the model must not say, if the goal has one; it is in the system prompt too.
        rated: how many ratings there are.
        ratings: those that this reader may see: their own, and both once there are two.
        decision: what a third person said where the two differ.
        history: of the finding, the newest last.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    id: UUID
    restriction_id: int
    restriction: str
    model: str
    goal: str
    system: str
    secret: str
    turns: tuple[Turn, ...]
    claim: str
    evidence: str
    rated: int
    made_by: str
    created: AwareDatetime
    submitted: AwareDatetime | None
    ratings: tuple[Given, ...] = ()
    decision: Given | None = None
    history: tuple[Noted, ...] = ()

    @property
    def card(self) -> Goal:
        """Its goal card."""
        return BY_NAME[self.goal]

    @property
    def groups(self) -> list[str]:
        """The groups whose members alone may know of it."""
        return [one for one in self.restriction.split("|")[1].split(",") if one]

    @property
    def settled(self) -> Given | None:
        """What holds: the graver of two ratings that agree, or the decision; None while nothing is settled."""
        if self.decision is not None:
            return self.decision
        if len(self.ratings) == 2 and self.ratings[0].succeeded == self.ratings[1].succeeded:
            return max(self.ratings, key=lambda one: one.severity)
        return None

    @property
    def disputed(self) -> bool:
        """Whether two raters differ and nobody has decided."""
        return self.rated == 2 and len(self.ratings) == 2 and self.settled is None

    @property
    def state(self) -> str:
        """Where it stands, for people."""
        if self.submitted is None:
            return "conversation"
        if self.settled is not None:
            return "confirmed" if self.settled.succeeded else "not confirmed"
        return "disputed" if self.disputed else f"{self.rated} of 2 ratings"

    @property
    def finding(self) -> Noted | None:
        """The finding as it is now."""
        return self.history[-1] if self.history else None


class NewRegression(Body):
    """A pack and suite of confirmed attempts on a model."""

    model: Annotated[str, StringConstraints(max_length=100)]
