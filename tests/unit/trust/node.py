"""Run a script of ours beside the locked npm packages that it needs."""

import shutil
import subprocess
from pathlib import Path

import pytest

needs_node = pytest.mark.skipif(not shutil.which("npm") or not shutil.which("node"), reason="needs node and npm")
MODULES = Path(__file__).parents[3] / "build"


def script(source: Path) -> Path:
    """The script in ``source`` (``package.json``, its lock and one ``.js`` file), its packages fetched once."""
    home = MODULES / f"test-{source.name}"
    lock = (source / "package-lock.json").read_bytes()
    if not (home / "package-lock.json").is_file() or (home / "package-lock.json").read_bytes() != lock:
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        shutil.copyfile(source / "package.json", home / "package.json")
        (home / "package-lock.json").write_bytes(lock)
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
        subprocess.run(command, cwd=home, check=True, timeout=120)
    (code,) = source.glob("*.js")
    return Path(shutil.copyfile(code, home / code.name))


def run(script: Path, *arguments: object) -> "subprocess.CompletedProcess[str]":
    """Run the script and return what it printed, whatever its status."""
    command = ["node", str(script), *map(str, arguments)]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
