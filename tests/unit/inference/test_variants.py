"""What runs is what the site named, and a certificate counts for nothing else."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from appliance.errors import ApplianceError
from appliance.service.certificate import check
from images.inference.app.engine import Engine
from images.inference.app.settings import ON_DEVICE, Adapter, EngineParameters, InferenceSettings
from tests.unit.inference.test_certificate import certified, serving

RUNNING = EngineParameters(
    variant="llama.cpp-cuda",
    device="NVIDIA H100 80GB HBM3",
    samplers=ON_DEVICE,
    adapter=Adapter(name="tuned", sha256="a" * 64, scale=0.5),
)


def settings(**changes: Any) -> InferenceSettings:
    return InferenceSettings.model_validate({"model": "m", "engine_image": "", "certifiers": []} | changes)


@pytest.mark.parametrize(
    "change",
    [
        {"variant": "llama.cpp-cpu"},
        {"device": "NVIDIA H200"},
        {"samplers": ()},
        {"adapter": None},
        {"adapter": Adapter(name="other", sha256="a" * 64, scale=0.5)},
        {"adapter": Adapter(name="tuned", sha256="b" * 64, scale=0.5)},
        {"adapter": Adapter(name="tuned", sha256="a" * 64, scale=0.51)},
        {"slots": 3},
        {"context": 4096},
        {"maximum_tokens": 1},
    ],
)
def test_a_certificate_counts_for_exactly_what_computes(change: dict[str, Any]) -> None:
    certificate = certified(parameters=RUNNING.model_dump(mode="json"))
    check(certificate, serving(parameters=RUNNING.model_dump(mode="json")), "c")
    other = RUNNING.model_copy(update=change).model_dump(mode="json")
    with pytest.raises(ApplianceError, match="certifies parameters"):
        check(certificate, serving(parameters=other), "c")


def test_a_device_samples_in_few_steps_unless_the_settings_say_otherwise() -> None:
    assert settings().in_force() == EngineParameters()
    on_device = settings(variant="llama.cpp-cuda").in_force()
    assert (on_device.variant, on_device.samplers, on_device.accelerated) == ("llama.cpp-cuda", ON_DEVICE, True)
    own = settings(variant="llama.cpp-cuda", parameters={"samplers": ["temperature"]}).in_force()
    assert own.samplers == ("temperature",)


@pytest.mark.parametrize("scale", [0, -1, 5, float("nan"), float("inf")])
def test_a_scale_that_makes_no_sense_is_refused(scale: float) -> None:
    with pytest.raises(ValidationError, match="scale"):
        Adapter(name="tuned", sha256="a" * 64, scale=scale)


def test_another_engines_program_is_not_started_as_this_one() -> None:
    with pytest.raises(ValidationError, match="served by its own image"):
        settings(variant="vllm")


def test_without_a_device_its_variant_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(ApplianceError, match="sees no accelerator"):
        Engine(tmp_path, "m", EngineParameters(variant="llama.cpp-cuda"))


def test_another_adapter_than_the_settings_name_is_not_loaded(tmp_path: Path) -> None:
    (tmp_path / "m.gguf").write_bytes(b"model")
    parameters = EngineParameters(adapter=Adapter(name="tuned", sha256=hashlib.sha256(b"evaluated").hexdigest()))
    with pytest.raises(ApplianceError, match=r"tuned\.gguf: cannot be read"):
        Engine(tmp_path, "m", parameters)
    (tmp_path / "tuned.gguf").write_bytes(b"another")
    with pytest.raises(ApplianceError, match=r"tuned\.gguf: sha256"):
        Engine(tmp_path, "m", parameters)
    (tmp_path / "tuned.gguf").write_bytes(b"evaluated")
    with pytest.raises(ApplianceError, match="the model: it begins with"):
        Engine(tmp_path, "m", parameters)
