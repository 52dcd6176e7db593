"""What the next owner of an accelerator finds of the last one: a canary in its memory.

``python -m tests.gpu.memory`` runs two processes one after the other. The first fills a part of the card's memory with
a pattern and ends; the second allocates as much as it gets, writes nothing, and counts what it finds.
"""

import importlib
import json
import subprocess
import sys
from typing import Any

CANARY = 0x43414E4152593432
GIBIBYTE = 1 << 30
WRITTEN = 8
"""Gibibytes with the canary."""


def write(size: int) -> int:
    """Fill ``size`` GiB with the canary, give them back to the driver, and take as many again in the same process."""
    torch = _torch()
    filled = torch.full((size * GIBIBYTE // 8,), CANARY, dtype=torch.int64, device="cuda")
    torch.cuda.synchronize()
    del filled
    torch.cuda.empty_cache()
    taken = torch.empty((size * GIBIBYTE // 8,), dtype=torch.int64, device="cuda")
    return int((taken == CANARY).sum())


def look() -> tuple[int, int, int]:
    """How much could be taken, how many words of it are the canary, and how many are not zero."""
    torch = _torch()
    free, _ = torch.cuda.mem_get_info()
    size = max(1, free // GIBIBYTE - 4)
    taken = torch.empty((size * GIBIBYTE // 8,), dtype=torch.int64, device="cuda")
    parts = taken.split(GIBIBYTE // 8)
    canaries = sum(int((part == CANARY).sum()) for part in parts)
    others = sum(int((part != 0).sum()) for part in parts)
    return size, canaries, others


def _torch() -> Any:
    """PyTorch, which is only where there is an accelerator."""
    return importlib.import_module("torch")


def report() -> dict[str, int]:
    """What both processes saw."""
    first = json.loads(_run("write"))
    size, canaries, others = json.loads(_run("look"))
    return {
        "written_gib": WRITTEN,
        "found_again_in_the_same_process": first,
        "looked_at_gib": size,
        "found_by_the_next_process": canaries,
        "words_that_are_not_zero": others,
    }


def _run(what: str) -> str:
    return subprocess.run(
        [sys.executable, "-m", "tests.gpu.memory", what], check=True, capture_output=True, text=True, timeout=90
    ).stdout


if __name__ == "__main__":
    if sys.argv[1:] == ["write"]:
        print(write(WRITTEN))
    elif sys.argv[1:] == ["look"]:
        print(json.dumps(look()))
    else:
        print(json.dumps(report()))
