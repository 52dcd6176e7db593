"""Agreement against published examples; truth inference and suspicion against crowds whose truth is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.geometry import area, common, crosses_itself, iou, rotated
from workbench.quality import agreement, dawid_skene, matching, suspicion
from workbench.tasks.geometry import Shape
from workbench.tasks.kind import Scale
from workbench.tasks.spans import Span


def test_cohen_s_kappa_of_the_textbook() -> None:
    """Yes/no by two readers: 20, 5, 10, 15 (Wikipedia, Cohen's kappa, simple example): 0.4."""
    pairs = [("y", "y")] * 20 + [("y", "n")] * 5 + [("n", "y")] * 10 + [("n", "n")] * 15
    assert agreement.cohen(pairs) == pytest.approx(0.4)
    assert agreement.cohen([]) is None
    assert agreement.cohen([("y", "y")] * 9) is None


FLEISS = [
    [0, 0, 0, 0, 14],
    [0, 2, 6, 4, 2],
    [0, 0, 3, 5, 6],
    [0, 3, 9, 2, 0],
    [2, 2, 8, 1, 1],
    [7, 7, 0, 0, 0],
    [3, 2, 6, 3, 0],
    [2, 5, 3, 2, 2],
    [6, 5, 2, 1, 0],
    [0, 2, 2, 3, 7],
]


def test_fleiss_kappa_of_his_example() -> None:
    """Ten subjects, fourteen raters, five categories: 0.210."""
    assert agreement.fleiss(FLEISS) == pytest.approx(0.20993, abs=1e-5)
    with pytest.raises(ValueError, match="same number"):
        agreement.fleiss([[1, 1], [2, 1]])


KRIPPENDORFF = {
    "a": [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
    "b": [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
    "c": [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
    "d": [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
}
"""Krippendorff, Computing Krippendorff's alpha-reliability (2011), part C."""


@pytest.mark.parametrize(("scale", "expected"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)])
def test_krippendorff_s_alpha_of_his_example(scale: Scale, expected: float) -> None:
    table = [
        {who: values[unit] for who, values in KRIPPENDORFF.items() if values[unit] is not None} for unit in range(12)
    ]
    found = agreement.krippendorff(table, scale)  # type: ignore[arg-type]  # the None were left out
    assert found.value == pytest.approx(expected, abs=5e-4)
    assert found.low is not None
    assert found.high is not None
    assert found.low < found.value < found.high  # type: ignore[operator]  # it is measured


@given(st.lists(st.dictionaries(st.sampled_from("abcd"), st.sampled_from("xyz"), max_size=4), max_size=20))
def test_alpha_is_at_most_one_and_one_only_for_agreement(table: list[dict[str, str]]) -> None:
    found = agreement.krippendorff(table, samples=0).value
    if found is not None:
        assert found <= 1 + 1e-12
        assert (found == pytest.approx(1)) == all(len(set(unit.values())) == 1 for unit in table if len(unit) > 1)


def crowd(
    tasks: int, people: int, seed: int = 0, per: int = 5
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Tasks, annotators and answers of honest people who are right 80 % of the time, and the truth."""
    generator = np.random.default_rng(seed)
    truth = generator.integers(0, 4, tasks)
    task = np.repeat(np.arange(tasks), per)
    who = np.concatenate([generator.permutation(people)[:per] for _ in range(tasks)])
    right = generator.random(len(task)) < 0.8
    other = (truth[task] + generator.integers(1, 4, len(task))) % 4
    return task, who, np.where(right, truth[task], other), truth


def test_dawid_and_skene_find_the_truth_and_the_skill() -> None:
    task, who, answer, truth = crowd(2000, 20)
    bad = who == 0
    answer[bad] = np.random.default_rng(1).integers(0, 4, bad.sum())
    found = dawid_skene.infer(task, who, answer, 4)
    assert (found.truth.argmax(axis=1) == truth).mean() > 0.95
    assert found.skill[0] < 0.4
    assert found.skill[1:].min() > 0.7
    assert found.truth.sum(axis=1) == pytest.approx(1)


def test_dawid_and_skene_agree_with_the_plain_form_of_the_algorithm() -> None:
    """The same steps written out, without sparsity: equal posteriors."""
    task, who, answer, _ = crowd(60, 6)
    found = dawid_skene.infer(task, who, answer, 4, most=7, tolerance=0)
    given_answers = np.zeros((60, 6, 4))
    given_answers[task, who, answer] = 1
    truth = given_answers.sum(axis=1)
    truth /= truth.sum(axis=1, keepdims=True)
    for _ in range(7):
        confusion = np.einsum("tk,twl->wkl", truth, given_answers) + dawid_skene.SMOOTHING
        confusion /= confusion.sum(axis=2, keepdims=True)
        likelihood = np.exp(np.einsum("twl,wkl->tk", given_answers, np.log(confusion))) * truth.mean(axis=0)
        truth = likelihood / likelihood.sum(axis=1, keepdims=True)
    assert found.truth == pytest.approx(truth, abs=1e-9)


def test_saboteurs_and_colluders_are_found_and_nobody_else() -> None:
    wrongly = 0
    for seed in range(5):
        task, who, answer, truth = crowd(3000, 30, seed)
        flips = (who == 3) & (truth[task] == 1)
        answer[flips] = 2
        together = np.isin(who, (7, 8)) & (task % 2 == 0)
        answer[together] = (truth[task[together]] + 1) % 4
        found = dawid_skene.infer(task, who, answer, 4)
        saboteurs = suspicion.saboteurs(task, who, answer, found)
        assert (saboteurs[0].annotators, saboteurs[0].reason) == ((3,), "1>2")
        pairs = suspicion.colluders(task, who, answer, found, without=frozenset({3}))
        assert pairs[0].annotators == (7, 8)
        wrongly += len({one for s in [*saboteurs, *pairs] for one in s.annotators} - {3, 7, 8})
    assert wrongly == 0


def test_of_honest_people_nobody_is_named() -> None:
    for seed in range(5):
        task, who, answer, _ = crowd(2000, 20, seed + 100)
        found = dawid_skene.infer(task, who, answer, 4)
        assert suspicion.saboteurs(task, who, answer, found) == []
        assert suspicion.colluders(task, who, answer, found) == []


def box(left: float, top: float, right: float, bottom: float, label: str = "x", rotation: float = 0) -> Shape:
    points = ((left, top), (right, bottom))
    return Shape(id="s", form="box", label=label, points=points, rotation=rotation)


def test_spans_and_shapes_match_by_place_and_label() -> None:
    one = [Span(id="a", start=0, end=4, label="P"), Span(id="b", start=5, end=9, label="L")]
    other = [Span(id="c", start=0, end=4, label="P"), Span(id="d", start=5, end=9, label="P")]
    assert matching.spans(one, other).f1 == pytest.approx(0.5)
    assert matching.spans([], []).f1 == 1
    found = matching.shapes([box(0, 0, 10, 10), box(20, 0, 30, 10)], [box(1, 0, 11, 10), box(20, 0, 30, 10, "y")])
    assert (found.common, found.left, found.right) == (1, 2, 2)


def test_overlap_of_polygons() -> None:
    square = [(0.0, 0.0), (10.0, 0.0), (10.0, 10.0), (0.0, 10.0)]
    shifted = [(x + 5, y) for x, y in square]
    assert iou(square, shifted) == pytest.approx(50 / 150)
    assert iou(square, square) == pytest.approx(1)
    assert iou(square, [(x + 20, y) for x, y in square]) == 0
    hollow = [(0.0, 0.0), (10.0, 0.0), (10.0, 10.0), (8.0, 10.0), (8.0, 2.0), (2.0, 2.0), (2.0, 10.0), (0.0, 10.0)]
    assert area(hollow) == pytest.approx(52)
    assert common(hollow, square) == pytest.approx(52)
    assert common(hollow, [(3.0, 3.0), (7.0, 3.0), (7.0, 9.0), (3.0, 9.0)]) == pytest.approx(0)
    assert area(rotated(3, 4, 10, 5, 33)) == pytest.approx(50)
    assert crosses_itself([(0, 0), (9, 9), (9, 0), (0, 9)])
    assert not crosses_itself(hollow)


@given(st.floats(0, 359), st.floats(1, 50), st.floats(1, 50), st.floats(-20, 20), st.floats(-20, 20))
def test_overlap_is_symmetric_and_of_a_part_its_area(
    angle: float, width: float, height: float, x: float, y: float
) -> None:
    one, other = rotated(0, 0, width, height, angle), rotated(x, y, height, width, angle / 2)
    assert common(one, other) == pytest.approx(common(other, one), abs=1e-6)
    assert -1e-9 <= common(one, other) <= min(area(one), area(other)) + 1e-6
    assert common(one, one) == pytest.approx(area(one))
