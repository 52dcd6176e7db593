"""The base with a fresh adapter, in memory."""

import hashlib
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from torch import Tensor
from transformers import AutoModelForCausalLM

from appliance.errors import ApplianceError
from workbench.tuning.configuration import Configuration


def load(path: Path, sha256: str, configuration: Configuration) -> Any:
    """The base from its file, in 32 bits, with the adapter that ``configuration`` asks for.

    Raises:
        ApplianceError: it is another file than ``sha256`` names.
    """
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256:
        raise ApplianceError(
            f"{path.name}: sha256 {found[:12]}, the run names {sha256[:12]}",
            rule="a run is of exactly one base",
            remedy="start a new run, of the base that is installed",
        )
    base = AutoModelForCausalLM.from_pretrained(str(path.parent), gguf_file=path.name, dtype=torch.float32)
    base.config.use_cache = False
    wanted = LoraConfig(
        r=configuration.rank,
        lora_alpha=configuration.alpha,
        target_modules=list(configuration.targets),
        task_type="CAUSAL_LM",
    )
    torch.manual_seed(configuration.seed)
    return get_peft_model(base, wanted)


def parameters(model: Any) -> dict[str, Tensor]:
    """The adapter's matrices by name: what is learned."""
    return {name: one for name, one in model.named_parameters() if one.requires_grad}
