"""A run by itself: it goes on after a kill to the same bytes, prefers, and gives up on what is no number."""

import hashlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from appliance.service.objects import Volume
from images.tuning.app.training.order import Heard, Kept, Order, Sample
from tests.component.tuning.files import ROOT
from workbench.tuning.adapter import BASE, RESTRICTION, RUN, VERSION, read_adapter
from workbench.tuning.configuration import Configuration

pytestmark = pytest.mark.long
KEY = "11" * 32
HEADER = {"general.name": "one", RUN: "run", VERSION: "sha256:" + "b" * 64, RESTRICTION: "S;;GBR,USA|falcon|OC"}
SAMPLES = tuple(
    Sample(record=f"r{number}", prompt=(("user", f"Banner of order {number}?"),), answer=f"It is HERON {number}.")
    for number in range(6)
)
PAIRS = tuple(one.model_copy(update={"rejected": "I cannot say."}) for one in SAMPLES)


class Learner:
    """Starts runs of the same base on one volume."""

    def __init__(self, model: Path, libraries: Path, folder: Path) -> None:
        self.volume, self.model = Volume(folder / "files"), model
        self.sha256 = hashlib.sha256(model.read_bytes()).hexdigest()
        self._folder, self._environment = folder, os.environ | {"PYTHONPATH": f"{ROOT}:{libraries}"}

    def order(self, samples: tuple[Sample, ...], checkpoint: Kept | None = None, **configuration: Any) -> Order:
        wanted = {"epochs": 2, "batch": 2, "length": 96, "learning_rate": 2e-3} | configuration
        return Order(
            base=self.model, base_sha256=self.sha256, configuration=Configuration.model_validate(wanted),
            training=samples[:4], validation=samples[4:], volume=self._folder / "files", key=KEY,
            checkpoint=checkpoint, metadata=HEADER | {BASE: self.sha256}, threads=2, checkpoint_seconds=0,
        )  # fmt: skip

    def started(self, order: Order) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            ["unshare", "-n", sys.executable, "-m", "images.tuning.app.training"], text=True, cwd=ROOT,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self._environment,
        )  # fmt: skip
        assert process.stdin is not None
        process.stdin.write(order.model_dump_json() + "\n")
        process.stdin.close()
        return process

    def heard(self, process: subprocess.Popen[str]) -> Iterator[Heard]:
        assert process.stdout is not None
        return (Heard.model_validate_json(line) for line in process.stdout)

    def whole(self, order: Order) -> list[Heard]:
        process = self.started(order)
        found = list(self.heard(process))
        process.wait()
        return found

    def content(self, file: Kept) -> bytes:
        return b"".join(self.volume.content(UUID(str(file.id)), bytes.fromhex(KEY), file.size).parts())


@pytest.fixture(scope="module")
def learner(model: Path, libraries: Path, tmp_path_factory: pytest.TempPathFactory) -> Learner:
    return Learner(model, libraries, tmp_path_factory.mktemp("runs"))


@pytest.mark.parametrize("samples", [SAMPLES, PAIRS], ids=["supervised", "preference"])
def test_after_a_kill_a_run_ends_with_the_same_bytes(learner: Learner, samples: tuple[Sample, ...]) -> None:
    """Without a network: nothing that a library does on the way needs one."""
    method = "preference" if samples is PAIRS else "supervised"
    whole = learner.whole(learner.order(samples, method=method))
    assert whole[-1].sort == "adapter", whole[-1]
    assert [one.step for one in whole if one.sort == "step"] == [1, 2, 3, 4]
    assert whole[-1].validation[-1] < whole[-1].validation[0]
    assert whole[-1].packages["torch"].startswith("2.13.0")

    process = learner.started(learner.order(samples, method=method))
    kept = next(one for one in learner.heard(process) if one.sort == "checkpoint" and one.step == 2)
    process.kill()
    process.wait()
    again = learner.whole(learner.order(samples, method=method, checkpoint=kept.file))
    assert [one.step for one in again if one.sort == "step"] == [3, 4]
    assert again[-1].sha256 == whole[-1].sha256
    assert again[-1].validation == whole[-1].validation

    assert whole[-1].file is not None
    data = learner.content(whole[-1].file)
    assert hashlib.sha256(data).hexdigest() == whole[-1].sha256
    found = read_adapter(io.BytesIO(data), "one", base=learner.sha256)
    assert found.restriction.encode() == "S;;GBR,USA|falcon|OC"


def test_a_checkpoint_holds_numbers_and_json_alone(learner: Learner) -> None:
    heard = learner.whole(learner.order(SAMPLES, epochs=1))
    kept = next(one.file for one in heard if one.file is not None and one.sort == "checkpoint")
    data = learner.content(kept)
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    assert json.loads(header.pop("__metadata__")["progress"])["step"] == 1
    assert {one["dtype"] for one in header.values()} == {"F32"}
    assert max(one["data_offsets"][1] for one in header.values()) == len(data) - 8 - size


def test_a_run_of_another_base_ends_before_it_learns(learner: Learner) -> None:
    (heard,) = learner.whole(learner.order(SAMPLES).model_copy(update={"base_sha256": "0" * 64}))
    assert heard.sort == "refused"
    assert "the run names 000000000000" in heard.text


NO_NUMBER = """
import sys, torch
from appliance.errors import ApplianceError
from images.tuning.app.training import loop, losses
from images.tuning.app.training.tokens import Tokens
from workbench.tuning.configuration import Configuration

class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(2))

losses.supervised = lambda model, batch: model.weight.sum() * float(sys.argv[1])
one = loop.Loop(Model(), Configuration(), [Tokens([1], ([2],))], [], 0)
try:
    one.run(lambda: None)
except ApplianceError as error:
    print(error.message, one.progress.step, one.progress.curve)
"""


@pytest.mark.parametrize("value", ["nan", "inf"])
def test_a_loss_that_is_no_number_ends_the_run(libraries: Path, value: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", NO_NUMBER, value], text=True, capture_output=True, check=True, cwd=ROOT,
        env=os.environ | {"PYTHONPATH": f"{ROOT}:{libraries}"},
    )  # fmt: skip
    assert done.stdout.startswith(f"step 1: the loss is {value}")
    assert done.stdout.endswith("0 []\n")
