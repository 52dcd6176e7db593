"""The two distributions that bounds need, in plain Python: the trusted base recomputes a certificate without numpy.

Numerical Recipes, 3rd edition, 6.4: the continued fraction of the incomplete beta function by Lentz's method.
"""

from collections.abc import Callable
from math import exp, lgamma, log, log1p, sqrt

_TINY = 1e-300
_PRECISION = 1e-16


def beta_cdf(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function I_x(a, b), the distribution function of Beta(a, b)."""
    if x <= 0:
        return 0.0
    if x >= 1:
        return 1.0
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x))
    if x < (a + 1) / (a + b + 2):
        return front * _fraction(x, a, b) / a
    return 1 - front * _fraction(1 - x, b, a) / b


def beta_quantile(p: float, a: float, b: float) -> float:
    """The x with ``beta_cdf(x, a, b) == p``."""
    return _solve(lambda x: beta_cdf(x, a, b), p)


def t_cdf(t: float, degrees: float) -> float:
    """The distribution function of Student's t."""
    tail = beta_cdf(degrees / (degrees + t * t), degrees / 2, 0.5) / 2
    return 1 - tail if t > 0 else tail


def t_quantile(p: float, degrees: float) -> float:
    """The t with ``t_cdf(t, degrees) == p``."""
    if p < 0.5:
        return -t_quantile(1 - p, degrees)
    x = beta_quantile(2 * (1 - p), degrees / 2, 0.5)
    return sqrt(degrees * (1 - x) / x) if x > 0 else float("inf")


def binomial_cdf(k: int, n: int, p: float) -> float:
    """The probability of at most ``k`` events in ``n`` trials."""
    if k < 0:
        return 0.0
    return 1.0 if k >= n else 1 - beta_cdf(p, k + 1, n - k)


def _fraction(x: float, a: float, b: float) -> float:
    c, d = 1.0, 1 - (a + b) * x / (a + 1)
    d = 1 / (d if abs(d) > _TINY else _TINY)
    value = d
    for m in range(1, 10_000):
        for numerator in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 + numerator * d
            d = 1 / (d if abs(d) > _TINY else _TINY)
            c = 1 + numerator / c
            c = c if abs(c) > _TINY else _TINY
            value *= d * c
        if abs(d * c - 1) < _PRECISION * 8:
            break
    return value


def _solve(function: Callable[[float], float], target: float) -> float:
    low, high = 0.0, 1.0
    for _ in range(200):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if function(middle) < target else (low, middle)
    return (low + high) / 2
