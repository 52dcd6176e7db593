"""A GGUF file of a Llama shape with random weights: it says how fast an engine is, and nothing else.

One random pattern of blocks is repeated in every matrix, which the kernels do not notice. The rows of the output matrix
that belong to control tokens and single bytes are zero: no answer ends before its limit, and every token is text.
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

PATTERN = 1 << 22
"""Weights in the pattern."""
BLOCK, BYTES = 32, 34
"""Q8_0: so many weights in so many bytes, a float16 scale first."""
SPECIAL = 259
"""Tokens that are no text: unknown, begin, end, and one for each byte."""


@dataclass(frozen=True)
class Shape:
    """Sizes of a model.

    Attributes:
        layers: transformer blocks.
        width: of the residual stream.
        inner: width of the feed-forward layers.
        heads: of attention.
        shared: heads of keys and values.
        vocabulary: tokens.
        head: width of a head.
    """

    layers: int
    width: int
    inner: int
    heads: int
    shared: int
    vocabulary: int
    head: int


SHAPES = {
    "8b": Shape(32, 4096, 14336, 32, 8, 128256, 128),
    "tiny": Shape(2, 256, 512, 4, 2, 128256, 64),
}


def _pattern() -> Any:
    random = np.random.default_rng(1)
    blocks = np.empty((PATTERN // BLOCK, BYTES), np.uint8)
    blocks[:, :2] = np.frombuffer(np.float16(0.02 / 40).tobytes(), np.uint8)
    weights = random.standard_normal((PATTERN // BLOCK, BLOCK), dtype=np.float32) * 40
    blocks[:, 2:] = np.clip(weights, -127, 127).astype(np.int8).view(np.uint8)
    return blocks.reshape(-1)


def write(file: Path, shape: Shape, package: Path) -> None:  # noqa: PLR0915  # one statement a field and matrix
    """Write the model.

    Args:
        file: of the model.
        shape: its sizes.
        package: folder of the ``gguf`` package that the engine's sources carry.
    """
    sys.path.insert(0, str(package))
    from gguf import GGMLQuantizationType, GGUFWriter, TokenType  # noqa: PLC0415  # it is not installed

    pattern = _pattern()
    writer = GGUFWriter(str(file), "llama")

    def matrix(name: str, rows: int, columns: int, *, silent: int = 0) -> None:
        row = columns // BLOCK * BYTES
        content = np.empty(rows * row, np.uint8)
        for start in range(0, len(content), len(pattern)):
            content[start : start + len(pattern)] = pattern[: len(content) - start]
        content[: silent * row] = 0
        writer.add_tensor(name, content.reshape(rows, row), raw_dtype=GGMLQuantizationType.Q8_0)

    def norm(name: str) -> None:
        writer.add_tensor(name, np.ones(shape.width, np.float32))

    writer.add_name("random")
    writer.add_block_count(shape.layers)
    writer.add_context_length(8192)
    writer.add_embedding_length(shape.width)
    writer.add_feed_forward_length(shape.inner)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.shared)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(500000.0)
    writer.add_rope_dimension_count(shape.head)
    writer.add_vocab_size(shape.vocabulary)
    tokens = [b"<unk>", b"<s>", b"</s>", *(b"<0x%02X>" % byte for byte in range(256)), "\u2581".encode(), b"a"]
    kinds = [TokenType.UNKNOWN, TokenType.CONTROL, TokenType.CONTROL, *[TokenType.BYTE] * 256]
    tokens += [f"\u2581w{number}".encode() for number in range(len(tokens), shape.vocabulary)]
    kinds += [TokenType.NORMAL] * (len(tokens) - len(kinds))
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores([-float(number) for number in range(len(tokens))])
    writer.add_token_types(kinds)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_chat_template("{% for m in messages %}{{ m['content'] }}{% endfor %}")
    matrix("token_embd.weight", shape.vocabulary, shape.width)
    norm("output_norm.weight")
    matrix("output.weight", shape.vocabulary, shape.width, silent=SPECIAL)
    for number in range(shape.layers):
        block = f"blk.{number}."
        norm(f"{block}attn_norm.weight")
        norm(f"{block}ffn_norm.weight")
        matrix(f"{block}attn_q.weight", shape.heads * shape.head, shape.width)
        matrix(f"{block}attn_k.weight", shape.shared * shape.head, shape.width)
        matrix(f"{block}attn_v.weight", shape.shared * shape.head, shape.width)
        matrix(f"{block}attn_output.weight", shape.width, shape.heads * shape.head)
        matrix(f"{block}ffn_gate.weight", shape.inner, shape.width)
        matrix(f"{block}ffn_up.weight", shape.inner, shape.width)
        matrix(f"{block}ffn_down.weight", shape.width, shape.inner)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    write(Path(sys.argv[1]), SHAPES[sys.argv[2]], Path(sys.argv[3]))
