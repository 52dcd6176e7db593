"""Scores by a rubric."""

from typing import Annotated, Any, ClassVar

from pydantic import Field, StringConstraints, model_validator

from workbench.tasks.kind import Kind, Model, Result, Scale, ShortText, Text, Units, refusal


class Criterion(Model):
    """What is scored, from ``low`` to ``high``; ``anchors`` say what the scores mean."""

    name: ShortText
    description: Annotated[str, StringConstraints(max_length=2000)] = ""
    low: Annotated[int, Field(ge=0, le=100)] = 1
    high: Annotated[int, Field(ge=0, le=100)] = 5
    anchors: Annotated[dict[int, ShortText], Field(default_factory=dict)]

    @model_validator(mode="after")
    def _low_is_below_high(self) -> "Criterion":
        if not self.low < self.high:
            raise ValueError(f"low: {self.low} is not below high, {self.high}")
        if any(not self.low <= score <= self.high for score in self.anchors):
            raise ValueError("anchors: one stands outside low to high")
        return self


class RatingSchema(Model):
    """The rubric."""

    criteria: Annotated[tuple[Criterion, ...], Field(min_length=1, max_length=30)]

    @model_validator(mode="after")
    def _each_stands_once(self) -> "RatingSchema":
        if len({one.name for one in self.criteria}) != len(self.criteria):
            raise ValueError("criteria: a name stands twice")
        return self


class RatingData(Model):
    """A text, and what it answers, if anything."""

    text: Text
    prompt: Text | None = None


class RatingAnswer(Model):
    """A score for each criterion."""

    scores: dict[ShortText, int]
    comment: Annotated[str, StringConstraints(max_length=10_000)] = ""


class Rating(Kind[RatingSchema, RatingData, RatingAnswer]):
    """Rubric rating."""

    name: ClassVar[str] = "rating"
    title: ClassVar[str] = "Rate by a rubric"
    scale: ClassVar[Scale] = "interval"
    schema_model = RatingSchema
    data_model = RatingData
    answer_model = RatingAnswer

    def check(self, schema: RatingSchema, data: RatingData, answer: RatingAnswer) -> None:
        """Each criterion has a score of its scale."""
        for one in schema.criteria:
            score = answer.scores.get(one.name)
            if score is None or not one.low <= score <= one.high:
                raise refusal(
                    f"scores.{one.name}: {score}", f"each criterion is scored; this one {one.low} to {one.high}"
                )
        if len(answer.scores) != len(schema.criteria):
            raise refusal("scores: one is of no criterion", "scores are for the criteria of the project")

    def units(self, schema: RatingSchema, data: RatingData, answer: RatingAnswer) -> Units:
        """The scores."""
        return dict(answer.scores)

    def to_results(self, schema: RatingSchema, data: RatingData, answer: RatingAnswer) -> list[Result]:
        """A result of the type ``rating`` for each criterion."""
        found: list[Result] = [
            {"from_name": name, "to_name": "text", "type": "rating", "value": {"rating": score}}
            for name, score in answer.scores.items()
        ]
        if answer.comment:
            text = {"text": [answer.comment]}
            found.append({"from_name": "comment", "to_name": "text", "type": "textarea", "value": text})
        return found

    def from_results(self, schema: RatingSchema, data: RatingData, results: list[Result]) -> dict[str, Any]:
        """The reverse; a number counts as a rating."""
        answer: dict[str, Any] = {"scores": {}}
        for result in results:
            value = result.get("value", {})
            if result.get("type") in {"rating", "number"}:
                answer["scores"][result.get("from_name")] = value.get("rating", value.get("number"))
            elif result.get("type") == "textarea":
                answer["comment"] = "\n".join(value.get("text", []))
        return answer
