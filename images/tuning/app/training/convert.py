"""The adapter as the engine reads it: GGUF, with what it was learned from and what limits its readers in its header."""

import re
from collections.abc import Mapping

import torch
from torch import Tensor

from appliance.errors import ApplianceError
from workbench.tuning.gguf import packed

NAMES = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
_NAME = re.compile(r"base_model\.model\.model\.layers\.(\d+)\.([a-z_.]+)\.lora_([AB])\.default\.weight")


def adapter_file(
    matrices: Mapping[str, Tensor], metadata: Mapping[str, str | float], heads: int, key_heads: int
) -> bytes:
    """The file.

    Args:
        matrices: by the names that peft gives them.
        metadata: what the header says.
        heads: of attention.
        key_heads: of keys and values.

    Raises:
        ApplianceError: a matrix has a name that no layer of the architecture has.
    """
    tensors = {}
    for name, matrix in matrices.items():
        found = _NAME.fullmatch(name)
        if found is None or found[2] not in NAMES:
            raise ApplianceError(f"{name}: no matrix of an adapter", rule="adapters of the architecture llama alone")
        layer, module, half = found.groups()
        value = matrix.detach().to(torch.float32)
        if half == "B" and module in ("self_attn.q_proj", "self_attn.k_proj"):
            value = _interleaved(value, heads if module == "self_attn.q_proj" else key_heads)
        shape = tuple(reversed(value.shape))
        data = value.contiguous().numpy().tobytes()
        tensors[f"blk.{layer}.{NAMES[module]}.weight.lora_{half.lower()}"] = (shape, data)
    return packed(dict(metadata), dict(sorted(tensors.items())))


def _interleaved(matrix: Tensor, heads: int) -> Tensor:
    """Rows as llama.cpp has them: it turns neighbours by an angle, transformers the halves of a head."""
    rows, columns = matrix.shape
    return matrix.reshape(heads, 2, rows // heads // 2, columns).swapaxes(1, 2).reshape(rows, columns)
