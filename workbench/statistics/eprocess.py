"""Evidence that may be looked at after every item: false alarms stay bounded however often one peeks.

Ramdas, Grünwald, Vovk and Shafer, Statistical Science 38 (2023) 576. Against a rate of at most (or at least) a bound,
the evidence is a mixture of likelihood ratios over the rates beyond it, uniform over a grid.
"""

from dataclasses import dataclass, field
from math import exp, log, log1p
from typing import Literal

GRID = 40


@dataclass
class EProcess:
    """Evidence against the claim that an event's rate is on one side of ``bound``.

    Attributes:
        bound: the rate of the claim.
        claim: ``at-most``: the evidence grows when events are too frequent; ``at-least``: when they are too rare.
    """

    bound: float
    claim: Literal["at-most", "at-least"]
    _logs: list[float] = field(default_factory=lambda: [0.0] * GRID)

    def __post_init__(self) -> None:
        """Refuse a bound that is no probability."""
        if not 0 < self.bound < 1:
            raise ValueError(f"{self.bound} is no probability between 0 and 1")

    @property
    def _rates(self) -> list[float]:
        steps = [(index + 0.5) / GRID for index in range(GRID)]
        if self.claim == "at-most":
            return [self.bound + (1 - self.bound) * step for step in steps]
        return [self.bound * step for step in steps]

    def see(self, event: bool) -> float:
        """Take one observation; return the evidence."""
        for index, rate in enumerate(self._rates):
            ratio = log(rate) - log(self.bound) if event else log1p(-rate) - log1p(-self.bound)
            self._logs[index] += ratio
        return self.evidence

    @property
    def evidence(self) -> float:
        """The present evidence; by Ville's inequality it ever exceeds 1/alpha with probability at most alpha."""
        peak = max(self._logs)
        return exp(min(700.0, peak)) * sum(exp(one - peak) for one in self._logs) / GRID

    def rejects(self, alpha: float) -> bool:
        """Whether the claim is refuted at ``alpha``."""
        return self.evidence >= 1 / alpha
