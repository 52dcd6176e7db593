"""How a run is configured, and what it will take: typed, so that a configuration is data and never code."""

from math import ceil
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Method = Literal["supervised", "preference"]
Target = Literal["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
ATTENTION: tuple[Target, ...] = ("q_proj", "k_proj", "v_proj", "o_proj")
SECONDS_PER_TOKEN = 0.0094
"""Of a trained token of SmolLM2-135M on two cores (docs/benchmarks.md), where no run was measured yet."""
BYTES_PER_TOKEN = 3_200_000
"""Of a token in a batch: its activations, and its logits over a vocabulary of 49,152 (docs/benchmarks.md)."""
BASE_BYTES = 1_100_000_000
"""Of the base in 32 bits with its libraries."""
PASSES = {"supervised": 1.0, "preference": 2.3}
"""Work on a pair, in passes over a single answer: both answers, and once each under the reference."""


class Configuration(BaseModel):
    """What a person may choose of a run; the defaults suit a few hundred short samples.

    Attributes:
        method: ``supervised`` learns answers, ``preference`` prefers the better of two (DPO, arXiv:2305.18290).
        rank: of the adapter's matrices.
        alpha: by ``alpha / rank`` the adapter is scaled.
        targets: matrices of each layer that get an adapter.
        learning_rate: at its highest.
        warmup: share of the steps in which it rises to that; then it falls to zero (cosine).
        epochs: how often each sample is seen.
        batch: samples of a step.
        length: most tokens of a sample; a longer one is refused, not cut.
        beta: of DPO, how closely the model stays at the reference.
        patience: epochs without a lower loss on the validation part after which the run ends; 0 for never.
        seed: of all chance.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    method: Method = "supervised"
    rank: Annotated[int, Field(ge=1, le=64)] = 8
    alpha: Annotated[int, Field(ge=1, le=256)] = 16
    targets: Annotated[tuple[Target, ...], Field(min_length=1, max_length=7)] = ATTENTION
    learning_rate: Annotated[float, Field(gt=0, le=0.1)] = 1e-3
    warmup: Annotated[float, Field(ge=0, le=0.5)] = 0.1
    epochs: Annotated[int, Field(ge=1, le=100)] = 3
    batch: Annotated[int, Field(ge=1, le=64)] = 4
    length: Annotated[int, Field(ge=16, le=2048)] = 256
    beta: Annotated[float, Field(gt=0, le=1)] = 0.1
    patience: Annotated[int, Field(ge=0, le=100)] = 0
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 1

    @model_validator(mode="after")
    def _each_target_once(self) -> Self:
        if len(set(self.targets)) != len(self.targets):
            raise ValueError("targets: name each once")
        return self

    def steps(self, samples: int) -> int:
        """Steps of a whole run over ``samples``."""
        return ceil(samples / self.batch) * self.epochs


class Plan(BaseModel):
    """What a run will take, told before it starts.

    Attributes:
        samples: of the training part.
        validation: samples of the validation part.
        tokens: of all training samples, once.
        longest: tokens of the longest.
        steps: of the run.
        seconds: estimated, with nothing else running.
        memory: bytes, estimated.
        refusals: why it cannot start; empty when it can.
    """

    model_config = ConfigDict(frozen=True)

    samples: int
    validation: int
    tokens: int
    longest: int
    steps: int
    seconds: int
    memory: int
    refusals: tuple[str, ...] = ()


def plan(
    wanted: Configuration,
    lengths: list[int],
    validation: list[int],
    memory: int,
    per_token: float = SECONDS_PER_TOKEN,
) -> Plan:
    """What a run over samples of these lengths takes.

    Args:
        wanted: the configuration.
        lengths: tokens of each training sample; of a pair, of both answers together.
        validation: the same of the validation part.
        memory: bytes that the run may have.
        per_token: seconds that a trained token took on this machine.
    """
    answers = 2 if wanted.method == "preference" else 1
    longest = max([*lengths, *validation], default=0)
    passes = PASSES[wanted.method] / answers
    needed = BASE_BYTES + BYTES_PER_TOKEN * min(wanted.batch, len(lengths)) * longest
    refusals = []
    if longest > wanted.length * answers:
        over = sum(one > wanted.length * answers for one in (*lengths, *validation))
        refusals.append(f"{over} samples are longer than {wanted.length} tokens: raise the length, or leave them out")
    if needed > memory:
        refusals.append(
            f"a step needs about {needed >> 20} MiB and the service has {memory >> 20}: take a smaller batch or length"
        )
    return Plan(
        samples=len(lengths),
        validation=len(validation),
        tokens=sum(lengths),
        longest=longest,
        steps=wanted.steps(len(lengths)),
        seconds=round(wanted.epochs * (sum(lengths) * passes + sum(validation) * passes / 3) * per_token) + 15,
        memory=needed,
        refusals=tuple(refusals),
    )
