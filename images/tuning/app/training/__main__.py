"""``python3 -m app.training``: one run. It reads an order from its input and says on its output how far it is."""

import hashlib
import os
import resource
import sys
import time
from importlib.metadata import version
from typing import TextIO
from uuid import UUID, uuid4

os.environ |= {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "OMP_WAIT_POLICY": "passive"}

from appliance.errors import ApplianceError
from appliance.service.objects.volume import PART, Content, Volume, parts_of
from workbench.tuning.examples import Example

from .order import Heard, Kept, Order, Sample

PACKAGES = ("torch", "transformers", "peft", "safetensors", "gguf")
LOWER = 10
"""By how much a run stands behind requests of people."""


class Run:
    """A run, and the way to who ordered it.

    Args:
        order: what it is.
        out: where it says how far it is.
    """

    def __init__(self, order: Order, out: TextIO) -> None:
        from .base import load  # noqa: PLC0415 - torch, after the number of threads is set
        from .loop import Loop  # noqa: PLC0415
        from .tokens import read_tokeniser  # noqa: PLC0415

        self._order, self._out = order, out
        self._volume, self._key = Volume(order.volume), bytes.fromhex(order.key)
        self._began, self._kept = time.monotonic(), time.monotonic()
        self._said = 0
        with order.base.open("rb") as file:
            self._tokeniser = read_tokeniser(file, order.base.name)
        self.model = load(order.base, order.base_sha256, order.configuration)
        training, validation = (
            [self._tokeniser.sample(_example(one)) for one in part] for part in (order.training, order.validation)
        )
        self._loop = Loop(self.model, order.configuration, training, validation, self._tokeniser.padding)
        self._steps = order.configuration.steps(len(training))
        if order.checkpoint:
            self._loop.resumed(b"".join(self._content(order.checkpoint).parts()))
            self._said = self._loop.progress.step

    def go(self) -> None:
        """Learn, keep the adapter and say its digest."""
        from .base import parameters  # noqa: PLC0415 - as above
        from .convert import adapter_file  # noqa: PLC0415

        self._loop.run(self._told)
        wanted, config = self._order.configuration, self.model.config
        metadata: dict[str, str | float] = {
            "general.architecture": "llama", "general.type": "adapter", "adapter.type": "lora",
            "adapter.lora.alpha": float(wanted.alpha),
        }  # fmt: skip
        data = adapter_file(
            parameters(self.model),
            metadata | self._order.metadata,
            config.num_attention_heads,
            config.num_key_value_heads,
        )
        file = self._keep(data)
        packages = {name: version(name) for name in PACKAGES}
        self._say("adapter", file=file, sha256=hashlib.sha256(data).hexdigest(), packages=packages)

    def _told(self) -> None:
        self._say("step")
        now = time.monotonic()
        if now - self._kept >= self._order.checkpoint_seconds:
            self._kept = now
            self._say("checkpoint", file=self._keep(self._loop.saved()))

    def _keep(self, data: bytes) -> Kept:
        """Keep a file under a name that nothing has: what was kept before stays whole until this is."""
        if not self._volume.room(len(data)):
            raise ApplianceError(
                "there is no room on the volume of tuning", rule="a checkpoint is whole or is not there",
                remedy="the administrator frees space: appliance host space",
            )  # fmt: skip
        name = uuid4()
        for number in range(parts_of(len(data))):
            self._volume.write(name, self._key, number, data[number * PART : (number + 1) * PART])
        return Kept(id=name, size=len(data))

    def _content(self, file: Kept) -> Content:
        return self._volume.content(UUID(str(file.id)), self._key, file.size)

    def _say(self, sort: str, **values: object) -> None:
        progress = self._loop.progress
        heard = Heard.model_validate(
            {
                "sort": sort, "step": progress.step, "steps": self._steps, "tokens": progress.tokens,
                "curve": progress.curve[self._said :], "validation": progress.validation,
                "seconds": round(time.monotonic() - self._began, 3),
                "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10,
            } | values
        )  # fmt: skip
        self._said = progress.step
        _write(self._out, heard)


def _example(sample: Sample) -> Example:
    return Example(sample.record, sample.prompt, sample.answer, sample.rejected)


def _write(out: TextIO, heard: Heard) -> None:
    out.write(heard.model_dump_json(exclude_defaults=True) + "\n")
    out.flush()


def main() -> int:
    """Run what the order says."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no word of ours
    try:
        order = Order.model_validate_json(sys.stdin.readline())
        os.nice(LOWER)
        os.environ["OMP_NUM_THREADS"] = str(order.threads)
        import torch  # noqa: PLC0415 - as above

        torch.set_num_threads(order.threads)
        torch.use_deterministic_algorithms(True)
        Run(order, out).go()
    except ApplianceError as error:
        _write(out, Heard(sort="refused", text=error.message, rule=error.rule, remedy=error.remedy))
        return 1
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "memory" not in str(error):
            raise
        _write(out, Heard(sort="refused", text="there is not enough memory", remedy="take a smaller batch or length"))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
