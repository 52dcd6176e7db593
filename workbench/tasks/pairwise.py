"""Which of two answers is better: preference data for tuning."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import StringConstraints, model_validator

from workbench.tasks.kind import Kind, Model, Result, Text, Units, refusal


class PairwiseSchema(Model):
    """What may be chosen.

    Attributes:
        tie: whether "no difference" is an answer.
        reason: whether a reason must be given.
    """

    tie: bool = True
    reason: bool = False


class PairwiseData(Model):
    """A prompt and two answers to it, a and b."""

    prompt: Text
    answers: tuple[Text, Text]

    @model_validator(mode="before")
    @classmethod
    def _numbered_answers(cls, values: Any) -> Any:
        """Label Studio's template names them ``answer1`` and ``answer2``."""
        if not isinstance(values, dict) or "answers" in values or "answer1" not in values:
            return values
        rest = {name: value for name, value in values.items() if name not in {"answer1", "answer2"}}
        return rest | {"answers": (values["answer1"], values.get("answer2"))}


class PairwiseAnswer(Model):
    """The better answer, or no difference."""

    choice: Literal["a", "b", "tie"]
    reason: Annotated[str, StringConstraints(max_length=10_000)] = ""


class Pairwise(Kind[PairwiseSchema, PairwiseData, PairwiseAnswer]):
    """Pairwise comparison."""

    name: ClassVar[str] = "pairwise"
    title: ClassVar[str] = "Compare two answers"
    schema_model = PairwiseSchema
    data_model = PairwiseData
    answer_model = PairwiseAnswer

    def check(self, schema: PairwiseSchema, data: PairwiseData, answer: PairwiseAnswer) -> None:
        """A tie only where the project knows ties; a reason where it asks for one."""
        if answer.choice == "tie" and not schema.tie:
            raise refusal("choice: tie", "one answer is chosen in this project", "choose the better answer")
        if schema.reason and not answer.reason.strip():
            raise refusal("reason: is empty", "a choice is explained in this project", "say why")

    def units(self, schema: PairwiseSchema, data: PairwiseData, answer: PairwiseAnswer) -> Units:
        """The choice."""
        return {"choice": answer.choice}

    def to_results(self, schema: PairwiseSchema, data: PairwiseData, answer: PairwiseAnswer) -> list[Result]:
        """A result of the type ``pairwise``; a tie and a reason, which it does not know, beside it."""
        found: list[Result] = []
        if answer.choice == "tie":
            tie = {"choices": ["tie"]}
            found.append({"from_name": "tie", "to_name": "prompt", "type": "choices", "value": tie})
        else:
            selected = {"selected": {"a": "left", "b": "right"}[answer.choice]}
            found.append({"from_name": "preference", "to_name": "answer1", "type": "pairwise", "value": selected})
        if answer.reason:
            text = {"text": [answer.reason]}
            found.append({"from_name": "reason", "to_name": "prompt", "type": "textarea", "value": text})
        return found

    def from_results(self, schema: PairwiseSchema, data: PairwiseData, results: list[Result]) -> dict[str, Any]:
        """The reverse."""
        answer: dict[str, Any] = {}
        for result in results:
            value = result.get("value", {})
            if result.get("type") == "pairwise":
                answer["choice"] = {"left": "a", "right": "b"}.get(value.get("selected"))
            elif result.get("type") == "choices" and value.get("choices") == ["tie"]:
                answer["choice"] = "tie"
            elif result.get("type") == "textarea":
                answer["reason"] = "\n".join(value.get("text", []))
        return answer

    def data_from_label_studio(self, data: Any) -> dict[str, Any]:
        """Prompt and answers, under either names."""
        return {name: data[name] for name in ("prompt", "answers", "answer1", "answer2") if name in data}

    def data_to_label_studio(self, data: PairwiseData) -> dict[str, Any]:
        """The same names."""
        return {"prompt": data.prompt, "answer1": data.answers[0], "answer2": data.answers[1]}
