"""What every kind of task has in common."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from appliance.errors import ApplianceError, first_finding

Text = Annotated[str, StringConstraints(min_length=1, max_length=100_000)]
ShortText = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Value = str | int | float | bool
Units = dict[str, Value]
Scale = Literal["nominal", "ordinal", "interval"]
Result = dict[str, Any]
"""One entry of the list ``result`` in an annotation of Label Studio's JSON."""


class Model(BaseModel):
    """A strict, immutable model: an unknown field is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


S = TypeVar("S", bound=BaseModel)
D = TypeVar("D", bound=BaseModel)
A = TypeVar("A", bound=BaseModel)


class Kind(ABC, Generic[S, D, A]):
    """A kind of task.

    Attributes:
        name: how projects name it.
        title: what people read.
        scale: how two values of one unit are compared.
        schema_model: what a project freezes.
        data_model: what a task shows.
        answer_model: what an annotator gives.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    scale: ClassVar[Scale] = "nominal"
    schema_model: type[S]
    data_model: type[D]
    answer_model: type[A]

    @abstractmethod
    def check(self, schema: S, data: D, answer: A) -> None:
        """Refuse an answer that is well formed but not possible for this task.

        Raises:
            ApplianceError: names the field, the rule and what to do.
        """

    @abstractmethod
    def units(self, schema: S, data: D, answer: A) -> Units:
        """What of the answer is compared with other answers: a value for each unit of the task."""

    @abstractmethod
    def to_results(self, schema: S, data: D, answer: A) -> list[Result]:
        """The answer as ``result`` of Label Studio's JSON."""

    @abstractmethod
    def from_results(self, schema: S, data: D, results: list[Result]) -> dict[str, Any]:
        """The answer that ``result`` of Label Studio's JSON means; not checked yet."""

    def data_from_label_studio(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """What of Label Studio's ``data`` this kind shows."""
        return {name: data[name] for name in self.data_model.model_fields if name in data}

    def data_to_label_studio(self, data: D) -> dict[str, Any]:
        """The task as ``data`` of Label Studio's JSON."""
        return data.model_dump(mode="json", exclude_none=True)

    def read_schema(self, raw: Any) -> S:
        """The schema in ``raw``.

        Raises:
            ApplianceError: names the field that is wrong.
        """
        return _read(self.schema_model, raw, "schema", "the schema of a project says what may be answered")

    def read_data(self, raw: Any, field: str = "data") -> D:
        """The task in ``raw``.

        Raises:
            ApplianceError: names the field that is wrong.
        """
        return _read(self.data_model, raw, field, f"a task of the kind {self.name} has {_fields(self.data_model)}")

    def read_answer(self, schema: S, data: D, raw: Any, field: str = "value") -> A:
        """The answer in ``raw``, checked against the project and the task.

        Raises:
            ApplianceError: names the field that is wrong.
        """
        answer = _read(
            self.answer_model, raw, field, f"an answer of the kind {self.name} has {_fields(self.answer_model)}"
        )
        self.check(schema, data, answer)
        return answer


AnyKind = Kind[Any, Any, Any]
Some = TypeVar("Some", bound=BaseModel)


def _fields(model: type[BaseModel]) -> str:
    return ", ".join(model.model_fields)


def _read(model: type[Some], raw: Any, field: str, rule: str) -> Some:
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        finding = first_finding(error)
        raise ApplianceError(f"{field}.{finding}", rule=rule, remedy=f"correct {field}") from error


def refusal(message: str, rule: str, remedy: str = "correct the answer") -> ApplianceError:
    """An answer or a schema that is not possible."""
    return ApplianceError(message, rule=rule, remedy=remedy)


def result_of(results: list[Result], kind: str) -> Result | None:
    """The one result of a type, or None."""
    return next((result for result in results if result.get("type") == kind), None)
