"""A year of a site in use: nothing grows but the log, nothing ends unnoticed, and the log holds at the end."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

LIBRARY = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")


def lived(folder: Path, days: int) -> dict[str, object]:
    clock = folder / "clock"
    clock.write_text("+0d")
    site = folder / "site"
    site.mkdir(mode=0o755)
    moved = {
        "LD_PRELOAD": str(LIBRARY),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    command = [sys.executable, "-m", "tests.component.year.people", str(site), "--days", str(days)]
    done = subprocess.run(command, env=os.environ | moved, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    told: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return told


@pytest.mark.long
@pytest.mark.timeout(5400)
def test_a_year_in_use() -> None:
    # On a disk, and where the gateway's own user reaches it.
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        Path(folder).chmod(0o755)
        year = lived(Path(folder), 365)
    print(json.dumps(year, indent=1))
    assert year["refused"] == []
    assert year["findings"] == []
    assert (year["reviews"], year["anchors"]) == (52, 365)
    assert int(str(year["records"])) > 1_000_000
    first, last = year["first"], year["last"]
    assert isinstance(first, dict)
    assert isinstance(last, dict)
    assert last["monitor_mib"] <= 1.1 * first["monitor_mib"]
    assert last["gateway_mib"] <= 1.1 * first["gateway_mib"]
    assert last["descriptors"] <= first["descriptors"] + 2
