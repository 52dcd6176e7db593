"""What clients send."""

import hashlib
import json
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Text = Annotated[str, StringConstraints(min_length=1, max_length=100_000)]
Choice = Literal["a", "b", "tie"]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class NewProject(_Body):
    """A project.

    Attributes:
        name: its name.
        instruction: what annotators should do.
        marking: its marking; the enclave's when absent, and never above it.
        need_to_know: the group outside which the project does not exist; its creator belongs to it.
    """

    name: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    instruction: Annotated[str, StringConstraints(max_length=10_000)] = ""
    marking: str | None = None
    need_to_know: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,30}$")] | None = None


class NewTask(_Body):
    """A pairwise comparison.

    Attributes:
        prompt: what was asked.
        answers: the two answers, a and b.
        marking: the portion marking of the task; the enclave's when absent, and never above it.
        source: where prompt and answers come from, for example the models.
    """

    prompt: Text
    answers: Annotated[tuple[Text, Text], Field()]
    marking: str | None = None
    source: dict[str, Any] = {}


class NewTasks(_Body):
    """Tasks to add to a project."""

    tasks: Annotated[list[NewTask], Field(min_length=1, max_length=1000)]


class LowerTask(BaseModel):
    """A task as a lower enclave shows it; its reader's choice and whatever else it carries stay below."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    id: UUID
    project: UUID
    marking: str
    prompt: Text
    answer_a: Text
    answer_b: Text

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


class NewPreference(_Body):
    """An annotator's choice: answer a, answer b, or no difference."""

    choice: Choice


class LabelStudioTask(BaseModel):
    """A task in Label Studio's JSON for pairwise comparison; what else it carries is not read."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    class Data(BaseModel):
        """The values that Label Studio's template ``<Pairwise>`` shows."""

        model_config = ConfigDict(extra="ignore", frozen=True)

        prompt: Text
        answer1: Text
        answer2: Text
        marking: str | None = None

    data: Data

    def as_task(self) -> NewTask:
        """The task in this service's own form."""
        data = self.data
        return NewTask(
            prompt=data.prompt,
            answers=(data.answer1, data.answer2),
            marking=data.marking,
            source={"imported": "label-studio"},
        )
