"""What a benchmark measures, and how two things are compared on a machine that does other work meanwhile."""

from collections.abc import Callable
from typing import TypeVar

from pydantic import BaseModel, ConfigDict

Result = TypeVar("Result")


class Measurement(BaseModel):
    """One figure of ``build/bench.json``.

    Attributes:
        name: of the figure, ``<part>.<what>``.
        value: the figure, in ``unit``.
        unit: what the value counts.
        reference: what it was compared with in the same run, or how it was taken.
        goal: what the value shall be.
        holds: whether it is.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    value: float
    unit: str
    reference: str
    goal: str
    holds: bool


def at_most(name: str, value: float, unit: str, limit: float, reference: str) -> Measurement:
    """A figure that shall not be over ``limit``."""
    goal = f"at most {limit:g}"
    return Measurement(
        name=name, value=round(value, 3), unit=unit, reference=reference, goal=goal, holds=value <= limit
    )


def at_least(name: str, value: float, unit: str, limit: float, reference: str) -> Measurement:
    """A figure that shall not be under ``limit``."""
    goal = f"at least {limit:g}"
    return Measurement(
        name=name, value=round(value, 3), unit=unit, reference=reference, goal=goal, holds=value >= limit
    )


def alternate(first: Callable[[], Result], second: Callable[[], Result], rounds: int) -> list[tuple[Result, Result]]:
    """Both results of each round; every second round begins with ``second``, so that neither always comes first.

    Args:
        first: one measured operation.
        second: the operation it is compared with.
        rounds: how often both are done.
    """
    pairs = []
    for number in range(rounds):
        if number % 2:
            later = second()
            pairs.append((first(), later))
        else:
            pairs.append((first(), second()))
    return pairs
