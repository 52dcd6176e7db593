"""Intervals of scores, against published values and their laws; the samples, against what a job promises."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from images.evaluation.app.confidence import metric
from images.evaluation.app.jobs import SIZES


@pytest.mark.parametrize(
    ("right", "samples", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilsons_interval_has_the_published_values(right: int, samples: int, low: float, high: float) -> None:
    """Newcombe, Statistics in Medicine 17 (1998) 857, table I, method 3."""
    found = metric("match/accuracy", right / samples, 0.0, samples)
    assert [found.low, found.high] == pytest.approx([low, high], abs=1e-4)


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_contains_the_score_and_stays_between_0_and_1(counts: tuple[int, int]) -> None:
    right, samples = counts
    found = metric("match/accuracy", right / samples, 0.0, samples)
    assert 0 <= found.low <= found.value + 1e-12
    assert found.value - 1e-12 <= found.high <= 1 + 1e-12
    assert found.low < found.high


def test_a_mean_has_the_normal_interval() -> None:
    found = metric("f1/mean", 0.4, 0.1, 16)
    assert [found.low, found.high] == pytest.approx([0.204, 0.596], abs=1e-3)


@pytest.mark.slow
def test_the_sets_have_the_promised_sizes_and_a_digest_of_their_content() -> None:
    from images.evaluation.app.datasets import EXAMPLES, load  # noqa: PLC0415

    assert set(EXAMPLES) == set(SIZES)
    digests = set()
    for name, size in SIZES.items():
        task, digest, samples = load(name, 1000)
        assert samples == size
        assert all(sample.target for sample in task.dataset)
        assert load(name, 1000)[1] == digest
        digests |= {digest, load(name, 10)[1]}
    assert len(digests) == 2 * len(SIZES)
