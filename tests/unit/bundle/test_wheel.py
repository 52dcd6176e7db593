"""The project's own wheels have the same bytes wherever they are built, and are built once."""

import os
import shutil
import tomllib
import zipfile
from pathlib import Path

import pytest

from appliance.bundle.build.wheel import APPLIANCE, PROJECTS, WORKBENCH, Project, build_wheel

ROOT = Path(__file__).parents[3]
EPOCH = 1_700_000_000

of_each_project = pytest.mark.parametrize("project", PROJECTS, ids=lambda project: project.name)


def copy(target: Path) -> Path:
    for name in ("appliance", "policies", "workbench"):
        shutil.copytree(ROOT / name, target / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("LICENSE", "pyproject.toml"):
        shutil.copy(ROOT / name, target)
    for path in target.rglob("*"):
        os.utime(path, (1, 1))
    return target


@of_each_project
def test_two_checkouts_give_one_wheel(tmp_path: Path, project: Project) -> None:
    first = build_wheel(project, copy(tmp_path / "a"), tmp_path / "wheels-a", EPOCH)
    second = build_wheel(project, copy(tmp_path / "b"), tmp_path / "wheels-b", EPOCH)
    assert first.sha256 == second.sha256


def test_each_wheel_has_its_own_package_and_that_packages_data_alone(tmp_path: Path) -> None:
    source = copy(tmp_path / "a")
    (source / "workbench/__pycache__").mkdir()
    (source / "workbench/__pycache__/x.pyc").write_bytes(b"cached")
    names = {
        project.name: zipfile.ZipFile(build_wheel(project, source, tmp_path / "wheels", EPOCH).path).namelist()
        for project in PROJECTS
    }
    tops = {name: {path.partition("/")[0] for path in paths} for name, paths in names.items()}
    assert tops == {
        "mls-appliance": {"appliance", "mls_appliance-0.1.0.dist-info"},
        "mls-workbench": {"workbench", "mls_workbench-0.1.0.dist-info"},
    }
    assert any(name.startswith("appliance/markings/vocabulary/") for name in names["mls-appliance"])
    assert "workbench/evaluation/definitions/smoke.yml" in names["mls-workbench"]
    assert not any(name.endswith(".pyc") for name in names["mls-appliance"] + names["mls-workbench"])


@of_each_project
def test_a_wheel_has_its_licence_and_says_that_it_is_typed(tmp_path: Path, project: Project) -> None:
    wheel = build_wheel(project, copy(tmp_path / "a"), tmp_path / "wheels", EPOCH)
    with zipfile.ZipFile(wheel.path) as archive:
        (licence,) = [name for name in archive.namelist() if name.endswith(".dist-info/licenses/LICENSE")]
        assert archive.read(licence) == (ROOT / "LICENSE").read_bytes()
        assert archive.read(f"{project.name.removeprefix('mls-')}/py.typed") == b""


def test_an_unchanged_checkout_is_not_built_again_and_a_changed_one_is(tmp_path: Path) -> None:
    source = copy(tmp_path / "a")
    first, beside = (build_wheel(project, source, tmp_path / "wheels", EPOCH) for project in PROJECTS)
    assert build_wheel(APPLIANCE, source, tmp_path / "wheels", EPOCH) == first
    (source / "appliance" / "errors.py").write_text("x = 1\n")
    assert build_wheel(APPLIANCE, source, tmp_path / "wheels", EPOCH).sha256 != first.sha256
    assert build_wheel(WORKBENCH, source, tmp_path / "wheels", EPOCH) == beside


def test_the_wheels_have_one_version() -> None:
    versions = [
        tomllib.loads((ROOT / name).read_text())["project"] for name in ("pyproject.toml", "workbench/pyproject.toml")
    ]
    appliance, workbench = versions
    assert workbench["version"] == appliance["version"]
    assert f"mls-appliance=={appliance['version']}" in workbench["dependencies"]
