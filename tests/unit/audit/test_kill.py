"""What was acknowledged is there after SIGKILL at any moment."""

import json
import subprocess
import sys
from pathlib import Path


def hammered(*arguments: str) -> subprocess.CompletedProcess[str]:
    code = "from appliance.cli.main import run; run()"
    command = [sys.executable, "-c", code, "audit", "hammer", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_sixty_kills_lose_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    done = hammered(str(tmp_path / "hammered"), "--rounds", "60", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads(done.stdout)
    assert (result["rounds"], result["lost"], result["findings"]) == (60, 0, [])
    assert result["records"] >= result["acknowledged"] > 60


def test_the_hammer_does_not_touch_a_folder_that_exists(tmp_path: Path) -> None:
    done = hammered(str(tmp_path))
    assert (done.returncode, list(tmp_path.iterdir())) == (1, [])
    assert "exists" in done.stderr
