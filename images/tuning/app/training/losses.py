"""What a step makes smaller.

Only where an answer is are logits computed: over a vocabulary of 49,152 they cost more than a layer.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from .tokens import Tokens


def batch_of(samples: Sequence[Tokens], padding: int) -> tuple[Tensor, Tensor, Tensor]:
    """Tokens, where they are no padding, and where an answer's are; a row for each answer, those of a pair apart.

    The better answers are the first half of the rows.
    """
    answers = range(len(samples[0].answers))
    rows = [(one.prompt, one.answers[number]) for number in answers for one in samples]
    longest = max(len(prompt) + len(answer) for prompt, answer in rows)
    tokens = torch.full((len(rows), longest), padding)
    present = torch.zeros((len(rows), longest), dtype=torch.long)
    answered = torch.zeros((len(rows), longest), dtype=torch.bool)
    for row, (prompt, answer) in enumerate(rows):
        size = len(prompt) + len(answer)
        tokens[row, :size] = torch.tensor(prompt + answer)
        present[row, :size] = 1
        answered[row, len(prompt) : size] = True
    return tokens, present, answered


def answer_log_probabilities(model: Any, tokens: Tensor, present: Tensor, answered: Tensor) -> tuple[Tensor, Tensor]:
    """The log probability of each token of an answer, and the row to which it belongs."""
    inner = model.get_base_model()
    hidden = inner.model(input_ids=tokens, attention_mask=present, use_cache=False).last_hidden_state
    before = answered[:, 1:]  # a token is foretold where the one before it stands
    logits = inner.lm_head(hidden[:, :-1][before]).float()
    wanted = tokens[:, 1:][before]
    found = -functional.cross_entropy(logits, wanted, reduction="none")
    return found, before.nonzero()[:, 0]


def supervised(model: Any, batch: tuple[Tensor, Tensor, Tensor]) -> Tensor:
    """The mean loss of a token of the answers."""
    found, _ = answer_log_probabilities(model, *batch)
    return -found.mean()


def sums(model: Any, batch: tuple[Tensor, Tensor, Tensor]) -> Tensor:
    """The log probability of each whole answer."""
    found, rows = answer_log_probabilities(model, *batch)
    return torch.zeros(len(batch[0])).index_add(0, rows, found)


def preference(model: Any, batch: tuple[Tensor, Tensor, Tensor], reference: Tensor, beta: float) -> Tensor:
    """The loss of direct preference optimisation (arXiv:2305.18290, equation 7).

    Args:
        model: with the adapter.
        batch: the better answers, then the worse ones.
        reference: log probabilities of the same answers before the first step.
        beta: how closely the model stays at the reference.
    """
    better, worse = (sums(model, batch) - reference).chunk(2)
    return -functional.logsigmoid(beta * (better - worse)).mean()
