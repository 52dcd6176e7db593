"""Only what is an adapter of this base gets past the header; the reader agrees with llama.cpp's own library."""

import contextlib
import io
import pickle
import struct
import zipfile
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import ApplianceError
from workbench.tuning.adapter import BASE, RESTRICTION, RUN, VERSION, Adapter, read_adapter
from workbench.tuning.gguf import packed, read_header

SHA = "a" * 64
HEADER: dict[str, str | float] = {
    "general.architecture": "llama",
    "general.type": "adapter",
    "general.name": "tuned",
    "adapter.type": "lora",
    "adapter.lora.alpha": 16.0,
    BASE: SHA,
    RUN: "run",
    VERSION: "sha256:" + "b" * 64,
    RESTRICTION: "S;;GBR,USA||",
}
TENSORS = {
    "blk.0.attn_q.weight.lora_a": ((8, 2), bytes(64)),
    "blk.0.attn_q.weight.lora_b": ((2, 12), bytes(96)),
}
SHAPES = {"blk.0.attn_q.weight": (8, 12)}


def read(data: bytes) -> Adapter:
    return read_adapter(io.BytesIO(data), "tuned.gguf", base=SHA, shapes=SHAPES)


def test_an_adapter_says_what_it_is() -> None:
    found = read(packed(HEADER, TENSORS))
    assert (found.rank, found.alpha, found.base, found.restriction.encode()) == (2, 16.0, SHA, "S;;GBR,USA||")


def test_the_library_of_llama_cpp_reads_the_same(tmp_path: Path) -> None:
    file = tmp_path / "adapter.gguf"
    data = np.arange(16, dtype=np.float32)
    file.write_bytes(packed(HEADER, TENSORS | {"blk.0.attn_q.weight.lora_a": ((8, 2), data.tobytes())}))
    reader = gguf.GGUFReader(file)
    assert {name: reader.fields[name].contents() for name in HEADER} == HEADER
    assert [(one.name, tuple(one.shape)) for one in reader.tensors] == [(n, s) for n, (s, _) in TENSORS.items()]
    assert (reader.tensors[0].data.reshape(-1) == data).all()


def test_what_that_library_writes_is_read(tmp_path: Path) -> None:
    writer = gguf.GGUFWriter(tmp_path / "one.gguf", "llama")
    writer.add_array("tokenizer.ggml.tokens", ["a", "b"])
    writer.add_array("tokenizer.ggml.token_type", [1, 3])
    writer.add_uint32("llama.block_count", 2)
    writer.add_tensor("token_embd.weight", np.ones((3, 32), dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    with (tmp_path / "one.gguf").open("rb") as file:
        header = read_header(file, "one.gguf")
    assert header.metadata["tokenizer.ggml.tokens"] == ["a", "b"]
    assert header.metadata["llama.block_count"] == 2
    assert header.tensors["token_embd.weight"].shape == (32, 3)


def replaced(name: str, value: Any) -> bytes:
    return packed(HEADER | {name: value}, TENSORS)


def pickled() -> bytes:
    return pickle.dumps({"weights": [1.0]})


def zipped() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("adapter_model.bin", bytes(10 << 20))
    return file.getvalue()


GOOD = packed(HEADER, TENSORS)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (replaced(BASE, "c" * 64), "belongs to the base cccccccccccc"),
        (
            replaced("tokenizer.chat_template", "{{ ''.__class__.__mro__ }}"),
            "'tokenizer.chat_template', which no adapter",
        ),
        (replaced("adapter.code", "import os"), "'adapter.code', which no adapter"),
        (replaced(RESTRICTION, "everybody"), "does not say what limits its readers"),
        (replaced("general.type", "model"), "no low-rank adapter"),
        (replaced("adapter.lora.alpha", float("nan")), "alpha"),
        (packed(HEADER, TENSORS | {"token_embd.weight": ((8, 1), bytes(32))}), "'token_embd.weight' is none"),
        (packed(HEADER, {"blk.0.attn_q.weight.lora_a": ((8, 2), bytes(64))}), "stands alone"),
        (packed(HEADER, TENSORS | {"blk.0.attn_q.weight.lora_b": ((2, 11), bytes(88))}), "does not fit its base"),
        (packed(HEADER, TENSORS | {"blk.0.attn_q.weight.lora_b": ((3, 12), bytes(144))}), "no common rank"),
        (packed(HEADER, {}), "no common rank"),
        (b"FUGG" + GOOD[4:], "big-endian"),
        (b"GGUF" + struct.pack(">I", 3) + GOOD[8:], "big-endian"),
        (b"GGUF" + struct.pack("<I", 2) + GOOD[8:], "version 2"),
        (GOOD[:-40], "its header says"),
        (GOOD + bytes(64), "its header says"),
        (GOOD[:16] + struct.pack("<Q", 1 << 40) + GOOD[24:], "values"),
        (pickled(), "begins with"),
        (zipped(), "begins with b'PK"),
        (b"", "ends inside its header"),
    ],
)
def test_what_is_no_adapter_is_refused_by_name(data: bytes, reason: str) -> None:
    with pytest.raises(ApplianceError, match=reason):
        read(data)


@given(st.integers(0, len(GOOD) - 1), st.integers(1, 255))
def test_no_change_of_a_byte_makes_the_reader_fail_otherwise(place: int, change: int) -> None:
    """It refuses, or reads; the digest, which is compared before, refuses what is read."""
    data = bytearray(GOOD)
    data[place] ^= change
    with contextlib.suppress(ApplianceError):
        read(bytes(data))
