"""What is learned of records of each kind, and what is refused before anything starts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import ApplianceError
from tests.unit.workbench.tuning.data import SCHEMAS, record, writing
from workbench.evaluation.suites import standard
from workbench.markbench.item import PUBLISHED
from workbench.tuning.configuration import Configuration, plan
from workbench.tuning.duplicates import grams, refuse_duplicates
from workbench.tuning.examples import Example, examples_of, method_of, refuse_useless

PAIR = {"prompt": "Which?", "answers": ["This.", "That.", "Neither."]}


def test_each_kind_teaches_what_people_said() -> None:
    said = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yes?"}]
    told = {
        "writing": record(1, {"text": "Q"}, {"text": "A"}),
        "classification": record(1, {"text": "Rain"}, {"labels": ["Weather"]}),
        "pairwise": record(1, PAIR | {"answers": ["This.", "That."]}, {"choice": "b"}),
        "ranking": record(1, PAIR, {"order": [2, 0, 1]}),
        "chat": record(1, {"messages": [*said, *said]}, {"turns": {"1": "good", "3": "bad"}}),
    }
    found = {
        kind: [(len(one.prompt), one.answer, one.rejected) for one in examples_of(kind, SCHEMAS[kind], [one])]
        for kind, one in told.items()
    }
    assert found == {
        "writing": [(1, "A", None)],
        "classification": [(1, "Weather", None)],
        "pairwise": [(1, "That.", "This.")],
        "ranking": [(1, "Neither.", "This."), (1, "Neither.", "That."), (1, "This.", "That.")],
        "chat": [(1, "Yes?", None), (3, "Yes?", None)],
    }


def test_what_is_in_dispute_or_a_tie_teaches_nothing() -> None:
    tie = record(1, PAIR | {"answers": ["This.", "That."]}, {"choice": "tie"})
    assert examples_of("pairwise", {}, [tie]) == []
    unanswered = record(2, {"text": "Q"}, {"text": "A"}, answers=())
    assert examples_of("writing", {}, [unanswered]) == []


@pytest.mark.parametrize(
    ("examples", "reason"),
    [
        ([], "no sample"),
        ([Example("r", (("user", one),), "Weather") for one in "abc"], "same answer"),
        ([Example("r7", (("user", "a"),), "x", "x")], "record r7: both answers are the same"),
    ],
)
def test_what_would_teach_nothing_is_refused(examples: list[Example], reason: str) -> None:
    with pytest.raises(ApplianceError, match=reason):
        refuse_useless(examples)


def test_nothing_is_tuned_with_shapes() -> None:
    with pytest.raises(ApplianceError, match="kind geometry"):
        method_of("geometry")


def test_a_sample_that_repeats_an_item_of_an_evaluation_is_refused() -> None:
    suite = standard()["smoke"]
    item = next(one for one in suite.make(suite.items, key=PUBLISHED) if len(grams(one.user)) > 8)
    stolen = Example("record-9", (("user", f"Please answer: {item.user}"),), "as I was told")
    with pytest.raises(ApplianceError, match=r"1 records repeat items of an evaluation: record-9"):
        refuse_duplicates([*examples_of("writing", {}, writing(5)), stolen])


@given(st.lists(st.sampled_from("abcdefgh"), min_size=20, max_size=40), st.integers(0, 6))
def test_thirteen_words_in_a_row_are_found_wherever_they_stand(words: list[str], start: int) -> None:
    known = dict.fromkeys(grams(" ".join(words)), "suite")
    part = " ".join(words[start : start + 13])
    with pytest.raises(ApplianceError, match="suite"):
        refuse_duplicates([Example("r", (), f"Intro, {part.upper()}!")], known)
    refuse_duplicates([Example("r", (), " ".join(words[start : start + 12]))], known)


def test_a_plan_counts_what_the_run_will_do() -> None:
    found = plan(Configuration(epochs=3, batch=4), [50] * 10, [40] * 2, 3 << 30, per_token=0.01)
    assert (found.samples, found.validation, found.tokens, found.steps) == (10, 2, 500, 9)
    assert found.refusals == ()
    assert 15 < found.seconds < 60
    long = plan(Configuration(length=49), [50] * 10, [], 3 << 30)
    assert "10 samples are longer than 49 tokens" in long.refusals[0]
    large = plan(Configuration(batch=64, length=2048), [2000] * 64, [], 3 << 30)
    assert "take a smaller batch" in large.refusals[0]


@pytest.mark.parametrize(
    "values",
    [
        {"learning_rate": float("nan")},
        {"learning_rate": "__import__('os')"},
        {"targets": ["q_proj", "q_proj"]},
        {"targets": ["lm_head"]},
        {"optimiser": "torch.optim.SGD"},
        {"rank": 0},
        {"seed": -1},
    ],
)
def test_a_configuration_is_data(values: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        Configuration.model_validate(values)
