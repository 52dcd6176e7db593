"""Turns of a conversation, each labelled: red-teaming, safety, quality of a dialogue."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, StringConstraints, model_validator

from workbench.tasks.kind import Kind, Model, Result, ShortText, Text, Units, refusal
from workbench.tasks.labels import Labels, check_labels, require_known


class ChatSchema(Model):
    """Labels of a turn; ``roles`` says whose turns are labelled."""

    labels: Labels
    roles: Annotated[tuple[Literal["user", "assistant", "system"], ...], Field(min_length=1)] = ("assistant",)

    @model_validator(mode="after")
    def _labels_are_in_order(self) -> "ChatSchema":
        check_labels(self.labels)
        return self


class Turn(Model):
    """One message."""

    role: Literal["user", "assistant", "system"]
    content: Text


class ChatData(Model):
    """A conversation."""

    messages: Annotated[tuple[Turn, ...], Field(min_length=1, max_length=200)]


class ChatAnswer(Model):
    """The label of each turn by its number, from 0."""

    turns: dict[int, ShortText]
    comment: Annotated[str, StringConstraints(max_length=10_000)] = ""


class Chat(Kind[ChatSchema, ChatData, ChatAnswer]):
    """Chat turns."""

    name: ClassVar[str] = "chat"
    title: ClassVar[str] = "Label turns of a conversation"
    schema_model = ChatSchema
    data_model = ChatData
    answer_model = ChatAnswer

    def check(self, schema: ChatSchema, data: ChatData, answer: ChatAnswer) -> None:
        """Each turn that is labelled in this project has one label."""
        wanted = {number for number, turn in enumerate(data.messages) if turn.role in schema.roles}
        if set(answer.turns) != wanted:
            odd = min(set(answer.turns) ^ wanted)
            raise refusal(f"turns.{odd}", f"exactly the turns of {', '.join(schema.roles)} are labelled")
        for number, label in answer.turns.items():
            require_known(label, schema.labels, f"turns.{number}")

    def units(self, schema: ChatSchema, data: ChatData, answer: ChatAnswer) -> Units:
        """The label of each turn."""
        return {str(number): label for number, label in answer.turns.items()}

    def to_results(self, schema: ChatSchema, data: ChatData, answer: ChatAnswer) -> list[Result]:
        """A result of the type ``choices`` for each turn, as Label Studio has them for paragraphs."""
        found: list[Result] = [
            {"from_name": f"turn-{n}", "to_name": "messages", "type": "choices", "value": {"choices": [label]}}
            for n, label in sorted(answer.turns.items())
        ]
        if answer.comment:
            text = {"text": [answer.comment]}
            found.append({"from_name": "comment", "to_name": "messages", "type": "textarea", "value": text})
        return found

    def from_results(self, schema: ChatSchema, data: ChatData, results: list[Result]) -> dict[str, Any]:
        """The reverse."""
        answer: dict[str, Any] = {"turns": {}}
        for result in results:
            name, value = str(result.get("from_name", "")), result.get("value", {})
            if result.get("type") == "choices" and name.startswith("turn-") and value.get("choices"):
                answer["turns"][name.removeprefix("turn-")] = value["choices"][0]
            elif result.get("type") == "textarea":
                answer["comment"] = "\n".join(value.get("text", []))
        return answer
