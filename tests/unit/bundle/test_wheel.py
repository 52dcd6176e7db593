"""The project's own wheel has the same bytes wherever it is built, and is built once."""

import os
import shutil
import zipfile
from pathlib import Path

from appliance.bundle.build.wheel import build_appliance_wheel

ROOT = Path(__file__).parents[3]
EPOCH = 1_700_000_000


def copy(target: Path) -> Path:
    for name in ("appliance", "policies", "workbench"):
        shutil.copytree(ROOT / name, target / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("LICENSE", "pyproject.toml"):
        shutil.copy(ROOT / name, target)
    for path in target.rglob("*"):
        os.utime(path, (1, 1))
    return target


def test_two_checkouts_give_one_wheel(tmp_path: Path) -> None:
    first = build_appliance_wheel(copy(tmp_path / "a"), tmp_path / "wheels-a", EPOCH)
    second = build_appliance_wheel(copy(tmp_path / "b"), tmp_path / "wheels-b", EPOCH)
    assert first.sha256 == second.sha256
    names = zipfile.ZipFile(first.path).namelist()
    assert "appliance/errors.py" in names
    assert "workbench/__init__.py" in names
    assert any(name.startswith("appliance/markings/vocabulary/") for name in names)
    assert not any(name.endswith(".pyc") for name in names)


def test_the_wheel_has_its_licence_and_says_that_it_is_typed(tmp_path: Path) -> None:
    wheel = build_appliance_wheel(copy(tmp_path / "a"), tmp_path / "wheels", EPOCH)
    with zipfile.ZipFile(wheel.path) as archive:
        (licence,) = [name for name in archive.namelist() if name.endswith(".dist-info/licenses/LICENSE")]
        assert archive.read(licence) == (ROOT / "LICENSE").read_bytes()
        assert archive.read("appliance/py.typed") == b""


def test_an_unchanged_checkout_is_not_built_again_and_a_changed_one_is(tmp_path: Path) -> None:
    source = copy(tmp_path / "a")
    first = build_appliance_wheel(source, tmp_path / "wheels", EPOCH)
    assert build_appliance_wheel(source, tmp_path / "wheels", EPOCH) == first
    (source / "appliance" / "errors.py").write_text("x = 1\n")
    assert build_appliance_wheel(source, tmp_path / "wheels", EPOCH).sha256 != first.sha256
