"""Steps on the real base, for ``tests.bench.tuning``: ``python -m tests.bench.steps MODEL ours|plain|both``.

The plain step is what peft's own documentation shows: the model is given labels, the loss goes back, AdamW steps.
"""

import hashlib
import json
import resource
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import torch

from images.tuning.app.training import losses
from images.tuning.app.training.base import load, parameters
from images.tuning.app.training.tokens import Tokens
from tests.bench.measure import alternate
from workbench.tuning.configuration import Configuration

SAMPLES, LENGTH, ROUNDS = 4, 64, 6


def main(path: Path, which: str) -> dict[str, float]:
    """Median processor seconds of each kind of step, all threads together, and the most memory of this process."""
    torch.set_num_threads(2)
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    model = load(path, sha256, Configuration(batch=SAMPLES))
    learned = list(parameters(model).values())
    optimiser = torch.optim.AdamW(learned, lr=1e-4, weight_decay=0.0)
    # All but the first token is learned in either kind, so that both do the same work.
    samples = [Tokens([1], (list(range(1000 * n + 1000, 1000 * n + 1000 + LENGTH - 1)),)) for n in range(SAMPLES)]
    batch = losses.batch_of(samples, 2)

    def ours() -> float:
        return timed(lambda: losses.supervised(model, batch))

    def plain() -> float:
        labels = batch[0].masked_fill(batch[1] == 0, -100)
        return timed(lambda: model(input_ids=batch[0], attention_mask=batch[1], labels=labels).loss)

    def timed(loss: Any) -> float:
        began = time.process_time()
        loss().backward()
        torch.nn.utils.clip_grad_norm_(learned, 1.0)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        return time.process_time() - began

    pairs = alternate({"plain": plain}.get(which, ours), {"ours": ours}.get(which, plain), ROUNDS)[2:]
    first, second = (statistics.median(one) for one in zip(*pairs, strict=True))
    return {"first": first, "second": second, "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024.0}


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), sys.argv[2])))
