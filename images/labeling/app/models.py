"""What clients send."""

import hashlib
import json
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from workbench.ontology.changes import Changes
from workbench.tasks import KINDS, kind_of

Group = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,30}$")]
Groups = Annotated[tuple[Group, ...], Field(max_length=20)]
Reason = Annotated[str, StringConstraints(max_length=2000, strip_whitespace=True)]
Person = Annotated[str, StringConstraints(min_length=1, max_length=200)]
DIGEST = r"^sha256:[0-9a-f]{64}$"
_BESIDE = {"marking", "groups", "source", "external_id", "gold"}


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class NewProject(_Body):
    """A project.

    Attributes:
        name: its name.
        guidelines: what annotators should do.
        kind: of its tasks.
        answer_schema: what may be answered; frozen from now on.
        marking: its marking; the enclave's when absent, and never above it.
        groups: need-to-know groups outside which the project does not exist; its creator belongs to them.
        overlap: how many annotators answer each task, blind to each other.
        lease_minutes: how long a task is an annotator's after they opened it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    name: Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
    guidelines: Annotated[str, StringConstraints(max_length=100_000)] = ""
    kind: Literal["classification", "spans", "pairwise", "ranking", "rating", "writing", "chat", "geometry"] = (
        "pairwise"
    )
    answer_schema: Annotated[dict[str, Any], Field(alias="schema")] = {}
    marking: str | None = None
    groups: Groups = ()
    overlap: Annotated[int, Field(ge=1, le=1000)] = 2
    lease_minutes: Annotated[int, Field(ge=1, le=10_000)] = 60

    @model_validator(mode="after")
    def _known_kind(self) -> "NewProject":
        assert self.kind in KINDS  # noqa: S101 - the registry and the list above are compared by a test
        kind_of(self.kind).read_schema(self.answer_schema)
        return self


class NewTask(_Body):
    """A task. Without ``data``, all fields that are not named here are its data, as in a plain list of records.

    Attributes:
        data: what is shown, as the project's kind says.
        marking: the portion marking of the task; the enclave's when absent, and never above it.
        groups: need-to-know groups of this task, besides the project's.
        source: where it comes from, for example the models.
        external_id: what others call it.
        gold: its known answer, which annotators do not see.
    """

    data: dict[str, Any]
    marking: str | None = None
    groups: Groups = ()
    source: dict[str, Any] = {}
    external_id: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = None
    gold: dict[str, Any] | None = None

    @model_validator(mode="before")
    @classmethod
    def _a_record_is_its_data(cls, values: Any) -> Any:
        if not isinstance(values, dict) or "data" in values:
            return values
        data = {name: value for name, value in values.items() if name not in _BESIDE}
        return {"data": data} | {name: value for name, value in values.items() if name in _BESIDE}


class NewTasks(_Body):
    """Tasks to add to a project."""

    tasks: Annotated[list[NewTask], Field(min_length=1, max_length=10_000)]


class LowerTask(BaseModel):
    """A task as a lower enclave shows it; its reader's own part and whatever else it carries stay below."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    id: UUID
    project: UUID
    marking: str
    groups: Groups = ()
    data: dict[str, Any]

    def digest(self) -> str:
        """SHA-256 of the task's canonical JSON: how the log names it."""
        canonical = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return f"sha256:{hashlib.sha256(canonical.encode()).hexdigest()}"


class Upgrade(_Body):
    """A task that is copied up, once its marking is the one of this enclave.

    Attributes:
        enclave: the enclave where it was read.
        task: the task as read there.
    """

    enclave: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,30}$")]
    task: LowerTask


class NewAnswer(_Body):
    """An annotator's answer, or draft of one, as the project's kind says."""

    value: dict[str, Any]


class Skip(_Body):
    """Why a task is left to others."""

    reason: Reason = ""


class NewFlag(_Body):
    """What is wrong with a task; ``marking`` goes to the security officer's log."""

    about: Literal["marking", "broken", "unclear", "harmful"]
    comment: Reason = ""


class NewReview(_Body):
    """A judgement of somebody's answer; a correction has the corrected value, and all but acceptance a reason."""

    annotator: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    verdict: Literal["accept", "correct", "reject"]
    value: dict[str, Any] | None = None
    reason: Reason = ""


class NewDecision(_Body):
    """A decision about a task in dispute."""

    value: dict[str, Any]
    reason: Annotated[str, StringConstraints(min_length=1, max_length=2000, strip_whitespace=True)]


class CheckDecision(_Body):
    """What a person decided about a finding: the data stay, or what it names is left out of versions; and why."""

    decision: Literal["keep", "leave out"]
    comment: Annotated[str, StringConstraints(min_length=1, max_length=2000, strip_whitespace=True)]


class NewVersion(_Body):
    """A version of what its maker may read.

    Attributes:
        name: what people call it.
        split_by: ``source.place``, ``data.title`` and so on: records with the same value stay in one part.
        groups: records of these groups at most; all that the maker may read when absent.
        parent: digest of the version before; the newest one that the maker may read when absent.
    """

    name: Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
    split_by: Annotated[str, StringConstraints(pattern=r"^((data|source)(\.[^.\s]{1,60}){1,4})?$")] = ""
    groups: Groups | None = None
    parent: Annotated[str, StringConstraints(pattern=DIGEST)] | None = None


class Withdrawal(_Body):
    """What is taken back: one record, or all that one person answered; and why."""

    task: UUID | None = None
    annotator: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = None
    reason: Annotated[str, StringConstraints(min_length=1, max_length=2000, strip_whitespace=True)]

    @model_validator(mode="after")
    def _one_of_both(self) -> "Withdrawal":
        if (self.task is None) == (self.annotator is None):
            raise ValueError("a withdrawal names a task or an annotator, and not both")
        return self


class NewSetting(_Body):
    """How the work of a project is conducted from now on.

    Attributes:
        number: of the settings that it changes, so that nobody changes others than they looked at; 0 at first.
        guidelines: what annotators should do; whoever goes on after a change acknowledges it first.
        paused: nobody is given a task.
        deadline: after it nobody is given a task.
        team: who is given tasks; everybody who may annotate, if empty.
    """

    number: Annotated[int, Field(ge=0)]
    guidelines: Annotated[str, StringConstraints(max_length=100_000)]
    paused: bool = False
    deadline: AwareDatetime | None = None
    team: Annotated[tuple[Person, ...], Field(max_length=500)] = ()


class Acknowledgement(_Body):
    """The guidelines that somebody has read, by the number of the settings that changed them."""

    number: Annotated[int, Field(ge=1)]


class NewComment(_Body):
    """What somebody says about a task; a reviewer says it to one annotator."""

    text: Annotated[str, StringConstraints(min_length=1, max_length=2000, strip_whitespace=True)]
    annotator: Person | None = None


class Migration(_Body):
    """A change of a project's classes, to look at.

    Attributes:
        number: of the classes that it changes, so that nobody changes others than they looked at.
        changes: in this order.
    """

    number: Annotated[int, Field(ge=0)]
    changes: Changes


class NewMigration(Migration):
    """A change of a project's classes, and why."""

    reason: Annotated[str, StringConstraints(min_length=1, max_length=2000, strip_whitespace=True)]


class Undo(_Body):
    """The last change that stands is taken back, and why.

    Attributes:
        number: of the classes of today.
        undoes: the number of the change.
    """

    number: Annotated[int, Field(ge=0)]
    undoes: Annotated[int, Field(ge=1)]
    reason: Annotated[str, StringConstraints(min_length=1, max_length=2000, strip_whitespace=True)]
