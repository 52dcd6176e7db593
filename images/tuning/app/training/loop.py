"""The loop: each step depends on the seed, the data and the steps before it alone, and on no clock."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from appliance.errors import ApplianceError
from workbench.tuning.configuration import Configuration

from . import checkpoint, losses
from .base import parameters
from .checkpoint import Progress
from .tokens import Tokens

MOST_NORM = 1.0
"""Length to which the gradient is cut."""


class Loop:
    """A run.

    Args:
        model: the base with its adapter.
        configuration: how it learns.
        samples: of the training part.
        validation: of the validation part; may be empty.
        padding: token that fills a batch.

    Attributes:
        progress: how far it is.
        best: the matrices after the epoch with the lowest loss on the validation part; empty without one.
    """

    def __init__(
        self,
        model: Any,
        configuration: Configuration,
        samples: Sequence[Tokens],
        validation: Sequence[Tokens],
        padding: int,
    ) -> None:
        self.progress, self.best = Progress(), dict[str, Tensor]()
        self._model, self._wanted, self._padding = model, configuration, padding
        self._samples, self._validation = samples, validation
        self._learned = list(parameters(model).values())
        self._optimiser = torch.optim.AdamW(self._learned, lr=configuration.learning_rate, weight_decay=0.0)
        self._steps = configuration.steps(len(samples))

    def saved(self) -> bytes:
        """The run as it stands."""
        return checkpoint.packed(self._model, self._optimiser, self.progress, self.best)

    def resumed(self, data: bytes) -> None:
        """Go on where ``data`` was saved."""
        self.progress, self.best = checkpoint.unpacked(data, self._model, self._optimiser)

    def run(self, told: Callable[[], None]) -> None:
        """Learn to the end, or until the validation part gets no better.

        Args:
            told: called after each step.

        Raises:
            ApplianceError: the loss is no number any more.
        """
        if self._wanted.method == "preference" and self.progress.reference is None:
            self.progress.reference = self._reference()
        per_epoch = math.ceil(len(self._samples) / self._wanted.batch)
        while self.progress.step < self._steps and not self._stale():
            epoch, place = divmod(self.progress.step, per_epoch)
            order = torch.randperm(
                len(self._samples), generator=torch.Generator().manual_seed(self._wanted.seed * 1009 + epoch)
            ).tolist()
            chosen = order[place * self._wanted.batch : (place + 1) * self._wanted.batch]
            self.progress.curve.append(self._step(chosen))
            self.progress.step += 1
            self.progress.tokens += sum(self._samples[number].length for number in chosen)
            if place + 1 == per_epoch and self._validation:
                self._validate()
            told()
        if self.best:
            with torch.no_grad():
                for name, one in parameters(self._model).items():
                    one.copy_(self.best[name])

    def _step(self, chosen: list[int]) -> float:
        self._model.train()
        for group in self._optimiser.param_groups:
            group["lr"] = self._rate()
        loss = self._loss(chosen)
        value = float(loss.item())
        loss.backward()
        norm = float(torch.nn.utils.clip_grad_norm_(self._learned, MOST_NORM))
        if not (math.isfinite(value) and math.isfinite(norm)):
            raise ApplianceError(
                f"step {self.progress.step + 1}: the loss is {value}, its gradient {norm}",
                rule="a run whose loss is no number ends, and nothing of it is kept",
                remedy="take a lower learning rate",
            )
        self._optimiser.step()
        self._optimiser.zero_grad(set_to_none=True)
        return value

    def _loss(self, chosen: list[int]) -> Tensor:
        batch = losses.batch_of([self._samples[number] for number in chosen], self._padding)
        if self.progress.reference is None:
            return losses.supervised(self._model, batch)
        reference = self.progress.reference[:, chosen].reshape(-1)
        return losses.preference(self._model, batch, reference, self._wanted.beta)

    def _rate(self) -> float:
        """Of this step: a straight rise, then half a cosine."""
        rise = max(1, round(self._steps * self._wanted.warmup))
        step = self.progress.step
        if step < rise:
            return self._wanted.learning_rate * (step + 1) / rise
        return self._wanted.learning_rate * (1 + math.cos(math.pi * (step - rise) / max(1, self._steps - rise))) / 2

    def _reference(self) -> Tensor:
        """The log probabilities of all answers before the first step: a row of the better ones, a row of the worse."""
        self._model.eval()
        every = (*self._samples, *self._validation)
        with torch.no_grad():
            found = [losses.sums(self._model, losses.batch_of([one], self._padding)) for one in every]
        return torch.stack(found, dim=1)

    def _validate(self) -> None:
        self._model.eval()
        total = 0.0
        with torch.no_grad():
            for number, one in enumerate(self._validation, len(self._samples)):
                batch = losses.batch_of([one], self._padding)
                if self.progress.reference is None:
                    total += losses.supervised(self._model, batch).item()
                else:
                    reference = self.progress.reference[:, number]
                    total += losses.preference(self._model, batch, reference, self._wanted.beta).item()
        value = total / len(self._validation)
        if not self.progress.validation or value < min(self.progress.validation):
            self.best = {name: one.detach().clone() for name, one in parameters(self._model).items()}
        self.progress.validation.append(value)

    def _stale(self) -> bool:
        """Whether the last epochs brought nothing."""
        seen, patience = self.progress.validation, self._wanted.patience
        return bool(patience) and len(seen) > patience and min(seen[-patience:]) >= min(seen[:-patience])
