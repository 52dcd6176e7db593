"""What `bundle verify` reads of a medium it reads once: a disc is slow, and may answer otherwise the second time."""

import json
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.unit.bundle.sample import make_bundle, make_keys

COUNTED = """
import json, os, sys
bundle, opened = sys.argv[1], []
def hook(event, arguments):
    if event == "open" and str(arguments[0]).startswith(bundle + "/"):
        opened.append(os.path.relpath(arguments[0], bundle))
sys.addaudithook(hook)
from appliance.cli.main import app
try:
    app(["bundle", "verify", bundle, "--quiet", "--root-fingerprint", sys.argv[2]])
finally:
    print(json.dumps(opened))
"""
AGAIN = ("images/", "attestations/", "policies/", "models/small.card.json", "models/small.licence.txt")
"""Small targets that are parsed once their digest is known; layers of images are not among them."""


def test_metadata_and_large_targets_are_read_once(tmp_path: Path) -> None:
    keys = make_keys(tmp_path / "keys")
    now = datetime.now(UTC)
    bundle = tmp_path / "bundle"
    make_bundle(bundle, keys, created=now, expires=now + timedelta(days=1))
    command = [sys.executable, "-c", COUNTED, str(bundle), keys.fingerprint]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "PASSED" in done.stdout, done.stderr
    opened = Counter(json.loads(done.stdout.splitlines()[-1]))
    metadata = {f"metadata/{path.name}" for path in (bundle / "metadata").iterdir()}
    layers = {name for name in opened if "/blobs/" in name and opened[name] == 1}
    large = {
        name
        for name in opened
        if name.startswith("targets/") and not name.startswith(tuple(f"targets/{one}" for one in AGAIN))
    }
    assert {name: opened[name] for name in metadata | large} == dict.fromkeys(metadata | large, 1)
    assert {"targets/models/small.gguf"} <= large
    assert len(layers) >= 3, "two layers, and one that both images share"
