"""Courses of action against weighted criteria: who leads, and how far a weight must move before another does."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]
Score = Annotated[int, Field(ge=1, le=5)]


class Criterion(BaseModel):
    """What courses are judged by.

    Attributes:
        name: of the criterion.
        weight: how much it counts, 1 to 10, by the person's judgement.
        scores: of each option, 1 (worst) to 5 (best).
        rests_on: number of the quotation that the scores rest on; None where they are judgement alone.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name
    weight: Annotated[int, Field(ge=1, le=10)]
    scores: tuple[Score, ...]
    rests_on: int | None = None


class Change(BaseModel):
    """What would change the choice.

    Attributes:
        criterion: whose weight moves.
        weight: the first weight at which another option leads, 0 to 100.
        option: which one leads then.
    """

    model_config = ConfigDict(frozen=True)

    criterion: str
    weight: float
    option: str


class Comparison(BaseModel):
    """A comparison.

    Attributes:
        options: the courses of action.
        criteria: what they are judged by.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    options: Annotated[tuple[Name, ...], Field(min_length=2, max_length=4)]
    criteria: Annotated[tuple[Criterion, ...], Field(min_length=1, max_length=6)]

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if len(set(self.options)) != len(self.options):
            raise ValueError("each course of action has a name of its own")
        for criterion in self.criteria:
            if len(criterion.scores) != len(self.options):
                raise ValueError(f"{criterion.name}: each course of action has a score")
        return self

    @property
    def totals(self) -> tuple[float, ...]:
        """Of each option, the weighted mean of its scores, 1 to 5."""
        whole = sum(criterion.weight for criterion in self.criteria)
        return tuple(
            sum(criterion.weight * criterion.scores[place] for criterion in self.criteria) / whole
            for place in range(len(self.options))
        )

    @property
    def leading(self) -> tuple[str, ...]:
        """The options with the highest total: more than one if they are equal."""
        best = max(self.totals)
        return tuple(name for name, total in zip(self.options, self.totals, strict=True) if abs(total - best) < 1e-9)

    def changes(self) -> list[Change]:
        """For each criterion the nearest weight at which another option leads than the one that leads now.

        Between two options the difference of weighted sums is linear in one weight, so it has at most one zero.
        """
        if len(self.leading) > 1:
            return []
        first = self.options.index(self.leading[0])
        return [change for criterion in self.criteria if (change := self._nearest(criterion, first))]

    def _nearest(self, criterion: Criterion, first: int) -> Change | None:
        found = []
        for place, option in enumerate(self.options):
            lead = sum(one.weight * (one.scores[first] - one.scores[place]) for one in self.criteria)
            slope = criterion.scores[first] - criterion.scores[place]
            if place != first and slope:
                weight = criterion.weight - lead / slope
                if 0 <= weight <= 100:
                    found.append(Change(criterion=criterion.name, weight=round(weight, 2), option=option))
        return min(found, key=lambda change: abs(change.weight - criterion.weight), default=None)
