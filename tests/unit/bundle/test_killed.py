"""Killed at any moment, carrying a bundle goes on where it was, and never leaves a wrong file under a right name."""

import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from appliance.bundle.media.discs import RESERVE, split_bundle
from appliance.bundle.read.verify import verify_bundle
from tests.unit.bundle.sample import NOW, Keys, make_bundle

STAGE = """
import sys
from datetime import datetime
from pathlib import Path
from appliance.bundle.read.verify import stage_bundle
from appliance.trust.repository.client import read_repository
bundle = Path(sys.argv[1])
print("ready", flush=True)
repository = read_repository(bundle / "metadata", sys.argv[3], now=datetime.fromisoformat(sys.argv[4]))
stage_bundle(bundle, Path(sys.argv[2]), repository)
"""
GATHER = """
import sys
from datetime import datetime
from pathlib import Path
from appliance.bundle.media.gather import gather_disc
print("ready", flush=True)
for disc in sorted(Path(sys.argv[1]).glob("disc-*")):
    gather_disc(disc, Path(sys.argv[2]), sys.argv[3], now=datetime.fromisoformat(sys.argv[4]))
"""


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory, keys: Keys) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("appliance.bundle.repository.hashing.CHUNK", 8 << 20)
        patch.setattr("appliance.bundle.repository.metadata.CHUNK", 8 << 20)
        folder = tmp_path_factory.mktemp("bundle")
        make_bundle(folder, keys, model_size=40_000_000)
    return folder


@pytest.mark.parametrize("program", [STAGE, GATHER], ids=["stage", "gather"])
def test_killed_again_and_again(bundle: Path, keys: Keys, tmp_path: Path, program: str) -> None:
    source, into = bundle, tmp_path / "into"
    if program is GATHER:
        source = tmp_path / "discs"
        split_bundle(bundle, source, RESERVE + 17_000_000, keys.fingerprint)
    chance = random.Random(program)  # noqa: S311  # repeatable, not secret
    command = [sys.executable, "-c", program, str(source), str(into), keys.fingerprint, NOW.isoformat()]
    for _ in range(5):
        process = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(chance.random() * 0.4)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert_no_wrong_file(bundle, into)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    report = verify_bundle(into, keys.fingerprint, now=NOW)[1]
    assert report.findings == []


def assert_no_wrong_file(bundle: Path, into: Path) -> None:
    for parent, _, names in os.walk(into / "targets"):
        for name in names:
            if not name.endswith(".arriving"):
                file = Path(parent) / name
                original = bundle / file.relative_to(into)
                assert hashlib.sha256(file.read_bytes()).digest() == hashlib.sha256(original.read_bytes()).digest()
