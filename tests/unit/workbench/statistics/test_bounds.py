"""Bounds against published values, their laws, and what they promise: coverage."""

import random
from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.contract.bounds import (
    BoundError,
    Observation,
    clustered_mean,
    exact,
    gap_bound,
    mean_bound,
    rate_bound,
)
from appliance.contract.distributions import beta_cdf, beta_quantile, binomial_cdf, t_cdf, t_quantile
from workbench.statistics.intervals import clustered, interval, proportion


@pytest.mark.parametrize(
    ("events", "trials", "low", "high"),
    [(81, 263, 0.2527, 0.3676), (15, 148, 0.0578, 0.1617), (0, 20, 0.0, 0.1684), (1, 29, 0.0009, 0.1776)],
)
def test_the_exact_interval_has_the_published_values(events: int, trials: int, low: float, high: float) -> None:
    """Newcombe, Statistics in Medicine 17 (1998) 857, table I, method 5."""
    found = proportion(events, trials)
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-4)


@pytest.mark.parametrize(
    ("p", "degrees", "t"),
    [(0.975, 1, 12.706204736), (0.95, 10, 1.812461123), (0.975, 29, 2.045229642), (0.995, 120, 2.617421145)],
)
def test_students_t_has_the_values_of_the_tables(p: float, degrees: float, t: float) -> None:
    assert t_quantile(p, degrees) == pytest.approx(t, abs=1e-8)
    assert t_quantile(1 - p, degrees) == pytest.approx(-t, abs=1e-8)
    assert t_cdf(t, degrees) == pytest.approx(p, abs=1e-9)


@given(st.floats(0.001, 0.999), st.integers(1, 3000), st.integers(1, 3000))
def test_a_quantile_is_the_inverse(p: float, a: int, b: int) -> None:
    assert beta_cdf(beta_quantile(p, a, b), a, b) == pytest.approx(p, abs=1e-9)
    assert beta_cdf(0.3, a, b) == pytest.approx(1 - beta_cdf(0.7, b, a), abs=1e-9)


@given(st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.floats(0.01, 0.99))
def test_the_binomial_distribution_is_the_sum_of_its_terms(counts: tuple[int, int], p: float) -> None:
    from math import comb  # noqa: PLC0415

    k, n = counts
    assert binomial_cdf(k, n, p) == pytest.approx(sum(comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(k + 1)))


def test_without_an_event_the_bound_is_the_closed_form() -> None:
    assert exact(0, 59, 0.05, "upper") == pytest.approx(1 - 0.05 ** (1 / 59), abs=1e-12)
    assert exact(59, 59, 0.05, "lower") == pytest.approx(0.05 ** (1 / 59), abs=1e-12)
    assert exact(0, 5, 0.05, "lower") == 0
    assert exact(5, 5, 0.05, "upper") == 1


def test_equal_clusters_give_the_classic_variance_and_one_degree_less_than_clusters() -> None:
    chance = random.Random(3)
    seen = [Observation(str(number % 40), chance.random()) for number in range(400)]
    found = clustered_mean(seen)
    sums = [sum(one.value - found.value for one in seen if one.cluster == str(name)) for name in range(40)]
    assert found.standard_error == pytest.approx(sqrt(40 / 39 * sum(x * x for x in sums)) / 400, rel=1e-12)
    assert found.degrees == pytest.approx(39, rel=1e-12)


def test_unequal_clusters_give_what_the_matrices_of_the_definition_give() -> None:
    """Bell and McCaffrey's definition with matrices, by numpy."""
    import numpy as np  # noqa: PLC0415

    chance = random.Random(4)
    seen = [Observation(str(int(40 * chance.random() ** 2)), chance.random()) for _ in range(300)]
    found = clustered_mean(seen)
    y = np.array([one.value for one in seen])
    names = np.array([one.cluster for one in seen])
    n = len(y)
    hat = np.full((n, n), 1 / n)
    residual = y - y.mean()
    columns, variance = [], 0.0
    for name in sorted(set(names)):
        rows = np.flatnonzero(names == name)
        values, vectors = np.linalg.eigh(np.eye(len(rows)) - hat[np.ix_(rows, rows)])
        adjust = vectors @ np.diag(values**-0.5) @ vectors.T
        variance += float((np.ones(len(rows)) @ adjust @ residual[rows]) ** 2) / n**2
        columns.append((np.eye(n) - hat)[:, rows] @ adjust @ np.ones(len(rows)) / n)
    products = np.array(columns) @ np.array(columns).T
    assert found.standard_error == pytest.approx(sqrt(variance), rel=1e-9)
    assert found.degrees == pytest.approx(float(np.trace(products) ** 2 / (products**2).sum()), rel=1e-9)


def test_fewer_than_thirty_clusters_are_refused() -> None:
    seen = [Observation(str(number % 29), 0.5 + number % 2) for number in range(290)]
    with pytest.raises(BoundError, match="29 clusters"):
        clustered_mean(seen)
    assert interval([Observation(str(number % 29), number % 2) for number in range(290)]).estimator == "clopper-pearson"


def test_a_cluster_with_many_leaks_is_one_event() -> None:
    seen = [Observation(str(number // 10), float(number < 10)) for number in range(1000)]
    found = rate_bound(seen, 0.05, "upper")
    assert (found.n, found.clusters, found.estimate) == (1000, 100, 0.01)
    assert found.bound == exact(1, 100, 0.05, "upper")


def test_no_width_without_variance_is_never_reported() -> None:
    seen = [Observation(str(number // 5), 1.0) for number in range(200)]
    found = mean_bound(seen, 0.05, "lower")
    assert (found.estimator, found.bound) == ("clopper-pearson", exact(40, 40, 0.05, "lower"))


def _intraclass(chance: random.Random, clusters: int, size: int, p: float, icc: float) -> list[Observation]:
    a, b = p * (1 - icc) / icc, (1 - p) * (1 - icc) / icc
    rates = [chance.betavariate(a, b) for _ in range(clusters)]
    return [Observation(str(g), float(chance.random() < rate)) for g, rate in enumerate(rates) for _ in range(size)]


@pytest.mark.slow
@pytest.mark.parametrize("icc", [0.05, 0.1, 0.2])
def test_clustered_intervals_cover_what_they_promise(icc: float) -> None:
    chance = random.Random(int(icc * 100))
    inside = 0
    for _ in range(2000):
        found = clustered(_intraclass(chance, 60, 8, 0.7, icc))
        inside += found.low <= 0.7 <= found.high
    assert 0.93 <= inside / 2000 <= 0.97


@pytest.mark.parametrize(("n", "p"), [(59, 0.03), (174, 0.01), (349, 0.02), (40, 0.5)])
def test_exact_intervals_cover_at_least_what_they_promise(n: int, p: float) -> None:
    """Not simulated: the probability of each outcome is known."""
    mass = [binomial_cdf(k, n, p) - binomial_cdf(k - 1, n, p) for k in range(n + 1)]
    two_sided = sum(m for k, m in enumerate(mass) if proportion(k, n).low <= p <= proportion(k, n).high)
    upper = sum(m for k, m in enumerate(mass) if p <= exact(k, n, 0.05, "upper"))
    assert two_sided >= 0.95
    assert upper >= 0.95


def _pairs(chance: random.Random, clusters: int, shift: float) -> list[Observation]:
    seen = []
    for number in range(clusters):
        base = chance.random()
        for group, rate in (("a", base), ("b", min(1.0, max(0.0, base + shift)))):
            seen.append(Observation(str(number), float(chance.random() < rate), group))
    return seen


@pytest.mark.slow
def test_the_bound_of_a_gap_is_above_the_true_gap() -> None:
    chance = random.Random(7)
    true = 0.1 - 0.1**2 / 2  # the shift, less what is cut off at 1
    held = sum(gap_bound(_pairs(chance, 200, 0.1), 0.05).bound >= true for _ in range(800))
    assert held / 800 >= 0.94


def test_a_gap_without_a_difference_still_has_a_bound() -> None:
    seen = [Observation(str(number), 1.0, group) for number in range(200) for group in ("a", "b", "c")]
    found = gap_bound(seen, 0.03)
    assert (found.estimate, found.estimator) == (0.0, "clopper-pearson")
    assert found.bound == exact(0, 200, 0.03, "upper")
    with pytest.raises(BoundError, match="1 groups"):
        gap_bound([Observation("1", 1.0, "a")], 0.03)
