"""A comparison names the one option that leads, and the weights at which another one would."""

import pytest
from hypothesis import given
from hypothesis import strategies as some
from pydantic import ValidationError

from workbench.citations.comparison import Comparison, Criterion


def comparison(weights: list[int], scores: list[list[int]]) -> Comparison:
    criteria = [
        Criterion(name=f"c{number}", weight=weight, scores=tuple(row))
        for number, (weight, row) in enumerate(zip(weights, scores, strict=True))
    ]
    return Comparison(options=("North", "South", "Ferry"), criteria=tuple(criteria))


SCORES = some.lists(some.integers(1, 5), min_size=3, max_size=3)


@given(some.data(), some.integers(1, 6))
def test_beyond_the_named_weight_another_leads_and_before_it_the_same(data: some.DataObject, size: int) -> None:
    weights = data.draw(some.lists(some.integers(1, 10), min_size=size, max_size=size))
    scores = data.draw(some.lists(SCORES, min_size=size, max_size=size))
    found = comparison(weights, scores)
    if len(found.leading) > 1:
        assert found.changes() == []
        return
    first = found.options.index(found.leading[0])
    for change in found.changes():
        place = int(change.criterion[1:])
        away = 0.02 if change.weight >= weights[place] else -0.02
        for weight, leads in ((change.weight - away, True), (change.weight + away, False)):
            moved = [weight if number == place else float(one) for number, one in enumerate(weights)]
            sums = [sum(one * row[option] for one, row in zip(moved, scores, strict=True)) for option in range(3)]
            assert (sums[first] >= max(sums) - 1e-9) == leads


def test_each_option_has_a_name_of_its_own_and_a_score_by_each_criterion() -> None:
    with pytest.raises(ValidationError, match="name of its own"):
        Comparison(options=("North", "North"), criteria=(Criterion(name="Speed", weight=1, scores=(1, 2)),))
    with pytest.raises(ValidationError, match="has a score"):
        Comparison(options=("North", "South"), criteria=(Criterion(name="Speed", weight=1, scores=(1,)),))
