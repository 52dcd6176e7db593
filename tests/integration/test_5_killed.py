"""An installation killed at each of its stages, and a disk that fills at each: the old one or the new one is whole.

Run by `make slow`, on the site that `tests/integration` brings up.
"""

import contextlib
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.enclave.paths import HostPaths
from appliance.host.state import generation
from demo import editions
from demo.instance import REPOSITORY, Instance
from tests.integration import host
from tests.integration.killing import begun, kill_all

pytestmark = [pytest.mark.long, pytest.mark.timeout(7200)]
STAGES = [
    "copy the bundle",
    "sign the verification summary",
    "packages: Ask",
    "runtime: Make a Python environment",
    "runtime: Install what",
    "images: Load",
    "generation: Render",
    "generation: Copy the data",
    "generation: Put in place",
    "monitor: Start",
    "enclaves: Start the enclaves",
    "enclaves: Wait",
    "delete what no generation needs",
]


@pytest.fixture(scope="module")
def update(site: Instance) -> Iterator[Path]:
    """A further edition, with which the site is updated again and again."""
    yield editions.build_edition(site, "second", editions.CHANGED)
    editions.build_first_again(site)
    host.run(site, "install", site.bundle, *host.prints(site))


def install_until(site: Instance, bundle: Path, stage: str, root: Path | None = None) -> subprocess.Popen[str]:
    """Start an installation and return when it tells that ``stage`` begins."""
    where: list[str | Path] = ["--root", root or site.root, "--run", f"{root}-run" if root else site.run]
    return begun(site, stage, "host", "install", bundle, *host.prints(site), *where)


@pytest.mark.parametrize("seconds", [0.0, 1.5])
@pytest.mark.parametrize("stage", STAGES)
def test_killed_at_any_stage_recover_finds_the_old_or_the_new_one_whole(
    site: Instance, update: Path, stage: str, seconds: float
) -> None:
    paths = HostPaths(site.root, site.run)
    if generation.Facts.of(generation.required(paths)).bundle == installed_as(site, update):
        host.run(site, "rollback")
    before = host.whole(site)
    process = install_until(site, update, stage)
    time.sleep(seconds)
    kill_all(process)
    host.run(site, "recover")
    after = host.whole(site)
    assert host.run(site, "recover") == {"changed": False}
    assert after == before or generation.Facts.of(generation.required(paths)).bundle == installed_as(site, update)
    assert not (site.root / "staged").is_symlink()


def installed_as(site: Instance, bundle: Path) -> str:
    """The name that a bundle has on the host."""
    named = host.run(site, "install", bundle, *host.prints(site), "--dry-run")["bundle"]
    assert isinstance(named, str)
    return named


@pytest.fixture
def disk(site: Instance, tmp_path: Path) -> Iterator[Path]:
    """A disk of 12 GiB for a host of its own, while the site's enclaves are stopped so that their addresses are free.

    Its name is short, because the sockets' names begin with it.
    """
    host.attempt(site, "remove", "--keep-state")
    image, folder = tmp_path / "disk.img", Path(f"/run/{site.name}-disk")
    with image.open("wb") as file:
        file.truncate(12 << 30)
    folder.mkdir()
    subprocess.run(["mkfs.ext4", "-q", "-m", "0", str(image)], check=True)
    subprocess.run(["mount", "-o", "loop", str(image), str(folder)], check=True)
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)
    folder.rmdir()
    image.unlink()
    host.run(site, "recover")


def fill(folder: Path) -> Path:
    """Leave no room on the disk."""
    filler = folder / "filler"
    free = shutil.disk_usage(folder).free
    subprocess.run(["fallocate", "-l", str(free - (64 << 10)), str(filler)], check=False)
    with filler.open("ab", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))
    return filler


@pytest.mark.parametrize("stage", [stage for stage in STAGES if not stage.startswith(("packages", "delete"))])
def test_a_disk_that_is_full_at_any_stage_is_a_refusal_that_leaves_nothing_half_done(
    site: Instance, disk: Path, stage: str
) -> None:
    root = disk / "appliance"
    process = install_until(site, site.bundle, stage, root)
    filler = fill(disk)
    assert process.stderr
    said = process.stderr.read()
    done = process.wait() == 0  # what was left to write found room in what was there
    filler.unlink()
    paths = HostPaths(root, Path(f"{root}-run"))
    assert done or "refused:" in said, said
    assert "Traceback" not in said
    assert done == (generation.current(paths) is not None)
    again = install_until(site, site.bundle, "delete what no generation needs", root)
    assert again.wait() == 0
    where = ["--root", str(root), "--run", str(paths.run)]
    removal = [sys.executable, "-m", "appliance.cli.main", "host", "remove", *where]
    subprocess.run(["nsenter", f"--net=/run/netns/{site.namespace}", *removal], cwd=REPOSITORY, check=True)
