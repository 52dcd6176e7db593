"""Set-up gives exactly what the locks name, whatever newer releases the index offers meanwhile."""

import os
import re
import shutil
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name, parse_sdist_filename, parse_wheel_filename
from packaging.version import Version

from appliance.bundle.inputs.collect import read_requirements

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
LOCKS = {"setup": ROOT / "requirements-demo.lock", "setup-test": ROOT / "requirements-dev.lock"}
NEEDED = (
    "Makefile",
    "pyproject.toml",
    ".ci",
    "appliance",
    "demo",
    "policies",
    "workbench",
    *(lock.name for lock in LOCKS.values()),
)


def locked(lock: Path) -> dict[str, str]:
    return {canonicalize_name(entry.name): entry.version for entry in read_requirements(lock)}


def newer(version: str) -> str:
    *first, last = Version(version).release
    return ".".join(map(str, (*first, last + 1)))


def name_of(file: Path) -> str:
    return parse_wheel_filename(file.name)[0] if file.suffix == ".whl" else parse_sdist_filename(file.name)[0]


def fetched() -> Path:
    """Every locked release, as the real index has it; kept for the next run."""
    folder, lock = ROOT / "build/test-setup", LOCKS["setup-test"]
    stamp = folder / "fetched"
    if not stamp.exists() or stamp.read_text() != lock.read_text():
        shutil.rmtree(folder, ignore_errors=True)
        options = ["--quiet", "--no-deps", "--require-hashes", "--dest", str(folder / "files")]
        subprocess.run([sys.executable, "-m", "pip", "download", *options, "-r", str(lock)], check=True, cwd=ROOT)
        stamp.write_text(lock.read_text())
    return folder / "files"


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A simple index (PEP 503) on loopback that offers, beside each locked release, a newer one of every package."""
    home = tmp_path_factory.mktemp("index")
    versions = locked(LOCKS["setup-test"])
    for file in fetched().iterdir():
        folder = home / "simple" / name_of(file)
        folder.mkdir(parents=True)
        (folder / file.name).symlink_to(file)
    assert {folder.name for folder in (home / "simple").iterdir()} == set(versions)
    for name, version in versions.items():
        about = f"{name.replace('-', '_')}-{newer(version)}"
        with zipfile.ZipFile(home / "simple" / name / f"{about}-py3-none-any.whl", "w") as wheel:
            wheel.writestr(
                f"{about}.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {newer(version)}\n"
            )
            wheel.writestr(f"{about}.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            wheel.writestr(f"{about}.dist-info/RECORD", "")
    handler = partial(QuietHandler, directory=str(home))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/simple/"
        server.shutdown()


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the checkout without an environment, on a machine that has the Debian packages."""
    copy = tmp_path_factory.mktemp("checkout")
    for name in NEEDED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(source, copy / name)
    (copy / "build").mkdir()
    for stamp in ("packages", "packages-test"):
        (copy / "build" / stamp).touch()
    return copy


@pytest.mark.parametrize("target", LOCKS)
def test_set_up_gives_exactly_the_lock(index: str, checkout: Path, tmp_path: Path, target: str) -> None:
    environment = {name: value for name, value in os.environ.items() if not re.match("PIP_|PYTHON|VIRTUAL_ENV", name)}
    environment |= {"PIP_INDEX_URL": index, "PIP_CONFIG_FILE": os.devnull, "PIP_NO_CACHE_DIR": "1"}
    environment |= {"HOME": str(tmp_path)}
    done = subprocess.run(["make", target], cwd=checkout, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    listed = subprocess.run(
        [".venv/bin/python", "-m", "pip", "list", "--format=freeze", "--exclude-editable"],
        cwd=checkout, env=environment, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    found: dict[str, str] = {
        canonicalize_name(name): version for name, version in re.findall(r"^(\S+)==(\S+)$", listed, re.MULTILINE)
    }
    found.pop("setuptools", None)  # Debian puts it into every environment
    assert found == {name: version for name, version in locked(LOCKS[target]).items() if name != "setuptools"}


def test_the_environment_begins_with_debians_own_pip(tmp_path: Path) -> None:
    subprocess.run(["/usr/bin/python3", "-m", "venv", tmp_path / "venv"], check=True)
    version = subprocess.run(
        [tmp_path / "venv/bin/pip", "--version"], capture_output=True, text=True, check=True
    ).stdout
    assert version.startswith("pip 23.0"), version


def test_the_locks_agree() -> None:
    everything = locked(LOCKS["setup-test"])
    for lock in (LOCKS["setup"], ROOT / "requirements-host.lock", *ROOT.glob("images/*/requirements.lock")):
        differing = {name for name, version in locked(lock).items() if everything.get(name) != version}
        assert not differing, f"{lock.name}: {differing}"
