"""A change runs on top of other file systems, sees no network and leaves no mount, whatever happens."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from appliance.bundle.build.chroot import change
from appliance.errors import ApplianceError

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts")


@pytest.fixture
def lower(tmp_path: Path) -> Path:
    """A root file system of a shell and a few programs, with the libraries that they load."""
    root = tmp_path / "lower"
    for name in ("bin", "dev", "etc", "mnt", "proc", "run", "tmp"):
        (root / name).mkdir(parents=True)
    (root / "etc" / "old").write_text("old")
    for program in ("sh", "cat", "rm", "touch"):
        source = Path(str(shutil.which(program))).resolve()
        shutil.copy(source, root / "bin" / program)
        loaded = subprocess.run(["ldd", source], capture_output=True, text=True, check=True).stdout
        for library in re.findall(r"(/\S+)", loaded):
            (root / library.lstrip("/")).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(library, root / library.lstrip("/"))
    return root


def run(tmp_path: Path, lower: Path, script: str) -> Path:
    inputs = tmp_path / "inputs"
    inputs.mkdir()
    (inputs / "given").write_text("given")
    upper = tmp_path / "upper"
    change([lower], upper, script, inputs, {"COLOUR": "blue"}, "changing")
    return upper


def test_changes_land_in_the_upper_folder_alone(tmp_path: Path, lower: Path) -> None:
    upper = run(tmp_path, lower, 'echo "$COLOUR $(cat /mnt/given)" > /etc/new; rm /etc/old')
    assert (upper / "etc/new").read_text() == "blue given\n"
    assert (upper / "etc/old").lstat().st_rdev == 0
    assert (lower / "etc/old").read_text() == "old"
    assert sorted(path.name for path in upper.iterdir()) == ["etc"]


def test_a_script_has_no_network_and_cannot_change_its_inputs(tmp_path: Path, lower: Path) -> None:
    upper = run(
        tmp_path, lower, "cat /proc/net/dev > /etc/devices; touch /mnt/given 2>/dev/null && touch /etc/wrote; true"
    )
    empty = subprocess.run(["unshare", "--net", "cat", "/proc/net/dev"], capture_output=True, text=True, check=True)
    assert (upper / "etc/devices").read_text() == empty.stdout
    assert not (upper / "etc/wrote").exists()


def test_a_failure_says_what_was_done_and_leaves_no_mount(tmp_path: Path, lower: Path) -> None:
    with pytest.raises(ApplianceError, match="changing failed"):
        run(tmp_path, lower, "exit 3")
    assert str(tmp_path) not in Path("/proc/self/mountinfo").read_text()
    assert not (tmp_path / "upper.merged").exists()
