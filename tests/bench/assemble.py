"""Figure of the assembly of a bundle with its images in the cache, against moving the same bytes once."""

import hashlib
import os
import statistics
import tempfile
import time
from pathlib import Path

from appliance.bundle.build.assemble import assemble
from appliance.bundle.build.make import checkout, default_cache
from appliance.bundle.build.steps import Builder

ROUNDS = 3
BUFFER = 1 << 22


def measurements(folder: Path | None = None) -> list[dict[str, object]]:
    """The figure, in the form of ``build/bench.json``.

    Args:
        folder: where bundles are assembled, on the disk that counts; by default the cache.
    """
    home = folder or default_cache()
    Builder(checkout(), default_cache(), home / "bench").images()  # so that all layers are in the cache
    ratios = []
    with tempfile.TemporaryDirectory(prefix="bench-", dir=home) as name:
        for number in range(ROUNDS):
            out = Path(name, f"bundle-{number}")
            began = time.monotonic()
            assemble(Builder(checkout(), default_cache(), out))
            assembled = time.monotonic() - began
            files = [path for path in (out / "targets").rglob("*") if path.is_file()]
            ratios.append(assembled / _move(files, Path(name, f"reference-{number}")))
    value = statistics.median(ratios)
    figure = {
        "name": "bundle.assemble",
        "value": round(value, 3),
        "unit": "ratio",
        "reference": "one read, SHA-256, write and fsync of the same files, one after the other",
        "goal": "at most 1.3",
        "holds": value <= 1.3,
    }
    return [figure]


def _move(files: list[Path], target: Path) -> float:
    """Seconds to read, hash, write and sync ``files``."""
    target.mkdir()
    buffer = memoryview(bytearray(BUFFER))
    began = time.monotonic()
    for number, path in enumerate(files):
        digest = hashlib.sha256()
        with path.open("rb", buffering=0) as reader, (target / str(number)).open("wb", buffering=0) as writer:
            while count := reader.readinto(buffer):
                digest.update(buffer[:count])
                writer.write(buffer[:count])
            os.fsync(writer.fileno())
    return time.monotonic() - began
