"""A job as it is asked for, kept and shown."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from appliance.contract.grant import Groups
from appliance.markings import Reader

JobId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
State = Literal["queued", "running", "done", "stopped", "failed", "interrupted"]
LOWEST = "T0-sandbox"
MOST = 5000


class Body(BaseModel):
    """What somebody sends, by a form or as JSON."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _form(cls, data: object) -> object:
        """A form sends empty fields for what was not filled in."""
        return {n: value for n, value in data.items() if value not in ("", [""])} if isinstance(data, dict) else data


class NewJob(BaseModel):
    """What a person asks for.

    Attributes:
        model: name of the model.
        tier: the tier that is tried; the items that it needs are asked when no suite is named.
        suite: one suite to ask instead, for a look; such a job reaches no tier above the lowest. One of the site's own
            may have its version behind it (``name@2``).
        limit: how many of its items at most; as many as the suite says when absent.
        generation: the hold-out to use, whose key two custodians have entered; absent for the published key.
        need_to_know: groups whose members alone may know of the job.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: Annotated[str, StringConstraints(max_length=100)]
    tier: Annotated[str, StringConstraints(max_length=40)] = LOWEST
    suite: Annotated[str, StringConstraints(max_length=60)] = ""
    limit: Annotated[int, Field(ge=1, le=MOST)] | None = None
    generation: Annotated[int, Field(ge=1, le=10**9)] | None = None
    need_to_know: Groups = ()

    @model_validator(mode="before")
    @classmethod
    def _form(cls, data: object) -> object:
        """A form sends empty fields for what was not filled in."""
        return {name: value for name, value in data.items() if value != ""} if isinstance(data, dict) else data


class Job(BaseModel):
    """A job as it is kept and shown.

    Attributes:
        id: its identifier.
        model: name of the model.
        model_sha256: digest of its file, once it answered.
        tier: the tier that is tried.
        attempt: the how many-th time that this model file tries it.
        asked: the suite that was asked for and how many of its items; empty when the tier says what it needs.
        suites: how many items of each suite there are.
        evaluator: who started it.
        runs: how often it was begun: each run has a grant of its own.
        state: where it stands.
        generation: the hold-out, or None for the published key.
        answered: how many items were answered.
        items: how many there are.
        queued: when it was asked for.
        started: when it began.
        finished: when it ended.
        seconds_left: about how long it still takes.
        message: what went wrong, or why it stopped early.
        reached: whether the tier was reached; None until it ended.
        reasons: why not.
        need_to_know: groups whose members alone may know of it.
        own_suite: the suite of the site that it asks, if it is none of the project's.
        originator_controlled: whether what it asks is, and so what comes of it.
    """

    model_config = ConfigDict(protected_namespaces=())

    id: JobId
    model: str
    model_sha256: str = ""
    tier: str
    attempt: int = 1
    asked: dict[str, int] = {}
    suites: dict[str, int] = {}
    evaluator: str
    runs: int = 0
    state: State = "queued"
    generation: int | None = None
    answered: int = 0
    items: int = 0
    queued: AwareDatetime
    started: AwareDatetime | None = None
    finished: AwareDatetime | None = None
    seconds_left: int | None = None
    message: str = ""
    reached: bool | None = None
    reasons: tuple[str, ...] = ()
    need_to_know: Groups = ()
    own_suite: UUID | None = None
    originator_controlled: bool = False

    def known_to(self, reader: Reader) -> bool:
        """Whether ``reader``, who reads at the enclave's label, may know of the job and its results."""
        return set(self.need_to_know) <= reader.groups

    @property
    def over(self) -> bool:
        """Whether it ended."""
        return self.state not in {"queued", "running"}

    @property
    def look(self) -> bool:
        """Whether it asks one suite for a look, and tries no tier."""
        return bool(self.asked) and "smoke" not in self.asked

    @property
    def title(self) -> str:
        """What it asks, for people."""
        return next(iter(self.asked), self.tier)
