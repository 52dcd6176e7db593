"""Figures of verifying and copying a bundle in one pass, against moving the same bytes without judging them."""

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from appliance.bundle.repository.metadata import list_files
from tests.bench.assemble import _move
from tests.unit.bundle.sample import NOW, attest_model, fill, make_keys, sign, stage

ROUNDS = 3
LARGE = 400 << 20
SPARSE = 10 << 30


def measurements(folder: Path | None = None) -> list[dict[str, object]]:
    """The figures, in the form of ``build/bench.json``.

    Args:
        folder: where bundles are made, on the disk that counts; by default the system's temporary folder.
    """
    ratios = []
    with tempfile.TemporaryDirectory(prefix="bench-", dir=folder) as name:
        home = Path(name)
        keys = make_keys(home / "keys")
        bundle = home / "bundle"
        targets = fill(bundle, keys.builder, model_size=1)
        _write(bundle / "targets" / "models" / "small.gguf", LARGE)
        attest_model(bundle, targets, keys.builder)
        sign(bundle, targets, keys)
        files = [bundle / "targets" / path for path in list_files(bundle / "targets")]
        for number in range(ROUNDS):
            reference = _move(files, home / f"reference-{number}")
            began = time.monotonic()
            stage(bundle, home / f"staged-{number}", keys).require()
            ratios.append((time.monotonic() - began) / reference)
    value = statistics.median(ratios)
    memory = peak_memory(folder)
    return [
        {
            "name": "bundle.verify_copy",
            "value": round(value, 3),
            "unit": "ratio",
            "reference": "one read, SHA-256, write and fsync of the same files, one after the other",
            "goal": "at most 1.15",
            "holds": value <= 1.15,
        },
        {
            "name": "bundle.peak_memory",
            "value": memory,
            "unit": "MiB",
            "reference": f"a process that verifies a bundle of {SPARSE >> 30} GiB",
            "goal": "at most 200",
            "holds": memory <= 200,
        },
    ]


def peak_memory(folder: Path | None = None) -> int:
    """Peak resident memory in MiB of a process that verifies a bundle with a file of 10 GiB (sparse, so no disk)."""
    with tempfile.TemporaryDirectory(prefix="bench-", dir=folder) as name:
        done = subprocess.run(
            [sys.executable, "-m", "tests.bench.carry", name], check=True, capture_output=True, text=True
        )
    return int(done.stdout)


def _write(path: Path, size: int) -> None:
    """Bytes that do not compress."""
    with path.open("wb") as file:
        for _ in range(size >> 20):
            file.write(os.urandom(1 << 20))


def _verify_sparse(home: Path) -> None:
    from appliance.bundle.read.verify import verify_bundle  # noqa: PLC0415  # measured in the process that does it

    keys = make_keys(home / "keys")
    targets = fill(home / "bundle", keys.builder, model_size=1)
    os.truncate(home / "bundle" / "targets" / "models" / "small.gguf", SPARSE)
    attest_model(home / "bundle", targets, keys.builder)
    sign(home / "bundle", targets, keys)
    verify_bundle(home / "bundle", keys.fingerprint, now=NOW)[1].require()
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10)


if __name__ == "__main__":
    _verify_sparse(Path(sys.argv[1]))
