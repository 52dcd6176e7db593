"""A run at one step, whole: with it the run goes on to the same end as if it had not stopped.

The bytes are safetensors: numbers, and a text that is JSON. Nothing in it is executed when it is read.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from safetensors.torch import load, save
from torch import Tensor

from .base import parameters


@dataclass
class Progress:
    """Where a run stands.

    Attributes:
        step: steps done.
        curve: step and loss of each, the last ones first thinned out by nobody: all of them.
        validation: loss on the validation part after each epoch.
        reference: log probabilities before the first step, of every pair.
        tokens: computed so far.
    """

    step: int = 0
    curve: list[float] = field(default_factory=list)
    validation: list[float] = field(default_factory=list)
    reference: Tensor | None = None
    tokens: int = 0


def packed(model: Any, optimiser: torch.optim.AdamW, progress: Progress, best: Mapping[str, Tensor]) -> bytes:
    """The checkpoint."""
    tensors = {f"adapter/{name}": one.detach().contiguous() for name, one in parameters(model).items()}
    for name, one in parameters(model).items():
        if state := optimiser.state.get(one):
            tensors |= {f"{part}/{name}": state[part].contiguous() for part in ("exp_avg", "exp_avg_sq")}
    tensors |= {f"best/{name}": one for name, one in best.items()}
    if progress.reference is not None:
        tensors["reference"] = progress.reference
    said = {name: getattr(progress, name) for name in ("step", "curve", "validation", "tokens")}
    return bytes(save(tensors, {"progress": json.dumps(said)}))


def unpacked(data: bytes, model: Any, optimiser: torch.optim.AdamW) -> tuple[Progress, dict[str, Tensor]]:
    """Bring model and optimiser to where the checkpoint was made; how far that is, and the best matrices so far."""
    size = int.from_bytes(data[:8], "little")
    said = json.loads(json.loads(data[8 : 8 + size])["__metadata__"]["progress"])
    tensors = load(data)
    progress = Progress(**said, reference=tensors.get("reference"))
    with torch.no_grad():
        for name, one in parameters(model).items():
            one.copy_(tensors[f"adapter/{name}"])
            if f"exp_avg/{name}" in tensors:
                moments = {part: tensors[f"{part}/{name}"].clone() for part in ("exp_avg", "exp_avg_sq")}
                optimiser.state[one] = moments | {"step": torch.tensor(float(progress.step))}
    best = {name.removeprefix("best/"): one for name, one in tensors.items() if name.startswith("best/")}
    return progress, best
