"""Classification of a text: one class, several, or one of a hierarchy."""

from typing import Annotated, Any, ClassVar

from pydantic import Field, StringConstraints, model_validator

from workbench.tasks.kind import Kind, Model, Result, ShortText, Text, Units, refusal, result_of
from workbench.tasks.labels import MOST, Labels, check_labels, leaves, require_known


class ClassificationSchema(Model):
    """Classes, of which one or several are chosen; a class that has classes below it is not chosen itself."""

    labels: Labels
    multiple: bool = False

    @model_validator(mode="after")
    def _labels_are_in_order(self) -> "ClassificationSchema":
        check_labels(self.labels)
        return self


class ClassificationData(Model):
    """A text to be classified."""

    text: Text
    title: Annotated[str, StringConstraints(max_length=500)] | None = None


class ClassificationAnswer(Model):
    """The chosen classes."""

    labels: Annotated[tuple[ShortText, ...], Field(max_length=MOST)]


class Classification(Kind[ClassificationSchema, ClassificationData, ClassificationAnswer]):
    """Classification."""

    name: ClassVar[str] = "classification"
    title: ClassVar[str] = "Classify a text"
    schema_model = ClassificationSchema
    data_model = ClassificationData
    answer_model = ClassificationAnswer

    def check(self, schema: ClassificationSchema, data: ClassificationData, answer: ClassificationAnswer) -> None:
        """One class or several, each known, each once, each a leaf."""
        for number, name in enumerate(answer.labels):
            require_known(name, schema.labels, f"labels.{number}")
        if len(set(answer.labels)) != len(answer.labels):
            raise refusal("labels: a class stands twice", "each class is chosen once")
        if not schema.multiple and len(answer.labels) != 1:
            raise refusal(f"labels: {len(answer.labels)} classes", "exactly one class is chosen in this project")
        open_ones = {label.name for label in leaves(schema.labels)}
        for name in answer.labels:
            if name not in open_ones:
                raise refusal(f"labels: {name!r} has classes below it", "the finest class is chosen")

    def units(self, schema: ClassificationSchema, data: ClassificationData, answer: ClassificationAnswer) -> Units:
        """The class; or for each class whether it was chosen."""
        if not schema.multiple:
            return {"class": answer.labels[0]}
        return {label.name: label.name in answer.labels for label in leaves(schema.labels)}

    def to_results(
        self, schema: ClassificationSchema, data: ClassificationData, answer: ClassificationAnswer
    ) -> list[Result]:
        """One result of the type ``choices``."""
        chosen = {"choices": list(answer.labels)}
        return [{"from_name": "label", "to_name": "text", "type": "choices", "value": chosen}]

    def from_results(
        self, schema: ClassificationSchema, data: ClassificationData, results: list[Result]
    ) -> dict[str, Any]:
        """The choices; of a path in a taxonomy its last part."""
        if found := result_of(results, "taxonomy"):
            return {"labels": [path[-1] for path in found["value"]["taxonomy"]]}
        found = result_of(results, "choices")
        return {"labels": found["value"]["choices"] if found else []}
