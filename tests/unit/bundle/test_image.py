"""What goes into an image depends on names and bytes alone, not on the folder, the medium or the person who builds."""

import zipfile
from pathlib import Path

from appliance.bundle.build.image import _add_users, _copy, _install_wheels, tree_digest
from appliance.bundle.inputs.collect import Artifact, sha256_of
from appliance.bundle.inputs.recipe import User

METADATA = "Metadata-Version: 2.1\nName: small\nVersion: 1.0\n"
WHEEL = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def files(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {
        str(path.relative_to(folder)): (path.stat().st_mode & 0o777, path.read_bytes())
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_modes_of_the_checkout_do_not_count(tmp_path: Path) -> None:
    for name, mode in (("a", 0o600), ("b", 0o777)):
        (tmp_path / name / "deep").mkdir(parents=True)
        for file, text in (("run", "#!/bin/sh\n"), ("deep/data", "x")):
            (tmp_path / name / file).write_text(text)
            (tmp_path / name / file).chmod(mode)
        _copy(tmp_path / name, tmp_path / f"{name}-copied")
    assert files(tmp_path / "a-copied") == files(tmp_path / "b-copied")
    assert files(tmp_path / "a-copied")["run"][0] == 0o755
    assert files(tmp_path / "a-copied")["deep/data"][0] == 0o644
    assert tree_digest(tmp_path / "a") == tree_digest(tmp_path / "b")


def test_names_and_bytes_count_and_bytecode_does_not(tmp_path: Path) -> None:
    (tmp_path / "x.py").write_text("1")
    before = tree_digest(tmp_path)
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__/x.pyc").write_bytes(b"cached")
    assert tree_digest(tmp_path) == before
    (tmp_path / "x.py").rename(tmp_path / "y.py")
    assert tree_digest(tmp_path) != before


def make_wheel(folder: Path) -> Artifact:
    folder.mkdir()
    path = folder / "small-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in {
            "small.py": "def main(): ...\n",
            "small-1.0.dist-info/METADATA": METADATA,
            "small-1.0.dist-info/WHEEL": WHEEL,
            "small-1.0.dist-info/entry_points.txt": "[console_scripts]\nsmall = small:main\n",
            "small-1.0.dist-info/RECORD": "small.py,,\n",
        }.items():
            archive.writestr(zipfile.ZipInfo(name), text)
    return Artifact("wheel", "small", "1.0", path, sha256_of(path))


def test_an_installed_wheel_names_neither_its_place_nor_the_build_host(tmp_path: Path) -> None:
    for name in ("a", "b"):
        _install_wheels([make_wheel(tmp_path / f"from-{name}")], tmp_path / name, 1_700_000_000)
    installed = files(tmp_path / "a")
    assert installed == files(tmp_path / "b")
    assert "bin/small" not in installed
    assert not any(str(tmp_path).encode() in content for _, content in installed.values())


def test_users_are_added_to_those_of_the_parent_and_cannot_log_in(tmp_path: Path) -> None:
    lower = tmp_path / "lower"
    (lower / "etc").mkdir(parents=True)
    (lower / "etc/passwd").write_text("root:*:0:0:root:/root:/bin/sh\n")
    (lower / "etc/group").write_text("root:*:0:\n")
    _add_users([User(name="labeling", uid=1101)], tmp_path / "tree", [lower])
    assert (tmp_path / "tree/etc/passwd").read_text().splitlines() == [
        "root:*:0:0:root:/root:/bin/sh",
        "labeling:*:1101:1101::/nonexistent:/usr/sbin/nologin",
    ]
    assert (tmp_path / "tree/etc/group").read_text().endswith("labeling:*:1101:\n")
