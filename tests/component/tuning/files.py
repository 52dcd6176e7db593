"""The libraries of the image, and adapters as files."""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

from workbench.tuning.adapter import BASE, RESTRICTION, RUN, VERSION
from workbench.tuning.gguf import packed, read_header

ROOT = Path(__file__).parents[3]
LIBRARIES = ROOT / "build" / "test-tuning"
LOCK = ROOT / "images" / "tuning" / "optional" / "requirements.lock"


def installed_libraries() -> Path:
    """The image's wheels, which the environment of the tests lacks: torch alone is larger than all of it.

    Raises:
        CalledProcessError: the processor build of torch is not where ``PIP_FIND_LINKS`` says.
    """
    done = LIBRARIES / ".done"
    if not done.exists() or done.read_text() != LOCK.read_text():
        shutil.rmtree(LIBRARIES, ignore_errors=True)
        command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--require-hashes"]
        subprocess.run([*command, "--target", str(LIBRARIES), "-r", str(LOCK)], check=True)
        done.write_text(LOCK.read_text())
    return LIBRARIES


def adapter_of(model: Path, file: Path, *, rank: int = 8, **header: str) -> str:
    """Write an adapter of ``model`` that changes nothing, and return its digest."""
    with model.open("rb") as base:
        sha256 = hashlib.file_digest(base, "sha256").hexdigest()
        shapes = {name: one.shape for name, one in read_header(base, model.name).tensors.items()}
    tensors: dict[str, tuple[tuple[int, ...], bytes]] = {}
    for name, shape in shapes.items():
        if name.startswith("blk.") and ".attn_" in name and len(shape) == 2:
            tensors[f"{name}.lora_a"] = ((shape[0], rank), bytes(4 * shape[0] * rank))
            tensors[f"{name}.lora_b"] = ((rank, shape[1]), bytes(4 * shape[1] * rank))
    values: dict[str, str | float] = {
        "general.architecture": "llama", "general.type": "adapter", "general.name": "none", "adapter.type": "lora",
        BASE: sha256, RUN: "none", VERSION: "sha256:" + "0" * 64, RESTRICTION: "U;;*||",
    }  # fmt: skip
    data = packed({"adapter.lora.alpha": 16.0} | values | header, tensors)
    file.write_bytes(data)
    return hashlib.sha256(data).hexdigest()
