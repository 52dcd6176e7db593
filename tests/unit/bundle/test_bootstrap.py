"""The script that a bare host begins with: readable by any shell, and the same for the same packages."""

import subprocess
from pathlib import Path

import pytest

from appliance.bundle.inputs.collect import Artifact, sha256_of
from appliance.bundle.media.bootstrap import BOOTSTRAP_FILE, bootstrap_script, check_copy
from appliance.trust.repository.metadata import Target
from appliance.trust.repository.schema import Custom
from tests.unit.bundle.sample import sha256


@pytest.fixture
def packages(tmp_path: Path) -> list[Artifact]:
    deb, wheel = tmp_path / "tool_1%3a2+b1_amd64.deb", tmp_path / "pip-1-py3-none-any.whl"
    for path in (deb, wheel):
        path.write_bytes(path.name.encode())
    return [
        Artifact("deb", "tool", "1:2+b1", deb, sha256_of(deb), "amd64"),
        Artifact("wheel", "pip", "1", wheel, sha256_of(wheel)),
    ]


def test_the_script_is_clean_and_names_each_package(packages: list[Artifact], tmp_path: Path) -> None:
    script = bootstrap_script(packages)
    (tmp_path / BOOTSTRAP_FILE).write_bytes(script)
    subprocess.run(["shellcheck", tmp_path / BOOTSTRAP_FILE], check=True)
    for folder, package in zip(("debs", "wheels"), packages, strict=True):
        line = f"{folder}/{package.path.name} {package.path.stat().st_size} {package.sha256}\n"
        assert script.decode().count(line) == 1


def test_the_order_of_packages_does_not_matter(packages: list[Artifact]) -> None:
    assert bootstrap_script(packages) == bootstrap_script(packages[::-1])


def test_another_script_at_the_top_is_found(packages: list[Artifact], tmp_path: Path) -> None:
    script = bootstrap_script(packages)
    listed = {BOOTSTRAP_FILE: Target(BOOTSTRAP_FILE, len(script), sha256(script), Custom(kind="bootstrap", label="U"))}
    assert check_copy(tmp_path, listed) == []
    copy = tmp_path / BOOTSTRAP_FILE
    copy.write_bytes(script)
    assert check_copy(tmp_path, listed) == []
    assert check_copy(tmp_path, {}) == ["bootstrap.sh: not listed in the signed metadata"]
    copy.write_bytes(script.replace(b"set -eu", b"set -e "))
    assert check_copy(tmp_path, listed) == ["bootstrap.sh: its SHA-256 is not the one that was signed"]
    copy.unlink()
    copy.symlink_to("/etc/passwd")
    assert "a symbolic link" in check_copy(tmp_path, listed)[0]
