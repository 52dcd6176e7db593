"""Several answers to a prompt, put in order."""

from itertools import combinations
from typing import Annotated, Any, ClassVar

from pydantic import Field

from workbench.tasks.kind import Kind, Model, Result, Text, Units, refusal, result_of


class RankingSchema(Model):
    """Nothing is to be chosen."""


class RankingData(Model):
    """A prompt and 2 to 20 answers."""

    prompt: Text
    answers: Annotated[tuple[Text, ...], Field(min_length=2, max_length=20)]


class RankingAnswer(Model):
    """The numbers of the answers, from 0, the best first."""

    order: Annotated[tuple[int, ...], Field(min_length=2, max_length=20)]


class Ranking(Kind[RankingSchema, RankingData, RankingAnswer]):
    """Ranking."""

    name: ClassVar[str] = "ranking"
    title: ClassVar[str] = "Rank answers"
    schema_model = RankingSchema
    data_model = RankingData
    answer_model = RankingAnswer

    def check(self, schema: RankingSchema, data: RankingData, answer: RankingAnswer) -> None:
        """Each answer has one place."""
        if sorted(answer.order) != list(range(len(data.answers))):
            raise refusal(f"order: {list(answer.order)}", f"each of 0 to {len(data.answers) - 1} stands once")

    def units(self, schema: RankingSchema, data: RankingData, answer: RankingAnswer) -> Units:
        """For each pair of answers, the better one."""
        place = {number: rank for rank, number in enumerate(answer.order)}
        return {f"{a}-{b}": a if place[a] < place[b] else b for a, b in combinations(range(len(data.answers)), 2)}

    def to_results(self, schema: RankingSchema, data: RankingData, answer: RankingAnswer) -> list[Result]:
        """A result of the type ``ranker``."""
        value = {"ranker": {"rank": [str(number) for number in answer.order]}}
        return [{"from_name": "rank", "to_name": "answers", "type": "ranker", "value": value}]

    def from_results(self, schema: RankingSchema, data: RankingData, results: list[Result]) -> dict[str, Any]:
        """The reverse."""
        found = result_of(results, "ranker")
        ranks = next(iter(found["value"]["ranker"].values())) if found else []
        return {"order": [int(rank) for rank in ranks]}
