"""Free text: an answer, a correction, a transcription."""

from typing import Annotated, Any, ClassVar

from pydantic import Field, StringConstraints

from workbench.tasks.kind import Kind, Model, Result, Text, Units, refusal, result_of


class WritingSchema(Model):
    """How much is written; ``start`` begins with the task's own text, to be corrected."""

    least: Annotated[int, Field(ge=0, le=100_000)] = 1
    most: Annotated[int, Field(ge=1, le=100_000)] = 20_000
    start: bool = False


class WritingData(Model):
    """What is to be answered, corrected or written down."""

    text: Text
    title: Annotated[str, StringConstraints(max_length=500)] | None = None


class WritingAnswer(Model):
    """What was written."""

    text: Annotated[str, StringConstraints(max_length=100_000)]


class Writing(Kind[WritingSchema, WritingData, WritingAnswer]):
    """Free text."""

    name: ClassVar[str] = "writing"
    title: ClassVar[str] = "Write a text"
    schema_model = WritingSchema
    data_model = WritingData
    answer_model = WritingAnswer

    def check(self, schema: WritingSchema, data: WritingData, answer: WritingAnswer) -> None:
        """Neither too little nor too much."""
        length = len(answer.text.strip())
        if not schema.least <= length <= schema.most:
            raise refusal(f"text: {length} characters", f"{schema.least} to {schema.most} characters in this project")

    def units(self, schema: WritingSchema, data: WritingData, answer: WritingAnswer) -> Units:
        """The text, without what only its layout changes."""
        return {"text": " ".join(answer.text.split()).casefold()}

    def to_results(self, schema: WritingSchema, data: WritingData, answer: WritingAnswer) -> list[Result]:
        """A result of the type ``textarea``."""
        return [{"from_name": "answer", "to_name": "text", "type": "textarea", "value": {"text": [answer.text]}}]

    def from_results(self, schema: WritingSchema, data: WritingData, results: list[Result]) -> dict[str, Any]:
        """The reverse."""
        found = result_of(results, "textarea")
        text = found["value"]["text"] if found else ""
        return {"text": text if isinstance(text, str) else "\n".join(text)}
