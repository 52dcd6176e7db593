"""Pairs, boards, sample sizes, calibration, agreement and evidence that may be watched, against published examples."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.statistics.agreement import kappa
from workbench.statistics.calibration import brier, expected_calibration_error
from workbench.statistics.eprocess import EProcess
from workbench.statistics.paired import bootstrap_difference, holm, mcnemar
from workbench.statistics.power import (
    events_allowed,
    failures_allowed,
    items_for_power,
    items_for_upper,
    power,
    provable,
)


@pytest.mark.parametrize(
    ("threshold", "alpha", "none", "one"),
    [(0.05, 0.03, 69, 105), (0.02, 0.03, 174, 266), (0.01, 0.03, 349, 534), (0.05, 0.05, 59, 93),
     (0.02, 0.05, 149, 236), (0.01, 0.05, 299, 473), (0.001, 0.05, 2995, 4742)],
)  # fmt: skip
def test_leak_bounds_need_the_stated_items(threshold: float, alpha: float, none: int, one: int) -> None:
    assert items_for_upper(threshold, alpha) == none
    assert items_for_upper(threshold, alpha, 1) == one
    assert events_allowed(none, threshold, alpha) == 0
    assert events_allowed(none - 1, threshold, alpha) == -1
    assert events_allowed(one, threshold, alpha) == 1
    assert provable(none, alpha, "upper") <= threshold < provable(none - 1, alpha, "upper")


@pytest.mark.parametrize(("bound", "true"), [(0.7, 0.8), (0.8, 0.87), (0.95, 0.98)])
def test_the_advised_sample_has_the_wanted_power(bound: float, true: float) -> None:
    n = items_for_power(bound, true, 0.05, "lower")
    assert power(n, bound, true, 0.05, "lower") >= 0.8
    assert failures_allowed(n, bound, 0.05) >= 0


def test_a_model_below_the_bound_is_not_advised_a_sample() -> None:
    with pytest.raises(ValueError, match="does not meet"):
        items_for_power(0.05, 0.06, 0.03, "upper")


def test_mcnemars_exact_test() -> None:
    """Two-sided binomial with 1 of 10 discordant pairs: 2 (1 + 10) / 1024."""
    first, second = [True] + [False] * 9 + [True] * 20, [False] + [True] * 9 + [True] * 20
    found = mcnemar(first, second)
    assert (found.only_first, found.only_second) == (1, 9)
    assert found.p == pytest.approx(22 / 1024)
    assert mcnemar([True], [True]).p == 1


def test_holms_published_example() -> None:
    """Holm's procedure on p = .01, .04, .03, .005 (the example of R's p.adjust and of many texts)."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_raises_no_order_and_no_p_falls(values: list[float]) -> None:
    found = holm(values)
    assert all(after >= before for before, after in zip(values, found, strict=True))
    order = sorted(range(len(values)), key=lambda index: values[index])
    assert [found[i] for i in order] == sorted(found)
    assert max(found) <= 1


def test_cohens_kappa_of_a_published_table() -> None:
    """Two readers of 50 grant proposals: 20 yes/yes, 5 yes/no, 10 no/yes, 15 no/no; kappa .4."""
    table = [("y", "y")] * 20 + [("y", "n")] * 5 + [("n", "y")] * 10 + [("n", "n")] * 15
    found = kappa([a for a, _ in table], [b for _, b in table])
    assert found.value == pytest.approx(0.4)
    assert found.lower < 0.2
    assert kappa(["y", "y"], ["y", "y"]).value == 1


def test_kappas_error_is_that_of_simulation() -> None:
    chance = random.Random(5)

    def rated() -> float:
        first = [chance.random() < 0.5 for _ in range(200)]
        return kappa(first, [one if chance.random() < 0.8 else not one for one in first]).value

    found = [rated() for _ in range(400)]
    mean = sum(found) / 400
    spread = (sum((one - mean) ** 2 for one in found) / 399) ** 0.5
    first = [chance.random() < 0.5 for _ in range(200)]
    error = kappa(first, [one if chance.random() < 0.8 else not one for one in first]).standard_error
    assert error == pytest.approx(spread, rel=0.25)


def test_calibration() -> None:
    assert brier([1.0, 0.0, 0.5], [True, False, True]) == pytest.approx(0.25 / 3)
    assert expected_calibration_error([0.95] * 10, [True] * 5 + [False] * 5) == pytest.approx(0.45)
    assert expected_calibration_error([1.0, 0.05], [True, False]) == pytest.approx(0.025)
    with pytest.raises(ValueError, match="probabilities"):
        expected_calibration_error([1.2], [True])


def test_a_paired_difference_is_found_in_whole_clusters() -> None:
    first = [float(n % 2) for n in range(200)]
    second = [1.0 if n % 5 else value for n, value in enumerate(first)]
    found = bootstrap_difference(first, second, [str(n // 4) for n in range(200)])
    assert found.value == pytest.approx(0.4)
    assert found.low < found.value < found.high
    assert found.low > 0.25
    same = bootstrap_difference(first, first, [str(n) for n in range(200)])
    assert (same.low, same.value, same.high) == (0, 0, 0)


@pytest.mark.slow
def test_who_peeks_at_every_item_is_rarely_misled() -> None:
    """The rate is just what is claimed; a fixed test at every item would refute it far too often."""
    chance = random.Random(9)
    misled = 0
    for _ in range(400):
        evidence = EProcess(0.1, "at-most")
        misled += any(evidence.see(chance.random() < 0.1) >= 20 for _ in range(300))
    assert misled / 400 <= 0.05


def test_evidence_grows_against_a_false_claim() -> None:
    chance = random.Random(2)
    evidence = EProcess(0.9, "at-least")
    for _ in range(300):
        evidence.see(chance.random() < 0.7)
    assert evidence.rejects(0.01)
    with pytest.raises(ValueError, match="no probability"):
        EProcess(1.0, "at-most")
