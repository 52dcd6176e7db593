"""How many items a bound needs, before anybody asks a model."""

from collections.abc import Callable
from math import ceil, log, log1p

from appliance.contract.bounds import Side, exact
from appliance.contract.distributions import binomial_cdf


def items_for_upper(threshold: float, alpha: float, events: int = 0) -> int:
    """The smallest number of independent items at which ``events`` events still prove a rate of at most ``threshold``.

    Raises:
        ValueError: ``threshold`` or ``alpha`` is not between 0 and 1.
    """
    _check(threshold, alpha)
    if events == 0:
        return ceil(log(alpha) / log1p(-threshold))
    return _smallest(lambda n: binomial_cdf(events, n, threshold) <= alpha, events + 1)


def events_allowed(n: int, threshold: float, alpha: float) -> int:
    """The most events among ``n`` items that still prove ``threshold``; -1 when even none does not."""
    _check(threshold, alpha)
    events = -1
    while events + 1 <= n and binomial_cdf(events + 1, n, threshold) <= alpha:
        events += 1
    return events


def failures_allowed(n: int, threshold: float, alpha: float) -> int:
    """The most failures among ``n`` items that still prove a success rate of at least ``threshold``."""
    return events_allowed(n, 1 - threshold, alpha)


def power(n: int, threshold: float, true: float, alpha: float, side: Side) -> float:
    """The probability that ``n`` items prove the bound ``threshold`` of a model whose rate is ``true``."""
    if side == "upper":
        return binomial_cdf(events_allowed(n, threshold, alpha), n, true)
    return binomial_cdf(failures_allowed(n, threshold, alpha), n, 1 - true)


def items_for_power(threshold: float, true: float, alpha: float, side: Side, wanted: float = 0.8) -> int:
    """The smallest number of items at which the bound is proven with probability ``wanted``.

    Raises:
        ValueError: a model with the rate ``true`` does not meet ``threshold``.
    """
    _check(threshold, alpha)
    if (true >= threshold) if side == "upper" else (true <= threshold):
        raise ValueError(f"a model with the rate {true} does not meet {threshold}, however many items it is asked")
    return _smallest(lambda n: power(n, threshold, true, alpha, side) >= wanted, 1)


def provable(n: int, alpha: float, side: Side) -> float:
    """The best bound that ``n`` items can prove: that of a model without an event, or without a failure."""
    return exact(0, n, alpha, "upper") if side == "upper" else exact(n, n, alpha, "lower")


def _smallest(holds: Callable[[int], bool], start: int) -> int:
    """The smallest n that holds, for a predicate that stays true once it is (saw teeth of the power aside)."""
    high = max(start, 1)
    while not holds(high):
        high *= 2
        if high > 10_000_000:
            raise ValueError("more than ten million items")
    low = max(start, high // 2)
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return high


def _check(threshold: float, alpha: float) -> None:
    if not (0 < threshold < 1 and 0 < alpha < 1):
        raise ValueError(f"threshold {threshold} and alpha {alpha} are probabilities between 0 and 1")
